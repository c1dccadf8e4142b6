"""The switchboard at the edges of a call: streams that never come, records not saved."""

import asyncio
import time
from typing import Any, TypedDict
from unittest.mock import AsyncMock

import pytest
from fastapi import WebSocketDisconnect
from langgraph.graph import END, START, StateGraph

import store.tickets
from graphs.threads import Begin
from store.calls import Call
from tests.phone.conftest import Serve, Server
from tests.phone.media_stream import Line
from voice.browser import BrowserSerializer
from voice.phonelab.virtual_time import virtually
from voice.reception import agent_voice

SID = "CA00000000000000000000000000000009"


async def connected(server: Server, sid: str = SID) -> Line:
    line = Line(server.base, sid)
    await line.call()
    await line.until_bot_speaks()
    return line


@virtually
async def test_news_of_a_hang_up_does_not_write_an_old_record_over_the_last(serve: Serve) -> None:
    """The carrier's news comes while the record is being closed."""
    async with serve() as server:
        calls = server.services.calls
        line = await connected(server)
        save, saving, free = calls.save, asyncio.Event(), asyncio.Event()

        async def slow(call: Call) -> None:
            if call.ended_at:
                saving.set()
                await free.wait()
            await save(call)

        calls.save = slow  # type: ignore[method-assign]
        await line.hang_up()
        await asyncio.wait_for(saving.wait(), 10)
        await line.ring("/voice/status", CallStatus="failed")
        assert server.services.switchboard.active == 1
        free.set()
        call = await server.record(SID)
        assert call.status == "completed"
        assert [u.role for u in call.transcript] == ["bot"]


@virtually
async def test_a_call_whose_news_cannot_be_read_is_not_held_for_ever(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counted against the most calls at once until the next start."""
    async with serve() as server:
        board = server.services.switchboard
        monkeypatch.setattr(board.news, "before", AsyncMock(side_effect=OSError("away")))
        line = Line(server.base, SID)
        await line.call()
        await asyncio.wait_for(line.closed.wait(), 15)
        record = await server.record(SID)
        assert (board.active, record.status) == (0, "failed")


@virtually
async def test_a_record_that_cannot_be_closed_does_not_keep_the_stream_open(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    async with serve() as server:
        line = await connected(server)

        async def broken(_call: Call) -> None:
            raise OSError("disk full of secret words")

        server.services.calls.save = broken  # type: ignore[method-assign]
        await line._send({"event": "stop", "stop": {}})
        await asyncio.wait_for(line.closed.wait(), 15)
        async with asyncio.timeout(15):
            while server.services.switchboard.active:
                await asyncio.sleep(0.02)
        await line.drop()
    assert f"The record of {SID} was not closed" in caplog.text
    assert "secret" not in caplog.text
    assert "Exception in ASGI application" not in caplog.text


@virtually
async def test_how_a_long_call_ended_is_known_when_the_carrier_asks(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Old tickets are cleared away, also between a stream's end and the carrier's question."""
    monkeypatch.setattr(store.tickets, "TICKET_SECS", 0.2)
    async with serve(silence_secs=0.3) as server:
        line = Line(server.base, SID)
        await line.call()
        began = time.monotonic()
        await asyncio.wait_for(line.closed.wait(), 60)
        await server.record(SID)
        assert time.monotonic() - began > 11 * 0.2
        assert "<Connect>" in (await Line(server.base, "CA-next").ring()).text
        assert "<Hangup" in (await line.ring("/voice/continue")).text
        await line.drop()


@virtually
async def test_a_call_whose_stream_never_comes_is_recorded_as_failed(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store.tickets, "TICKET_SECS", 0.4)
    async with serve() as server:
        await Line(server.base, SID).ring()
        call = await server.record(SID)
        assert (call.status, call.failure) == ("failed", "The carrier opened no stream.")


@virtually
async def test_a_page_that_has_left_before_it_began_leaves_no_call_open(serve: Serve) -> None:
    async with serve(max_calls=1) as server:
        switchboard = server.services.switchboard
        call = await switchboard.admit_browser("interview", None)
        page = AsyncMock()
        page.send_json.side_effect = WebSocketDisconnect(1006)
        reason = await switchboard.hold(
            call,
            page,
            BrowserSerializer(call),
            input_rate=16000,
            output_rate=24000,
            ready={"type": "ready"},
        )
        assert (reason, switchboard.active) == ("hangup", 0)
        assert (await server.record(call.sid)).status == "completed"
        await switchboard.admit_browser("interview", None)  # there is room for the next


class Spoken(TypedDict, total=False):
    messages: list[Any]
    agent: dict[str, Any]


@virtually
async def test_a_page_talks_on_a_thread_in_the_voice_of_the_agent_that_began_it(
    serve: Serve,
) -> None:
    graph = StateGraph(Spoken)
    graph.add_node("say", lambda state: {"messages": []})
    graph.add_edge(START, "say")
    graph.add_edge("say", END)
    async with serve(graph.compile()) as server:
        agent = {"agent_id": "agent_1", "voice": "low", "language": "en"}
        turn = server.services.threads.turn("interview", "t1", Begin({"agent": agent}))
        async for _ in turn:
            pass
        call = await server.services.switchboard.admit_browser("interview", "t1")
        assert (call.agent_id, agent_voice(call)) == ("agent_1", "low")
