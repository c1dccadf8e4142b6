"""Models that remember are told from models that read, over the wire and within the budget."""

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from graphs.stocks.leaks.asking import recollections
from store.database import open_database
from tests.stocks.language_models import Models, Seen, analyst, judges
from tests.stocks.running import owner
from tests.wire.servers import served
from tools.market.evidence import Datum

AT = datetime(2012, 9, 28, 21, tzinfo=UTC)


def row(name: str, value: str, unit: str = "%") -> Datum:
    return Datum(
        symbol="IBM", kind="statistic", name=name, value=Decimal(value), unit=unit,
        source="recorded", as_of=AT, knowable_at=AT,
    )  # fmt: skip


def reads(seen: Seen) -> Any:
    _, value = seen.row("return over 12 months")
    return judges(40 if value.startswith("-") else 60)(seen)


def remembers(seen: Seen) -> Any:
    return judges(90 if seen.symbol == "IBM" else 50)(seen)


async def test_each_model_is_asked_named_blind_and_with_the_facts_turned_round(
    tmp_path: Path,
) -> None:
    models = Models({"reader": reads, "knower": remembers})
    cases = [("IBM", [row("close", "207.45", "USD"), row("return over 12 months", "17.7")], AT)]
    async with served(models.app) as url:
        specs = [analyst(name, url) for name in models.says]
        async with (
            owner(tmp_path / "data", stock_analysts=specs) as someone,
            open_database(tmp_path / "aside") as aside,
        ):
            trading = await someone.desk.trading()
            found = await recollections(trading, someone.desk.settings, cases, aside, "leaks-1")
            spent = await trading.spending.of_run("leaks-1")
            assert await trading.analyses.last("knower", "IBM", AT) is None
    reader, knower = found
    assert (reader.answered, reader.unmoved, reader.blind_moved) == (1, 0, 0.0)
    assert (knower.answered, knower.unmoved) == (1, 1) and abs(knower.blind_moved or 0) > 0.35
    assert (knower.until, knower.before) == (None, 1)
    assert spent == Decimal("0.0021") * 6
    named, blind, turned = (one.text for one in models.asked if one.model == "reader")
    assert "IBM" in named and "207.45" in named and "2012-09-28" in named
    assert not any(word in blind for word in ("IBM", "207.45", "2012", "recorded"))
    assert "IBM" in turned and "-17.7" in turned and "207.45" in turned
