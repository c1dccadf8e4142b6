"""The voice of a page: the same pipeline behind the browser's protocol."""

import asyncio
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
import websockets

from tests.phone.call_graphs import GREETING, SECOND
from tests.phone.conftest import Serve, Server
from tests.phone.media_stream import Line, spoken, to_pcm16k
from voice.phonelab.virtual_time import virtually

PACKET = 640


class Page:
    """A page that plays what it hears and says what it is told."""

    def __init__(self, server: Server, *, plays: bool = True, thread: str | None = None) -> None:
        self._address = f"ws{server.base.removeprefix('http')}/demo/voice/s1"
        self._plays = plays
        self._thread = thread
        self.messages: list[dict[str, Any]] = []
        self.audio = bytearray()
        self._to_say = bytearray()
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> "Page":
        self.socket = await websockets.connect(self._address, proxy=None)
        await self.send(type="start", graph="interview", thread_id=self._thread)
        self._tasks = [asyncio.create_task(self._listen()), asyncio.create_task(self._talk())]
        return self

    async def __aexit__(self, *_: object) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.socket.close()

    async def send(self, **message: Any) -> None:
        await self.socket.send(json.dumps(message))

    def say(self, text: str) -> None:
        self._to_say += to_pcm16k(spoken(text))

    async def until(self, wanted: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        async with asyncio.timeout(20):
            while True:
                for message in self.messages:
                    if wanted(message):
                        return message
                await asyncio.sleep(0.02)

    async def _listen(self) -> None:
        async for data in self.socket:
            if isinstance(data, bytes):
                self.audio += data
                continue
            message = json.loads(data)
            self.messages.append(message)
            if message["type"] == "mark" and self._plays:
                await self.send(type="played", mark=message["id"])

    async def _talk(self) -> None:
        while True:
            packet = bytes(self._to_say[:PACKET])
            del self._to_say[:PACKET]
            await self.socket.send(packet + bytes(PACKET - len(packet)))
            await asyncio.sleep(0.02)


def said(role: str, text: str) -> Callable[[dict[str, Any]], bool]:
    return lambda m: m["type"] == "transcript" and m["role"] == role and m["text"] == text


def of_type(kind: str) -> Callable[[dict[str, Any]], bool]:
    return lambda m: m["type"] == kind


@virtually
async def test_a_page_hears_the_greeting_and_is_shown_what_happens(serve: Serve) -> None:
    async with serve() as server, Page(server) as page:
        ready = await page.until(of_type("ready"))
        assert (ready["graph"], ready["input_sample_rate"], ready["output_sample_rate"]) == (
            "interview",
            16000,
            24000,
        )
        await page.until(said("bot", GREETING))
        await page.until(of_type("mark"))
        await asyncio.sleep(1.0)  # else nothing of it was heard, and the graph greets anew
        page.say("Yes, I am salaried.")
        await page.until(said("bot", SECOND))
        latency = await page.until(of_type("latency"))
        assert latency["total_ms"] > 0
        state = await page.until(of_type("state"))
        assert state["values"]["outcome"] == "in_progress"
        assert {m["who"] for m in page.messages if m["type"] == "speaking"} >= {"caller", "bot"}
        assert {m["name"] for m in page.messages if m["type"] == "node"} == {"ask"}
        await page.send(type="hangup")
        assert (await page.until(of_type("ended")))["reason"] == "hangup"
        call = (await server.services.calls.list())[0]
        assert (await server.record(call.sid)).direction == "browser"


@virtually
async def test_keys_on_the_page_count_as_answers(serve: Serve) -> None:
    async with serve() as server, Page(server) as page:
        await page.until(said("bot", GREETING))
        await page.send(type="keys", digit="1")
        await page.until(of_type("clear"))
        await page.until(said("caller", "1"))
        await page.until(said("bot", SECOND))


@virtually
async def test_the_page_is_told_when_the_graph_is_done(serve: Serve) -> None:
    async with serve() as server, Page(server) as page:
        for digit in "11":
            await page.until(of_type("mark"))
            await page.send(type="keys", digit=digit)
            await asyncio.sleep(0.3)
        ended = await page.until(of_type("ended"))
        assert (ended["reason"], ended["outcome"]) == ("done", "eligible")


@virtually
async def test_a_second_page_on_the_same_thread_takes_the_call_over(serve: Serve) -> None:
    """Both would ask for the other's answer, and one microphone would hear two voices."""
    async with serve() as server, Page(server, thread="t") as first:
        await first.until(said("bot", GREETING))
        async with Page(server, thread="t") as second, Page(server, thread="u") as elsewhere:
            assert (await first.until(of_type("ended")))["reason"] == "moved"
            await second.until(of_type("ready"))
            await elsewhere.until(said("bot", GREETING))
            assert not [m for m in [*second.messages, *elsewhere.messages] if m["type"] == "ended"]
            moved = min(await server.services.calls.list(), key=lambda call: call.started_at)
            assert (await server.record(moved.sid)).status == "completed"


@virtually
async def test_a_page_does_not_take_a_telephone_call_over(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_speaks()
        (call,) = await server.services.calls.list()
        async with Page(server, thread=call.thread_id) as page:
            refused = await page.until(of_type("error"))
        assert refused["message"].startswith("A telephone call goes on in this conversation.")
        assert not line.closed.is_set()
        await line.hang_up()


@pytest.mark.parametrize(
    "start", ["not json", b"not text", '{"type":"hello"}', '{"type":"start","graph":"x"}']
)
@virtually
async def test_a_start_that_makes_no_sense_is_answered_for_a_person(
    serve: Serve, start: str | bytes
) -> None:
    async with serve() as server:
        address = f"ws{server.base.removeprefix('http')}/demo/voice/s2"
        async with websockets.connect(address, proxy=None) as socket:
            await socket.send(start)
            message = json.loads(await asyncio.wait_for(socket.recv(), 5))
            assert message["type"] == "error"
            assert re.fullmatch(r"[A-Z].+[^.]\.", message["message"])
            assert "'text'" not in message["message"]
            await asyncio.wait_for(socket.wait_closed(), 5)
            assert socket.close_code == 1008
        assert await server.services.calls.list() == []


@virtually
async def test_a_page_of_another_site_is_refused(serve: Serve) -> None:
    async with serve() as server:
        address = f"ws{server.base.removeprefix('http')}/demo/voice/s3"
        with pytest.raises(websockets.InvalidStatus) as refused:
            await websockets.connect(address, proxy=None, origin="https://evil.example")
        assert refused.value.response.status_code == 403
