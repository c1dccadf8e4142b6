"""Whole calls over the media stream, with real speech both ways."""

import asyncio
import audioop
import io
import json
import os
import threading
import wave

import httpx
import numpy as np
from langchain_core.messages import HumanMessage

from graphs.eligibility.graph import graph as eligibility
from graphs.threads import Reply
from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from tests.phone.conftest import Serve
from tests.phone.media_stream import Line, same_words, spoken, stream_of, transcript, words
from voice.phonelab.virtual_time import virtually
from voice.phrases import phrase


@virtually
async def test_a_call_is_held_from_the_webhook_to_the_last_word(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_is_quiet()
        assert same_words(transcript(bytes(line.heard)), GREETING)

        heard = len(line.heard)
        line.say("Yes, I am salaried.")
        await line.until_bot_is_quiet(since=heard)
        assert same_words(transcript(bytes(line.heard[heard:])), SECOND)

        heard = len(line.heard)
        line.say("I live in Mumbai.")
        await asyncio.wait_for(line.closed.wait(), 20)
        assert same_words(transcript(bytes(line.heard[heard:])), LAST)
        await line.drop()

        call = await server.record(line.call_sid)
        assert (call.status, call.outcome) == ("completed", "eligible")
        assert [u.role for u in call.transcript] == ["bot", "caller", "bot", "caller", "bot"]
        assert not any(u.interrupted for u in call.transcript)
        assert [turn.turn for turn in call.latency] == [2, 3]


@virtually
async def test_the_caller_interrupts_and_the_carrier_drops_what_it_holds(serve: Serve) -> None:
    long = "Let me explain this slowly. " * 6 + "Are you salaried?"
    async with serve(interview((long, SECOND, LAST))) as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_speaks()
        await asyncio.sleep(1.0)
        line.say("Stop, yes, I am salaried.")
        await line.until("clear")
        await line.until_bot_is_quiet(since=len(line.heard))
        await line.hang_up()
        call = await server.record(line.call_sid)
        assert [(u.role, u.interrupted) for u in call.transcript] == [
            ("bot", True),
            ("caller", False),
            ("bot", False),
        ]
        assert len(line.heard) < len(spoken(long))


@virtually
async def test_a_key_on_the_telephone_is_an_answer(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_speaks()
        await line.key("1")
        await line.until("clear")
        await line.until_bot_is_quiet(since=len(line.heard))
        await line.hang_up()
        call = await server.record(line.call_sid)
        assert [(u.text, u.source) for u in call.transcript[1:]] == [
            ("1", "keys"),
            (SECOND, "speech"),
        ]


@virtually
async def test_a_carrier_that_never_acknowledges_is_hung_up_on_all_the_same(serve: Serve) -> None:
    async with serve(interview((LAST,))) as server:
        line = Line(server.base, acknowledges=False)
        await line.call()
        await asyncio.wait_for(line.closed.wait(), 20)
        assert same_words(transcript(bytes(line.heard)), LAST)
        assert (await server.record(line.call_sid)).outcome == "eligible"


@virtually
async def test_odd_messages_of_a_carrier_do_not_end_the_call(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_speaks()
        for odd in (
            {"event": "mark", "mark": {"name": "utterance_end"}},
            {"event": "mark"},
            {"event": "clear"},
            {"event": "media", "media": {"payload": "not base64!"}},
            {"event": "media", "media": 5},
            {"event": "dtmf", "dtmf": {"digit": "x"}},
            {"event": "unheard of"},
            {},
        ):
            await line._send(odd)
        await line._socket.send("[1, 2")
        await line._socket.send("[1, 2]")
        await line.until_bot_is_quiet(since=len(line.heard))
        heard = len(line.heard)
        line.say("Yes, I am salaried.")
        await line.until_bot_is_quiet(since=heard)
        assert same_words(transcript(bytes(line.heard[heard:])), SECOND)
        await line.hang_up()


@virtually
async def test_a_caller_who_hangs_up_leaves_the_open_question_to_a_chat(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_is_quiet()
        await line.hang_up()
        call = await server.record(line.call_sid)
        assert (call.status, call.outcome) == ("completed", "in_progress")
        threads = server.services.threads
        events = [e async for e in threads.turn("interview", call.thread_id, HumanMessage("Yes"))]
        assert [e.text for e in events if isinstance(e, Reply)] == [SECOND]


@virtually
async def test_a_call_lasts_no_longer_than_it_may(serve: Serve) -> None:
    async with serve(max_call_secs=4) as server:
        line = Line(server.base)
        await line.call()
        await asyncio.wait_for(line.closed.wait(), 20)
        call = await server.record(line.call_sid)
        assert call.transcript[-1].text == phrase("too_long")
        assert call.status == "completed"


@virtually
async def test_a_recorded_call_says_so_and_keeps_both_sides_apart(serve: Serve) -> None:
    async with serve(record_calls=True) as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_is_quiet()
        line.say("Yes, I am salaried.")
        await line.until_bot_is_quiet(since=len(line.heard))
        await line.hang_up()
        call = await server.record(line.call_sid)
        assert call.transcript[0].text == phrase("recorded")
        async with httpx.AsyncClient(trust_env=False) as client:
            got = await client.get(f"{server.base}/api/calls/{call.sid}/recording")
        with wave.open(io.BytesIO(got.content)) as file:
            assert (file.getnchannels(), file.getframerate()) == (2, 8000)
            both = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, 2)
        left, right = (audioop.lin2ulaw(both[:, side].tobytes(), 2) for side in (0, 1))
        assert same_words(transcript(left), "Yes, I am salaried.")
        assert transcript(right).startswith(words(phrase("recorded")))
        assert transcript(right).endswith(words(SECOND))


@virtually
async def test_a_call_in_progress_is_on_record_already(serve: Serve) -> None:
    """What was said survives a crash: it is written while the call goes on."""
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_is_quiet()
        call = await server.services.calls.get(line.call_sid)
        assert call is not None
        assert (call.status, [u.text for u in call.transcript]) == ("in-progress", [GREETING])
        await line.hang_up()


@virtually
async def test_a_client_that_stops_reading_does_not_hold_the_call_for_ever(serve: Serve) -> None:
    """A half-dead socket raises nothing: only a bound ends it."""
    async with serve(interview(("A long story. " * 40,)), max_call_secs=3) as server:
        response = await Line(server.base).ring()
        url, parameters = stream_of(response.text)
        host, port = url.removeprefix("ws://").split("/")[0].split(":")
        reader, writer = await asyncio.open_connection(host, int(port), limit=4096)
        path = "/" + url.split("/", 3)[3]
        writer.write(
            f"GET {path} HTTP/1.1\r\nHost: {host}:{port}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n".encode()
        )
        await reader.readuntil(b"\r\n\r\n")
        sid = path.rsplit("/", 1)[1]
        start = {"callSid": sid, "streamSid": "MZ1", "customParameters": parameters}
        writer.write(_masked(json.dumps({"event": "start", "start": start}).encode()))
        await writer.drain()
        call = await server.record(sid, wait=40)
        assert call.ended_at is not None
        writer.close()


def _masked(text: bytes) -> bytes:
    """A text frame of a WebSocket client, with a mask of zeros."""
    return b"\x81" + bytes([0x80 | 126]) + len(text).to_bytes(2, "big") + bytes(4) + text


@virtually
async def test_the_eligibility_interview_is_held_by_voice(serve: Serve) -> None:
    async with serve(eligibility) as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_is_quiet(pause=1.0)
        for answer in ("Yes, I am salaried.", "Forty thousand rupees.", "Mumbai."):
            heard = len(line.heard)
            line.say(answer)
            await line.until_bot_is_quiet(since=heard, pause=1.0)
        await asyncio.wait_for(line.closed.wait(), 30)
        call = await server.record(line.call_sid)
        assert (call.status, call.outcome) == ("completed", "eligible")


@virtually
async def test_the_eligibility_interview_is_held_with_keys(serve: Serve) -> None:
    async with serve(eligibility) as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_speaks()
        await line.key("2")
        await asyncio.wait_for(line.closed.wait(), 30)
        call = await server.record(line.call_sid)
        assert (call.status, call.outcome) == ("completed", "not_eligible")


@virtually
async def test_ten_calls_leave_no_task_thread_or_file_behind(serve: Serve) -> None:
    async with serve(record_calls=True) as server:
        await _short_call(server.base, "CA-warm")
        await server.record("CA-warm")
        await asyncio.sleep(1.0)
        before = _held()
        await asyncio.gather(*(_short_call(server.base, f"CA-{n}") for n in range(10)))
        for n in range(10):
            await server.record(f"CA-{n}", wait=30)
        async with asyncio.timeout(10):
            while any(now > then for now, then in zip(_held(), before, strict=True)):
                await asyncio.sleep(0.1)


async def _short_call(base: str, sid: str) -> None:
    line = Line(base, call_sid=sid)
    await line.call()
    await line.until_bot_speaks()
    await line.hang_up()


def _held() -> tuple[int, int, int]:
    """Tasks, threads and files of the process; the pools that all calls share left out."""
    shared = ("stt", "tts", "_connection_worker_thread", "asyncio_")
    threads = [t.name for t in threading.enumerate()]
    files = [_target(name) for name in os.listdir("/proc/self/fd")]
    return (
        len(asyncio.all_tasks()),
        sum(not any(part in name for part in shared) for name in threads),
        sum("sqlite" not in file for file in files),
    )


def _target(descriptor: str) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        return "sqlite"  # the descriptor of the listing itself
