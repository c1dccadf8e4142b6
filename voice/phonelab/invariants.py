"""What must be true of every call, whatever happened on it; see the promises in the README.

`violations(result)` looks at a call in virtual time, `thread_violations(messages)` at any thread.
Words are compared with what the line really played, read from its sound, not with our own ledger.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from voice.phonelab.virtual import Result


@dataclass(frozen=True)
class Effect:
    """Something a tool has done that cannot be undone."""

    key: str
    """What must happen only once."""
    turn: str
    """Id of the human message it answers; empty in the turn that opens the call."""


@dataclass(frozen=True)
class Known:
    """What is known of a graph beforehand."""

    secrets: frozenset[str] = frozenset()
    """Words of tools, structured answers and private nodes, which must never be said."""
    place: Callable[[str], tuple[int, int] | None] = lambda _word: None
    """Message and place in it of a word that occurs only there; None for other words."""
    spoken: Callable[[AIMessage], bool] = field(default=lambda message: bool(message.text.strip()))
    said: Callable[[str], str] = str
    """What the voice makes of what is written."""


MARKS = ".,!?;:…।"
"""Not compared: a voice may end a sentence that was cut off."""
Check = Callable[[Result, Known], Iterator[str]]
CHECKS: dict[str, Check] = {}


def check(name: str) -> Callable[[Check], Check]:
    """Register a check under what it says must be true."""

    def register(function: Check) -> Check:
        CHECKS[name] = function
        return function

    return register


def violations(result: Result, known: Known = Known(), leave_out: Iterable[str] = ()) -> list[str]:
    """Return a sentence for each thing that must not have happened; none for a good call."""
    left_out = set(leave_out)
    return [
        f"{name}: {broken}"
        for name, function in CHECKS.items()
        if name not in left_out
        for broken in function(result, known)
    ]


def thread_violations(messages: Sequence[BaseMessage], following: Sequence[str] = ()) -> list[str]:
    """Return what is wrong with any thread, however it came about.

    Args:
        messages: on the thread.
        following: nodes still to run on it; then the last calls may wait for them.
    """
    asking = [number for number, m in enumerate(messages) if isinstance(m, AIMessage)]
    settled = messages[: asking[-1]] if following and asking else messages
    return [f"the call {orphan} has no answer" for orphan in _orphans(settled)]


@check("the record holds what was heard")
def _record_is_heard(result: Result, known: Known) -> Iterator[str]:
    if result.died_at is None:
        yield from _not_played(_recorded(result), result, known)


@check("after a crash the record holds what was heard")
def _crashed_record_is_heard(result: Result, known: Known) -> Iterator[str]:
    if result.died_at is not None:
        yield from _not_played(_recorded(result), result, known)


@check("the thread holds what was heard")
def _thread_is_heard(result: Result, known: Known) -> Iterator[str]:
    yield from _not_played(_texts(result.messages, known), result, known)


@check("thread and record say the same")
def _same_everywhere(result: Result, known: Known) -> Iterator[str]:
    record = " ".join(_recorded(result)).split()
    thread = " ".join(_texts(result.messages, known)).split()
    if missing := _missing(thread, record):
        yield f"the thread has {missing[0]!r}, the record is {record}"


@check("nothing is said that was cleared")
def _nothing_after_clear(result: Result, known: Known) -> Iterator[str]:
    """After `clear` a message begins, or one goes on where the caller last heard it: no later.

    Audio that slipped past the clear would go on later: what was in the carrier's buffer is lost.
    """
    heard: dict[int, int] = {}
    for word in result.played:
        if place := known.place(word.text):
            heard[place[0]] = max(heard.get(place[0], -1), place[1])
    for stretch in result.stretches[1:]:
        place = next((known.place(word.text) for word in stretch[:1]), None)
        if place and place[1] > heard.get(place[0], -1) + 1:
            yield f"{stretch[0].text!r} was sent after a clear, in the middle of its message"


@check("words are said in their order")
def _no_word_skipped(result: Result, known: Known) -> Iterator[str]:
    last: dict[int, int] = {}
    for word in result.played:
        if place := known.place(word.text):
            message, number = place
            if number > last.get(message, -1) + 1:
                yield f"{word.text!r} was played, but not the word before it"
            last[message] = max(last.get(message, -1), number)


@check("no word is secret")
def _nothing_secret(result: Result, known: Known) -> Iterator[str]:
    sent = {word.text.strip(".,!?") for stretch in result.stretches for word in stretch}
    for word in sorted(sent & known.secrets):
        yield f"{word!r} was sent to the caller"


@check("no call of a tool is without its answer")
def _no_orphans(result: Result, _known: Known) -> Iterator[str]:
    yield from thread_violations(result.messages, result.following)


@check("an effect happens once")
def _once(result: Result, _known: Known) -> Iterator[str]:
    times = Counter(effect.key for effect in result.effects)
    yield from (f"{key} happened {count} times" for key, count in times.items() if count > 1)


@check("an effect belongs to a turn that is kept")
def _no_effect_of_a_withdrawn_turn(result: Result, _known: Known) -> Iterator[str]:
    kept = {message.id for message in result.messages if isinstance(message, HumanMessage)}
    if any(isinstance(message, ToolMessage) for message in result.messages):
        kept.add("")
    for effect in result.effects:
        if effect.turn not in kept:
            yield f"{effect.key} happened, but its turn is not on the thread"


@check("a turn of the caller is on the thread once")
def _no_double_turn(result: Result, _known: Known) -> Iterator[str]:
    times = Counter(m.id for m in result.messages if isinstance(m, HumanMessage))
    yield from (f"{key} stands {count} times" for key, count in times.items() if count > 1)


@check("the call's end leaves nothing behind")
def _nothing_left(result: Result, _known: Known) -> Iterator[str]:
    if result.died_at is None:
        yield from (f"{name} is left over" for name in result.left_over)
        if result.record.ended_at is None:
            yield "the record is still open"


@check("nothing goes wrong unseen")
def _no_errors(result: Result, _known: Known) -> Iterator[str]:
    if result.died_at is None:
        yield from result.errors


def _recorded(result: Result) -> list[str]:
    return [line.text for line in result.record.transcript if line.role == "bot"]


def _texts(messages: Sequence[BaseMessage], known: Known) -> list[str]:
    return [m.text for m in messages if isinstance(m, AIMessage) and known.spoken(m)]


def _not_played(written: list[str], result: Result, known: Known) -> Iterator[str]:
    played = [word.text.strip(MARKS) for word in result.played]
    said = [word.strip(MARKS) for word in " ".join(map(known.said, written)).split()]
    if missing := _missing(said, played):
        yield f"{missing[0]!r} is written down, but was not heard after what is before it"


def _missing(words: list[str], played: list[str]) -> list[str]:
    """Return the words that are not found in order; what is said again may stand twice."""
    left = iter(played)
    return [word for word in words if word not in left][:1]


def _orphans(messages: Sequence[BaseMessage]) -> list[str]:
    answered = {m.tool_call_id for m in messages if isinstance(m, ToolMessage)}
    calls: list[Any] = [c for m in messages if isinstance(m, AIMessage) for c in m.tool_calls]
    return [call["name"] for call in calls if call["id"] not in answered]
