"""What a model reads beside its answer: it points at words, code reads them and asks."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import StreamingResponse
from langchain_core.messages import HumanMessage

from graphs.models import Failures
from graphs.sdr import answering, reading
from graphs.sdr.agent import Llm
from graphs.threads import Token
from tests.sdr import CALLER, Conversation, agent, conversation
from tests.wire.servers import served
from tests.wire.servers.openai_chat import Written
from tests.wire.test_sdr_model import talking

TELLS = (
    "The cash allows roughly 500 dollars monthly, it hinges on my sister, once the new shop opens"
)
UNDO = "My receiver stays on the hook for sellers, remember that"
"""Wants no calls, and code does not see it."""
ASKED = "Shall I take your number off our list"
ANSWER = "Answers are written once. They can be used again."


@pytest.fixture(autouse=True)
def _no_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(answering, "FAILURES", Failures())
    monkeypatch.setattr(reading, "READINGS", Failures())


def noted(**fields: Any) -> Written:
    return Written(calls=[("Note", fields)])


async def taken_off(talk: Conversation) -> bool:
    decision = await talk.desk.permissions.check(CALLER, "lanternfield")
    return "numbers not to be called" in str(decision)


async def test_facts_are_read_by_code_from_the_words_the_model_quotes(tmp_path: Path) -> None:
    async with talking(tmp_path, Written(ANSWER)) as (talk, model):
        model.reads = [
            noted(
                budget="roughly 500 dollars monthly",
                authority="it hinges on my sister",
                decides="no",
                timing="once the new shop opens",
            )
        ]
        said = await talk.say(TELLS)
        assert said == ANSWER
        facts = talk.values["facts"]
        budget, authority, timing = facts["budget"], facts["authority"], facts["timing"]
        assert (budget["value"]["least"], budget["value"]["currency"]) == ("500", "USD")
        assert authority["value"] == {"decides": "no"} and authority["source"] == "model"
        assert timing["words"] == "once the new shop opens"
        assert talk.last.usage_metadata and talk.last.usage_metadata["total_tokens"] == 198


@pytest.mark.parametrize(
    "fields",
    [
        {"budget": "900 dollars monthly", "need": "we lose too many messages"},
        {"budget": "roughly", "decides": "yes"},
        {"budget": 500, "need": [TELLS], "timing": None, "more": "once the new shop opens"},
    ],
)
async def test_what_the_caller_has_not_said_is_no_fact(
    tmp_path: Path, fields: dict[str, Any]
) -> None:
    async with talking(tmp_path, Written(ANSWER)) as (talk, model):
        model.reads = [noted(**fields)]
        await talk.say(TELLS)
        assert len(model.read) == 1 and talk.values["facts"] == {}


async def test_a_fact_the_caller_has_told_before_stays_as_code_has_it(tmp_path: Path) -> None:
    async with talking(tmp_path, Written(ANSWER), Written(ANSWER)) as (talk, model):
        await talk.say("Our budget is 300 dollars a month")
        model.reads = [noted(budget="roughly 500 dollars monthly")]
        await talk.say(TELLS)
        assert talk.values["facts"]["budget"]["value"]["least"] == "300"


async def test_who_wants_no_calls_is_asked_in_place_of_an_answer_and_their_yes_decides(
    tmp_path: Path,
) -> None:
    async with talking(tmp_path, Written(ANSWER)) as (talk, model):
        model.reads = [noted(wants_no_calls="stays on the hook for sellers")]
        said = await talk.say(UNDO)
        assert said.startswith(ASKED) and not await taken_off(talk)
        assert "do-not-call list now" in await talk.say("yes")
        assert await taken_off(talk)


async def test_a_caller_who_says_no_stays_on_and_is_not_asked_for_ever(tmp_path: Path) -> None:
    async with talking(tmp_path, *[Written(ANSWER)] * 5) as (talk, model):
        asked = 0
        for _ in range(4):
            model.reads = [noted(wants_no_calls="stays on the hook for sellers")]
            asked += ASKED in await talk.say(UNDO)
            await talk.say("no")
        assert asked == 2 and not await taken_off(talk)


async def test_words_the_caller_did_not_say_never_make_us_ask(tmp_path: Path) -> None:
    async with talking(tmp_path, Written(ANSWER)) as (talk, model):
        model.reads = [noted(wants_no_calls="stop calling me")]
        assert await talk.say(UNDO) == ANSWER


async def test_a_reading_that_comes_late_asks_behind_what_was_said(tmp_path: Path) -> None:
    late = asyncio.Event()
    async with talking(tmp_path, Written(ANSWER)) as (talk, model):
        model.reads = [noted(wants_no_calls="stays on the hook for sellers")]
        model.reads[0].after = late
        said = ""
        async for event in talk.threads.turn("sdr", "t", HumanMessage(UNDO)):
            if isinstance(event, Token):
                said += event.text
                late.set()
        assert said.startswith(ANSWER) and ASKED in said


async def test_a_reading_that_never_comes_holds_nobody_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "MOST_SECS", 600)
    never = asyncio.Event()
    async with talking(tmp_path, Written(ANSWER)) as (talk, model):
        model.reads = [noted(need="it hinges on my sister")]
        model.reads[0].after = never
        assert await talk.say(TELLS) == ANSWER
        assert talk.values["facts"] == {}
        never.set()


@pytest.mark.parametrize("bad", [Written(status=400), Written("I do not call tools.")])
async def test_a_model_that_does_not_read_answers_all_the_same_and_is_left_alone(
    tmp_path: Path, bad: Written, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    async with talking(tmp_path, *[Written(ANSWER)] * 4) as (talk, model):
        model.reads = [bad] * 4
        for _ in range(4):
            assert (await talk.say(TELLS)).startswith(ANSWER)
        assert len(model.read) == 2 and len(model.asked) == 4
        told = [one.getMessage() for one in caplog.records if one.name == "graphs.sdr.reading"]
        assert len(told) == 2 and not [one for one in told if "sister" in one]


async def test_what_code_decides_alone_is_not_read(tmp_path: Path) -> None:
    async with talking(tmp_path) as (talk, model):
        await talk.say("Are you a robot?")
        await talk.say("Goodbye")
        assert not model.read and not model.asked


EVENTS = "text/event-stream"
USAGE = {"input_tokens": 90, "output_tokens": 9}


class Claude:
    """`POST /v1/messages` of Anthropic: words streamed, and one tool used where it must be."""

    def __init__(self, notes: dict[str, Any]) -> None:
        self.notes = notes
        self.forced: list[Any] = []

    @property
    def app(self) -> FastAPI:
        app = FastAPI()
        app.add_api_route("/v1/messages", self._message, methods=["POST"])
        return app

    async def _message(self, request: Request) -> Response:
        body = await request.json()
        if forced := body.get("tool_choice"):
            self.forced.append(forced)
        message = {"id": "m", "type": "message", "role": "assistant", "model": body["model"]}
        message |= {"content": [], "stop_reason": None, "stop_sequence": None, "usage": USAGE}
        return StreamingResponse(self._events(message, bool(forced)), media_type=EVENTS)

    async def _events(self, message: dict[str, Any], forced: bool) -> AsyncIterator[str]:
        block: dict[str, Any] = {"type": "text", "text": ""}
        delta = {"type": "text_delta", "text": ANSWER}
        if forced:
            block = {"type": "tool_use", "id": "t", "name": "Note", "input": {}}
            delta = {"type": "input_json_delta", "partial_json": json.dumps(self.notes)}
        stop = {"stop_reason": "tool_use" if forced else "end_turn", "stop_sequence": None}
        for kind, more in (
            ("message_start", {"message": message}),
            ("content_block_start", {"index": 0, "content_block": block}),
            ("content_block_delta", {"index": 0, "delta": delta}),
            ("content_block_stop", {"index": 0}),
            ("message_delta", {"delta": stop, "usage": USAGE}),
            ("message_stop", {}),
        ):
            yield f"event: {kind}\ndata: {json.dumps({'type': kind, **more})}\n\n"


async def test_a_model_of_anthropics_reads_too(tmp_path: Path) -> None:
    claude = Claude({"timing": "once the new shop opens"})
    async with served(claude.app) as url, conversation(tmp_path, anthropic_api_key="k") as talk:
        talk.desk.settings.llm_base_url = url
        made = agent(llm=Llm(provider="anthropic", model="claude-scripted"))
        await talk.open(agent=made.model_dump(mode="json"))
        assert await talk.say(TELLS) == ANSWER
        assert claude.forced == [{"type": "tool", "name": "Note"}]
        assert talk.values["facts"]["timing"]["source"] == "model"
