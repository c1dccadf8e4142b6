"""What is done once a call is over: it is told of, worked up, and told of again with its words."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage, ToolMessage

from faults import places
from server.analysis import by_code, by_model
from server.analysis.wanted import Analysis, Subject, Wanted
from server.jobs.work import Done, Failed, Outcome, Retry, Work
from store.call_events import call_data
from store.calls import Call, Calls
from store.conversations import Conversations, conversation_id
from store.jobs import Job
from store.outbox import Outbox

log = logging.getLogger(__name__)

MODEL_ATTEMPTS: Final = 3
"""Attempts in which a model is asked; after them code says what it can."""

View = Callable[[Call], Awaitable[Mapping[str, Any]]]
"""Returns a conversation exactly as `GET /v1/convai/conversations/{id}` does."""
Read = Callable[[Call], Awaitable[tuple[list[BaseMessage], Mapping[str, Any]]]]
"""Returns the messages and the state of a call's thread."""
WantedBy = Callable[[str | None], Awaitable[Wanted]]
"""Returns what an agent's settings want to know."""
ModelOf = Callable[[Call], Awaitable[BaseChatModel | None]]
"""Returns the model that analyses a call; None where none is configured."""
Forget = Callable[[str], Awaitable[None]]
"""Lets go of what was kept for a conversation while it went on."""


class AfterCall:
    """Works up calls that are over.

    Args:
        calls: the records.
        outbox: takes the events.
        conversations: keep what is found out.
        read: the thread of a call.
        wanted: what is to be found out.
        view: what is told of a conversation.
        model: analyses.
        forget: what a conversation was begun with, and has opened.
    """

    def __init__(
        self,
        calls: Calls,
        outbox: Outbox,
        conversations: Conversations,
        read: Read,
        wanted: WantedBy,
        view: View,
        model: ModelOf,
        forget: Forget,
    ) -> None:
        self._calls = calls
        self._outbox = outbox
        self._conversations = conversations
        self._read = read
        self._wanted = wanted
        self._view = view
        self._model = model
        self._forget = forget

    @property
    def work(self) -> Work:
        """The kind of job that this is."""
        return Work(self.do, Retry(8, timedelta(seconds=5), timedelta(hours=1)), 180.0)

    async def do(self, job: Job) -> Outcome:
        """Work up one call; done again, it does what was not done and repeats nothing."""
        call = await self._calls.get(job.data["sid"])
        if call is None or call.ended_at is None or not job.key.endswith(call.ended_at.isoformat()):
            return Done({"superseded": True})  # deleted, or resumed: it ends once more
        key = f"{call.sid}:{call.ended_at.isoformat()}"
        await self._outbox.put("call.ended", call_data(call), key=key)
        conversation = conversation_id(call.thread_id)
        calls = await self._conversations.calls_of(conversation)
        if all(one.ended_at for one in calls):
            await self._forget(conversation)
        if call.unanswered is not None:
            return Done({"conversation": False})
        about = await self._conversations.about(call.thread_id)
        if (about.analysis or {}).get("analysed") != key:
            found = await self._analysed(call, job.attempts)
            if isinstance(found, Failed):
                return found
            analysis, wanted = found
            shown = {**wanted.kept(analysis.shown(wanted)), "analysed": key}
            await self._conversations.note(
                call.thread_id, analysis=shown, call_successful=analysis.successful
            )
        messages, _ = await self._read(call)
        await self._conversations.note(call.thread_id, tool_names=list(tools_in(messages)))
        view = await self._view(call)
        await self._outbox.put("post_call_transcription", view, key=key)
        if call.recording:
            sound = {
                "agent_id": call.agent_id or call.graph,
                "conversation_id": conversation,
                "recording": call.recording,
            }
            await self._outbox.put("post_call_audio", sound, key=key)
        return Done()

    async def _analysed(self, call: Call, attempt: int) -> tuple[Analysis, Wanted] | Failed:
        wanted = await self._wanted(call.agent_id)
        messages, values = await self._read(call)
        subject = Subject(call, values, tools_in(messages))
        try:
            model = await self._model(call) if subject.lines else None
            if model is None:
                return by_code.analyse(subject, wanted), wanted
            return await by_model.analyse(subject, wanted, model), wanted
        except Exception as error:  # whatever a provider's client raises
            log.warning("A model could not analyse a call: %s", places(error))
            if attempt < MODEL_ATTEMPTS:
                return Failed(f"The model could not analyse it ({type(error).__name__}).")
            why = f"The language model failed {attempt} times."
            return by_code.analyse(subject, wanted, why), wanted


def tools_in(messages: list[BaseMessage]) -> dict[str, bool]:
    """Return which tools were called, and whether one of the calls did not fail."""
    found: dict[str, bool] = {}
    for message in messages:
        if isinstance(message, ToolMessage) and message.name:
            found[message.name] = found.get(message.name, False) or message.status == "success"
    return found
