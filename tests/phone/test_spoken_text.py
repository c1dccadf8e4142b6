"""Markdown written by a model, over the telephone: what is heard, and what the record keeps."""

import asyncio

from tests.phone.call_graphs import interview
from tests.phone.conftest import Serve
from tests.phone.media_stream import Line, transcript
from voice.phonelab.virtual_time import virtually

PLAN = (
    "## Your plan\n\n"
    "- **Interest** is 12.5 % a year.\n"
    "- See [our website](https://www.dialgraph.com/a_b?c=1).\n\n"
    "| month | sum |\n|---|---|\n| 1 | 2 |\n\n"
    "Thank you! 😊"
)


@virtually
async def test_markdown_is_heard_without_its_marks(serve: Serve) -> None:
    async with serve(interview((PLAN, "Goodbye."))) as server:
        call = Line(server.base)
        await call.call()
        await call.until_bot_is_quiet()
        said = transcript(bytes(call.heard))
        await call.hang_up()
        record = await server.record(call.call_sid)
    for part in ("interest is", "see our website", "table in the chat", "thank you"):
        assert part in said
    for mark in ("asterisk", "hash", "pipe", "http", "dash", "slash", "month"):
        assert mark not in said
    assert record.transcript[0].text == PLAN


@virtually
async def test_a_caller_who_interrupts_has_heard_the_words_as_they_are_written(
    serve: Serve,
) -> None:
    slowly = "The fee is **₹1,50,000** now. " + "Let me explain _this_ slowly. " * 6
    async with serve(interview((slowly, "Goodbye."))) as server:
        call = Line(server.base)
        await call.call()
        await call.until_bot_speaks()
        await asyncio.sleep(4.0)
        call.say("Stop, yes, I am salaried.")
        await call.until("clear")
        await call.hang_up()
        record = await server.record(call.call_sid)
    kept = record.transcript[0]
    assert kept.interrupted
    assert kept.text.startswith("The fee is **₹1,50,000** now.")
    assert slowly.split()[: len(kept.text.split())] == kept.text.split()
