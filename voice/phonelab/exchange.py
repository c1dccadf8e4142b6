"""The exchange: leads each call from the first ring to the last status callback."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from email.utils import format_datetime
from typing import Any, Literal

from voice.phonelab.callers import Caller, SilentCaller
from voice.phonelab.calls import LabCall, Status, StatusCallback
from voice.phonelab.conference import Conferences
from voice.phonelab.dialling import Dialling, Leg
from voice.phonelab.faults import Faults
from voice.phonelab.handset import Handset
from voice.phonelab.interpreter import Fetch, Interpreter
from voice.phonelab.line import LineClosed
from voice.phonelab.media import Connect, over_the_network
from voice.phonelab.notices import LAB_FAILED, CarrierError, Notice
from voice.phonelab.twiml import Document, parse
from voice.phonelab.voices import Voice
from voice.phonelab.webhooks import Webhooks


@dataclass(frozen=True, slots=True)
class Subscriber:
    """Who has a number, for calls that come from the application."""

    caller: Callable[[], Caller] = SilentCaller
    """Makes the person who answers."""
    answers: Literal["yes", "busy", "never"] = "yes"
    rings_secs: float = 0.0
    """How long it rings before the answer."""
    answered_by: str = "human"
    """What the carrier finds out about who answers, as Twilio words it, where it is asked."""
    detection_secs: float = 3.0
    """How long after the answer it has found that out."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where the instructions of a call come from."""

    url: str | None = None
    method: str = "POST"
    twiml: str | None = None


