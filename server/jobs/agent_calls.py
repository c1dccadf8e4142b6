"""Calls that an agent places by itself: those of a batch, and those that were promised."""

from datetime import UTC, datetime, timedelta
from typing import Any, Final
from uuid import uuid4

from pydantic import ValidationError

from server.convai.config import ClientData
from server.convai.mapping import Prepared, Unusable
from server.convai.opening import Line, Undecided, place, prepare
from server.convai.overrides import OverrideRefused
from server.jobs.batches import NotAtAll, NotNow
from server.jobs.work import Later, Outcome, Retry, Work
from server.services import Services
from store.admissions import AtItsLimit
from store.batches import Batch, Batches, Recipient
from store.callbacks import CallBack
from store.calls import Call
from store.dials import Dials
from store.jobs import Job
from store.resources import NoSuchResource
from tools.desk import Desk
from tools.permission import Purpose, Verdict
from voice.dialler import DiallingFailed, DiallingRefused

CALL_BACKS: Final = "call_backs"
"""The kind of the job that rings those who were promised it."""
CALL_BACK_KEY: Final = "call-back:"
"""What the key of a call begins with that was promised; no other's does."""
LOOK: Final = timedelta(seconds=15)
"""How often it is looked for calls that are due."""
LATER: Final = timedelta(minutes=15)
"""When one is tried again that cannot be placed for a reason of ours."""
_DETECTION: Final = {"enable": "Enable", "detect_message_end": "DetectMessageEnd"}


class AgentCalls:
    """Places calls of agents.

    Args:
        services: agents, dialler, settings.
        desk: knows who may be called.
        batches: what was given for each recipient.
        dials: what the dialler knows.
    """

    def __init__(self, services: Services, desk: Desk, batches: Batches, dials: Dials) -> None:
        self._services = services
        self._desk = desk
        self._batches = batches
        self._dials = dials

    async def check(self, batch: Batch, recipient: Recipient) -> None:
        """See that a recipient may be called now, see `Caller`."""
        ready = await self._ready(batch, recipient, uuid4().hex)
        from_number = self._from(batch.from_number)
        await self._permitted(recipient.phone_number, ready, "marketing", from_number)
        try:
            await self._services.admissions.check(ready.agent.agent_id, ready.limits)
        except AtItsLimit as full:
            raise NotNow(full.until, str(full)) from None

    async def call(self, batch: Batch, recipient: Recipient) -> Call:
        """Place the call of an attempt, see `Caller`."""
        thread_id = recipient.thread_id or uuid4().hex
        ready = await self._ready(batch, recipient, thread_id)
        options = _options(batch.telephony)
        return await self._place(
            recipient.phone_number,
            ready,
            key=recipient.key,
            thread_id=thread_id,
            from_number=self._from(batch.from_number),
            source="twilio",
            **options,
        )

    async def _place(self, number: str, ready: Prepared, **options: Any) -> Call:
        try:
            return await place(self._services, ready, number, **options)
        except AtItsLimit as full:
            raise NotNow(full.until, str(full)) from None
        except ValueError as error:
            raise NotAtAll(str(error)) from None

    async def _ready(self, batch: Batch, recipient: Recipient, thread_id: str) -> Prepared:
        data = await self._batches.data(recipient.id)
        line = Line(self._from(batch.from_number) or "", recipient.phone_number)
        return await self._prepared(batch.agent_id, data, thread_id, line)

    async def _prepared(
        self, agent_id: str, data: dict[str, Any], thread_id: str, line: Line
    ) -> Prepared:
        try:
            agent = await self._services.workspace.agents.get(agent_id)
            given = ClientData.model_validate(data)
            return await prepare(self._services, agent, given, thread_id, line)
        except NoSuchResource:
            raise NotAtAll(f"There is no agent {agent_id!r} any more.") from None
        except (OverrideRefused, Unusable) as error:
            raise NotAtAll(str(error)) from None
        except ValidationError as error:
            raise NotAtAll(f"Its data have {error.error_count()} faults.") from None

    async def _permitted(
        self, number: str, ready: Prepared, purpose: Purpose, from_number: str | None
    ) -> None:
        asked: dict[str, Any] = {"purpose": purpose, "from_number": from_number}
        permissions, organisation = self._desk.permissions, ready.agent.organisation
        verdict: Verdict = await permissions.check(number, organisation, **asked)
        if verdict.allowed:
            return
        when = await permissions.when(number, organisation, **asked) if verdict.temporary else None
        if when is None:
            raise NotAtAll(str(verdict.advised))
        raise NotNow(when, str(verdict.advised))

    def _from(self, number: str | None) -> str | None:
        return number or self._services.settings.twilio_number

    # Calls that were promised

    @property
    def call_backs(self) -> Work:
        """The kind of job that rings those who were promised it; it never ends."""
        return Work(self.ring_promised, Retry(10**6), deadline_secs=300.0)

    async def ring_promised(self, _job: Job) -> Outcome:
        """Ring everybody whose time has come."""
        for promised in await self._desk.call_backs.due(datetime.now(UTC)):
            await self._ring(promised)
        return Later(datetime.now(UTC) + LOOK)

    async def _ring(self, promised: CallBack) -> None:
        """Ring one; its id is the key, so that it is rung once whoever finds it due."""
        call_backs, now = self._desk.call_backs, datetime.now(UTC)
        thread_id, key = uuid4().hex, f"{CALL_BACK_KEY}{promised.id}"
        before = await self._dials.of_key(key)
        if before:
            thread_id = before.thread_id
        line = Line(self._from(None) or "", promised.number)
        try:
            ready = await self._prepared(promised.agent_id, {}, thread_id, line)
            if before is None:
                await self._permitted(promised.number, ready, "callback", self._from(None))
            await self._place(
                promised.number,
                ready,
                key=key,
                thread_id=thread_id,
                from_number=self._from(None),
                source="call_back",
                opening=promised.values,
            )
        except NotNow as wait:
            await call_backs.put_off(promised.id, wait.until, str(wait))
        except (NotAtAll, DiallingRefused) as refusal:
            await call_backs.mark(promised.id, "refused", str(refusal))
        except Undecided as doubt:
            await call_backs.put_off(promised.id, now + timedelta(minutes=1), str(doubt))
        except DiallingFailed as failure:
            await call_backs.mark(promised.id, "refused", str(failure))
        except Exception as error:  # a carrier that is not configured, a database that is away
            await call_backs.put_off(promised.id, now + LATER, type(error).__name__)
        else:
            await call_backs.mark(promised.id, "dialled")


def _options(telephony: dict[str, Any]) -> dict[str, Any]:
    detection = telephony.get("twilio_machine_detection") or {}
    return {
        "timeout": telephony.get("ringing_timeout_secs"),
        "record": True if telephony.get("twilio_call_recording_enabled") else None,
        "machine_detection": _DETECTION.get(str(detection.get("mode") or "")),
    }
