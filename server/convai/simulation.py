"""A conversation of an agent with a simulated user: on a thread thrown away, with tools that rest.

The graph is the real one, and so are the model, the knowledge and what tools only read. What has an
effect answers its mock or a refusal (`tools/rehearsal.py`); an effect of a node that is no tool is
taken as done (`_Nothing`). No record, recording, event or thread is left.
"""

import base64
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Final
from uuid import uuid4

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, SystemMessage
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from pydantic import SecretStr

from faults import places
from graphs.acting import ProcessJournal
from graphs.models import Llm, chat_model
from graphs.threads import Asked, Begin, Reply, Said, Snapshot
from server.analysis import by_code, by_model
from server.analysis.wanted import Subject, Wanted
from server.convai.mapping import Prepared
from server.convai.transcript import tool_types, transcript
from server.jobs.after_call import log, tools_in
from server.services import Services
from store.calls import Call, Utterance
from store.conversations import conversation_id
from store.effects import Effect
from store.sqlite import SqliteCheckpoints
from tools.rehearsal import Mock

GRAPH: Final = "sdr"
"""The graph whose tools are known to rest in a rehearsal."""
END: Final = "[end]"
_TASK: Final = (
    "You play a person who talks with an agent. Say only what that person says next, in one or two "
    f"sentences. When the conversation is over, say {END}.\nThe person: "
)


class _Nothing(ProcessJournal):
    """A journal in which every effect has been done already, and came to nothing."""

    async def begin(self, key: str, **described: Any) -> Effect:
        """Say that it was done, so that it is not."""
        kind, raw = JsonPlusSerializer().dumps_typed(None)
        done: Any = [kind, base64.b64encode(raw).decode()]
        now = datetime.now(UTC)
        return Effect(
            key=key, began_at=now, finished_at=now, settled_at=now, result=done, **described
        )


@dataclass(frozen=True, slots=True)
class User:
    """Who is simulated: says the lines, then what a model says for the person, if there is one."""

    lines: Sequence[str]
    prompt: str = ""
    model: BaseChatModel | None = None

    async def next(self, turn: int, said: Sequence[Utterance]) -> str | None:
        """Return what is said in a turn, counted from 0; None at the end."""
        if turn < len(self.lines):
            return self.lines[turn]
        if self.model is None:
            return None
        asked: list[BaseMessage] = [SystemMessage(_TASK + self.prompt)]
        for one in said:
            asked.append((AIMessage if one.role == "caller" else HumanMessage)(one.text))
        text = str((await self.model.ainvoke(asked)).text).strip()
        return None if not text or END in text.lower() else text


@dataclass(slots=True)
class Simulated:
    """A conversation as far as it has come."""

    call: Call
    messages: Sequence[BaseMessage] = ()
    values: dict[str, Any] = field(default_factory=dict)
    done: bool = False

    def entries(self) -> list[dict[str, Any]]:
        """Return its transcript in ElevenLabs' shape."""
        agent = self.values.get("agent") or {}
        return transcript(self.call, self.messages, tool_types(agent))


async def simulate(
    services: Services, ready: Prepared, user: User, mocks: dict[str, Mock], most_turns: int
) -> AsyncGenerator[Simulated]:
    """Hold the conversation, and yield it after the greeting and after each turn of the user.

    Args:
        services: of the server.
        ready: the agent; of the graph `sdr`.
        user: who is simulated.
        mocks: answers of tools, by their names.
        most_turns: of the user.

    Raises:
        TurnTimedOut: the graph took too long.
        Exception: a model of the user's, or the graph, failed.
    """
    saver = SqliteCheckpoints(None)
    try:
        desk = replace(services.desk, rehearsal=mocks)
        threads = services.threads.apart(saver, _Nothing(), {"desk": desk})
        thread_id = uuid4().hex
        call = Call(
            sid=f"simulation-{thread_id}",
            graph=ready.graph,
            thread_id=thread_id,
            direction="browser",
            carrier="text",
            status="in-progress",
            started_at=datetime.now(UTC),
            agent_id=ready.agent.agent_id,
        )
        now = Simulated(call)
        said: Said = Begin(ready.opening(conversation_id(thread_id), "text", None))
        for turn in range(most_turns + 1):
            async with aclosing(threads.turn(ready.graph, thread_id, said)) as events:
                async for event in events:
                    match event:
                        case Reply(message_id, text) | Asked(message_id, text):
                            _note(call, "bot", text, message_id)
                        case Snapshot():
                            now.messages, now.values = event.messages, dict(event.values)
                            now.done, call.outcome = event.done, event.outcome
            yield now
            text_next = None if now.done else await user.next(turn, call.transcript)
            if text_next is None or turn == most_turns:
                return
            _note(call, "caller", text_next, None)
            said = HumanMessage(text_next, id=str(uuid4()))
    finally:
        saver.close()


async def analysis(services: Services, ready: Prepared, now: Simulated, wanted: Wanted) -> Any:
    """Return what is found out of a conversation, as after a call."""
    now.call.ended_at, now.call.status = datetime.now(UTC), "completed"
    subject = Subject(now.call, now.values, tools_in(list(now.messages)))
    found = by_code.analyse(subject, wanted)
    if ready.agent.llm.provider != "embedded":
        try:
            model = await model_of(services, ready.agent.llm)
            found = await by_model.analyse(subject, wanted, model)
        except Exception as error:  # whatever a provider's client raises
            log.warning("A model could not analyse a simulation: %s", places(error))
    return found.shown(wanted)


async def model_of(services: Services, llm: Llm) -> BaseChatModel:
    """Return a model with its key.

    Raises:
        ModelFailed: there is no key for it.
        NoSuchSecret, Unreadable: its own key cannot be had.
    """
    secret = None
    if llm.api_key_secret:
        secret = SecretStr(await services.workspace.secrets.reveal(llm.api_key_secret))
    return chat_model(llm, services.settings, secret)


def _note(call: Call, role: Any, text: str, message_id: str | None) -> None:
    now = datetime.now(UTC)
    call.transcript.append(
        Utterance(role=role, text=text, at=now, source="text", message_id=message_id)
    )
