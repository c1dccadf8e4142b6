"""What is known of a conversation before, while and after it is worked up."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langchain_core.messages import AIMessage, ToolMessage
from sqlalchemy.ext.asyncio import AsyncEngine

from server.analysis.wanted import Wanted as Sought
from server.convai.conversation import status
from server.jobs.after_call import AfterCall
from store.call_events import after_call_key, call_events
from store.calls import Call, Calls
from store.conversations import Conversation, Conversations, Wanted, conversation_id
from store.database import open_database
from store.jobs import Jobs
from store.outbox import Outbox
from store.resources import Resources
from store.secrets import MasterKey, NoSuchSecret, Secrets
from store.webhooks import Webhooks
from tests.wire.api_server import Running

THREAD = "0b7e3c1e8f5d4a069d8e4b9a5f5d9c11"
ID = conversation_id(THREAD)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    async with open_database(tmp_path) as opened:
        yield opened


class Over:
    """A call that is over, with the job that works it up."""

    def __init__(self, engine: AsyncEngine, secrets: Secrets) -> None:
        self.jobs = Jobs(engine)
        self.outbox = Outbox(engine, self.jobs)
        self.calls = Calls(engine, call_events(self.outbox))
        self.conversations = Conversations(engine)
        self.secrets = secrets
        self.after = AfterCall(
            self.calls,
            self.outbox,
            self.conversations,
            self._read,
            self._sought,
            self._view,
            self._model,
            secrets.forget,
        )

    async def _read(self, _: Call) -> Any:
        asked = [{"name": "look_up", "args": {}, "id": "1", "type": "tool_call"}]
        answer = ToolMessage("ok", tool_call_id="1", name="look_up")
        return [AIMessage("", tool_calls=asked), answer], {}

    async def _sought(self, _: str | None) -> Sought:
        return Sought()

    async def _view(self, call: Call) -> Any:
        return {"call_sid": call.sid}

    async def _model(self, _: Call) -> None:
        return None

    async def hold(self, sid: str = "CA1", ended: bool = True) -> Call:
        began = datetime.now(UTC) - timedelta(minutes=1)
        call = Call(
            sid=sid,
            graph="g",
            thread_id=THREAD,
            direction="inbound",
            carrier="twilio",
            status="completed" if ended else "in-progress",
            started_at=began,
            ended_at=datetime.now(UTC) if ended else None,
        )
        await self.calls.create(call)
        return call

    async def work_up(self, call: Call) -> None:
        key, now = after_call_key(call), datetime.now(UTC) + timedelta(minutes=1)
        job = await self.jobs.begin(key, now)
        assert job is not None
        await self.after.do(job)
        await self.jobs.settle(key, "done", now)

    async def conversation(self) -> Conversation:
        found = await self.conversations.get(ID)
        assert found is not None
        return found

    async def listed(self, **wanted: Any) -> list[str]:
        page = await self.conversations.page(Wanted(**wanted), size=10)
        return [one.id for one in page.items]


@pytest.fixture
async def over(engine: AsyncEngine, tmp_path: Path) -> Over:
    return Over(engine, await Secrets.open(engine, tmp_path, None))


async def test_a_conversation_is_found_by_the_tools_it_used(over: Over) -> None:
    await over.work_up(await over.hold())
    assert (await over.conversation()).about.tool_names == ["look_up"]
    assert await over.listed(tool_names=["look_up"]) == [ID]
    assert await over.listed(tool_names=["look"]) == []


async def test_it_is_in_processing_from_its_end_until_it_is_worked_up(over: Over) -> None:
    call = await over.hold()
    assert status(await over.conversation()) == "processing"
    assert (await over.listed(processing=True), await over.listed(processing=False)) == ([ID], [])
    await over.work_up(call)
    assert status(await over.conversation()) == "done"
    assert (await over.listed(processing=True), await over.listed(processing=False)) == ([], [ID])


async def test_its_secrets_are_forgotten_once_no_call_of_it_goes_on(over: Over) -> None:
    await over.secrets.keep_for(ID, {"secret__pin": "1234"})
    goes_on = await over.hold("CA2", ended=False)
    call = await over.hold()
    await over.work_up(call)
    assert await over.secrets.of(ID, "secret__pin") == "1234"
    goes_on.status, goes_on.ended_at = "completed", datetime.now(UTC)
    await over.calls.save(goes_on)
    await over.work_up(goes_on)
    with pytest.raises(NoSuchSecret):
        await over.secrets.of(ID, "secret__pin")


async def test_two_notes_at_once_lose_nothing(over: Over) -> None:
    known = {"user_id": "u", "source": "widget", "text_only": True, "call_successful": "success"}
    await asyncio.gather(
        *(over.conversations.note(THREAD, **{name: value}) for name, value in known.items())
    )
    about = (await over.conversations.about(THREAD)).model_dump()
    assert known.items() <= about.items()


async def test_the_first_changes_of_settings_may_come_at_once(engine: AsyncEngine) -> None:
    settings = Resources(engine, "settings")

    async def change(number: int) -> None:
        await settings.begin("convai", actor="a")
        await settings.change("convai", lambda before: {**before, str(number): 1}, actor="a")

    await asyncio.gather(*map(change, range(8)))
    assert len((await settings.get("convai")).document) == 8


async def test_who_has_taken_a_call_is_told_once_for_each_finding(
    over: Over, engine: AsyncEngine
) -> None:
    webhooks = Webhooks(engine, MasterKey(b"k" * 32))
    await webhooks.create("crm", "https://example.com", events=["answering_machine_detection"])
    call = await over.hold(ended=False)
    for who in ("unknown", "machine", "machine"):
        call.answered_by = who  # type: ignore[assignment]
        await over.calls.save(call)
    bodies = [json.loads(event.body) for event in await over.outbox.of_conversation(ID)]
    assert {body["type"] for body in bodies} == {"answering_machine_detection"}
    assert [body["data"]["answered_by"] for body in bodies] == ["unknown", "machine"]


async def test_the_sound_of_a_conversation_is_what_was_recorded(
    server: Running, raw: httpx.Client
) -> None:
    now, thread_id, wave = datetime.now(UTC), uuid4().hex, b"RIFF\x00\x01 of the test"
    name = f"{thread_id}.wav"
    recordings = server.services.switchboard.recordings
    recordings.mkdir(parents=True, exist_ok=True)
    (recordings / name).write_bytes(wave)
    call = Call(
        sid=f"CA{thread_id}",
        graph="parrot",
        thread_id=thread_id,
        direction="inbound",
        carrier="twilio",
        status="completed",
        started_at=now,
        ended_at=now,
        recording=name,
    )
    await asyncio.to_thread(server.run, server.services.calls.create(call))
    heard = raw.get(f"/conversations/{conversation_id(thread_id)}/audio")
    assert (heard.status_code, heard.headers["content-type"]) == (200, "audio/wav")
    assert heard.content == wave
