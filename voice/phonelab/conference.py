"""Lines that are heard by each other: a conference, and the two ends of a `<Dial>`.

https://www.twilio.com/docs/voice/twiml/conference
"""

import asyncio
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from typing import Literal

import numpy as np

from voice.phonelab import mulaw
from voice.phonelab.calls import API_VERSION, LabCall, StatusCallback, new_sid
from voice.phonelab.line import Line
from voice.phonelab.notices import CarrierError
from voice.phonelab.webhooks import Webhooks

LONGEST_DELAY = 25
"""Frames, half a second, that one line may be ahead of another."""
SILENCE = mulaw.SILENT_FRAME


@dataclass(slots=True)
class Party:
    """One line in a room."""

    line: Line
    muted: bool = False
    hold: bool = False
    heard: dict[int, deque[bytes]] = field(default_factory=dict)
    """What the others said and was not played yet, by the identity of their lines."""


class Room:
    """Plays to each line what the others say, mixed, a frame (20 ms) later."""

    def __init__(self) -> None:
        self.parties: list[Party] = []
        self.open = True
        """Whether anything is passed on."""

    def enter(self, line: Line, *, muted: bool = False) -> Party:
        """Add a line; what it plays of other origins is not touched."""
        party = Party(line, muted)
        self.parties.append(party)
        line.on_frame = lambda said, _marks: self._pass_on(party, said)
        return party

    def leave(self, party: Party) -> None:
        """Take a line out."""
        if party in self.parties:
            self.parties.remove(party)
            party.line.on_frame = None
            party.line.playout.clear()

    def _pass_on(self, party: Party, said: bytes) -> None:
        if not self.open:
            return
        if not party.muted and not party.hold:
            for other in self.parties:
                if other is not party and not other.hold:
                    waiting = deque[bytes](maxlen=LONGEST_DELAY)
                    other.heard.setdefault(id(party), waiting).append(said)
        frames = [queue.popleft() for queue in party.heard.values() if queue]
        if frames:
            party.line.playout.put(mixed(frames))


def mixed(frames: list[bytes]) -> bytes:
    """Add frames of mu-law."""
    audible = [frame for frame in frames if frame != SILENCE]
    if len(audible) < 2:
        return audible[0] if audible else SILENCE
    total = np.sum([mulaw.decode(frame).astype(np.int32) for frame in audible], axis=0)
    return mulaw.encode(np.clip(total, -32768, 32767).astype(np.int16))


@dataclass(eq=False)
class Participant:
    """A call in a conference."""

    call: LabCall
    party: Party
    start_on_enter: bool
    end_on_exit: bool
    label: str | None = None
    left: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(eq=False)
