"""One call as the carrier keeps it."""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Literal

from voice.phonelab.clock import Clock
from voice.phonelab.line import Line
from voice.phonelab.notices import Notice

Status = Literal[
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "no-answer",
    "canceled",
    "failed",
]
FINAL: frozenset[Status] = frozenset({"completed", "busy", "no-answer", "canceled", "failed"})
Direction = Literal["inbound", "outbound-api", "outbound-dial"]
API_VERSION = "2010-04-01"


def new_sid(prefix: str) -> str:
    """Return a sid of Twilio's form, such as CA and 32 hexadecimal digits."""
    return prefix + secrets.token_hex(16)


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """Where the progress of a call is reported."""

    url: str
    method: str = "POST"
    events: frozenset[str] = frozenset({"completed"})
    """Of `initiated`, `ringing`, `answered`, `completed`."""


@dataclass(frozen=True, slots=True)
class Detection:
    """That the application wants to know who answers."""

    callback: StatusCallback | None = None
    """Where it is told while the call goes on; without it the call waits until it is known."""


@dataclass(frozen=True, slots=True)
class Happening:
    """Something for those who watch a call."""

    kind: str
    """`status`, `say`, `keys`, `remark`, `stream`, `notice`."""
    text: str
    at_secs: float
    """Seconds of audio since the call was answered."""


@dataclass(slots=True)
class LabCall:
    """A call of the lab: what its REST resource shows, what was said and heard on it."""

    account_sid: str
    to: str
    from_: str
    direction: Direction
    clock: Clock
    status_callback: StatusCallback | None = None
    detection: Detection | None = None
    answered_by: str | None = None
    """Who has answered, once that is known and was asked."""
    parent_sid: str | None = None
    """The call whose `<Dial>` has placed this one."""
    sid: str = field(default_factory=lambda: new_sid("CA"))
    status: Status = "queued"
    notices: list[Notice] = field(default_factory=list)
    """Errors and warnings, as Twilio's debugger would list them."""
    streams: list[str] = field(default_factory=list)
    """Sids of the media streams that were opened, in order."""
    verbs: list[str] = field(default_factory=list)
    """Verbs carried out, in order."""
    recordings: dict[str, bytes] = field(default_factory=dict)
    """What `<Record>` kept of the caller, mu-law at 8 kHz by recording sid."""
    watchers: list[Callable[[Happening], None]] = field(default_factory=list)
    line: Line = field(init=False)
    created_at: datetime = field(init=False)
    started_at: datetime | None = None
    ended_at: datetime | None = None
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.line = Line(self.clock)
        self.created_at = self.clock.utc()

    def note(self, notice: Notice) -> None:
        """Keep an error or a warning."""
        self.notices.append(notice)
        self.tell("notice", str(notice))

    def tell(self, kind: str, text: str) -> None:
        """Tell those who watch."""
        happening = Happening(kind, text, self.line.seconds)
        for watch in self.watchers:
            watch(happening)

    @property
    def errors(self) -> list[Notice]:
        """The notices that are errors."""
        return [notice for notice in self.notices if notice.level == "error"]

    @property
    def over(self) -> bool:
        """Whether the call has ended."""
        return self.status in FINAL

    @property
    def duration_secs(self) -> int:
        """Whole seconds between answer and end; 0 when it was never answered."""
        if not self.started_at or not self.ended_at:
            return 0
        return max(1, round((self.ended_at - self.started_at).total_seconds()))

    async def wait(self, within_secs: float = 600.0) -> "LabCall":
        """Return when the call has ended and its last status callback was sent.

        Raises:
            TimeoutError: it has not, after `within_secs`.
        """
        async with asyncio.timeout(within_secs):
            await self.ended.wait()
        return self

    async def save_wav(self, file: Path) -> Path:
        """Write both sides as a stereo WAV, left the caller, right the bot."""
        return await asyncio.to_thread(self.line.recording.save, file)

    def fields(self) -> dict[str, str]:
        """Return the form fields that every request about this call carries."""
        return {
            "AccountSid": self.account_sid,
            "ApiVersion": API_VERSION,
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Called": self.to,
            "Caller": self.from_,
            "Direction": self.direction,
            "From": self.from_,
            "To": self.to,
            **({"AnsweredBy": self.answered_by} if self.answered_by else {}),
            **({"ParentCallSid": self.parent_sid} if self.parent_sid else {}),
        }

    def resource(self) -> dict[str, object]:
        """Return the call as the REST API shows it."""
        uri = f"/{API_VERSION}/Accounts/{self.account_sid}/Calls/{self.sid}"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "api_version": API_VERSION,
            "annotation": None,
            "answered_by": self.answered_by,
            "caller_name": None,
            "date_created": _rfc2822(self.created_at),
            "date_updated": _rfc2822(self.ended_at or self.started_at or self.created_at),
            "direction": self.direction,
            "duration": str(self.duration_secs) if self.status == "completed" else None,
            "end_time": _rfc2822(self.ended_at),
            "forwarded_from": None,
            "from": self.from_,
            "from_formatted": self.from_,
            "group_sid": None,
            "parent_call_sid": self.parent_sid,
            "phone_number_sid": None,
            "price": None,
            "price_unit": "USD",
            "queue_time": "0",
            "start_time": _rfc2822(self.started_at),
            "status": "queued" if self.status == "initiated" else self.status,
            "to": self.to,
            "to_formatted": self.to,
            "trunk_sid": None,
            "uri": f"{uri}.json",
            "subresource_uris": {"notifications": f"{uri}/Notifications.json"},
        }


def _rfc2822(moment: datetime | None) -> str | None:
    return format_datetime(moment) if moment else None
