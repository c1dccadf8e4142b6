"""Places calls: each wish once, and only where it is allowed.

    call = await dialler.call("+15550123", graph="sdr", opening={"agent": ...}, key="lead-17")

The wish is written down first, then the carrier is asked (`placing.py`); **nobody is dialled twice
for one key**, also when the process dies in between: then who asks again with the key gets the
call that was placed, or, if there is none, has it placed. A refusal and a failure have reasons.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

import httpx
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from faults import places
from settings import E164, Settings
from store.calls import Call, CallExists, Calls, Unanswered
from store.conversations import conversation_id
from store.dials import Dial, Dials
from store.locks import ThreadLocks
from tools.twilio_rest import CarrierNotConfigured, close, twilio_client
from voice.placing import DiallingFailed, Placing

__all__ = ["Dialler", "DiallingFailed", "DiallingRefused"]

log = logging.getLogger(__name__)

WAIT_SECS: Final = 60.0
"""Longest wait for another process that places the same call, in seconds."""
LOOK_SECS: Final = 60.0
"""How often it is looked for calls of which nothing was heard, in seconds."""
_NUMBER = re.compile(E164)

WHY: Final[Mapping[Unanswered, str]] = {
    "busy": "The line was busy.",
    "no-answer": "Nobody answered.",
    "failed": "The carrier could not connect the call.",
    "canceled": "The call was cancelled before anybody answered.",
}

WHY_BY_STATUS: Final[Mapping[str, Unanswered]] = {why: why for why in WHY}
"""Why nobody took a call, by Twilio's `CallStatus`."""


class Verdict(Protocol):
    """Whether a number may be called; `tools.permission` gives such."""

    @property
    def allowed(self) -> bool:
        """Whether it may."""
        ...

    @property
    def reasons(self) -> Sequence[Any]:
        """Why not: each with a `code` and a `sentence`."""
        ...


MayCall = Callable[[Dial], Awaitable[Verdict]]
"""Decides whether what is wanted may be done now, and counts the attempt where it may."""
Tell = Callable[[str, dict[str, Any], str], Awaitable[None]]
"""Takes an event for the webhooks: kind, data, key."""


class DiallingRefused(Exception):
    """A call is not placed because it is not allowed; `reasons` say why."""

    def __init__(self, reasons: Sequence[Mapping[str, Any]]) -> None:
        self.reasons = list(reasons)
        why = " ".join(str(reason["sentence"]) for reason in self.reasons)
        super().__init__(f"The call is not allowed. {why}".strip())


