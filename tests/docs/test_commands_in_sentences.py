"""Commands that the pages name in a sentence, with an id that only an earlier one has told."""

import asyncio
from pathlib import Path

import pytest
from typer.testing import CliRunner

from server.cli import app
from server.cli.records import records
from settings import get_settings
from store.outbox import KIND


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()


def dialgraph(*arguments: str, code: int = 0) -> str:
    done = CliRunner().invoke(app, arguments)
    assert done.exit_code == code, done.output
    return done.output


def test_a_key_is_renewed_and_the_old_one_revoked() -> None:
    dialgraph("keys", "create", "crm", "--scope", "read")
    old = dialgraph("keys", "list").split()[0]
    dialgraph("keys", "rotate", old)
    dialgraph("keys", "revoke", old)
    newest, other = dialgraph("keys", "list").splitlines()
    assert " good " in newest and other.startswith(old) and " revoked " in other
    dialgraph("keys", "rotate", old, code=1)
    dialgraph("keys", "revoke", "key_of_nobody", code=1)


def test_a_webhook_that_was_disabled_is_enabled_and_gets_what_was_given_up() -> None:
    async def given_up() -> tuple[str, str]:
        async with records() as found:
            hook, _ = await found.webhooks.create("crm", "https://example.com", events=["*"])
            await found.outbox.put("call.ended", {"agent_id": "a"}, key="1")
            (job,) = await found.jobs.list(KIND)
            await found.jobs.settle(job.key, "dead", job.asked_at, error="It answered 500.")
            await found.webhooks.update(hook.id, is_disabled=True)
            return hook.id, job.key.removeprefix(f"{KIND}:")

    hook, delivery = asyncio.run(given_up())
    listed = dialgraph("webhooks", "list")
    assert f"{hook}  disabled" in listed and f"dead  call.ended  {delivery}" in listed
    dialgraph("webhooks", "enable", hook)
    assert f"{hook}  on" in dialgraph("webhooks", "list")
    assert dialgraph("webhooks", "redeliver", "another", delivery).endswith("once more: 0.\n")
    assert dialgraph("webhooks", "redeliver", hook, delivery).endswith("once more: 1.\n")
    assert "dead" not in dialgraph("webhooks", "list")
    dialgraph("webhooks", "test", hook)
    for command in ("enable", "test"):
        assert "no webhook 'none'" in dialgraph("webhooks", command, "none", code=1)


def test_a_batch_that_is_cancelled_calls_nobody_and_one_that_is_not_there_is_told(
    tmp_path: Path,
) -> None:
    async def agent() -> str:
        async with records() as found:
            return (await found.workspace.agents.create("agent_1", "Asha", {}, actor="test")).id

    people = tmp_path / "people.csv"
    people.write_text("phone_number\n+12125550142\n")
    options = "--per-minute", "20", "--at-once", "5", "--attempts", "2"
    dialgraph("campaign", "start", asyncio.run(agent()), str(people), *options)
    batch = dialgraph("campaign", "status").split()[0]
    dialgraph("campaign", "cancel", batch)
    assert "cancelled: 1 cancelled" in dialgraph("campaign", "status", batch)
    assert "no batch 'none'" in dialgraph("campaign", "cancel", "none", code=1)
