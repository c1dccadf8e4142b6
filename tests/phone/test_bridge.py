"""Whole calls over the media stream, with real speech both ways."""

import asyncio

from tests.phone.call_graphs import GREETING, LAST, SECOND
from tests.phone.conftest import Serve
from tests.phone.media_stream import Line, transcript, words


async def test_a_call_is_held_from_the_webhook_to_the_last_word(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base)
        await line.call()
        await line.until_bot_is_quiet()
        assert transcript(bytes(line.heard)) == words(GREETING)

        heard = len(line.heard)
        line.say("Yes, I am salaried.")
        await line.until_bot_is_quiet(since=heard)
        assert transcript(bytes(line.heard[heard:])) == words(SECOND)

        heard = len(line.heard)
        line.say("I live in Mumbai.")
        await asyncio.wait_for(line.closed.wait(), 20)
        assert transcript(bytes(line.heard[heard:])) == words(LAST)
        await line.drop()

        call = await server.record(line.call_sid)
        assert (call.status, call.outcome) == ("completed", "eligible")
        assert [u.role for u in call.transcript] == ["bot", "caller", "bot", "caller", "bot"]
        assert not any(u.interrupted for u in call.transcript)
        assert [turn.turn for turn in call.latency] == [2, 3]
