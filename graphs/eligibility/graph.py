"""The eligibility interview as a LangGraph graph: deterministic, without a language model.

A turn walks down the interview from its beginning and stops at the first question that is still
open, or leaves it for an outcome. One run a turn; the whole decision is `step`, a pure function.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Command

from graphs.eligibility import certificate
from graphs.eligibility.actions import Close, Expect, Say
from graphs.eligibility.channels import Context, Input, State, Walk
from graphs.eligibility.rules import Rules, load_rules
from graphs.eligibility.state import FINAL, LANGUAGES, QUESTIONS, Event, Interview, Language, Source
from graphs.eligibility.step import step
from graphs.events import Expectation
from graphs.messages import was_heard
from graphs.turn import Graph


class Stage(Protocol):
    """A node of the walk: says where it goes on."""

    def __call__(self, state: Walk) -> Awaitable[Command[str]]:
        """Return the next node, with the message to add where the walk ends."""
        ...


SHIPPED_RULES = load_rules()


def build(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Graph:
    """Build the graph.

    Args:
        clock: tells the time of each turn, aware.
    """

    async def greeting(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Take the event into the interview: every turn comes in here."""
        context = runtime.context or Context()
        event, taken_until = _event(state, context, clock())
        rules = await _rules(context)
        before, record = Interview.from_json(state), state.get("record", [])
        interview, actions = step(before, event, rules)
        entries = [certificate.entry(record, event, interview, actions, rules)]
        if interview == before or (before.final and before.turns >= rules.limits.turns):
            entries = []  # nothing new, or chat after a decision: neither need grow for ever
        say = next((a for a in actions if isinstance(a, Say)), None)
        expects = next((a for a in actions if isinstance(a, Expect)), None)
        return {
            **interview.to_json(),
            "done": any(isinstance(a, Close) for a in actions),
            "expects": _expectation(expects, interview),
            "record": entries,
            "taken_until": taken_until,
            "reply": say
            and {"content": say.text, "id": entries[0]["hash"][:32] if entries else None},
        }

    builder = StateGraph(State, input_schema=Input, context_schema=Context)
    builder.add_node(greeting)
    for question, following in zip(QUESTIONS, ("salary", "city", "eligible"), strict=True):
        exits = (following, *FINAL[1:], END)
        builder.add_node(question, _walk(question, following), destinations=exits)
    for outcome in FINAL:
        builder.add_node(outcome, _speak)
    builder.add_edge(START, "greeting")
    builder.add_edge("greeting", "employment")
    for outcome in FINAL:
        builder.add_edge(outcome, END)
    return builder.compile(name="eligibility")


def _walk(question: str, following: str) -> Stage:
    """Stop at the open question and put it, leave for an outcome, or walk on."""

    async def walk(state: Walk) -> Command[str]:
        place = state["outcome"] if state["outcome"] in FINAL else state["question"]
        if place == question:
            return Command(goto=END, update=await _speak(state))
        return Command(goto=following if state["question"] != question else place)

    return walk


async def _speak(state: Walk) -> dict[str, Any]:
    """Say the reply of this turn."""
    reply = state["reply"]
    return {"messages": [AIMessage(**reply)]} if reply else {}


def _expectation(expects: Expect | None, interview: Interview) -> Expectation:
    if expects is None:
        return {}
    return {
        "kind": expects.kind,
        "keywords": list(expects.keywords),
        "language": interview.language,
    }


def _event(state: State, context: Context, at: datetime) -> tuple[Event, str | None]:
    """Say what happened: an event, something said since the last turn, or an opening."""
    languages = _languages(context)
    taken_until = state.get("taken_until")
    happened = state.get("event")
    if happened:
        return Event(happened["kind"], at, languages=languages), taken_until
    said = _said_since(state["messages"], taken_until)
    if not said:
        return Event("opened", at, languages=languages), taken_until
    last = said[-1]
    source: Source = "chat"
    if last.additional_kwargs.get("source") in ("speech", "keys"):
        source = last.additional_kwargs["source"]
    text = " ".join(str(message.text) for message in said)
    return Event("said", at, text, source, languages, _unheard(state)), last.id


def _unheard(state: State) -> bool:
    """Whether the yes or no that was asked for was talked over before it was heard."""
    record = state.get("record")
    asked = record[-1]["said"] if record and state.get("confirm") else None
    return asked is not None and not was_heard(state["messages"], asked)


def _said_since(messages: list[AnyMessage], taken_until: str | None) -> list[HumanMessage]:
    said: list[HumanMessage] = []
    for message in reversed(messages):
        if message.id == taken_until or isinstance(message, AIMessage):
            break
        if isinstance(message, HumanMessage):
            said.insert(0, message)
    return said


def _languages(context: Context) -> tuple[Language, ...]:
    allowed = context.languages.split(",")
    return tuple(language for language in LANGUAGES if language in allowed) or LANGUAGES


async def _rules(context: Context) -> Rules:
    """Return the rules a run is to use; a file of one's own is read once, off the event loop."""
    if not context.rules:
        return SHIPPED_RULES
    return await asyncio.to_thread(load_rules, Path(context.rules))


graph = build()
