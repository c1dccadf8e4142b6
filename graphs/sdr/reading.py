"""What a model reads from the caller's words beside its answer: facts, and the wish for no calls.

It only points at words. Code looks whether the caller has said them, reads sums, numbers and
times from them itself, and asks before it takes anybody off. A reading that fails changes nothing.
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.messages.ai import UsageMetadata
from pydantic import BaseModel, Field

from faults import places
from graphs.eligibility.utterance import span, words
from graphs.models import HIDDEN, Failures
from graphs.sdr.agent import FactName
from graphs.sdr.facts import PAYS_OTHERS, facts_in
from graphs.sdr.private import told_of
from graphs.sdr.turn import Turn

log = logging.getLogger(__name__)

READINGS = Failures()
"""Models that do not read, of this process: left alone for a while, as those that do not answer."""
WAIT_SECS: Final = 0.3
"""So long the first sentence of an answer waits for the reading once it is there, and so long the
end of the answer waits again."""
MOST_SECS: Final = 5.0
"""A reading that takes longer is given up."""
_HEAD_START_SECS: Final = 0.02
"""The answer is asked for first, for models that do one thing after the other."""
_LEAST_NEED: Final = 3
_LONGEST: Final = 300
_INSTRUCTIONS: Final = """\
You take notes of a sales call. Call the tool once, about the caller's last words only. Each field \
is a piece of the caller's words, copied exactly, or "" if they did not say it. Never fill in what \
was not said. What the assistant said is no note."""

Found = dict[FactName, tuple[dict[str, Any], str]]


class Note(BaseModel):
    """Note what the caller has just said, in their own words, copied exactly."""

    wants_no_calls: str = Field(
        "", description="words by which they want no more calls, or to be taken off the list"
    )
    need: str = Field("", description="words that tell what problem they have or want to improve")
    team_size: str = Field("", description="words that tell how many people would use it")
    budget: str = Field("", description="words that tell what they can spend, with the sum")
    authority: str = Field("", description="words that tell who decides about buying")
    decides: Literal["", "yes", "no", "shared"] = Field(
        "", description="yes: the caller decides; no: somebody else; shared: several together"
    )
    timing: str = Field("", description="words that tell when they want to start")


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read, checked against what was said."""

    wants_no_calls: bool = False
    facts: Found = field(default_factory=dict)
    usage: UsageMetadata | None = None
    """Tokens that it took."""


def checked(turn: Turn, noted: Mapping[str, Any]) -> Reading:
    """Return what holds of the notes of a model: what it quotes, as far as it was said."""
    text = turn.text
    fields = {name: told for name, told in noted.items() if isinstance(told, str)}
    quotes = {name: quoted(fields.get(name, ""), text) for name in Note.model_fields}
    facts: Found = {}
    asks = text.rstrip().endswith("?")
    for name in () if told_of(turn) or asks else get_args(FactName):
        said = quotes[name]
        value = _value(name, said, fields.get("decides", ""), text) if said else None
        if said and value:
            facts[name] = (value, said)
    return Reading(bool(quotes["wants_no_calls"]), facts)


def quoted(quote: str, text: str) -> str | None:
    """Return the words of a text that a quote repeats, as they stand in it; None if it does not."""
    heard, wanted = words(text), [word.text for word in words(quote)]
    for at in range(len(heard) - len(wanted) + 1 if wanted else 0):
        if [word.text for word in heard[at : at + len(wanted)]] == wanted:
            return text[slice(*span(heard, at, at + len(wanted)))]
    return None


def _value(name: FactName, said: str, decides: str, text: str) -> dict[str, Any] | None:
    """Read the value of a fact from the words that tell it."""
    if name == "need":
        return {"text": said[:_LONGEST]} if len(said.split()) >= _LEAST_NEED else None
    read = facts_in(said, name).get(name)
    value = dict(read[0]) if read else None
    if name == "budget" and value:
        whole = facts_in(text, name).get(name)
        if whole and whole[0].get("least") == value.get("least"):
            value = dict(whole[0])  # with the currency that stands beside the quote
        if PAYS_OTHERS.search(text):
            value["pays"] = True
    if value is None and name == "authority" and decides in ("yes", "no", "shared"):
        return {"decides": decides}
    if value is None and name == "timing":
        return {"when": said[:_LONGEST]}
    return value


class Reader:
    """A reading that goes on while an answer is written.

    Args:
        model: reads; any that calls tools.
        turn: what is read.
        key: tells the model from others.
    """

    def __init__(self, model: BaseChatModel, turn: Turn, key: str) -> None:
        self.reading = Reading()
        """What was read so far; nothing until `wait` has had it."""
        self._turn = turn
        self._key = key
        self._task = asyncio.create_task(self._read(model))

    async def wait(self) -> Reading:
        """Return what was read; nothing if it does not come in time."""
        done, _ = await asyncio.wait({self._task}, timeout=WAIT_SECS)
        if done:
            self.reading = self._task.result()
        return self.reading

    async def close(self) -> None:
        """Give up what has not been read."""
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task

    async def _read(self, model: BaseChatModel) -> Reading:
        loop = asyncio.get_running_loop()
        if READINGS.paused(self._key, loop.time()):
            return Reading()
        try:
            await asyncio.sleep(_HEAD_START_SECS)
            bound = model.bind_tools([Note], tool_choice=Note.__name__)
            given = [SystemMessage(_INSTRUCTIONS), *self._said()]
            async with asyncio.timeout(MOST_SECS):
                answer = await bound.ainvoke(given, config={"tags": HIDDEN})
            noted = next(call["args"] for call in answer.tool_calls if call["name"] == "Note")
            READINGS.answered(self._key)
            read = checked(self._turn, noted)
            return Reading(read.wants_no_calls, read.facts, answer.usage_metadata)
        except Exception as error:  # whatever a provider's client raises, or no call of the tool
            READINGS.failed(self._key, loop.time())
            log.info("The caller's words were not read by the model: %s", places(error))
            return Reading()

    def _said(self) -> list[AIMessage | HumanMessage]:
        before = [AIMessage(self._turn.last_said)] if self._turn.last_said else []
        return [HumanMessage("(the call begins)"), *before, HumanMessage(self._turn.text)]
