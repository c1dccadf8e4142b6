"""Tables that each call and each question add to do not grow for ever, and keep what is counted."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy import text

from store.call_results import CallResults
from store.callbacks import CallBack, CallBacks
from store.claims import Claims
from store.database import open_database
from store.expiring import Expiring
from store.permissions import OWN, PermissionRecords
from store.spending import Spending

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=100)
NUMBER, OTHER = "+12125550142", "+12125550143"
BUDGET: dict[str, Any] = {"per_run": Decimal(9), "per_day": Decimal(9)}


def promised(name: str, **more: Any) -> CallBack:
    about = {"id": name, "number": NUMBER, "organisation": "acme", "created_at": OLD}
    return CallBack.model_validate(about | {"due_at": OLD} | more)


async def test_what_is_over_goes_and_what_is_counted_or_waits_stays(
    data_dir: Path, database_url: str | None
) -> None:
    async with open_database(data_dir, database_url) as engine:
        claims, backs, permissions = Claims(engine), CallBacks(engine), PermissionRecords(engine)
        spending, results = Spending(engine), CallResults(engine)
        await claims.begin("old", "sms", NUMBER, OLD)
        await claims.begin("new", "sms", NUMBER, NOW)
        for name in ("done", "waits"):
            await backs.promise(promised(name), key=name)
        await backs.mark("done", "dialled")
        for number, at in ((NUMBER, OLD), (OTHER, OLD), (OTHER, NOW)):
            await permissions.attempt(
                number, "acme", at, lambda _: True, bool, key=f"{number} {at:%d}"
            )
        await permissions.list_number(NUMBER, OLD, OWN, "voice")
        proof: dict[str, Any] = {"purpose": "marketing", "strength": "written", "proof": "a form"}
        await permissions.give(NUMBER, "acme", given_at=OLD, **proof)
        for run, at, settled in (("r1", OLD, True), ("r2", OLD, False), ("r3", NOW, True)):
            charge = await spending.reserve(run, "a", "m", Decimal(1), now=at, **BUDGET)
            if settled:
                await spending.settle(charge.id, Decimal(1), now=at)
        await results.open("r", "t")
        await results.open("old", "t old")
        async with engine.begin() as connection:
            aged = "UPDATE call_results SET created_at = :old WHERE request_id = 'old'"
            await connection.execute(text(aged), {"old": OLD.replace(tzinfo=None)})

        await Expiring(engine).delete_before(NOW - timedelta(days=90), NOW)

        assert await claims.get("old") is None and await claims.get("new")
        assert [one.id for one in await backs.of_number(NUMBER)] == ["waits"]
        known = await permissions.record(NUMBER, "acme")
        assert len(known["consents"]) == 1 and known["listings"] and not known["attempts"]
        assert len((await permissions.record(OTHER, "acme"))["attempts"]) == 1
        assert [one.run_id for one in await spending.list()] == ["r3", "r2"]
        assert await spending.of_run("r1") == 0 and await spending.of_run("r2") == 1
        assert await spending.of_day(OLD.date()) == 2
        assert await results.get("r") and await results.get("old") is None


async def test_what_counts_is_kept_however_short_records_are(
    data_dir: Path, database_url: str | None
) -> None:
    """With a retention of a day the cap of a week would have been none."""
    async with open_database(data_dir, database_url) as engine:
        permissions, claims, spending = PermissionRecords(engine), Claims(engine), Spending(engine)
        at = NOW - timedelta(days=6)
        await permissions.attempt(NUMBER, "acme", at, lambda _: True, bool, key="k")
        await claims.begin("sent", "sms", NUMBER, at)
        charge = await spending.reserve("r1", "a", "m", Decimal(1), now=at, **BUDGET)
        await spending.settle(charge.id, Decimal(1), now=at)
        await Expiring(engine).delete_before(NOW - timedelta(days=1), NOW)
        assert (await permissions.record(NUMBER, "acme"))["attempts"] == [at]
        assert await claims.get("sent") and await spending.of_run("r1") == 1


async def test_an_attempt_waits_for_no_row_that_housekeeping_took(
    data_dir: Path, database_url: str | None
) -> None:
    async with open_database(data_dir, database_url) as engine:
        permissions = PermissionRecords(engine)
        made = permissions._make_callee
        tries = []

        async def and_gone(number: str) -> None:
            tries.append(number)
            await made(number)
            if len(tries) == 1:
                await permissions.delete_attempts_before(NOW)

        permissions._make_callee = and_gone  # type: ignore[method-assign]
        assert await permissions.attempt(NUMBER, "acme", NOW, lambda _: True, bool, key="k")
        assert len(tries) == 2
        assert len((await permissions.record(NUMBER, "acme"))["attempts"]) == 1
