"""Transfers: how a caller comes to a person, and back to the bot when nobody takes the call.

Cold: the caller's stream ends, and the carrier dials the person (`<Dial><Number>`). Warm: the
person is rung first, while the caller stays with the bot; hears the briefing; presses 1; only then
the caller's stream ends and both meet in a conference. Whatever prevents it, the caller stays with
the bot or comes back to it, and the graph is told.

What stands between the two legs is in the records, so any server may be asked next.
"""

import asyncio
import logging
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from twilio.base.exceptions import TwilioRestException
from twilio.twiml.voice_response import Dial as DialVerb
from twilio.twiml.voice_response import Gather, VoiceResponse

from faults import places
from graphs.call_actions import Transfer
from settings import E164
from store.calls import Call
from store.dials import Dial
from store.transfers import TransferRecord, Transfers
from tools.twilio_rest import CarrierNotConfigured
from voice.carriers import Answer
from voice.dialler import WHY_BY_STATUS, Dialler, DiallingFailed
from voice.phrases import phrase

log = logging.getLogger(__name__)

RING_SECS: Final = 25
"""How long a person is rung, in seconds; voicemail takes over later, mostly."""
LOOK_SECS: Final = 0.25
"""How often it is looked whether the person has accepted, in seconds."""
LONGEST_SECS: Final = 90.0
"""Longest from the first ring until the person has accepted, in seconds."""
ACCEPT: Final = "1"
KEY_SECS: Final = 8
MAX_BRIEFING: Final = 600
"""Longest briefing, in characters."""
_NUMBER = re.compile(E164)


