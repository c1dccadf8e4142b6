r"""From what a run proposes to what became of it.

propose -> approve <-> answer_question          1 yes, 2 no, 9 again, or a question about the picks
            |  \-> settle           no, expired, answered on another way
         read_back -> code <-> check -> execute -> settle -> END
                       \-> answer_question, settle   words in the place of the code
            ^-------------------/           the order was not heard

`approve` and `code` are interrupts, alone in their nodes: a node that asks is run again when it is
answered. What they are answered with decides nothing: every step reads the approval as it is on
record, which the page, the API and others answer as well. While it is open no other run begins on
the thread: who asks for one is told what is open, and how to close it.
"""

from typing import Any, Final, Literal

from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, StateGraph
from langgraph.types import interrupt

from graphs.messages import was_heard
from graphs.stocks.approval import words
from graphs.stocks.approval.answering import UNKNOWN, answer
from graphs.stocks.approval.picks import ordered, picks_of, terms_of
from graphs.stocks.holdings import told, topic_of
from graphs.stocks.requests import asks_anew
from graphs.stocks.state import State
from store.approvals import CODE_DIGITS, MOST_WRONG, Approval, Channel
from tools.approving import Approving, Order, approving
from tools.desk import desk_of
from tools.effects import perform

CHOICES: Final = [
    {
        "value": "approve",
        "label": "approve",
        "aliases": ["1", "yes", "i approve", "approved", "go ahead", "do it", "buy", "buy them"],
    },
    {
        "value": "decline",
        "label": "decline",
        "aliases": ["2", "no", "declined", "don't buy", "do not buy", "no thanks", "cancel"],
    },
    {
        "value": "again",
        "label": "hear it again",
        "aliases": ["9", "again", "repeat", "repeat that", "say that again", "once more"],
    },
]
_CHANNELS: Final[dict[str, Channel]] = {"phone": "phone", "page": "page"}