class Dialler:
    """Places calls through Twilio.

    Args:
        settings: account, numbers, ringing.
        calls: where calls are recorded.
        dials: where they are written down before.
        locks: of the records.
        may_call: decides whether a number may be called; everybody may when missing.
        tell: takes events for the webhooks.
    """

    def __init__(
        self,
        settings: Settings,
        calls: Calls,
        dials: Dials,
        locks: ThreadLocks,
        *,
        may_call: MayCall | None = None,
        tell: Tell | None = None,
    ) -> None:
        self._settings = settings
        self._calls = calls
        self._dials = dials
        self._placing = Placing(dials)
        self._locks = locks
        self._may_call = may_call
        self._tell = tell
        self._twilio: Client | None = None

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Look after calls of which nothing was heard, while the context is open."""
        looking = asyncio.create_task(self._look(), name="unheard-of calls")
        try:
            yield
        finally:
            looking.cancel()
            await asyncio.wait({looking})
            if self._twilio:
                await close(self._twilio)

    @property
    def base(self) -> str:
        """Address under which the carrier reaches this server."""
        own = f"http://{self._settings.host}:{self._settings.port}"
        return (self._settings.public_url or own).rstrip("/")

    @property
    def client(self) -> Client:
        """Twilio's client.

        Raises:
            CarrierNotConfigured: there is no account.
        """
        if self._twilio is None:
            self._twilio = twilio_client(self._settings)
        return self._twilio

    async def call(
        self,
        to: str,
        *,
        key: str,
        graph: str,
        opening: Mapping[str, Any] | None = None,
        agent_id: str | None = None,
        from_number: str | None = None,
        thread_id: str | None = None,
        **options: Any,
    ) -> Call:
        """Place a call and return its record; for a key that is known, the call placed before.

        Args:
            to: number to be called, E.164.
            key: names the wish; the same key never rings twice.
            graph: holds the conversation.
            opening: what the graph is given at the start, by keys of its state.
            agent_id: whose call it is.
            from_number: shown to who is called; the one of the settings when missing.
            thread_id: of a conversation that goes on; a new one when missing.
            options: others of Twilio's for this call: `timeout` (seconds it rings), `record`,
                `machine_detection`.

        Raises:
            ValueError: a number is not E.164, or there is none to call from.
            CarrierNotConfigured: there is no account.
            DiallingRefused: it is not allowed.
            DiallingFailed: the carrier did not place it.
        """
        from_number = from_number or self._settings.twilio_number or ""
        for name, number in (("called", to), ("to call from", from_number)):
            if not _NUMBER.fullmatch(number):
                raise ValueError(
                    f"The number {name} is not E.164 (+ and 7 to 15 digits)."
                    if number
                    else f"There is no number {name}; set TWILIO_PHONE_NUMBER."
                )
        wish = Dial(
            key=key,
            to=to,
            from_number=from_number,
            graph=graph,
            agent_id=agent_id,
            opening=dict(opening or {}),
            **({"thread_id": thread_id} if thread_id else {}),
        )
        dial = await self.once(wish, self._for_a_conversation(options))
        if not dial.to:
            raise DiallingFailed("It was placed before, and what is kept of it has been deleted.")
        return await self._record(dial)

    async def once(self, wish: Dial, asking: Callable[[Dial], Mapping[str, Any]]) -> Dial:
        """Place what is wanted unless that was done; returns it with its sid.

        Args:
            wish: what is wanted; of an earlier one with its key the earlier one counts.
            asking: what the carrier is asked, beside the numbers.

        Raises:
            CarrierNotConfigured, DiallingRefused, DiallingFailed: as `call`.
        """
        client = self.client
        async with self._locks.hold(f"dial:{wish.key}", WAIT_SECS):
            dial = await self._dials.of_key(wish.key)
            if dial and dial.status == "dialling":  # who asked did not live to hear the answer
                dial = await self._placing.read_back(client, dial, "lost")
            if dial is None or dial.status in ("refused", "lost"):
                dial = await self._permitted(dial or wish, known=dial is not None)
                dial = await self._placing.ask(client, dial, asking(dial))
        if dial.status == "failed" or dial.sid is None:
            raise DiallingFailed(dial.failure or "The carrier did not place the call.")
        return dial

    async def dial(self, dial_id: str) -> Dial | None:
        """Return what was wanted under an id, for the webhooks."""
        return await self._dials.get(dial_id)

    async def of_key(self, key: str) -> Dial | None:
        """Return what was wanted under a key."""
        return await self._dials.of_key(key)

    async def answered(self, dial_id: str, sid: str) -> Dial | None:
        """Take the carrier's word that a call has the sid; None when it is none of ours."""
        dial = await self._dials.get(dial_id)
        if dial is None or not await self._dials.placed(dial_id, sid):
            return None
        return dial.model_copy(update={"sid": sid, "status": "placed"})

    async def ended(self, sid: str, why: Unanswered, dial_id: str | None = None) -> None:
        """Note that nobody took a call that we placed; the same news again changes nothing."""
        if dial_id and (dial := await self.answered(dial_id, sid)):
            await self._record(dial)
        call = await self._calls.get(sid)
        if call is None or call.status not in ("dialling", "ringing"):
            return
        if self._tell:
            await self._tell("call_initiation_failure", failure_data(call, why), sid)
        await self._calls.end(sid, "failed", WHY[why], unanswered=why)

    async def forget(self, moment: datetime) -> None:
        """Delete what was wanted before a moment."""
        await self._dials.delete_before(moment)

    async def forget_thread(self, thread_id: str) -> None:
        """Forget whom the calls of a thread were for; none of them is placed anew."""
        await self._dials.blank(thread_id)

    # Placing

    async def _permitted(self, dial: Dial, *, known: bool) -> Dial:
        """Write the wish down, as one that is carried out or is refused.

        Raises:
            DiallingRefused: it is not allowed.
        """
        if dial.purpose == "conversation" and self._may_call:
            verdict = await self._may_call(dial)
            reasons = [{"code": r.code, "sentence": r.sentence} for r in verdict.reasons]
            if not verdict.allowed:
                refused = dial.model_copy(update={"status": "refused", "reasons": reasons})
                await self._write(refused, known=known)
                raise DiallingRefused(reasons)
        now = datetime.now(UTC)
        dial = dial.model_copy(
            update={"status": "dialling", "reasons": [], "failure": None, "began_at": now}
        )
        await self._write(dial, known=known)
        return dial

    async def _write(self, dial: Dial, *, known: bool) -> None:
        if known:
            told = {"reasons": dial.reasons, "failure": dial.failure, "began_at": dial.began_at}
            await self._dials.change(dial.id, dial.status, **told)
        else:
            await self._dials.create(dial)

    async def _record(self, dial: Dial) -> Call:
        """Return the record of a call that was placed, made if it is not there."""
        sid = dial.sid or ""
        call = Call(
            sid=sid,
            graph=dial.graph,
            thread_id=dial.thread_id,
            direction="outbound",
            carrier="twilio",
            status="dialling",
            from_number=dial.from_number,
            to_number=dial.to,
            started_at=dial.began_at,
            agent_id=dial.agent_id,
            opening=dial.opening,
        )
        try:
            await self._calls.create(call)
        except CallExists:
            return await self._calls.get(sid) or call
        return call

    def _for_a_conversation(
        self, options: Mapping[str, Any]
    ) -> Callable[[Dial], Mapping[str, Any]]:
        settings = self._settings

        def asking(dial: Dial) -> Mapping[str, Any]:
            detection = options.get("machine_detection") or settings.machine_detection
            detecting = {
                "machine_detection": detection,
                "async_amd": "true",
                "async_amd_status_callback": f"{self.base}/voice/answered",
            }
            return {
                "url": f"{self.base}/voice/incoming?dial={dial.id}",
                "status_callback": f"{self.base}/voice/status?dial={dial.id}",
                "status_callback_event": ["initiated", "ringing", "answered", "completed"],
                "timeout": settings.ringing_secs,
                **{name: value for name, value in options.items() if value is not None},
                **(detecting if detection else {}),
            }

        return asking

    # Looking after

    async def _look(self) -> None:
        while True:
            try:
                await self.look()
            except CarrierNotConfigured:
                pass
            except Exception as error:
                log.error("Calls were not looked after: %s", places(error))
            await asyncio.sleep(LOOK_SECS)

    async def look(self) -> None:
        """Find out what became of calls about which the carrier should have told us by now."""
        now = datetime.now(UTC)
        for dial in await self._dials.unanswered(now - timedelta(seconds=WAIT_SECS)):
            with contextlib.suppress(TimeoutError, DiallingFailed):
                async with self._locks.hold(f"dial:{dial.key}", 0):
                    found = await self._placing.read_back(self.client, dial, "lost")
                    if found.sid and found.purpose == "conversation":
                        await self._record(found)
        late = now - timedelta(seconds=self._settings.ringing_secs + LOOK_SECS)
        for call in await self._calls.dialling(late):
            await self._ask_after(call)

    async def _ask_after(self, call: Call) -> None:
        """Ask the carrier about a call that should have been answered, or not, by now."""
        try:
            known = await self.client.calls(call.sid).fetch_async()
        except (TwilioRestException, httpx.HTTPError):
            return
        status = str(known.status)
        if why := WHY_BY_STATUS.get(status):
            await self.ended(call.sid, why)
        elif status == "completed":
            failure = "The call was answered, but the carrier did not reach this server."
            await self._calls.end(call.sid, "failed", failure)


def failure_data(call: Call, why: Unanswered) -> dict[str, Any]:
    """Return what webhooks are told of a call that nobody took, as ElevenLabs words it."""
    return {
        "agent_id": call.agent_id or call.graph,
        "conversation_id": conversation_id(call.thread_id),
        "failure_reason": why if why in ("busy", "no-answer") else "unknown",
        "metadata": {"type": "twilio", "body": {"CallSid": call.sid, "CallStatus": why}},
    }
