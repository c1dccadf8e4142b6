"""The stocks graph: many analysts, one probability, what may be bought of it, and why.

listen -> collect -> weigh -> analyse -> weigh ... -> debate -> agree -> dispose -> brief
       -> reply      greeting, and questions about the run         -> propose ...

`weigh` sees whom to ask next: those that are code first, then models by their tiers, and none that
could change nothing any more. `analyse` runs once for each analyst and symbol, all at once, and so
does `debate`; `remember` runs beside `brief`. What analysts say stays between them; spoken is the
briefing alone. Where something is proposed, `propose` follows: `graphs/stocks/approval/nodes.py`.
"""

import asyncio
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Final, Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.config import get_config
from langgraph.graph import END, START, StateGraph
from langgraph.types import Send

from graphs.contract import PRIVATE
from graphs.stocks.analysts.language import configured
from graphs.stocks.approval.answering import answer
from graphs.stocks.approval.nodes import add_approval
from graphs.stocks.approval.picks import picks_of
from graphs.stocks.asked import Asked, argue, asked_of, next_to_ask, put
from graphs.stocks.briefing import GREETING, briefing
from graphs.stocks.holdings import told, topic_of
from graphs.stocks.memory.remember import remember
from graphs.stocks.requests import request_of
from graphs.stocks.run import (
    begin,
    collect,
    conclude,
    consensus,
    learn,
    run_id_of,
    size,
    trading_of,
)
from graphs.stocks.state import Input, Request, State, forgotten
from graphs.turn import Graph
from tools.desk import desk_of
from tools.effects import perform

OF_THE_TURN: Final = 0.75
"""Share of the longest turn in which models may answer; the rest is for what comes after."""


def build() -> Graph:
    """Build the graph."""
    builder = StateGraph(State, input_schema=Input)
    builder.add_node(listen)
    builder.add_node(reply)
    builder.add_node("collect", collected)
    builder.add_node(weigh, metadata=PRIVATE)
    builder.add_node(analyse, metadata=PRIVATE, input_schema=Asked)
    builder.add_node(debate, metadata=PRIVATE, input_schema=Asked)
    builder.add_node("agree", agreed)
    builder.add_node("dispose", disposed)
    builder.add_node(brief)
    builder.add_node("remember", remembered, metadata=PRIVATE)
    builder.add_edge("dispose", "remember")  # beside the briefing, which does not wait for it
    builder.add_edge(START, "listen")
    builder.add_conditional_edges("listen", after_listening)
    builder.add_edge("reply", END)
    builder.add_edge("collect", "weigh")
    builder.add_conditional_edges("weigh", after_weighing, ["analyse", "debate", "agree"])
    builder.add_edge("analyse", "weigh")
    builder.add_edge("debate", "agree")
    builder.add_edge("agree", "dispose")
    builder.add_edge("dispose", "brief")
    builder.add_conditional_edges("brief", after_briefing)
    add_approval(builder)
    return builder.compile(name="stocks")


async def listen(state: State) -> dict[str, Any]:
    """Take in what was said; a run that begins here forgets the one before."""
    config = get_config()
    trading = await trading_of(config)
    request, message_id = request_of(state, trading.symbols)
    if request["kind"] != "run":
        return {"request": request}
    thread = str(config["configurable"]["thread_id"])
    run_id = run_id_of(thread, message_id)
    symbols = request["symbols"] or list(trading.symbols)

    async def begins(_key: str) -> str:
        return (await begin(trading, run_id, symbols, thread)).isoformat()

    as_of = await perform("begin_run", begins, run_id=run_id)  # nothing is spent before it is sure
    settings = (await desk_of(config)).settings
    patience = timedelta(seconds=settings.turn_timeout_secs * OF_THE_TURN)
    return {
        **forgotten(),
        "request": request,
        "run_id": run_id,
        "as_of": as_of,
        "until": (datetime.now(UTC) + patience).isoformat(),
        "symbols": symbols,
    }


async def reply(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Greet, answer a question about the run or the account, or say again what was found."""
    request, found = state["request"], state.get("briefing")
    if topic := topic_of(request["text"]) if request["kind"] == "account" else None:
        said = await told(topic, await trading_of(config), state.get("approval_id"))
        return {"messages": [AIMessage(said)], "done": False}
    if request["kind"] == "question" and found and request["text"].strip():
        live = (await trading_of(config)).live
        said, about = answer(request["text"], picks_of(state), live=live, last=state.get("about"))
        return {"messages": [AIMessage(said)], "about": about, "done": False}
    return {"messages": [AIMessage(found or GREETING)], "done": False}


async def collected(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Collect the evidence; nothing that was not knowable at the time of the run."""
    trading = await trading_of(config)
    as_of = datetime.fromisoformat(state["as_of"])
    return {**await collect(trading, state["run_id"], state["symbols"], as_of)}


async def weigh(state: State, config: RunnableConfig) -> dict[str, Any]:
    """See whom to ask next, by what each analyst has earned and what was answered so far."""
    trading, settings = await trading_of(config), (await desk_of(config)).settings
    session = datetime.fromisoformat(state["session"]).date()
    known = await learn(trading, session, settings.stock_horizon_days)
    models, least = configured(settings), trading.limits.least_probability
    decide = partial(next_to_ask, state, models, known, least, debate=settings.stock_debate)
    return {**await asyncio.to_thread(decide)}


async def analyse(state: Asked, config: RunnableConfig) -> dict[str, Any]:
    """Ask one analyst about one symbol."""
    return await put(state, await trading_of(config), (await desk_of(config)).settings)


async def debate(state: Asked, config: RunnableConfig) -> dict[str, Any]:
    """Let one model read the case of those who see it differently, and answer once more."""
    return await argue(state, await trading_of(config), (await desk_of(config)).settings)


async def agreed(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Make one probability of all answers, by what each analyst has earned."""
    trading, settings = await trading_of(config), (await desk_of(config)).settings
    session = datetime.fromisoformat(state["session"]).date()
    known = await learn(trading, session, settings.stock_horizon_days)
    return {**await consensus(trading, state, known, settings.stock_horizon_days)}


async def disposed(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Size what is believed in; rules decide, each cut on record."""
    return {**await size(await trading_of(config), state)}


async def remembered(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Remember what was seen and believed, and look at older theses again."""
    settings = (await desk_of(config)).settings
    await remember(await trading_of(config), state, settings.stock_horizon_days)
    return {}


async def brief(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Say what came of the run."""
    trading, settings = await trading_of(config), (await desk_of(config)).settings
    text = briefing(
        state, trading.limits, recorded=trading.recorded, horizon=settings.stock_horizon_days
    )
    found = any(float(one["shares"]) > 0 for one in state.get("sized") or [])
    outcome = "proposed" if found else "nothing_to_buy"
    await conclude(trading, state, text, outcome)
    return {"briefing": text, "outcome": outcome, "messages": [AIMessage(text)]}


def after_listening(state: State) -> Literal["collect", "reply"]:
    """Begin a run, or talk."""
    request: Request = state["request"]
    return "collect" if request["kind"] == "run" else "reply"


def after_briefing(state: State) -> Literal["propose", "__end__"]:
    """Ask the owner, where there is something to ask."""
    return "propose" if state["outcome"] == "proposed" else "__end__"


def after_weighing(state: State) -> list[Send] | Literal["agree"]:
    """Put their questions to all who are to be asked; go on when nobody is."""
    return [Send(one["node"], asked_of(state, one)) for one in state["asking"]] or "agree"


graph = build()
