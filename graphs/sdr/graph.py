"""The SDR conversation as a LangGraph graph: code owns the phases, a model may find the words.

listen -> say                      what code decides: greeting, requests, questions, the end
       -> look_up -> answer        what the caller asks, from what the organisation knows
       -> use_tools -> say         what the caller wants done, confirmed before it is
answer -> use_tools -> answer      what a model asks for, if the phase allows it
"""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage, AnyMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from faults import places
from graphs.contract import STREAMS
from graphs.sdr.answering import answered_by_model, answered_without
from graphs.sdr.decide import decide
from graphs.sdr.intents import CODE_DECIDES
from graphs.sdr.session import Session, remembered
from graphs.sdr.state import Context, Input, State
from graphs.sdr.tool_use import MOST_ROUNDS, calling, rounds, use_tools
from graphs.sdr.turn import Plan, asked, speak_as
from graphs.turn import Graph
from tools.call_actions import KEY
from tools.desk import desk_of
from tools.effects import perform
from tools.knowledge import Found

log = logging.getLogger(__name__)

CRM_SECS: Final = 1.0
"""Longest wait for the CRM before the greeting, in seconds."""


def build(clock: Callable[[], datetime] = lambda: datetime.now(UTC)) -> Graph:
    """Build the graph.

    Args:
        clock: tells the time of each turn, aware.
    """

    async def listen(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Take in what was said or has happened, and decide what to do: every turn begins here."""
        session = await Session.open(state, runtime.context, get_config())
        turn = session.turn(state, runtime.context, clock)
        known = await _contact(session, state) if turn.kind == "opened" else {}
        plan = decide(turn)
        update = {**known, "language": turn.language, **plan.update, "plan": _kept(plan)}
        update["agent"] = session.agent.model_dump(mode="json")
        if turn.message_id:
            update["taken_until"] = turn.message_id
        switched = turn.language != (state.get("language") or session.agent.language)
        if switched and plan.act is None:
            update["plan"]["act"] = speak_as(turn, turn.language).model_dump(mode="json")
        if plan.route == "use_tools":
            update["messages"] = [calling(plan.calls, confirmed=plan.confirmed)]
        return update

    async def look_up(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Look up in the knowledge of the organisation what the caller asks."""
        session = await Session.open(state, runtime.context, get_config())
        turn = asked(session.turn({**state, "taken_until": None}, runtime.context, clock))
        found = await session.desk.knowledge.search(
            session.agent.organisation,
            turn.text,
            documents=session.agent.documents,
            limit=session.agent.max_chunks,
        )
        return {"found": found.model_dump(), "shown": remembered(state.get("shown") or [], found)}

    async def answer(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Answer, by the model or without it; nothing is said that this call does not show."""
        session = await Session.open(state, runtime.context, get_config())
        turn = asked(session.turn({**state, "taken_until": None}, runtime.context, clock))
        found = Found.model_validate(state["found"]) if state.get("found") else None
        by_model = turn.model and not (turn.heard and turn.heard.intent in CODE_DECIDES)
        if by_model and rounds(state["messages"]) < MOST_ROUNDS:
            return await answered_by_model(session, turn, state, found)
        return answered_without(session, turn, state, found)

    async def act(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
        """Use the tools that were asked for; what cannot be undone waits for a yes."""
        session = await Session.open(state, runtime.context, get_config())
        turn = session.turn({**state, "taken_until": None}, runtime.context, clock)
        asking = state["messages"][-1]
        if not isinstance(asking, AIMessage):
            return {"plan": None}
        tools = await session.tools(state)
        answers, plan = await use_tools(
            asking, tools, turn, state["phase"], dict(state), session.config
        )
        if plan is None:
            if turn.model and asking.additional_kwargs.get("by") != "code":
                return {"messages": answers, "plan": {"route": "answer", "says": []}}
            plan = Plan(says=(turn.say("failed"),), update={"pending": None})
        kept = _kept(plan)
        kept["says"] = [*((state.get("plan") or {}).get("says") or []), *plan.says]
        messages: list[AnyMessage] = [*answers]
        if plan.route == "use_tools":
            messages.append(calling(plan.calls, confirmed=False))
        return {**plan.update, "messages": messages, "plan": kept}

    builder = StateGraph(State, input_schema=Input, context_schema=Context)
    builder.add_node(listen)
    builder.add_node(look_up)
    builder.add_node(answer, metadata=STREAMS)
    builder.add_node("use_tools", act)
    builder.add_node(say)
    builder.add_edge(START, "listen")
    builder.add_conditional_edges("listen", after_listening)
    builder.add_edge("look_up", "answer")
    builder.add_conditional_edges("answer", after_answering)
    builder.add_conditional_edges("use_tools", after_acting)
    builder.add_edge("say", END)
    return builder.compile(name="sdr")


async def say(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Say what code has decided; the telephone acts when it was heard."""
    plan, caller = state.get("plan") or {}, state.get("caller")
    if plan.get("opt_out") and caller:
        await _opt_out(caller, state, config)
    text = " ".join(plan.get("says") or [])
    announced = {KEY: plan["act"]} if plan.get("act") else {}
    return {"messages": [AIMessage(text, additional_kwargs=announced)]} if text else {}


async def _opt_out(caller: str, state: State, config: RunnableConfig) -> None:
    """Keep for ever that a number is not to be called again."""
    desk = await desk_of(config)
    channel: Literal["voice", "chat"] = "chat" if state.get("direction") == "text" else "voice"

    async def opt_out(_key: str) -> bool:
        return await desk.permissions.opt_out(caller, channel)

    await perform("opt_out", opt_out)


async def _contact(session: Session, state: State) -> dict[str, Any]:
    """Look up who is on the line; a CRM that does not answer holds nobody up."""
    caller = state.get("caller")
    if not caller or state.get("contact") is not None:
        return {}
    try:
        crm = session.desk.crm_of(session.organisation)
        async with asyncio.timeout(CRM_SECS):
            contact = await crm.find(session.agent.organisation, phone=caller)
    except Exception as error:  # whatever a CRM raises
        log.warning("The CRM was not asked: %s", places(error))
        return {}
    return {"contact": contact.model_dump(mode="json") if contact else {}}


def _kept(plan: Plan) -> dict[str, Any]:
    act = plan.act.model_dump(mode="json") if plan.act else None
    return {"route": plan.route, "says": list(plan.says), "act": act, "opt_out": plan.opt_out}


def after_listening(state: State) -> Literal["say", "look_up", "answer", "use_tools"]:
    """Go on as was decided."""
    route: Literal["say", "look_up", "answer", "use_tools"] = (state.get("plan") or {})["route"]
    return route


def after_answering(state: State) -> Literal["use_tools", "__end__"]:
    """Use the tools that the answer asks for."""
    last = state["messages"][-1]
    return "use_tools" if isinstance(last, AIMessage) and last.tool_calls else "__end__"


def after_acting(state: State) -> Literal["answer", "say", "use_tools"]:
    """Let the model go on, say what came of it, or use what is needed next."""
    route: Literal["answer", "say", "use_tools"] = (state.get("plan") or {}).get("route", "say")
    return route


graph = build()
