"""The answer of a turn, written by a model and checked, or put together without one."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, message_chunk_to_message
from pydantic import SecretStr

from graphs.models import Failures, Llm, ModelFailed, chat_model, with_tools, written
from graphs.sdr.facts import merged
from graphs.sdr.grounding import Guard
from graphs.sdr.onward import MOST_ASKS, waits
from graphs.sdr.phases import allows
from graphs.sdr.prompt import next_fact, prompt, window
from graphs.sdr.reading import Reader
from graphs.sdr.respond import Response, respond
from graphs.sdr.session import Session, evidence
from graphs.sdr.speaking import Answer, Speaker
from graphs.sdr.state import State
from graphs.sdr.tool_use import calling, rounds
from graphs.sdr.turn import Turn
from tools.knowledge import Found

FAILURES = Failures()
"""Of this process."""
_SKIPPED = "The model has failed before and is left alone for a while."


def opening(state: State) -> Sequence[str]:
    """Return what is said before the answer: who speaks, to a caller who has spoken first."""
    return (state.get("plan") or {}).get("says") or ()


def answered_without(
    session: Session, turn: Turn, state: State, found: Found | None
) -> dict[str, Any]:
    """Answer without a model."""
    guard = Guard(evidence(session, state, found), asked=turn.text)
    response = respond(turn, found, state.get("facts") or {}, state, guard)
    if response.calls:
        plan = {"says": [*opening(state), *response.says]}
        calls = calling(response.calls, confirmed=False)
        return {"messages": [calls], "plan": plan, **response.update}
    text = " ".join(filter(None, [*opening(state), *response.says, response.asks]))
    about = {"grounding": {"checked": 0, "replaced": []}, **_retrieval(found)}
    message = AIMessage(text, additional_kwargs={**about, **_announced(state)})
    return {"messages": [message], **response.update}


async def answered_by_model(
    session: Session, turn: Turn, state: State, found: Found | None
) -> dict[str, Any]:
    """Answer by the agent's model; where it fails the answer is finished without it."""
    facts = state.get("facts") or {}
    phase = state.get("phase") or "DISCOVERY"
    instructions = prompt(turn, found, facts, phase)
    guard = Guard(
        evidence(session, state, found),
        asked=turn.text,
        secret=str(instructions.text).split("PASSAGES", 1)[0],
    )
    fallback: list[Response] = []

    def instead() -> Sequence[str]:
        if not fallback:
            fallback.append(respond(turn, found, facts, state, guard))
        asks = [fallback[0].asks] if fallback[0].asks and not pending else []
        return [*fallback[0].says, *asks]

    answer = Answer(guard, instead, turn.say)
    given = [instructions, *window(state["messages"])]
    source = _source(session, state, phase, given)
    pending = state.get("pending")

    beside = _Beside(await _reader(session, turn, state), turn)

    async def write() -> AsyncGenerator[AIMessageChunk]:
        for sentence in opening(state):
            yield AIMessageChunk(content=f"{sentence} ")
        said = False
        async with aclosing(beside.answered(answer.write(source))) as pieces:
            async for piece in pieces:
                said = said or bool(piece.text)
                yield piece
        asks = beside.question
        if pending and not asks and not answer.called and not answer.repeats(pending["question"]):
            asks = pending["question"]
        if asks:
            yield AIMessageChunk(content=f" {asks}" if said else asks)
        yield AIMessageChunk(content="")  # a tool may be called without a word before it

    whole: AIMessageChunk | None = None
    async for chunk in Speaker(write=write).astream(given):
        piece = chunk if isinstance(chunk, AIMessageChunk) else AIMessageChunk(content="")
        whole = piece if whole is None else whole + piece
    message = message_chunk_to_message(whole or AIMessageChunk(content=""))
    about = {"grounding": answer.log, **_retrieval(found), **_announced(state)}
    message.additional_kwargs |= about
    update: dict[str, Any] = {}
    if answer.failed and fallback:
        calls = fallback[0].calls
        if calls and str(message.text).strip() == " ".join(opening(state)):
            plan = {"says": list(opening(state))}
            asking = calling(calls, confirmed=False)
            return {"messages": [asking], "plan": plan, **fallback[0].update}
        update = dict(fallback[0].update)
    elif (name := next_fact(turn, facts)) is not None and not (answer.called or beside.question):
        asks = dict(state.get("asks") or {})
        update = {"asked": name, "asks": {**asks, name: asks.get(name, 0) + 1}}
    return {"messages": [message], **update, **beside.update({**state, **update})}