async def propose(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Open the approval of exactly what the run proposes, and say whose money it is about."""
    acting = await _acting(config)
    picks, mode = picks_of(state), words.mode(acting.live)
    text = f"{mode} {state.get('briefing', '')}"
    at = str((config.get("configurable") or {}).get("thread_id", ""))
    graph, _, thread_id = at.partition(":")

    async def open_approval(_key: str) -> str:
        orders = terms_of(picks, acting.clock() + acting.open_for)
        approval = await acting.open(state["run_id"], (graph, thread_id), orders, text)
        return approval.id

    approval_id = await perform("open_approval", open_approval, run=state["run_id"])
    return {
        "messages": [AIMessage(mode)],
        "briefing": text,
        "approval_id": approval_id,
        "asked_further": False,
        "tries": 0,
        "exact": "",
        "orders": [],
        "done": False,
        "outcome": "proposed",
    }


async def approve(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Ask: yes, no, again, or a question."""
    count = len(ordered(picks_of(state)))
    given = interrupt(
        {
            "question": words.FURTHER if state.get("asked_further") else words.offer(count),
            "before": state.get("briefing", ""),
            "kind": "choice",
            "choices": CHOICES,
            "others": True,
            "approval_id": state.get("approval_id"),
        }
    )
    step = await _step(given, state, config)
    return {"asked_further": True, **(step or {"step": "read_back", "words": ""})}


async def _step(given: Any, state: State, config: RunnableConfig) -> dict[str, Any] | None:
    """Return what follows on an answer; None where it is a yes, or a code, to what is open."""
    approval = await (await _acting(config)).standing(str(state["approval_id"]))
    said = str(given.get("said", "")) if isinstance(given, dict) else ""
    if approval.state != "open":
        return {"words": said, "step": "execute" if approval.state == "approved" else "settle"}
    if given == "decline":
        return {"words": "decline", "step": "settle"}
    if given == "again" or isinstance(given, dict):
        return {"words": said, "step": "answer"}
    return None


async def answer_question(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Answer a question about the picks from the run's evidence, or say the briefing again."""
    said, exact = state.get("words", ""), state.get("exact", "")
    if not said:
        return {"messages": [AIMessage(exact or state.get("briefing", ""))]}
    acting = await _acting(config)
    approval = await acting.standing(str(state["approval_id"]))
    if asks_anew(said):
        return {"messages": [AIMessage(words.still_open(approval))]}
    if (topic := topic_of(said)) and topic != "verdict":
        trading = await (await desk_of(config)).trading()
        return {"messages": [AIMessage(await told(topic, trading))]}
    text, about = answer(
        said,
        picks_of(state),
        live=approval.live,
        expires_at=approval.expires_at,
        last=state.get("about"),
    )
    if exact and text == UNKNOWN:
        text = words.NO_CODE
    return {"messages": [AIMessage(text)], "about": about or state.get("about")}


async def read_back(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Say exactly what would be ordered, as the approval has it."""
    approval = await (await _acting(config)).standing(str(state["approval_id"]))
    exact = words.read_back(approval.terms, picks_of(state))
    return {
        "messages": [AIMessage(exact)],
        "exact": f"{words.mode(approval.live)} {exact}",
        "hint": "",
    }


async def code(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Ask for the one-time code; a no and a question are taken here as well."""
    question = f"{state.get('hint') or ''} {words.CODE}".strip()
    given = interrupt(
        {
            "question": question,
            "before": state.get("exact", ""),
            "kind": "digits",
            "digits": CODE_DIGITS,
            "choices": CHOICES[1:],
            "others": True,
            "confirm": "speech",
            "approval_id": state.get("approval_id"),
        }
    )
    step = await _step(given, state, config)
    return {"hint": "", **(step or {"step": "check", "words": str(given)})}


async def check(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Give the answer with its code; the approval decides. The order must have been heard."""
    acting, tries = await _acting(config), state.get("tries", 0) + 1
    given, approval_id = state.get("words", ""), str(state["approval_id"])
    exact = words.read_back((await acting.standing(approval_id)).terms, picks_of(state))
    if not was_heard(state["messages"], exact):
        return {"words": "", "step": "read_back"}

    async def give(_key: str) -> dict[str, Any]:
        after = await acting.answer(approval_id, "approve", code=given, **_by(config))
        return after.model_dump(mode="json")

    after = Approval.model_validate(await perform(f"approve_{tries}", give, approval=approval_id))
    update = {"tries": tries, "words": ""}
    if after.state == "open":
        hint = words.wrong(MOST_WRONG - after.wrong_codes)
        return update | {"step": "code", "hint": hint}
    if after.state != "approved":
        return update | {"step": "settle"}
    return update | {"step": "execute", "messages": [AIMessage(words.PLACING)]}


async def execute(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Carry out what was approved, each order once."""
    acting, approval_id = await _acting(config), str(state["approval_id"])

    async def carry_out(_key: str) -> list[dict[str, Any]]:
        return [order.model_dump(mode="json") for order in await acting.carry_out(approval_id)]

    return {"orders": await perform("execute", carry_out, approval=approval_id), "step": "settle"}


async def settle(state: State, config: RunnableConfig) -> dict[str, Any]:
    """Say what was bought and sold, or why nothing was."""
    acting, approval_id = await _acting(config), str(state["approval_id"])
    if state.get("words") == "decline":

        async def decline(_key: str) -> None:
            await acting.answer(approval_id, "decline", code="", **_by(config))

        await perform("decline", decline, approval=approval_id)
    approval = await acting.standing(approval_id)
    orders = [Order.model_validate(one) for one in state.get("orders") or ()]
    if approval.state != "approved" or not orders:
        outcome: str = approval.state
        text = words.came_to_nothing(approval)
    else:
        said = words.settlement(orders, picks_of(state), live=approval.live)
        elsewhere = approval.channel != _by(config)["channel"]
        text = f"{words.answered_elsewhere(approval)} {said}" if elsewhere else said
        outcome = words.outcome(orders)
    return {"messages": [AIMessage(text)], "outcome": outcome, "done": True, "words": ""}


def add_approval(builder: StateGraph[Any, Any, Any, Any], then: str = END) -> None:
    """Add the approval to a graph, from the node `propose` on.

    Args:
        builder: of a graph whose state has the keys of `State`.
        then: the node that follows on the settlement.
    """
    for node in (propose, approve, answer_question, read_back, code, check, execute, settle):
        builder.add_node(node)
    builder.add_edge("propose", "approve")
    builder.add_conditional_edges("approve", after_asking)
    builder.add_conditional_edges("answer_question", after_answering)
    builder.add_edge("read_back", "code")
    builder.add_conditional_edges("code", after_code)
    builder.add_conditional_edges("check", after_checking)
    builder.add_edge("execute", "settle")
    builder.add_edge("settle", then)


def after_asking(state: State) -> Literal["answer_question", "read_back", "execute", "settle"]:
    """Go on as the owner has said, or as it was answered on another way."""
    match state["step"]:
        case "read_back" | "execute" | "settle" as step:
            return step
    return "answer_question"


def after_answering(state: State) -> Literal["approve", "code"]:
    """Ask again what was open when the question came."""
    return "code" if state.get("exact") else "approve"


def after_code(state: State) -> Literal["check", "answer_question", "execute", "settle"]:
    """Check the digits, or go on as the words in their place say."""
    match state["step"]:
        case "check" | "execute" | "settle" as step:
            return step
    return "answer_question"


def after_checking(state: State) -> Literal["read_back", "code", "execute", "settle"]:
    """Say the order or ask for the code again, carry out, or say why not."""
    match state["step"]:
        case "read_back" | "code" | "execute" as step:
            return step
    return "settle"


async def _acting(config: RunnableConfig) -> Approving:
    return await approving(await desk_of(config))


def _by(config: RunnableConfig) -> dict[str, Any]:
    """Return on which way the person answers, and who it is."""
    line = (config.get("configurable") or {}).get("line") or {}
    channel = _CHANNELS.get(str(line.get("channel")), "chat")
    return {"channel": channel, "by": str(line.get("person") or channel)}