class Transferring:
    """Carries transfers out.

    Args:
        transfers: where they are written down.
        dialler: rings the person.
    """

    def __init__(self, transfers: Transfers, dialler: Dialler) -> None:
        self._transfers = transfers
        self._dialler = dialler

    # On the caller's side

    async def begin(
        self, call: Call, message_id: str, wanted: Transfer, language: str
    ) -> TransferRecord | None:
        """Begin a transfer that was announced; None when that message has begun one before."""
        possible = call.carrier == "twilio" and _NUMBER.fullmatch(wanted.to)
        state: Any = ("ringing" if wanted.warm else "asked") if possible else "failed"
        transfer = TransferRecord(
            call_sid=call.sid,
            message_id=message_id,
            to=wanted.to,
            warm=wanted.warm,
            briefing=(wanted.briefing or "")[:MAX_BRIEFING],
            language=language,
            state=state,
            why=None if possible else "failed",
        )
        if not await self._transfers.create(transfer):
            return None
        if transfer.state == "ringing":
            await self._ring(call, transfer)
        return await self._transfers.get(transfer.id)

    async def _ring(self, call: Call, transfer: TransferRecord) -> None:
        ours = call.from_number if call.direction == "outbound" else call.to_number
        wish = Dial(
            key=f"transfer:{transfer.id}",
            to=transfer.to,
            from_number=ours or "",
            purpose="transfer",
            graph=call.graph,
            agent_id=call.agent_id,
        )
        base, query = self._dialler.base, urlencode({"transfer": transfer.id})

        def asking(_: Dial) -> Mapping[str, Any]:
            return {
                "url": f"{base}/voice/briefing?{query}",
                "status_callback": f"{base}/voice/briefed?{query}",
                "status_callback_event": ["completed"],
                "timeout": RING_SECS,
                "machine_detection": "Enable",  # nobody's business is told to a voicemail
            }

        try:
            await self._dialler.once(wish, asking)
        except (CarrierNotConfigured, DiallingFailed, TimeoutError) as error:
            log.warning("A person could not be rung: %s", error)
            await self.fail(transfer.id, "failed")

    async def outcome(self, transfer_id: str) -> TransferRecord:
        """Return a warm transfer once the person has accepted, or it has failed."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + LONGEST_SECS
        while True:
            transfer = await self._transfers.get(transfer_id)
            if transfer is None or transfer.state != "ringing":
                break
            if loop.time() > deadline:
                await self.withdraw(transfer.call_sid, "no-answer")
            await asyncio.sleep(LOOK_SECS)
        if transfer is None:
            raise LookupError("The transfer is not on record any more.")
        return transfer

    async def withdraw(self, call_sid: str, why: str = "canceled") -> None:
        """Give up a warm transfer that is under way: the person's telephone stops ringing."""
        last = await self._transfers.last_of(call_sid)
        if last is None or last.state not in ("ringing", "accepted"):
            return
        if await self.fail(last.id, why):
            await self._hang_up_person(last)

    async def _hang_up_person(self, transfer: TransferRecord) -> None:
        dial = await self._dialler.of_key(f"transfer:{transfer.id}")
        if dial is None or dial.sid is None:
            return
        try:
            await self._dialler.client.calls(dial.sid).update_async(status="completed")
        except (CarrierNotConfigured, TwilioRestException, httpx.HTTPError) as error:
            log.warning("A person's telephone could not be let go: %s", places(error))

    async def due(self, call: Call) -> Answer | None:
        """Return what connects a caller whose stream has ended; None when nothing does."""
        last = await self._transfers.last_of(call.sid)
        if last is None or last.state not in ("asked", "accepted", "moved"):
            return None
        await self._transfers.move(last.id, "moved", out_of=("asked", "accepted"))
        response = VoiceResponse()
        action = f"{self._dialler.base}/voice/transferred?{urlencode({'transfer': last.id})}"
        if last.warm:
            response.append(_conference(last, action))
        else:
            caller_id = call.from_number or None
            dial = DialVerb(action=action, timeout=RING_SECS, caller_id=caller_id)
            dial.number(last.to)
            response.append(dial)
        return Answer(str(response), "application/xml")

    async def over(self, transfer_id: str, status: str) -> TransferRecord | None:
        """Note how a transfer ended for the caller; returns it as it is then.

        Args:
            transfer_id: the transfer.
            status: Twilio's `DialCallStatus`.
        """
        if status in ("completed", "answered"):
            await self._transfers.move(transfer_id, "done", out_of={"moved"})
        else:
            why = WHY_BY_STATUS.get(status, "failed")
            await self._transfers.move(transfer_id, "failed", out_of={"moved"}, why=why)
        return await self._transfers.get(transfer_id)

    async def failure(self, call_sid: str) -> TransferRecord | None:
        """Return a transfer that failed and of which the graph is to be told now; once."""
        return await self._transfers.take_failure(call_sid)

    # On the person's side

    async def briefing(self, transfer_id: str, answered_by: str) -> Answer | None:
        """Return what the person is told who was rung; None for an unknown transfer."""
        transfer = await self._transfers.get(transfer_id)
        if transfer is None:
            return None
        if answered_by.startswith(("machine", "fax")):
            await self.fail(transfer_id, "voicemail")
            transfer = transfer.model_copy(update={"state": "failed"})
        response = VoiceResponse()
        if transfer.state == "ringing":
            action = f"{self._dialler.base}/voice/briefing/answer?" + urlencode(
                {"transfer": transfer_id}
            )
            words = f"{transfer.briefing} {phrase('accept', transfer.language)}".strip()
            for _ in range(2):
                gather = Gather(num_digits=1, timeout=KEY_SECS, action=action, method="POST")
                gather.say(words, language=_language_tag(transfer.language))
                response.append(gather)
            response.redirect(action, method="POST")
        else:
            response.hangup()
        return Answer(str(response), "application/xml")

    async def answer(self, transfer_id: str, digits: str) -> Answer | None:
        """Take the person's key; returns what comes next for them, None for an unknown transfer."""
        if await self._transfers.get(transfer_id) is None:
            return None
        if digits == ACCEPT:
            await self._transfers.move(transfer_id, "accepted", out_of={"ringing"})
        else:
            await self.fail(transfer_id, "declined" if digits else "no-answer")
        transfer = await self._transfers.get(transfer_id)
        response = VoiceResponse()
        if transfer and transfer.state in ("accepted", "moved"):
            response.append(_conference(transfer))
        else:
            response.hangup()
        return Answer(str(response), "application/xml")

    async def person_gone(self, transfer_id: str, status: str) -> None:
        """Note that the person's call is over, before the caller has come."""
        why = WHY_BY_STATUS.get(status, "declined")
        await self.fail(transfer_id, why)

    async def fail(self, transfer_id: str, why: str) -> bool:
        """Note that a warm transfer came to nothing; False when it is past that."""
        return await self._transfers.move(
            transfer_id, "failed", out_of=("ringing", "accepted"), why=why
        )

    async def forget(self, moment: datetime) -> None:
        """Delete transfers made before a moment."""
        await self._transfers.delete_before(moment)


def _conference(transfer: TransferRecord, action: str | None = None) -> DialVerb:
    """Where the two meet: it ends when either hangs up."""
    dial = DialVerb(action=action) if action else DialVerb()
    dial.conference(transfer.id, beep="false", end_conference_on_exit=True)
    return dial


def _language_tag(language: str) -> str:
    return {"hi": "hi-IN"}.get(language, "en-US")
