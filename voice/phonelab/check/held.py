"""Calls that a check holds: their script, what came of them, and the moments in them."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from graphs.questions import Question
from graphs.threads import Graph
from settings import get_settings
from voice.phonelab.apart import OF_THE_MODEL, desk_apart
from voice.phonelab.check.watch import Trouble, Watch
from voice.phonelab.faults import Faults
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Act, HangsUp, Says
from voice.phonelab.virtual_speech import Word

PAUSE_SECS = 0.8
"""From the bot's last word to the caller's first."""
LONGEST_PAUSE_SECS = 4.0
"""In a reply; what comes later is a reply to silence."""
PATIENCE_SECS = 45.0
"""How long a caller waits for the end of an answer."""
SENTENCE_ENDS = (".", "!", "?", "।")


@dataclass(frozen=True)
class Script:
    """A call that is to be held."""

    acts: Sequence[Act] = ()
    faults: Faults = Faults()
    trouble: Trouble | None = None
    again: Sequence[Act] | None = None
    """What the caller does in a second call on the same thread."""


@dataclass(frozen=True)
class Held:
    """A call that was held."""

    script: Script
    result: Result
    watch: Watch
    again: Result | None = None

    def calls(self) -> list[Result]:
        """Return the first call, and both as one: their thread is one."""
        if self.again is None:
            return [self.result]
        lines = [*self.result.record.transcript, *self.again.record.transcript]
        record = self.again.record.model_copy(update={"transcript": lines})
        played = (*self.result.played, *self.again.played)
        return [self.result, replace(self.again, record=record, played=played)]

    def reply_after(self, at: float) -> list[Word]:
        """Return the words of the bot from a time to the first long pause."""
        words = [word for word in self.result.played if word.began >= at]
        for number, (before, word) in enumerate(itertools.pairwise(words), 1):
            if word.began - before.ended > LONGEST_PAUSE_SECS:
                return words[:number]
        return words


def hold(graph: Graph, script: Script, folder: Path, *, real: bool = False) -> Held:
    """Hold a call, and a second one on its thread where the script has one; neither acts outside.

    Args:
        graph: which answers.
        script: what happens.
        folder: an empty one, for the databases.
        real: whether the time of the graph is real.
    """
    watch = Watch(script.trouble, real)
    ours = get_settings()
    given = {name: getattr(ours, name) for name in OF_THE_MODEL}

    def call(acts: Sequence[Act], **more: Any) -> VirtualCall:
        return VirtualCall(graph, acts, folder=folder, configurable=desk_apart, **given, **more)

    first = call(script.acts, faults=script.faults)
    second = None
    with watch.watching():
        result = first.run()
        if script.again is not None:
            thread_id = result.record.thread_id
            second = call(script.again, thread_id=thread_id, seed=1).run()
    return Held(script, result, watch, second)


@dataclass(frozen=True)
class Moments:
    """When what happens in a call in which the caller says one thing; seconds since the answer."""

    greeting: Sequence[Word]
    asks_at: float
    """The caller begins to speak."""
    asked_at: float
    """And has spoken."""
    reply: Sequence[Word]
    tool_at: float | None
    """The first tool begins."""
    model: bool
    """Whether a model writes the answer."""
    writes_until: float
    """The model has written its last word."""
    question: Question | None = None
    """Of `interrupt()`, that is open then."""
    says: Sequence[str] = field(default=())

    @property
    def ends_at(self) -> float:
        """The reply has been said."""
        return self.reply[-1].ended if self.reply else self.asked_at + 3

    def word(self, share: float) -> float:
        """Return when the word at a share of the reply is in the middle."""
        word = self.reply[round(share * (len(self.reply) - 1))]
        return (word.began + word.ended) / 2

    @property
    def between_sentences(self) -> float | None:
        """When the first sentence of several has just been said."""
        ends = [word.ended for word in self.reply[:-1] if word.text.endswith(SENTENCE_ENDS)]
        return ends[0] if ends else None


def moments_of(opening: Held, asked: Held, says: Sequence[str]) -> Moments:
    """Return the moments of a call, from one in which the caller only listens and asks once."""
    asks_at = asking_at(opening)
    asked_at = max((word.ended for word in asked.result.said), default=asks_at)
    spans = [span for span in asked.watch.spans if span.began >= asked_at]
    tools = [span.began for span in spans if span.kind == "tool"]
    models = [span for span in spans if span.kind == "model"]
    return Moments(
        greeting=opening.reply_after(0),
        asks_at=asks_at,
        asked_at=asked_at,
        reply=asked.reply_after(asked_at),
        tool_at=tools[0] if tools else None,
        model=bool(models),
        writes_until=max((span.ended or span.began for span in models), default=0.0),
        question=next(map(Question.of, asked.result.interrupts), None),
        says=says,
    )


def asking_at(opening: Held) -> float:
    """Return when the caller speaks who lets the bot finish its greeting."""
    greeting = opening.reply_after(0)
    return greeting[-1].ended + PAUSE_SECS if greeting else 2.0


def asking(opening: Held, text: str) -> Script:
    """Return the call in which the caller says one thing and waits."""
    at = asking_at(opening)
    return Script([Says(at, text), HangsUp(at + PATIENCE_SECS)])
