"""The eligibility interview as a LangGraph graph: deterministic, without a language model.

A turn walks down the interview from its beginning and stops at the first question that is still
open, or leaves it for an outcome. One run a turn; the whole decision is `step`, a pure function.
"""

import operator
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.channels import UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.message import add_messages
from langgraph.runtime import Runtime
from typing_extensions import TypedDict

from graphs.eligibility import certificate
from graphs.eligibility.actions import Close, Expect, Say
from graphs.eligibility.rules import Rules, load_rules
from graphs.eligibility.state import FINAL, LANGUAGES, QUESTIONS, Event, Interview, Language
from graphs.eligibility.step import step
from graphs.threads import Expectation, Graph
from settings import get_settings


class Input(TypedDict):
    """What a turn brings: a message, an event, or neither, which opens or reopens."""

    messages: Annotated[list[AnyMessage], add_messages]
    """What was said on both sides."""
    event: NotRequired[Annotated[dict[str, Any] | None, UntrackedValue]]
    """Something that is not a message: `{"kind": "silence"}` or `{"kind": "hangup"}`."""


class State(Input, total=False):
    """The interview as a checkpoint keeps it; plain values only."""

    stage: str
    """Where it stands: greeting, a question, an outcome, or end."""
    question: Literal["employment", "salary", "city"]
    """The question that is open, or was open when it ended."""
    language: Literal["en", "hi"]
    """Language it speaks now."""
    language_asked: bool
    """Whether the caller asked for that language."""
    facts: dict[str, Any]
    """`employment`, `salary` (lowest and highest rupees a month, as text) and `city`."""
    confirm: dict[str, Any] | None
    """The yes or no asked within the salary question."""
    reasks: int
    """How often the open question was asked again."""
    silences: int
    """How often in a row nothing was heard."""
    turns: int
    """Turns of the thread so far."""
    outcome: str
    """eligible, not_eligible, needs_human, opted_out or in_progress."""
    reasons: list[str]
    """Reason codes of the outcome."""
    follow_up: list[str]
    """What was asked for after the outcome: person, do_not_call."""
    done: bool
    """Whether the conversation is over."""
    expects: Expectation
    """What the open question expects."""
    record: Annotated[list[dict[str, Any]], operator.add]
    """Entries of the decision certificate."""
    taken_until: str | None
    """Id of the last message of the person that was taken into the interview."""
    reply: Annotated[dict[str, Any] | None, UntrackedValue]
    """What the stage reached will say."""


@dataclass(kw_only=True)
class Context:
    """What can be set for a run."""

    rules: str = field(
        default_factory=lambda: str(get_settings().eligibility_rules or ""),
        metadata={"description": "Rules file used instead of the one shipped."},
    )
    languages: str = field(
        default="en,hi", metadata={"description": "Languages the channel can speak."}
    )


def rules_of(context: Context | None) -> Rules:
    """Load the rules a run is to use; they are read once a process."""
    context = context or Context()
    return load_rules(Path(context.rules) if context.rules else None)


def build(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Graph:
    """Build the graph.

    Args:
        clock: tells the time of each turn, aware.
    """

    async def greeting(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Take the event into the interview: every turn comes in here."""
        event, last_id = _event(state, runtime, clock())
        rules = rules_of(runtime.context)
        before, record = Interview.from_json(state), state.get("record", [])
        interview, actions = step(before, event, rules)
        entries = [certificate.entry(record, event, interview, actions, rules)]
        if before.final and before.turns >= rules.limits.turns:
            entries = []  # the decision stands; what is chatted after it need not grow for ever
        say = next((a for a in actions if isinstance(a, Say)), None)
        expects = next((a for a in actions if isinstance(a, Expect)), None)
        return {
            **interview.to_json(),
            "done": any(isinstance(a, Close) for a in actions),
            "expects": _expectation(expects, interview),
            "record": entries,
            "taken_until": last_id,
            "reply": say
            and {"content": say.text, "id": entries[0]["hash"][:32] if entries else None},
        }

    builder = StateGraph(State, input_schema=Input, context_schema=Context)
    builder.add_node(greeting)
    for place in ("employment", "salary", "city", *FINAL):
        builder.add_node(place, _speak_at(place))
    builder.add_edge(START, "greeting")
    builder.add_edge("greeting", "employment")
    for question, following in zip(QUESTIONS, ("salary", "city", "eligible"), strict=True):
        exits = [following, *FINAL[1:], END]
        builder.add_conditional_edges(question, _way_on(question, following), exits)
    for outcome in FINAL:
        builder.add_edge(outcome, END)
    return builder.compile(name="eligibility")


def _speak_at(place: str) -> Callable[[State], Awaitable[dict[str, Any]]]:
    async def speak(state: State) -> dict[str, Any]:
        reply = state.get("reply")
        if reply is None or _place(state) != place:
            return {}
        return {"messages": [AIMessage(**reply)]}

    return speak


def _way_on(question: str, following: str) -> Callable[[State], str]:
    def way(state: State) -> str:
        if _place(state) == question:
            return END
        return following if state["question"] != question else _place(state)

    return way


def _place(state: State) -> str:
    """Where the walk of this turn ends: an outcome, or the open question."""
    return state["outcome"] if state["outcome"] in FINAL else state["question"]


def _expectation(expects: Expect | None, interview: Interview) -> Expectation:
    if expects is None:
        return {}
    return {
        "kind": expects.kind,
        "keywords": list(expects.keywords),
        "language": interview.language,
    }


def _event(state: State, runtime: Runtime[Context], at: datetime) -> tuple[Event, str | None]:
    """Say what happened: an event, something said since the last turn, or an opening."""
    languages = _languages(runtime.context)
    taken_until = state.get("taken_until")
    happened = state.get("event")
    if happened:
        return Event(happened["kind"], at, languages=languages), taken_until
    said = _said_since(state["messages"], taken_until)
    if not said:
        return Event("opened", at, languages=languages), taken_until
    last = said[-1]
    source = last.additional_kwargs.get("source", "chat")
    text = " ".join(str(message.text) for message in said)
    return Event("said", at, text, source, languages), last.id


def _said_since(messages: list[AnyMessage], taken_until: str | None) -> list[HumanMessage]:
    said: list[HumanMessage] = []
    for message in reversed(messages):
        if message.id == taken_until or isinstance(message, AIMessage):
            break
        if isinstance(message, HumanMessage):
            said.insert(0, message)
    return said


def _languages(context: Context | None) -> tuple[Language, ...]:
    allowed = (context or Context()).languages.split(",")
    return tuple(language for language in LANGUAGES if language in allowed) or LANGUAGES


graph = build()
