"""A call whose webhooks and streams come to two servers on the same records."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from store.calls import Call
from tests.phone.call_graphs import interview
from tests.phone.conftest import Server, nothing_is_left, serving
from tests.phone.media_stream import Line, stream_of

SID = "CA00000000000000000000000000000009"

pytestmark = pytest.mark.timeout(180)


def one(
    folder: Path, url: str | None, **more: Any
) -> contextlib.AbstractAsyncContextManager[Server]:
    """A server on these records."""
    settings = Settings(
        data_dir=folder, database_url=url, default_graph="interview", _env_file=None, **more
    )
    return serving(settings, {"interview": interview()})


@contextlib.asynccontextmanager
async def two(folder: Path, url: str | None, **more: Any) -> AsyncIterator[tuple[Server, Server]]:
    """Two servers on the same records."""
    async with one(folder, url, **more) as a, one(folder, url, **more) as b:
        before = asyncio.all_tasks()
        yield a, b
    await nothing_is_left(before)


def active(*servers: Server) -> list[int]:
    return [server.services.switchboard.active for server in servers]


async def answered_at(server: Server, twiml: str, sid: str = SID) -> Line:
    """Open the stream that an answer asks for at a server that may not have given it."""
    url, parameters = stream_of(twiml)
    line = Line(server.base, sid)
    at = f"ws{server.base.removeprefix('http')}/ws/voice/{sid}"
    await line.answer(twiml.replace(url, at))
    assert parameters
    return line


async def until(server: Server, sid: str, **values: object) -> Call:
    """The record of a call once it says so."""
    async with asyncio.timeout(30):
        while True:
            call = await server.services.calls.get(sid)
            if call and all(getattr(call, name) == value for name, value in values.items()):
                return call
            await asyncio.sleep(0.05)


async def test_webhook_stream_break_and_end_may_each_come_to_either_server(
    data_dir: Path, database_url: str | None
) -> None:
    async with two(data_dir, database_url) as (a, b):
        asked = Line(a.base, SID)
        twiml = (await asked.ring()).text
        line = await answered_at(b, twiml)
        await line.until_bot_speaks()
        assert active(a, b) == [0, 1]
        refused = await answered_at(a, twiml)
        await asyncio.wait_for(refused.closed.wait(), 20)
        assert active(a, b) == [0, 1]
        await refused.drop()
        begun = await until(a, SID, status="in-progress")

        # The carrier notices a break first, and asks the server that does not hold the call.
        again = await answered_at(a, (await asked.ring("/voice/continue")).text)
        await asyncio.wait_for(line.closed.wait(), 20)
        await line.drop()
        await again.until_bot_speaks()
        assert active(a, b) == [1, 0]
        call = await until(b, SID, status="in-progress")
        assert call.thread_id == begun.thread_id

        # It is over; the server that holds it has not noticed, the other one is told.
        assert (await Line(b.base, SID).ring("/voice/status", CallStatus="completed")).is_success
        await asyncio.wait_for(again.closed.wait(), 20)
        await again.drop()
        assert (await b.record(SID)).status == "completed"
        assert active(a, b) == [0, 0]


async def test_who_has_taken_a_call_is_told_to_the_server_that_holds_it(
    data_dir: Path, database_url: str | None
) -> None:
    async with two(data_dir, database_url, voicemail="hang_up") as (a, b):
        outbound = {"Direction": "outbound-api"}
        line = await answered_at(b, (await Line(a.base, SID).ring(**outbound)).text)
        await until(a, SID, status="in-progress")
        early = "CA00000000000000000000000000000008"
        twiml = (await Line(a.base, early).ring(**outbound)).text
        for sid in (SID, early):
            answered = await Line(a.base, sid).ring("/voice/answered", AnsweredBy="human")
            assert answered.is_success
        await until(a, SID, answered_by="human")
        await line.until_bot_speaks()
        other = await answered_at(b, twiml, early)
        await until(a, early, answered_by="human")
        await line.hang_up()
        await other.hang_up()
        for sid in (SID, early):
            await a.record(sid)


async def test_a_server_that_starts_gives_up_no_call_whose_stream_may_still_come(
    data_dir: Path, database_url: str | None
) -> None:
    async with one(data_dir, database_url) as a:
        twiml = (await Line(a.base, SID).ring()).text
        async with one(data_dir, database_url) as b:
            line = await answered_at(b, twiml)
            await line.until_bot_speaks()
            await line.hang_up()
            assert (await a.record(SID)).status == "completed"
