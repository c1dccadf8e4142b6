"""Recorded data: splits are known when they happen, and nothing is known before."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tools.market.bars import Action, Series
from tools.market.evidence import Datum, Evidence, FromTheFuture
from tools.market.recorded import LAST_DAY, SHARES, five_shares, twenty_closes

NOW = datetime(2013, 3, 1, 22, tzinfo=UTC)


def datum(**changes: object) -> Datum:
    whole = {
        "symbol": "AAPL",
        "kind": "price",
        "name": "close",
        "value": Decimal("44.86"),
        "unit": "USD",
        "source": "recorded",
        "as_of": NOW,
        "knowable_at": NOW,
    }
    return Datum.model_validate(whole | changes)


def test_a_split_is_no_crash() -> None:
    """AAPL closed at 88.99 and, two shares for one, at 44.86 on the next session."""
    series = five_shares()["AAPL"].until(date(2005, 3, 31))
    at = int(np.searchsorted(series.days, np.datetime64("2005-02-28")))
    assert series.close[at] / series.close[at - 1] == pytest.approx(0.504, abs=0.001)
    closes = series.adjusted()
    assert closes[at] / closes[at - 1] == pytest.approx(1.008, abs=0.001)


def test_a_split_of_tomorrow_is_not_known_today() -> None:
    before = five_shares()["AAPL"].until(date(2005, 2, 25))
    assert before.actions == () or before.actions[-1].day < date(2005, 2, 28)
    assert before.adjusted()[-1] == before.close[-1] == 88.99


def test_every_split_and_dividend_of_the_recording_is_found() -> None:
    kinds = {symbol: [a.kind for a in series.actions] for symbol, series in five_shares().items()}
    assert kinds["AAPL"] == ["split", "split", "dividend", "dividend", "dividend"]
    assert (kinds["MSFT"].count("split"), kinds["IBM"].count("split")) == (1, 0)
    assert kinds["GOOG"] == kinds["FB"] == []
    special = next(a for a in five_shares()["MSFT"].actions if a.day == date(2004, 11, 15))
    assert (special.kind, special.factor) == ("dividend", pytest.approx(1.1124, abs=0.0001))


@pytest.mark.parametrize("symbol", SHARES)
def test_adjusted_returns_are_the_vendors(symbol: str) -> None:
    """The vendor's adjusted closes differ from ours by one factor only: what came after."""
    import bokeh_sampledata.stocks as vendor

    theirs = np.array(getattr(vendor, symbol)["adj_close"])
    ours = five_shares()[symbol].adjusted()
    # differences below DIVIDEND_FROM a day are the vendor's rounding
    assert np.log(ours[1:] / ours[:-1]) == pytest.approx(np.log(theirs[1:] / theirs[:-1]), abs=6e-4)


@settings(max_examples=20, deadline=None)
@given(st.dates(date(2000, 6, 1), LAST_DAY), st.dates(date(2000, 6, 1), LAST_DAY))
def test_returns_up_to_a_day_do_not_change_afterwards(one: date, other: date) -> None:
    early, late = sorted((one, other))
    series = five_shares()["AAPL"]
    before, after = series.until(early).adjusted(), series.until(late).adjusted()
    then = after[: len(before)]
    np.testing.assert_allclose(then / then[-1], before / before[-1])


def test_volume_counts_the_shares_of_today() -> None:
    days = np.array(["2020-01-01", "2020-01-02"], dtype="datetime64[D]")
    prices = np.array([100.0, 50.0])
    series = Series(
        "X",
        "made up",
        days,
        prices,
        prices,
        prices,
        prices,
        np.array([10.0, 30.0]),
        (Action(date(2020, 1, 2), "split", 2.0),),
    )
    assert series.adjusted_volume().tolist() == [20.0, 30.0]
    assert series.adjusted().tolist() == [50.0, 50.0]
    assert series.turnover() == 1250.0


def test_the_panel_is_whole() -> None:
    symbols, days, closes, index = twenty_closes()
    assert len(symbols) == 20
    assert closes.shape == (len(days), 20) and index.shape == (len(days),)
    assert np.isfinite(closes).all() and (closes > 0).all() and (index > 0).all()
    assert (np.diff(days) > np.timedelta64(0)).all()


def test_the_same_fact_has_the_same_id_and_another_one_another() -> None:
    assert datum().id == datum().id
    assert datum(value=Decimal("44.87")).id != datum().id


def test_what_was_not_knowable_yet_is_not_taken_as_evidence() -> None:
    late = datum(knowable_at=NOW + timedelta(seconds=1))
    with pytest.raises(FromTheFuture, match="close of AAPL"):
        Evidence(NOW, [late])


def test_evidence_of_a_symbol_is_its_own_and_everybodys() -> None:
    rate = datum(symbol=None, kind="macro", name="rate", value=Decimal("0.25"), unit="%")
    evidence = Evidence(NOW, [datum(), datum(symbol="IBM"), rate])
    assert {d.symbol for d in evidence.of("AAPL")} == {"AAPL", None}
    again = Evidence(NOW, [Datum.model_validate(d) for d in evidence.dump()])
    assert {d.id for d in again} == {d.id for d in evidence}


def test_a_line_says_what_of_when_and_from_where() -> None:
    assert datum().line().endswith("AAPL close: 44.86 USD (2013-03-01, recorded)")