class Conference:
    """A conference, from its first participant to its end."""

    account_sid: str
    name: str
    created_at: datetime
    callback: StatusCallback | None = None
    sid: str = field(default_factory=lambda: new_sid("CF"))
    status: Literal["init", "in-progress", "completed"] = "init"
    room: Room = field(default_factory=Room)
    participants: list[Participant] = field(default_factory=list)
    """Those who are in it, by the time they came."""
    seen: list[str] = field(default_factory=list)
    """Sids of all calls that ever were in it."""

    def resource(self) -> dict[str, object]:
        """Return the conference as the REST API shows it."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Conferences/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "call_sid_ending_conference": None,
            "date_created": format_datetime(self.created_at),
            "date_updated": format_datetime(self.created_at),
            "friendly_name": self.name,
            "reason_conference_ended": None,
            "region": "us1",
            "status": self.status,
            "uri": f"{uri}.json",
            "subresource_uris": {"participants": f"{uri}/Participants.json"},
        }

    def participant(self, who: Participant) -> dict[str, object]:
        """Return a participant as the REST API shows it."""
        at = format_datetime(self.created_at)
        base = f"/{API_VERSION}/Accounts/{self.account_sid}/Conferences/{self.sid}/Participants"
        return {
            "account_sid": self.account_sid,
            "call_sid": who.call.sid,
            "call_sid_to_coach": None,
            "coaching": False,
            "conference_sid": self.sid,
            "date_created": at,
            "date_updated": at,
            "end_conference_on_exit": who.end_on_exit,
            "hold": who.party.hold,
            "label": who.label,
            "muted": who.party.muted,
            "queue_time": None,
            "start_conference_on_enter": who.start_on_enter,
            "status": "connected",
            "uri": f"{base}/{who.call.sid}.json",
        }


class Conferences:
    """The conferences of a lab.

    Args:
        webhooks: tells the application of what happens in them.
    """

    def __init__(self, webhooks: Webhooks) -> None:
        self.all: dict[str, Conference] = {}
        """By sid, oldest first."""
        self._webhooks = webhooks
        self._reports: set[asyncio.Task[None]] = set()

    def named(self, call: LabCall, name: str) -> Conference:
        """Return the conference of that name that goes on, or a new one."""
        for conference in self.all.values():
            if conference.name == name and conference.status != "completed":
                return conference
        made = Conference(call.account_sid, name, call.clock.utc())
        made.room.open = False
        self.all[made.sid] = made
        return made

    def enter(
        self, conference: Conference, call: LabCall, attributes: Mapping[str, str]
    ) -> Participant:
        """Let a call in; attributes are those of `<Conference>`."""
        if conference.callback is None and (url := attributes.get("statusCallback")):
            wanted = frozenset(attributes.get("statusCallbackEvent", "start end").split())
            method = attributes.get("statusCallbackMethod", "POST")
            conference.callback = StatusCallback(url, method, wanted)
        muted = attributes.get("muted") == "true"
        participant = Participant(
            call,
            conference.room.enter(call.line, muted=muted),
            attributes.get("startConferenceOnEnter", "true") == "true",
            attributes.get("endConferenceOnExit", "false") == "true",
            attributes.get("participantLabel"),
        )
        conference.participants.append(participant)
        conference.seen.append(call.sid)
        self._tell(conference, "join", "participant-join", call)
        started = any(one.start_on_enter for one in conference.participants)
        if conference.status == "init" and started and len(conference.participants) > 1:
            conference.status = "in-progress"
            conference.room.open = True
            self._tell(conference, "start", "conference-start", None)
        return participant

    def leave(self, conference: Conference, participant: Participant) -> None:
        """Let a call out; the conference ends with the last, or with whom it is to end."""
        if participant not in conference.participants:
            return
        conference.participants.remove(participant)
        conference.room.leave(participant.party)
        participant.left.set()
        self._tell(conference, "leave", "participant-leave", participant.call)
        if participant.end_on_exit or not conference.participants:
            self.end(conference)

    def end(self, conference: Conference) -> None:
        """End a conference; whoever is in it goes on with the next verb."""
        if conference.status == "completed":
            return
        conference.status = "completed"
        for participant in [*conference.participants]:
            self.leave(conference, participant)
        self._tell(conference, "end", "conference-end", None)

    def _tell(self, conference: Conference, event: str, name: str, call: LabCall | None) -> None:
        wanted = conference.callback
        if wanted is None or event not in wanted.events:
            return
        fields = {
            "AccountSid": conference.account_sid,
            "ConferenceSid": conference.sid,
            "FriendlyName": conference.name,
            "StatusCallbackEvent": name,
            **({"CallSid": call.sid} if call else {}),
        }
        task = asyncio.create_task(self._report(wanted, fields))
        self._reports.add(task)
        task.add_done_callback(self._reports.discard)

    async def _report(self, wanted: StatusCallback, fields: Mapping[str, str]) -> None:
        try:
            await self._webhooks.send(wanted.url, fields, wanted.method)
        except CarrierError:
            return  # a conference has no debugger of its own

    async def close(self) -> None:
        """End every conference and wait until its last report is sent."""
        for conference in self.all.values():
            self.end(conference)
        if self._reports:
            await asyncio.wait(self._reports)
