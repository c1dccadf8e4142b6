"""The waterfall of an answer beside what a listener on the line has measured of the same answer."""

import asyncio
import time
from typing import Any

import pytest
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph

from graphs.threads import Graph
from tests.phone.call_graphs import State
from tests.phone.conftest import Serve
from voice.phonelab import PhoneLab, ScriptedCaller
from voice.phonelab.virtual_time import virtually
from voice.providers.embedded_tts import Voice
from voice.providers.recogniser import Recogniser

THINKS_SECS = 0.3
LISTENS_SECS, SPEAKS_SECS = 0.4, 0.05
"""What the models take: in virtual time the work of a thread takes none by itself."""


def takes(owner: type, work: str, secs: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a model take a given time, whatever else the machine does."""
    real = getattr(owner, work)

    def slowly(*args: Any) -> Any:
        time.sleep(secs)
        return real(*args)

    monkeypatch.setattr(owner, work, slowly)


def thinking() -> Graph:
    """A graph that looks something up for 0.3 s before it answers, and is done with the second."""

    async def look(_state: State) -> State:
        await asyncio.sleep(THINKS_SECS)
        return {}

    async def answer(state: State) -> State:
        asked = state.get("asked", 0)
        text = "Hello, are you salaried?" if not asked else "Thank you. Goodbye."
        return {"messages": [AIMessage(text)], "asked": asked + 1, "done": asked > 0}

    builder = StateGraph(State)
    builder.add_node("look", look)
    builder.add_node("answer", answer)
    builder.add_edge(START, "look")
    builder.add_edge("look", "answer")
    builder.add_edge("answer", END)
    return builder.compile()


@virtually
async def test_the_parts_of_an_answer_sum_to_what_is_measured_at_the_ear(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    takes(Recogniser, "transcribe", LISTENS_SECS, monkeypatch)
    takes(Voice, "synthesise", SPEAKS_SECS, monkeypatch)
    monkeypatch.setattr(Voice, "recall", lambda *_: None)  # what was said before, too
    async with (
        serve(thinking()) as server,
        PhoneLab(auth_token=None) as lab,
    ):
        call = lab.ring(f"{server.base}/voice/incoming", ScriptedCaller(["Yes, I am salaried."]))
        await call.wait(60)
        (turn,) = (await server.record(call.sid)).latency
    heard_ms = call.line.ear.turns[-1].latency_ms
    parts = {(part.stage, part.name): part.ms for part in turn.parts}
    assert heard_ms and turn.ear_ms and turn.total_ms
    assert round(sum(part.ms for part in turn.parts), 1) == turn.ear_ms
    assert parts["graph", "look"] >= 1000 * THINKS_SECS - 1
    assert {stage for stage, _ in parts} >= {"endpoint", "stt", "graph", "tts", "carrier"}
    assert parts["tts", None] == pytest.approx(1000 * SPEAKS_SECS, abs=25)
    # the detector takes the last tenth of a second for speech
    assert turn.ear_ms == pytest.approx(heard_ms, abs=120), parts
