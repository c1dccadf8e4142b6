"""What is on record of a number: a no is for ever, and caps hold however many ask at once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from settings import Settings
from store.callbacks import CallBack, CallBacks, new_id
from store.database import open_database
from store.permissions import PermissionRecords
from tools.permissions import Permissions

NUMBER = "+12125550142"
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


@pytest.fixture
async def permissions(data_dir: Path, database_url: str | None) -> AsyncIterator[Permissions]:
    async with open_database(data_dir, database_url) as engine:
        yield Permissions(PermissionRecords(engine), Settings(call_countries="US"), lambda: NOW)


async def agree(permissions: Permissions, organisation: str = "acme") -> None:
    await permissions.allow(
        NUMBER, organisation, purpose="marketing", strength="written", proof="form 7"
    )


async def codes(permissions: Permissions, organisation: str = "acme") -> list[str]:
    return [one.code for one in (await permissions.check(NUMBER, organisation)).reasons]


async def test_consent_is_to_one_organisation(permissions: Permissions) -> None:
    await agree(permissions)
    assert await codes(permissions) == []
    assert await codes(permissions, "other") == ["no_consent"]


async def test_who_opts_out_is_called_by_nobody_whatever_consent_comes_after(
    permissions: Permissions,
) -> None:
    await agree(permissions)
    assert await permissions.opt_out(NUMBER, "voice")
    assert not await permissions.opt_out(NUMBER, "sms")
    assert await codes(permissions) == ["do_not_call", "consent_revoked"]
    await agree(permissions)
    assert await codes(permissions) == ["do_not_call"]
    assert await codes(permissions, "other") == ["do_not_call", "no_consent"]
    await permissions.forget(NUMBER)
    assert await codes(permissions) == ["do_not_call", "no_consent"]


async def test_an_imported_list_is_what_its_file_says(permissions: Permissions) -> None:
    await agree(permissions)
    many = [f"+1212555{n:04d}" for n in range(1200)]
    assert await permissions.import_list([*many, NUMBER, NUMBER], "tps") == 1200
    assert await codes(permissions) == ["do_not_call"]
    assert await permissions.import_list(many[:-1], "tps") == 0
    await permissions.import_list(["+12125551111"], "tps")
    assert await codes(permissions) == []
    with pytest.raises(ValueError, match="own list"):
        await permissions.import_list([], "own")


async def test_of_many_who_ask_at_once_one_may_call(permissions: Permissions) -> None:
    await agree(permissions)
    asked = (permissions.attempt(NUMBER, "acme", key=str(n)) for n in range(12))
    verdicts = await asyncio.gather(*asked)
    assert sum(verdict.allowed for verdict in verdicts) == 1
    assert {one.code for v in verdicts for one in v.reasons} == {"cooldown"}


async def test_an_attempt_asked_for_again_is_counted_once(permissions: Permissions) -> None:
    await agree(permissions)
    for _ in range(5):
        assert (await permissions.attempt(NUMBER, "acme", key="k")).allowed
    assert not (await permissions.attempt(NUMBER, "acme", key="other")).allowed


async def test_an_attempt_asked_for_again_after_an_opting_out_is_refused(
    permissions: Permissions,
) -> None:
    await agree(permissions)
    assert (await permissions.attempt(NUMBER, "acme", key="k")).allowed
    await permissions.opt_out(NUMBER, "sms")
    assert not (await permissions.attempt(NUMBER, "acme", key="k")).allowed


async def test_a_refused_attempt_is_not_counted(permissions: Permissions) -> None:
    for n in range(9):
        assert not (await permissions.attempt(NUMBER, "acme", key=str(n))).allowed
    await agree(permissions)
    assert (await permissions.attempt(NUMBER, "acme", key="k")).allowed


async def test_a_promise_is_kept_once(data_dir: Path, database_url: str | None) -> None:
    def promise() -> CallBack:
        return CallBack(id=new_id(), number=NUMBER, due_at=NOW, organisation="acme", created_at=NOW)

    async with open_database(data_dir, database_url) as engine:
        backs = CallBacks(engine)
        made = await asyncio.gather(*(backs.promise(promise(), key="k") for _ in range(10)))
        assert len({one.id for one in made}) == 1
        assert await backs.due(NOW - timedelta(seconds=1)) == []
        assert [one.id for one in await backs.due(NOW)] == [made[0].id]
        assert await backs.put_off(made[0].id, NOW + timedelta(hours=1), "busy")
        assert await backs.due(NOW) == []
        marked = (backs.mark(made[0].id, "dialled") for _ in range(5))
        assert sum(await asyncio.gather(*marked)) == 1
        assert [one.state for one in await backs.of_number(NUMBER)] == ["dialled"]
        assert await backs.delete_of(NUMBER) == 1
