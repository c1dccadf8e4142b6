"""Tools are used here and nowhere else: those the phase allows, confirmed where they must be."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, ToolException
from pydantic import TypeAdapter

from graphs.call_actions import CallAction
from graphs.messages import NOT_CALLED
from graphs.sdr.closing import close
from graphs.sdr.onward import waits
from graphs.sdr.phases import Phase, allows, to_confirm
from graphs.sdr.report import REPORTED, no_call_back, report
from graphs.sdr.turn import Plan, Turn, briefing
from tools.booking import moment, spoken_time, zone_of
from tools.call_actions import KEY

MOST_ROUNDS: Final = 4
"""So often a model may use tools in one turn."""
CONFIRMED: Final = "confirmed"
"""Among the `additional_kwargs` of a message whose calls the caller has agreed to."""
_ACTION: TypeAdapter[CallAction] = TypeAdapter(CallAction)
_ASKED_FIRST: Final = "Not done yet: the caller is asked to confirm it first."


def calling(calls: Sequence[tuple[str, Mapping[str, Any]]], *, confirmed: bool) -> AIMessage:
    """Return the message with which code calls tools."""
    return AIMessage(
        content="",
        tool_calls=[
            {"name": name, "args": dict(args), "id": f"call_{uuid4().hex}", "type": "tool_call"}
            for name, args in calls
        ],
        additional_kwargs={CONFIRMED: confirmed, "by": "code"},
        id=str(uuid4()),
    )


def rounds(messages: Sequence[AnyMessage]) -> int:
    """Return how often tools were called since the caller spoke."""
    count = 0
    for message in reversed(messages):
        if isinstance(message, HumanMessage):
            break
        count += isinstance(message, AIMessage) and bool(message.tool_calls)
    return count


async def use_tools(
    asking: AIMessage,
    tools: Mapping[str, BaseTool],
    turn: Turn,
    phase: Phase,
    state: Mapping[str, Any],
    config: RunnableConfig,
) -> tuple[list[ToolMessage], Plan | None]:
    """Use the tools that a message asks for.

    Returns:
        Their answers, and what code says of them; None where a model is to say it.
    """
    answers: list[ToolMessage] = []
    plans: list[Plan | None] = []
    confirmed = bool(asking.additional_kwargs.get(CONFIRMED))
    for call in asking.tool_calls:
        name, args = call["name"], call["args"]
        tool = tools.get(name)
        refused = _refused(name, tool, phase)
        if refused or tool is None:
            answers.append(_answer(call, refused or "", status="error"))
            plans.append(None)
            continue
        if to_confirm(name, tool.metadata) and not confirmed:
            answers.append(_answer(call, _ASKED_FIRST))
            plans.append(await _proposed(turn, name, args, tools, config))
            continue
        answer: ToolMessage = await tool.ainvoke({**call, "type": "tool_call"}, config)
        answers.append(answer)
        plans.append(_plan(turn, name, args, answer, state))
    return answers, _joined(plans)


def _refused(name: str, tool: BaseTool | None, phase: Phase) -> str | None:
    if tool is None:
        return f"There is no tool {name!r}."
    if not allows(phase, name):
        return f"{name} is not allowed in the phase {phase}."
    return None


def _answer(call: Mapping[str, Any], text: str, status: Any = "success") -> ToolMessage:
    """Return what is answered in place of a tool that was not called."""
    return ToolMessage(
        text,
        tool_call_id=call["id"],
        name=call["name"],
        status=status,
        additional_kwargs={NOT_CALLED: True},
    )


def _plan(
    turn: Turn, name: str, args: Mapping[str, Any], answer: ToolMessage, state: Mapping[str, Any]
) -> Plan | None:
    """Return what code says of an answer; None where a model says it."""
    facts = state.get("facts") or {}
    if isinstance(answer.artifact, Mapping) and KEY in answer.artifact:
        return _acted(turn, name, _ACTION.validate_python(answer.artifact[KEY]), facts)
    if name not in REPORTED:
        return None
    result: Any = str(answer.text)
    if answer.status != "error":
        try:
            result = json.loads(result)
        except ValueError:
            result = {"result": result}
    return report(turn, name, args, result, facts, state)


def _acted(turn: Turn, name: str, do: CallAction, facts: Mapping[str, Any]) -> Plan | None:
    """Announce what the telephone is to do."""
    match do.kind:
        case "hang_up":
            booked = turn.state.get("booked")
            return close(turn, "booked" if booked else "ended", turn.say("goodbye"))
        case "transfer":
            person = next((one.name for one in turn.people if one.to == do.to), "")
            told = do.model_copy(update={"briefing": do.briefing or briefing(turn, facts)})
            update = {"phase": "COMPLETION", "outcome": "transferred", "pending": None}
            return Plan(says=(turn.say("person", person=person),), act=told, update=update)
        case "send_digits":
            return Plan(says=(turn.say("hold"),), act=do)
        case "speak_as":
            language = do.language or turn.language
            other = turn.in_language(language)
            says = (other.say("language.switched"),)
            return Plan(says=says, act=do, update={"language": language})
    return None


async def _proposed(
    turn: Turn,
    name: str,
    args: Mapping[str, Any],
    tools: Mapping[str, BaseTool],
    config: RunnableConfig,
) -> Plan:
    """Ask whether something may be done; a call back only for a time at which it may be made."""
    if name != "call_back_later" or "call_back_time" not in tools:
        return read_back(turn, name, args)
    asked = {key: args[key] for key in ("at", "phone", "timezone") if args.get(key)}
    call = {"name": "call_back_time", "args": asked, "id": uuid4().hex, "type": "tool_call"}
    answer: ToolMessage = await tools["call_back_time"].ainvoke(call, config)
    found = json.loads(str(answer.text)) if answer.status != "error" else {}
    if "start" not in found:
        return no_call_back(turn, "call_back.never" if found else "failed.call_back")
    given = {**args, "at": found["start"]}
    if found["allowed"]:
        return read_back(turn, name, given)
    about = {"spoken": turn.at(found)}
    closed = found.get("closed")
    question = turn.say(f"confirm.call_back_{'open' if closed else 'next'}", **about)
    return Plan(says=(question,), update=waits("confirm", question, name, given, about))


def read_back(turn: Turn, name: str, args: Mapping[str, Any]) -> Plan:
    """Ask whether something may be done, saying what."""
    about: dict[str, Any] = {"meeting": turn.organisation.calendar.meeting}
    when = args.get("start") or args.get("at")
    if when:
        about["spoken"] = _spoken(turn, str(when), args.get("timezone"))
    if name == "save_contact":
        about["values"] = ", ".join(str(value) for value in args.values() if value)
    try:
        question = turn.say(f"confirm.{name}", **{**about, **args})
    except KeyError:
        what = name.replace("_", " ")
        given = ", ".join(_in_words(args))
        question = turn.say("confirm.other", what=f"{what} ({given})" if given else what)
    return Plan(says=(question,), update=waits("confirm", question, name, args, about))


def _in_words(value: Any, name: str = "") -> Iterator[str]:
    """Yield what arguments say, without the signs of data: "items, item team, quantity 12"."""
    said = name.replace("_", " ")
    match value:
        case Mapping():
            for key, inner in value.items():
                yield from _in_words(inner, str(key))
        case list() | tuple():
            for inner in value:
                yield from _in_words(inner, name)
        case None | "":
            return
        case bool():
            yield said if value else f"no {said}"
        case _:
            yield f"{said} {value}".strip()


def _spoken(turn: Turn, when: str, timezone: Any) -> str:
    try:
        zone = zone_of(timezone, turn.organisation)
        return turn.at(spoken_time(moment(when, zone, None), zone))
    except ToolException:  # the tool itself says what is wrong with it
        return when


def _joined(plans: Sequence[Plan | None]) -> Plan | None:
    """Make one plan of those of several calls; None as soon as a model has to speak."""
    if any(plan is None for plan in plans):
        return None
    whole = Plan()
    for plan in plans:
        assert plan is not None  # noqa: S101 (looked at above)
        whole = replace(
            whole,
            route=plan.route if plan.route != "say" else whole.route,
            says=(*whole.says, *plan.says),
            act=plan.act or whole.act,
            calls=(*whole.calls, *plan.calls),
            update={**whole.update, **plan.update},
        )
    return whole
