"""`<Dial>`: a second leg, or a conference.

https://www.twilio.com/docs/voice/twiml/dial
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin

from voice.phonelab.calls import LabCall, StatusCallback
from voice.phonelab.conference import Conferences, Room
from voice.phonelab.notices import CarrierError
from voice.phonelab.twiml import SCHEMA_WARNING, Verb

RING_SECS = 30
LONGEST_SECS = 14400
INVALID_NUMBER = 13223
INVALID_CALLER_ID = 13214


@dataclass
class Leg:
    """The call that a `<Dial>` places."""

    url: str | None = None
    """What the person called is told before being connected."""
    method: str = "POST"
    status_callback: StatusCallback | None = None
    call: LabCall | None = None
    hang_up: Callable[..., None] = lambda *_: None
    bridged: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when the person is to be heard by who dialled."""


Place = Callable[[LabCall, str, str, float, Leg], None]
"""Rings a number for a call: parent, number, caller id, longest ringing in seconds, leg."""


class Dialling:
    """Carries out the `<Dial>` verbs of one call.

    Args:
        call: that dials.
        conferences: of the lab.
        place: rings a number.
    """

    def __init__(self, call: LabCall, conferences: Conferences, place: Place) -> None:
        self._call = call
        self._conferences = conferences
        self._place = place

    async def carry_out(self, verb: Verb, here: str) -> Mapping[str, str]:
        """Dial, and return what the `action` is told when it is over.

        Raises:
            CarrierError: there is nobody to be dialled.
        """
        nouns = [child for child in verb.children if child.name in ("Number", "Conference")]
        if not nouns and verb.text:
            nouns = [Verb("Number", {}, verb.text)]
        if len(nouns) != 1:
            raise CarrierError(
                SCHEMA_WARNING, f"The lab's <Dial> takes one number or conference, not {len(nouns)}"
            )
        if nouns[0].name == "Conference":
            return await self._conference(nouns[0], here)
        return await self._number(verb, nouns[0], here)

    async def _conference(self, noun: Verb, here: str) -> Mapping[str, str]:
        attributes = dict(noun.attributes)
        if url := attributes.get("statusCallback"):
            attributes["statusCallback"] = urljoin(here, url)
        conference = self._conferences.named(self._call, noun.text)
        participant = self._conferences.enter(conference, self._call, attributes)
        try:
            await participant.left.wait()
        finally:
            self._conferences.leave(conference, participant)
        return {"DialCallStatus": "answered", "ConferenceSid": conference.sid}

    async def _number(self, verb: Verb, noun: Verb, here: str) -> Mapping[str, str]:
        number, caller = noun.text, verb.attributes.get("callerId", self._call.from_)
        for value, code in ((number, INVALID_NUMBER), (caller, INVALID_CALLER_ID)):
            if not value.startswith(("+", "client:", "sip:")):
                raise CarrierError(code, f"<Dial>: {value!r} is not a telephone number.")
        leg = _leg(noun, here)
        self._place(self._call, number, caller, verb.seconds("timeout", RING_SECS), leg)
        assert leg.call  # noqa: S101 - set when it was placed
        try:
            await _first(leg.bridged, leg.call.ended)
            if leg.bridged.is_set():
                await self._talk(verb, leg.call)
        finally:
            leg.hang_up("completed" if leg.bridged.is_set() else "canceled")
        await leg.call.ended.wait()
        return {
            "DialCallSid": leg.call.sid,
            "DialCallStatus": leg.call.status,
            "DialCallDuration": str(leg.call.duration_secs),
            "DialBridged": str(leg.bridged.is_set()).lower(),
        }

    async def _talk(self, verb: Verb, other: LabCall) -> None:
        """Let the two hear each other until one hangs up, presses the star, or the time is up."""
        room, star = Room(), asyncio.Event()
        parties = [room.enter(call.line) for call in (self._call, other)]
        if verb.attributes.get("hangupOnStar") == "true":
            self._call.line.on_digit = lambda digit: star.set() if digit == "*" else None
        try:
            async with asyncio.timeout(verb.seconds("timeLimit", LONGEST_SECS)):
                await _first(star, other.ended)
        except TimeoutError:
            return
        finally:
            self._call.line.on_digit = None
            for party in parties:
                room.leave(party)


def _leg(noun: Verb, here: str) -> Leg:
    attributes = noun.attributes
    callback = None
    if url := attributes.get("statusCallback"):
        callback = StatusCallback(
            urljoin(here, url),
            attributes.get("statusCallbackMethod", "POST"),
            frozenset(attributes.get("statusCallbackEvent", "completed").split()),
        )
    whisper = attributes.get("url")
    return Leg(
        urljoin(here, whisper) if whisper else None, attributes.get("method", "POST"), callback
    )


async def _first(*events: asyncio.Event) -> None:
    """Return when one of them is set."""
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
