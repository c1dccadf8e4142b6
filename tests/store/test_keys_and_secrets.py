"""Keys, secrets and the audit trail, in the database as somebody who has stolen it would see it."""

import asyncio
import stat
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.audit import AuditTrail
from store.database import Database, open_database
from store.keys import Keys, NoSuchKey
from store.secrets import KEY_FILE, MasterKey, NoSuchSecret, Secrets, Unreadable


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[Database]:
    async with open_database(tmp_path) as engine:
        yield engine


async def test_a_key_is_good_until_it_is_revoked(engine: Database) -> None:
    keys = Keys(engine)
    key, text = await keys.create("ci", ["read"])
    good = await keys.check(text)
    assert good and (good.id, good.scopes) == (key.id, ["read"])
    await keys.revoke(key.id)
    assert await keys.check(text) is None
    with pytest.raises(NoSuchKey):
        await keys.revoke(key.id)


async def test_only_the_whole_key_is_the_key(engine: Database) -> None:
    keys = Keys(engine)
    key, text = await keys.create("ci")
    for other in ("", "dg_", f"dg_{key.id}", f"dg_{key.id}_", text[:-1], text + "x", "dg_é_x"):
        assert await keys.check(other) is None


async def test_a_renewed_key_has_the_same_scopes_and_the_old_one_stays_good(
    engine: Database,
) -> None:
    keys = Keys(engine)
    key, old = await keys.create("ci", ["call"])
    renewed, new = await keys.rotate(key.id)
    assert renewed.scopes == ["call"]
    assert await keys.check(old) and await keys.check(new)


async def test_when_a_key_was_last_used_is_known(engine: Database) -> None:
    keys = Keys(engine)
    _, text = await keys.create("ci")
    assert (await keys.list())[0].last_used_at is None
    await keys.check(text)
    assert (await keys.list())[0].last_used_at is not None


async def test_the_database_holds_neither_keys_nor_secrets(
    engine: Database, tmp_path: Path
) -> None:
    _, text = await Keys(engine).create("ci")
    secrets = await Secrets.open(engine, tmp_path, None)
    made = await secrets.create("crm", "hush-hush-value", actor="x")
    await secrets.keep_for("conv_1", {"secret__token": "hush-hush-token"})
    await engine.dispose()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir() if file.is_file())
    assert text.rpartition("_")[2].encode() not in kept
    assert b"hush-hush" not in kept
    assert await secrets.reveal(made.id) == "hush-hush-value"


async def test_the_key_file_is_its_owners_alone_and_made_once(
    engine: Database, tmp_path: Path
) -> None:
    opened = await asyncio.gather(*(Secrets.open(engine, tmp_path, None) for _ in range(8)))
    assert stat.S_IMODE((tmp_path / KEY_FILE).stat().st_mode) == 0o600
    made = await opened[0].create("a", "value", actor="x")
    assert [await one.reveal(made.id) for one in opened] == ["value"] * 8


async def test_a_secret_cannot_be_read_with_another_key(engine: Database, tmp_path: Path) -> None:
    secrets = await Secrets.open(engine, tmp_path, None)
    made = await secrets.create("a", "value", actor="x")
    stranger = Secrets(engine, MasterKey(b"x" * 32))
    with pytest.raises(Unreadable, match=KEY_FILE):
        await stranger.reveal(made.id)


async def test_a_secret_moved_to_another_row_cannot_be_read(tmp_path: Path) -> None:
    key = MasterKey(b"k" * 32)
    with pytest.raises(Unreadable):
        key.open(key.seal("value", "sec_a"), "sec_b")


async def test_a_conversations_secret_comes_before_the_workspaces_and_is_forgotten(
    engine: Database, tmp_path: Path
) -> None:
    secrets = await Secrets.open(engine, tmp_path, None)
    await secrets.create("token", "general", actor="x")
    await secrets.keep_for("conv_1", {"secret__token": "own"})
    assert await secrets.of("conv_1", "secret__token") == "own"
    assert await secrets.of("conv_2", "secret__token") == "general"
    await secrets.forget("conv_1")
    assert await secrets.of("conv_1", "secret__token") == "general"
    assert [secret.name for secret in await secrets.list()] == ["token"]


async def test_a_conversations_secret_is_none_of_the_workspaces(
    engine: Database, tmp_path: Path
) -> None:
    secrets = await Secrets.open(engine, tmp_path, None)
    await secrets.keep_for("conv_1", {"secret__token": "own"})
    for ask in (secrets.get, secrets.reveal):
        with pytest.raises(NoSuchSecret):
            await ask("conv_1/secret__token")
    with pytest.raises(NoSuchSecret):
        await secrets.delete("conv_1/secret__token", actor="x")


async def test_each_change_leaves_a_row_without_what_it_held(
    engine: Database, tmp_path: Path
) -> None:
    secrets = await Secrets.open(engine, tmp_path, None)
    made = await secrets.create("a", "value", actor="key-1")
    await secrets.update(made.id, name="b", value="other", actor="key-2")
    await secrets.delete(made.id, actor="key-3")
    rows = await AuditTrail(engine).latest()
    assert [(row.actor, row.action, row.kind, row.resource_id) for row in rows] == [
        ("key-3", "delete", "secret", made.id),
        ("key-2", "update", "secret", made.id),
        ("key-1", "create", "secret", made.id),
    ]
