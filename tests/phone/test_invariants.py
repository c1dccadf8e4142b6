"""The checker of promises sees each promise broken."""

import dataclasses
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from store.calls import Utterance
from tests.phone.random_calls import KNOWN, SECRET, RandomCall, Reply, word
from voice.phonelab import Faults
from voice.phonelab.invariants import CHECKS, Effect, violations
from voice.phonelab.virtual import Result
from voice.phonelab.virtual_acts import HangsUp, Says
from voice.phonelab.virtual_speech import Word

GOOD = RandomCall(
    (Reply(words=6), Reply(words=4, tool="acts")), (Says(3.5, "Yes."), HangsUp(9.0)), Faults()
)


@pytest.fixture(scope="module")
def good() -> Result:
    return GOOD.run()


def unheard(result: Result) -> dict[str, Any]:
    first, *others = result.record.transcript
    more = first.model_copy(update={"text": f"{first.text} unheard"})
    return {"record": result.record.model_copy(update={"transcript": [more, *others]})}


def longer_thread(result: Result) -> dict[str, Any]:
    return {"messages": (*result.messages, AIMessage("never said"))}


def late(result: Result) -> dict[str, Any]:
    return {"stretches": (*result.stretches, (Word(word(40, 3), 0.0, 0.2),))}


BROKEN = {
    "the record holds what was heard": unheard,
    "after a crash the record holds what was heard": lambda r: {**unheard(r), "died_at": 1.0},
    "the thread holds what was heard": longer_thread,
    "thread and record say the same": longer_thread,
    "nothing is said that was cleared": late,
    "words are said in their order": lambda r: {"played": (*r.played[:1], *r.played[2:])},
    "no word is secret": lambda r: {"stretches": ((Word(f"{SECRET}.", 0.0, 0.2),),)},
    "no call of a tool is without its answer": lambda r: {
        "messages": (AIMessage("", tool_calls=[{"name": "acts", "args": {}, "id": "lost"}]),)
    },
    "an effect happens once": lambda r: {"effects": r.effects * 2},
    "an effect belongs to a turn that is kept": lambda r: {"effects": (Effect("sms", "gone"),)},
    "a turn of the caller is on the thread once": lambda r: {
        "messages": (HumanMessage("Yes.", id="a"), HumanMessage("Yes.", id="a"))
    },
    "the call's end leaves nothing behind": lambda r: {"left_over": ("stream 0",)},
    "nothing goes wrong unseen": lambda r: {"errors": ("voice.bridge: failed",)},
}


def test_a_good_call_breaks_none(good: Result) -> None:
    assert violations(good, KNOWN) == []
    assert any(isinstance(said, Utterance) for said in good.record.transcript)
    assert good.effects


@pytest.mark.parametrize("name", sorted(CHECKS))
def test_a_broken_promise_is_seen(good: Result, name: str) -> None:
    broken = dataclasses.replace(good, **BROKEN[name](good))
    assert any(sentence.startswith(f"{name}: ") for sentence in violations(broken, KNOWN))
