"""Discovery: splits are no news, every filter says what it stopped, base rates are measured."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from graphs.stocks.discovery.base_rates import LEAST, base_rate, momentum_base_rate, unknown
from graphs.stocks.discovery.catalysts import catalysts, sort_out
from graphs.stocks.discovery.discover import discover
from graphs.stocks.discovery.momentum import Rules, measure, scan
from graphs.stocks.discovery.panel import Panel, panel
from tools.market.bars import Action, Series
from tools.market.evidence import Datum
from tools.market.provider import Market, ProviderFailed
from tools.market.providers.recorded import Recorded
from tools.market.recorded import five_shares

SESSIONS = 300
START = np.datetime64("2020-01-01")
RULES = Rules(least_price=5, least_turnover=1e6, surge=2, trend=0)


def series(symbol: str, close: Any, volume: Any, *actions: Action, late: int = 0) -> Series:
    prices = np.asarray(close, dtype=float)
    days = START + late + np.arange(len(prices))
    volumes = np.broadcast_to(np.asarray(volume, dtype=float), prices.shape)
    return Series(symbol, "made up", days, prices, prices, prices, prices, volumes, actions)


RISING = np.linspace(20, 40, SESSIONS)
CALM = np.full(SESSIONS, 1e6)
SURGING = np.r_[CALM[:-1], 3e6]


def passing(symbol: str = "UP") -> Series:
    return series(symbol, RISING, SURGING)


def test_what_passes_every_filter_is_found_the_strongest_trend_first() -> None:
    steeper = series("MORE", RISING**2, SURGING)
    found = scan(panel([passing(), steeper, series("FLAT", np.full(SESSIONS, 30.0), CALM)]), RULES)
    assert [one.symbol for one in found.found] == ["MORE", "UP"]
    up = found.found[1]
    assert up.price == 40 and up.surge == pytest.approx(3) and up.turnover > 1e6
    assert found.scanned == 3 and found.steps[-1].left == 2


STOPPED = {
    "price": series("X", RISING / 10, SURGING),
    "turnover": series("X", RISING, SURGING / 1000),
    "half a year": series("X", np.r_[np.linspace(39, 38, SESSIONS - 1), 39.5], SURGING),
    "highest": series("X", np.r_[RISING[:-2], 45, 40], SURGING),
    "volume": series("X", RISING, CALM),
}


@pytest.mark.parametrize("name", STOPPED)
def test_each_filter_alone_stops_and_is_named(name: str) -> None:
    rules = Rules(5, 1e6, 2, trend=0.05)
    found = scan(panel([STOPPED[name]]), rules)
    stopping = [step for step in found.steps if step.failed]
    assert not found.found and len(stopping) == 1 and name in stopping[0].name
    assert found.nearest == (("X", stopping[0].name),)
    said = "\n".join(found.explain())
    assert "1 symbols scanned" in said and "Failed one filter only: X" in said


def test_a_short_history_is_not_measurable_and_does_not_pass() -> None:
    young = series("NEW", RISING[-100:], SURGING[-100:], late=SESSIONS - 100)
    found = scan(panel([passing(), young]), RULES)
    assert [one.symbol for one in found.found] == ["UP"]
    assert [step.unknown for step in found.steps] == [0, 0, 1, 1, 0]


def test_a_day_without_a_price_or_volume_is_not_filled_in() -> None:
    gone = series("GONE", RISING[:-1], SURGING[1:])
    silent = series("SILENT", RISING, np.r_[SURGING[:-5], np.nan, SURGING[-4:]])
    found = scan(panel([passing(), gone, silent]), RULES)
    assert [one.symbol for one in found.found] == ["UP"]


def test_a_split_is_neither_a_crash_nor_a_surge() -> None:
    """Two for one on the last day: half the price, twice the shares, nothing happened."""
    day = (START + SESSIONS - 1).astype(object)
    halved = np.r_[RISING[:-1], RISING[-1] / 2]
    doubled = np.r_[CALM[:-1], 2.2e6]
    split = series("SPLIT", halved, doubled, Action(day, "split", 2.0))
    measured = measure(panel([split]))
    assert measured.high[0] == pytest.approx(RISING[-1] / RISING[-2])
    assert measured.surge[0] == pytest.approx(1.1)
    assert measured.price[0] == RISING[-1] / 2
    assert not scan(panel([split]), RULES).found
    reverse = series("REV", np.r_[RISING[:-1], RISING[-1] * 10], np.r_[CALM[:-1], 1e5])
    known = series("REV", reverse.close, reverse.volume, Action(day, "split", 0.1))
    assert measure(panel([reverse])).high[0] > 9
    assert measure(panel([known])).high[0] == pytest.approx(RISING[-1] / RISING[-2])


def test_the_split_of_apple_in_2005_is_not_taken_for_news() -> None:
    """AAPL went from 88.99 to 44.86 on 28 February 2005, and traded twice the shares."""
    until = {symbol: one.until(date(2005, 2, 28)) for symbol, one in five_shares().items()}
    whole = panel(until.values())
    apple = whole.symbols.index("AAPL")
    measured = measure(whole)
    assert measured.high[apple] == pytest.approx(0.99, abs=0.02)
    assert measured.surge[apple] < 1.5
    assert measured.trend[apple] == pytest.approx(1.61, abs=0.1)
    assert measured.price[apple] == 44.86
    naive = panel([Series("AAPL", "raw", *_columns(until["AAPL"]))])
    assert measure(naive).high[0] < 0.6 and measure(naive).trend[0] < 0.4


def _columns(one: Series) -> tuple[Any, ...]:
    return one.days, one.open, one.high, one.low, one.close, one.volume


def test_a_scan_of_the_past_does_not_change_with_what_came_after() -> None:
    whole = panel([passing(), series("B", RISING[::-1].copy(), CALM)])
    for row in (260, 280):
        early = panel([one.until((START + row).astype(object)) for one in (passing(),)])
        assert measure(whole.until(row)).trend[0] == pytest.approx(measure(early).trend[0])
        assert measure(whole.until(row)).surge[0] == pytest.approx(measure(early).surge[0])


def test_nothing_to_scan_is_said_so() -> None:
    assert list(scan(panel([])).explain()) == ["Nothing was scanned: there are no sessions."]


def days_of(count: int, every: int) -> list[tuple[str, date]]:
    return [("UP", (START + i * every).astype(object)) for i in range(count)]


def made_panel(up: np.ndarray[Any, Any]) -> Panel:
    return panel([series("UP", up, 1.0), series("DOWN", up[::-1].copy(), 1.0)])


def test_a_base_rate_is_the_share_that_beat_the_benchmark_after_it_was_known() -> None:
    up = np.linspace(10, 30, 1000)
    whole = made_panel(up)
    rate = base_rate(whole, np.full(1000, 7.0), days_of(40, 20), horizon=5)
    assert (rate.n, rate.share, rate.always) == (40, 1.0, 0.5)
    assert rate.low < 1 and rate.high == 1
    assert "100% beat the benchmark over 5 sessions (n = 40" in str(rate)


def test_an_event_is_bought_on_the_session_after_it_was_known() -> None:
    """All of the gain is made by the next close: who decides after this one is too late for it."""
    close = np.full(1000, 10.0)
    for i in range(40):
        close[i * 20 + 1 :] += 1  # flat from there until the next event
    whole = panel([series("UP", close, 1.0)])
    flat = np.full(1000, 7.0)
    assert base_rate(whole, flat, days_of(40, 20), horizon=5).share == 0.0


def test_events_that_overlap_are_one_and_too_few_are_unknown() -> None:
    whole, flat = made_panel(np.linspace(10, 30, 1000)), np.full(1000, 7.0)
    assert base_rate(whole, flat, days_of(200, 1), horizon=50).n == 4
    few = base_rate(whole, flat, days_of(LEAST - 1, 20), horizon=5)
    assert few.share is None and f"{LEAST - 1} such events" in str(few)
    late = [("UP", (START + 998).astype(object)), ("NOSUCH", date(2020, 5, 1))]
    assert base_rate(whole, flat, late, horizon=5).n == 0


def test_events_of_the_same_weeks_count_as_fewer() -> None:
    """Ten symbols that rise and fall together are not ten times as much evidence."""
    rng = np.random.default_rng(1)
    close = np.exp(np.cumsum(rng.normal(0, 0.02, 1000))) * 10
    flat = np.full(1000, 10.0)
    events = [(f"S{s}", (START + i * 20).astype(object)) for s in range(10) for i in range(40)]
    together = panel([series(f"S{s}", close, 1.0) for s in range(10)])
    alone = base_rate(together, flat, [one for one in events if one[0] == "S0"], horizon=5)
    all_ = base_rate(together, flat, events, horizon=5)
    assert all_.n == 10 * alone.n
    assert all_.high - all_.low == pytest.approx(alone.high - alone.low, rel=0.1)


def test_the_base_rate_of_momentum_sees_nothing_of_later() -> None:
    shares = [one.until(date(2006, 12, 29)) for one in five_shares().values()]
    whole = panel(shares)
    flat = np.linspace(10, 11, len(whole.days))
    rate = momentum_base_rate(whole, flat, Rules(surge=1.2), step=5)
    spoiled = Panel(whole.symbols, whole.days, *(a.copy() for a in _arrays(whole)))
    spoiled.closes[-20:] *= np.linspace(1, 50, 20)[:, None]
    earlier = momentum_base_rate(whole.until(len(flat) - 60), flat[:-59], Rules(surge=1.2), step=5)
    assert rate.n >= earlier.n > 0
    again = momentum_base_rate(spoiled.until(len(flat) - 60), flat[:-59], Rules(surge=1.2), step=5)
    assert again == earlier


def _arrays(whole: Panel) -> tuple[Any, ...]:
    return whole.traded, whole.closes, whole.volumes


NOW = datetime(2026, 11, 20, 15, tzinfo=UTC)


def datum(kind: str, name: str, value: Any = "words", **more: Any) -> Datum:
    whole = {"symbol": "PFE", "kind": kind, "name": name, "value": value, "source": "made up"}
    return Datum.model_validate(whole | {"as_of": NOW, "knowable_at": NOW} | more)


@pytest.mark.parametrize(
    ("event", "counts"),
    [
        (datum("approval", "FDA approval, original"), ("approval", "FDA approval, original")),
        (datum("approval", "FDA approval, supplement"), None),
        (datum("approval", "FDA approval, generic"), None),
        (datum("filing", "8-K item 2.02"), ("filing", "8-K item 2.02")),
        (datum("filing", "8-K item 9.01"), None),
        (datum("filing", "8-K/A item 2.02"), None),
        (datum("filing", "form SC 14D9"), ("deal", "form SC 14D9")),
        (datum("filing", "form SC TO-T/A"), None),
        (
            datum("earnings", "EPS surprise, quarter 4", Decimal("5.7")),
            ("surprise", "EPS at least 5 % above what was expected"),
        ),
        (
            datum("earnings", "EPS surprise, quarter 4", Decimal(-5)),
            ("surprise", "EPS at least 5 % below what was expected"),
        ),
        (datum("earnings", "EPS surprise, quarter 4", Decimal("4.9")), None),
        (datum("earnings", "EPS, quarter 4", Decimal("1.9")), None),
        (datum("price", "close", Decimal(10)), None),
    ],
)
def test_what_counts_as_a_catalyst_is_told_from_what_does_not(event: Datum, counts: Any) -> None:
    told = sort_out(event)
    assert told == counts if counts else isinstance(told, str)


def test_old_events_are_not_new_and_what_is_left_out_is_counted_by_why() -> None:
    data = [
        datum("approval", "FDA approval, original"),
        datum("approval", "FDA approval, original"),  # told twice
        datum("approval", "FDA approval, supplement"),
        datum("filing", "8-K item 9.01"),
        datum("filing", "form SC 14D9", as_of=NOW - timedelta(90), knowable_at=NOW - timedelta(90)),
    ]
    none = unknown("nobody has measured it")
    found = catalysts(data, NOW - timedelta(days=7), {}, none, {"edgar": "It has no key."})
    assert [one.group for one in found.found] == ["FDA approval, original"]
    assert found.found[0].base_rate is none and found.looked_at == 3
    said = list(found.explain())
    assert said[0] == "3 events looked at, 1 count."
    assert "1 left out: supplements and generics are no news to a share." in said
    assert said[-1] == "Not looked at, edgar: It has no key."


class Events:
    """A provider with results every 33 days that were all followed up."""

    name = "events"

    async def data(self, symbols: Any, as_of: datetime) -> list[Datum]:
        return []

    async def happened(self, symbols: Any, since: datetime, as_of: datetime) -> list[Datum]:
        when = [as_of - timedelta(days=1 + 33 * i) for i in range(22)]
        return [
            datum("earnings", "EPS surprise, a quarter", Decimal(9), symbol="AAPL", **both(at))
            for at in when
            if at >= since
        ]


def both(at: datetime) -> dict[str, datetime]:
    return {"as_of": at, "knowable_at": at}


class Broken:
    name = "broken"

    async def data(self, symbols: Any, as_of: datetime) -> list[Datum]:
        return []

    async def happened(self, symbols: Any, since: datetime, as_of: datetime) -> list[Datum]:
        raise ProviderFailed("It answered a web page.")


async def test_discovery_measures_what_it_finds_and_names_who_did_not_answer() -> None:
    as_of = datetime(2012, 6, 1, 22, tzinfo=UTC)
    market = Market([Recorded(), Events(), Broken()])
    found = await discover(market, ["AAPL", "IBM"], as_of)
    (event,) = found.catalysts.found
    assert event.known_since == as_of - timedelta(days=1)
    assert event.base_rate.n >= LEAST and event.base_rate.share is not None
    assert found.catalysts.silent == {"broken": "It answered a web page."}
    assert found.momentum.scan.day == date(2012, 6, 1) and found.momentum.failure is None
    shown = found.as_json()
    assert shown["catalysts"]["found"][0]["symbol"] == "AAPL"
    assert "Not looked at, broken: It answered a web page." in shown["catalysts"]["explanation"]


async def test_without_prices_events_are_still_found_with_their_base_rate_unknown() -> None:
    found = await discover(Market([Events()]), ["AAPL"], NOW)
    assert "none has prices" in found.momentum.explain()[0]
    assert found.catalysts.found[0].base_rate.share is None


async def test_without_providers_of_events_nobody_is_asked_and_that_is_said() -> None:
    found = await discover(Market([Recorded()]), ["AAPL"], datetime(2012, 6, 1, 22, tzinfo=UTC))
    assert list(found.catalysts.explain()) == [
        "0 events looked at, 0 count.",
        "Not looked at, events: none of the market data chosen tells any; see docs/market.md.",
    ]