class LiveCall:
    """One call while it lasts, and the tasks that carry it."""

    def __init__(self, call: LabCall, interpreter: Interpreter, webhooks: Webhooks) -> None:
        self.call = call
        self._interpreter = interpreter
        self._webhooks = webhooks
        self._tasks: set[asyncio.Task[None]] = set()
        self._instructions: asyncio.Task[None] | None = None
        self._reports: asyncio.Queue[dict[str, str] | None] = asyncio.Queue()
        self._reported = 0
        self._reporter = asyncio.create_task(self._report_all())

    async def ring_in(self, source: Source, caller: Caller) -> None:
        """The caller rings the application."""
        try:
            await caller.prepare()
            self._status("ringing")
            document = await self._document(source)
        except (CarrierError, ValueError, OSError) as error:
            self.call.note(_notice(error))
            return self.end("failed")
        first = document.verbs[0] if document.verbs else None
        if first and first.name == "Reject":
            self.call.verbs.append("Reject")
            return self.end("no-answer" if first.attributes.get("reason") != "busy" else "busy")
        self._answer(caller)
        self._begin(self._interpreter.run(document))
        return None

    async def ring_out(
        self,
        follow: Callable[[], Coroutine[Any, Any, object]],
        subscriber: Subscriber,
        ring_secs: float,
        send_digits: str = "",
    ) -> None:
        """The application rings a subscriber; `follow` says what comes after the answer."""
        clock, caller = self.call.clock, subscriber.caller()
        try:
            await caller.prepare()
        except (ValueError, OSError) as error:
            self.call.note(_notice(error))
            return self.end("failed")
        self._status("initiated")
        self._status("ringing")
        if subscriber.answers == "busy":
            return self.end("busy")
        answered = subscriber.answers == "yes" and subscriber.rings_secs < ring_secs
        await clock.sleep_until(clock.now() + (subscriber.rings_secs if answered else ring_secs))
        if not answered:
            return self.end("no-answer")
        self.call.line.digits_sent += send_digits.replace("w", "")
        self._answer(caller)
        wanted = self.call.detection
        if wanted and wanted.callback:
            self.start(self._detect(subscriber, wanted.callback))
        elif wanted:
            await self._detect(subscriber, None)
        self._begin(follow())
        return None

    async def _detect(self, subscriber: Subscriber, callback: StatusCallback | None) -> None:
        """Find out who has answered, and report it."""
        clock = self.call.clock
        await clock.sleep_until(clock.now() + subscriber.detection_secs)
        self.call.answered_by = subscriber.answered_by
        if callback:
            spent = {"MachineDetectionDuration": str(round(subscriber.detection_secs * 1000))}
            await self._webhooks.send(callback.url, self.call.fields() | spent, callback.method)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something as part of this call."""
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task[None]) -> None:
        """End the call when a part of it has failed."""
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            self.call.note(_notice(error))
            self.end("failed")

    async def redirect(self, source: Source) -> None:
        """Leave what is being carried out and follow other instructions."""
        await _cancel(self._instructions)
        self.call.line.playout.clear()
        self._begin(self.follow(source))

    def end(self, status: Status = "completed") -> None:
        """End the call; safe to call twice."""
        if self.call.over:
            return
        self.call.ended_at = self.call.clock.utc()
        self.call.line.close()
        self._status(status)
        self._reports.put_nowait(None)
        self._closing = asyncio.create_task(self._close())

    async def _close(self) -> None:
        await _cancel(self._instructions)
        for task in [*self._tasks]:
            if task is not asyncio.current_task():
                await _cancel(task)
        await asyncio.wait({self._reporter})
        if error := self._reporter.exception():
            self.call.note(_notice(error))
        self.call.ended.set()

    def _answer(self, caller: Caller) -> None:
        self.call.started_at = self.call.clock.utc()
        self._status("in-progress")
        self.start(self._carry())
        self.start(self._talk(caller))

    async def _carry(self) -> None:
        await self.call.line.run()

    async def _talk(self, caller: Caller) -> None:
        try:
            await caller.talk(Handset(self.call.line, self.call.tell))
        except LineClosed:
            return
        self.end()

    def _begin(self, instructions: Coroutine[Any, Any, object]) -> None:
        self._instructions = asyncio.create_task(self._instruct(instructions))
        self._instructions.add_done_callback(self._finished)

    async def _instruct(self, instructions: Coroutine[Any, Any, object]) -> None:
        try:
            await instructions
        except LineClosed:
            return
        except CarrierError as error:
            self.call.note(error.notice)
        self.end()

    async def follow(self, source: Source) -> bool:
        """Carry out instructions; returns whether they end without hanging up."""
        return await self._interpreter.run(await self._document(source))

    async def _document(self, source: Source) -> Document:
        if source.twiml is not None:
            return parse(source.twiml)
        return await self._interpreter.fetch(Fetch(source.url or "", source.method))

    def _status(self, status: Status) -> None:
        self.call.status = status
        self.call.tell("status", status)
        wanted = self.call.status_callback
        event = {"in-progress": "answered", "initiated": "initiated", "ringing": "ringing"}.get(
            status, "completed"
        )
        if wanted and event in wanted.events:
            self._reports.put_nowait(self._progress())

    def _progress(self) -> dict[str, str]:
        call = self.call
        fields = call.fields() | {
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(self._reported),
            "Timestamp": format_datetime(call.clock.utc()),
        }
        self._reported += 1
        if call.over:
            seconds = call.duration_secs
            fields |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
        return fields

    async def _report_all(self) -> None:
        """Send status callbacks one after the other, so that they arrive in order."""
        while (fields := await self._reports.get()) is not None:
            wanted = self.call.status_callback
            if wanted is None:
                continue
            try:
                await self._webhooks.send(wanted.url, fields, wanted.method)
            except CarrierError as error:
                self.call.note(Notice(error.notice.code, "warning", f"Status callback: {error}"))


class Exchange:
    """Every call of a lab, and what they share."""

    def __init__(
        self,
        webhooks: Webhooks,
        voice: Voice,
        faults: Faults,
        base_url: str,
        connect: Connect = over_the_network,
        subscribers: Mapping[str, Subscriber] | None = None,
    ) -> None:
        self.subscribers = subscribers if subscribers is not None else {}
        """Who has which number; everyone else answers and is silent."""
        self.conferences = Conferences(webhooks)
        self.calls: dict[str, LiveCall] = {}
        """By sid, oldest first."""
        self._webhooks = webhooks
        self._voice = voice
        self._faults = faults
        self._base_url = base_url
        self._connect = connect

    def open(self, call: LabCall, faults: Faults | None = None) -> LiveCall:
        """Take a call in."""
        recordings = f"{self._base_url}/2010-04-01/Accounts/{call.account_sid}/Recordings"
        dialling = Dialling(call, self.conferences, self.place)
        interpreter = Interpreter(
            call,
            self._webhooks,
            self._voice,
            faults or self._faults,
            recordings,
            self._connect,
            dialling.carry_out,
        )
        live = self.calls[call.sid] = LiveCall(call, interpreter, self._webhooks)
        return live

    def place(self, parent: LabCall, to: str, from_: str, ring_secs: float, leg: Leg) -> None:
        """Ring a number for the `<Dial>` of a call."""
        made = LabCall(
            parent.account_sid,
            to,
            from_,
            "outbound-dial",
            parent.clock,
            leg.status_callback,
            parent_sid=parent.sid,
        )
        live = self.open(made)
        leg.call, leg.hang_up = made, live.end

        async def together() -> None:
            if not leg.url or await live.follow(Source(leg.url, leg.method)):
                leg.bridged.set()
                await asyncio.Event().wait()

        subscriber = self.subscribers.get(to, Subscriber())
        live.start(live.ring_out(together, subscriber, ring_secs))

    async def close(self) -> None:
        """End every call and wait until its last report is sent."""
        for live in [*self.calls.values()]:
            live.end()
        for live in [*self.calls.values()]:
            await live.call.ended.wait()
        await self.conferences.close()


def _notice(error: BaseException) -> Notice:
    if isinstance(error, CarrierError):
        return error.notice
    return Notice(LAB_FAILED, "error", f"The call broke off: {type(error).__name__}: {error}")


async def _cancel(task: asyncio.Task[None] | None) -> None:
    if task and task is not asyncio.current_task() and not task.done():
        task.cancel()
        await asyncio.wait({task})  # what it fails with is noted by the call
