"""Messages to a Slack channel: each once for its key, and nothing of it read as markup."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from settings import Settings
from store.claims import Claims
from store.database import open_database
from tests.jobs.receiver import Receiver, receiver
from tools.messages import InDoubt, Messages, NotSent
from tools.slack import SlackWebhook


@dataclass
class Channel:
    """An incoming webhook of Slack, and what was written into its channel."""

    receiver: Receiver
    status: int = 200

    def texts(self) -> list[str]:
        return [json.loads(request.body)["text"] for request in self.receiver.came]

    def forget(self) -> None:
        self.receiver.came.clear()


@pytest.fixture
async def channel() -> AsyncIterator[Channel]:
    async with receiver() as here:
        channel = Channel(here)
        here.answer = lambda _: (channel.status, {})
        yield channel


@pytest.fixture
async def messages(channel: Channel, tmp_path: Path) -> AsyncIterator[Messages]:
    sender = SlackWebhook(
        Settings(slack_webhook_url=SecretStr(f"{channel.receiver.url}/services/T0/B0/x"))
    )
    async with open_database(tmp_path) as engine:
        yield Messages(Claims(engine), {"slack": sender})


async def test_a_message_is_written_once_for_its_key(channel: Channel, messages: Messages) -> None:
    for _ in range(3):
        await messages.send("slack", "alerts", "AAPL", key="1", subject="Picks")
    await messages.send("slack", "alerts", "MSFT", key="2")
    assert channel.texts() == ["*Picks*\nAAPL", "MSFT"]


async def test_nothing_in_a_message_is_markup(channel: Channel, messages: Messages) -> None:
    await messages.send("slack", "alerts", "<!channel> A&B", key="1")
    assert channel.texts() == ["&lt;!channel&gt; A&amp;B"]


async def test_what_slack_refuses_may_be_sent_again(channel: Channel, messages: Messages) -> None:
    channel.status = 429
    with pytest.raises(NotSent, match="429"):
        await messages.send("slack", "alerts", "x", key="1")
    channel.status = 200
    channel.forget()
    await messages.send("slack", "alerts", "x", key="1")
    assert channel.texts() == ["x"]


async def test_what_is_in_doubt_is_not_sent_again(channel: Channel, messages: Messages) -> None:
    channel.status = 503
    with pytest.raises(InDoubt):
        await messages.send("slack", "alerts", "x", key="1")
    channel.status = 200
    channel.forget()
    with pytest.raises(InDoubt):
        await messages.send("slack", "alerts", "x", key="1")
    assert channel.texts() == []


async def test_no_error_tells_the_address(messages: Messages, channel: Channel) -> None:
    channel.status = 404
    with pytest.raises(NotSent) as refused:
        await messages.send("slack", "alerts", "x", key="1")
    assert "T0" not in json.dumps(str(refused.value))