class _Beside:
    """What the model reads beside its answer, and what comes of it.

    Who wants no calls is asked whether to be taken off: in place of the answer, or behind what was
    said of it before the reading came.
    """

    def __init__(self, reader: Reader | None, turn: Turn) -> None:
        self._reader = reader
        self._turn = turn
        self.question = ""
        """The question whether to be taken off, if it is put."""

    async def answered(
        self, pieces: AsyncGenerator[AIMessageChunk]
    ) -> AsyncGenerator[AIMessageChunk]:
        """Yield the pieces of an answer, unless the caller wants no calls."""
        reader, begun = self._reader, False
        try:
            async with aclosing(pieces):
                async for piece in pieces:
                    if not begun and await self._wants_no_calls():
                        break
                    begun = True
                    yield piece
            if not self.question:
                await self._wants_no_calls()
            if reader is not None and reader.reading.usage is not None:
                yield AIMessageChunk(content="", usage_metadata=reader.reading.usage)
        finally:
            if reader is not None:
                await reader.close()

    async def _wants_no_calls(self) -> bool:
        asks = self._turn.state.get("asks") or {}
        if self._reader is None or not (await self._reader.wait()).wants_no_calls:
            return False
        if asks.get("opt_out", 0) < MOST_ASKS:
            self.question = self._turn.say("ask.opt_out")
        return bool(self.question)

    def update(self, state: Mapping[str, Any]) -> dict[str, Any]:
        """Return what changes in the state, of what it is after the answer."""
        if self._reader is None:
            return {}
        known, read = state.get("facts") or {}, self._reader.reading.facts
        new = {name: fact for name, fact in read.items() if name not in known}
        update: dict[str, Any] = {}
        if new:
            update["facts"] = merged(known, new, self._turn.message_id, "model")
        if self.question:
            asks = dict(state.get("asks") or {})
            update |= waits("opt_out", self.question)
            update["asks"] = {**asks, "opt_out": asks.get("opt_out", 0) + 1}
        return update


async def _reader(session: Session, turn: Turn, state: State) -> Reader | None:
    """Have the model read the caller's words, once in a turn and only if it answers."""
    key = session.agent.llm.key
    if rounds(state["messages"]) or FAILURES.paused(key, asyncio.get_running_loop().time()):
        return None
    try:
        return Reader(await _model(session), turn, key)
    except ModelFailed:
        return None  # told where the answer is written


async def _source(
    session: Session, state: State, phase: Any, given: Sequence[BaseMessage]
) -> AsyncGenerator[AIMessageChunk]:
    """Yield what the model writes; a model that has just failed is not asked.

    Raises:
        ModelFailed: see `written`.
    """
    llm, settings = session.agent.llm, session.desk.settings
    loop = asyncio.get_running_loop()
    if FAILURES.paused(llm.key, loop.time()):
        raise ModelFailed(_SKIPPED)
    try:
        tools = (await session.tools(state)).values()
        bound = with_tools(
            await _model(session), [tool for tool in tools if allows(phase, tool.name)]
        )
        async for chunk in written(bound, given, settings):
            yield chunk
    except ModelFailed:
        FAILURES.failed(llm.key, loop.time())
        raise
    FAILURES.answered(llm.key)


async def _model(session: Session) -> BaseChatModel:
    """Return the agent's model.

    Raises:
        ModelFailed: there is none.
    """
    llm = session.agent.llm
    try:
        return chat_model(llm, session.desk.settings, await _secret(session, llm))
    except ModelFailed:
        raise
    except Exception as error:  # whatever a provider's client raises
        raise ModelFailed(f"There is no such model ({type(error).__name__}).") from error


async def _secret(session: Session, llm: Llm) -> SecretStr | None:
    """Return the key of an agent's own address, from the store."""
    if llm.api_key_secret is None:
        return None
    secrets = getattr(session.desk, "secrets", None)
    return SecretStr(await secrets.reveal(llm.api_key_secret)) if secrets else None


def _retrieval(found: Found | None) -> dict[str, Any]:
    """Return what is kept with a turn of what was retrieved for it."""
    if found is None:
        return {}
    chunks = [
        {"document_id": one.document_id, "chunk_id": one.chunk_id, "score": one.score}
        for one in found.passages
    ]
    about: Mapping[str, Any] = {
        "query": found.query,
        "latency_secs": found.latency_secs,
        "embedding_model": found.embedding_model,
        "chunks": chunks,
    }
    return {"retrieval": about}


def _announced(state: State) -> dict[str, Any]:
    """Return what the telephone is to do with this message, such as to speak another language."""
    act = (state.get("plan") or {}).get("act")
    return {"call": act} if act else {}
