"""The switchboard: which calls are expected, which go on, and how each begins and ends."""

import asyncio
import contextlib
import logging
import re
import secrets
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from fastapi import WebSocket, WebSocketDisconnect
from pipecat.serializers.base_serializer import FrameSerializer

from faults import places
from graphs.threads import Threads
from settings import Settings
from store.calls import AnsweredBy, Call, CallExists, Calls, Direction, Status, live
from store.locks import ProcessLocks, ThreadLocks
from voice import turns
from voice.carriers import load_carriers
from voice.flight import FlightRecorder
from voice.pipeline import Conversation
from voice.providers import STT, TTS, load_providers
from voice.quiet import quiet_pipecat
from voice.record import CallLog
from voice.telemetry import Silent, Telemetry, open_telemetry
from voice.transport import SEND_TIMEOUT_SECS

log = logging.getLogger(__name__)

TICKET_SECS = 60.0
"""Time a carrier has to open the stream it was offered, in seconds."""
DRAIN_SECS = 20.0
"""Time a call has to come to its end at shutdown, in seconds."""
RELEASE_SECS = 8.0
"""Time a call has to let go of a stream that the carrier has left, in seconds."""
MAX_STREAMS = 3
"""Streams of one call, before a line that keeps breaking is given up."""
_FINAL = frozenset({"done", "silence", "failed", "too_long", "machine", "shutdown"})
"""Reasons after which a call is not connected again."""
_NUMBER = re.compile(r"\+\d{6,15}")


class CallRefused(Exception):
    """A call is not taken; `phrase` is what the caller is told."""

    def __init__(self, phrase: str) -> None:
        super().__init__(f"The call is refused: {phrase}.")
        self.phrase = phrase


class CallReplayed(Exception):
    """A webhook came again for a call that was taken before."""


class TicketRefused(Exception):
    """A stream has no valid ticket: unknown, for another call, expired or used before."""


@dataclass(slots=True)
class Ticket:
    """Lets one media stream in, once."""

    call: Call
    token: str = field(default_factory=lambda: secrets.token_urlsafe(32))
    expires_at: float = field(default_factory=lambda: time.monotonic() + TICKET_SECS)
    used: bool = False
    streams: int = 1
    """Which stream of its call this is for: more than one when a stream has broken."""
    reason: str | None = None
    """Why the last stream ended."""

    @property
    def waiting(self) -> bool:
        """Whether a stream may still come with it."""
        return not self.used and time.monotonic() < self.expires_at

    def close(self, reason: str) -> None:
        """Note why its stream ended; the carrier asks for this a moment later."""
        self.reason, self.used = reason, True
        self.expires_at = time.monotonic() + TICKET_SECS


def warm_up(settings: Settings) -> None:
    """Load every model a call needs, side by side; blocks, so call it off the event loop."""
    quiet_pipecat()
    load_providers(settings.stt, settings.tts)
    with ThreadPoolExecutor() as pool:
        loads = [
            pool.submit(turns.warm_up),
            pool.submit(STT[settings.stt].warm_up, settings),
            pool.submit(TTS[settings.tts].warm_up, settings),
        ]
    for load in loads:
        load.result()


class Switchboard:
    """Takes calls, holds them, and ends them.

    Args:
        settings: limits and providers.
        threads: where the graphs run.
        calls: where calls are recorded.
        locks: of the records; of this process if missing.
    """

    def __init__(
        self,
        settings: Settings,
        threads: Threads,
        calls: Calls,
        locks: ThreadLocks | None = None,
    ) -> None:
        self._settings = settings
        self._locks = locks or ProcessLocks()
        self._live: dict[str, contextlib.AsyncExitStack] = {}
        """Tell other servers which calls are ours, from the first ring to the end."""
        self._threads = threads
        self._calls = calls
        self._tickets: dict[str, Ticket] = {}
        self._held: dict[str, Conversation] = {}
        self._telemetry: Telemetry = Silent()
        self._closing = False
        self._admission = asyncio.Lock()
        """Held from the count of the calls until the new one is among them."""
        self._empty = asyncio.Event()
        self._empty.set()
        quiet_pipecat()
        load_carriers()
        load_providers(settings.stt, settings.tts)

    @property
    def recordings(self) -> Path:
        """The folder of the recordings."""
        return self._settings.data_dir / "recordings"

    @property
    def active(self) -> int:
        """Calls going on now."""
        return len(self._held)

    @property
    def draining(self) -> bool:
        """Whether no more calls are taken, because the server is about to stop."""
        return self._closing

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Take calls while the context lasts; at its end let those that go on come to theirs."""
        left = await self._calls.fail_unfinished(
            "The server was stopped during the call.", self._locks
        )
        if left:
            log.warning("%d calls were left unfinished by an earlier run.", left)
        sweeping = asyncio.create_task(self._sweep(), name="tickets")
        async with open_telemetry() as self._telemetry:
            try:
                yield
            finally:
                await self.drain()
                sweeping.cancel()
                await asyncio.wait({sweeping})
                for sid in list(self._live):
                    await self._let_go(sid)

    def graph_for(self, named: str | None, number: str | None) -> str:
        """Choose the graph: the one named, else by the number called, else the default.

        Raises:
            UnknownGraph: no graph of that name is served.
        """
        name = named or self._settings.numbers.get(number or "") or self._settings.default_graph
        self._threads.graph(name)
        return name

    async def expect(
        self,
        sid: str,
        graph: str,
        carrier: str,
        *,
        direction: Direction = "inbound",
        caller: str | None = None,
        called: str | None = None,
    ) -> Ticket:
        """Accept a call that rings, and return the ticket for its stream.

        Until a stream has come, the same call again gets the same ticket: a carrier that had no
        answer asks once more. After that it is a replay.

        Raises:
            CallRefused: too many calls at once, or from this number, or shutting down.
            CallReplayed: the call was taken before.
        """
        async with self._admission:
            known = self._tickets.get(sid)
            if known and known.waiting:
                return known
            if known or await self._calls.get(sid):
                raise CallReplayed(f"The call {sid} was taken before; nothing is started.")
            await self._admit(caller if direction == "inbound" else None)
            call = Call(
                sid=sid,
                graph=graph,
                thread_id=str(uuid.uuid4()),
                direction=direction,
                carrier=carrier,
                status="ringing",
                from_number=caller,
                to_number=called,
                started_at=datetime.now(UTC),
            )
            try:
                await self._create(call)
            except (CallExists, TimeoutError):
                raise CallReplayed(f"Another server takes the call {sid}.") from None
            self._tickets[sid] = Ticket(call)
            return self._tickets[sid]

    async def _create(self, call: Call) -> None:
        """Record a call that begins, as one that this server holds.

        Raises:
            CallExists, TimeoutError: another server holds it, or has held it.
        """
        await self._take(call.sid)
        try:
            await self._calls.create(call)
        except BaseException:
            await self._let_go(call.sid)
            raise

    async def _take(self, sid: str) -> None:
        async with contextlib.AsyncExitStack() as stack:
            if sid not in self._live:
                await stack.enter_async_context(live(self._locks, sid))
                self._live[sid] = stack.pop_all()

    async def _let_go(self, sid: str) -> None:
        if taken := self._live.pop(sid, None):
            await taken.aclose()

    async def reconnect(self, sid: str) -> Ticket | None:
        """Return a new ticket for a call whose stream broke; None when the call is over.

        The carrier may ask before the break was noticed here, and before the record is written.
        """
        if self._closing or not await self._released(sid):
            return None
        call = await self._calls.get(sid)
        if call is None:
            return None
        async with self._admission:  # it goes on already, so it is counted but never refused
            known = self._tickets.get(sid) or Ticket(call, used=True)
            if known.waiting:
                return known
            snapshot = await self._threads.snapshot(call.graph, call.thread_id)
            if snapshot.done or known.reason in _FINAL or known.streams >= MAX_STREAMS:
                return None
            try:
                await self._take(sid)
            except TimeoutError:  # another server still holds it
                return None
            self._tickets[sid] = Ticket(call, streams=known.streams + 1)
            return self._tickets[sid]

    async def _released(self, sid: str) -> bool:
        """End what is still held of a call; returns whether it has let go in time."""
        held = self._held.get(sid)
        if held:
            held.end("hangup")
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(RELEASE_SECS):
                    await held.over.wait()
        return sid not in self._held

    def carrier_of(self, sid: str) -> str | None:
        """Name the carrier of a call that is expected; None when there is no such call."""
        ticket = self._tickets.get(sid)
        return ticket.call.carrier if ticket else None

    def claim(self, sid: str, token: str) -> Ticket:
        """Use up the ticket of a stream.

        Raises:
            TicketRefused: unknown, for another call, expired or used before.
        """
        ticket = self._tickets.get(sid)
        if not (ticket and token.isascii() and secrets.compare_digest(ticket.token, token)):
            raise TicketRefused("The stream has no valid token.")
        if not ticket.waiting:
            raise TicketRefused("The token of the stream has been used or has expired.")
        ticket.used = True
        return ticket

    async def hold(
        self,
        call: Call,
        websocket: WebSocket,
        serializer: FrameSerializer,
        *,
        input_rate: int,
        output_rate: int,
        ready: Mapping[str, object] | None = None,
    ) -> str:
        """Hold a conversation on a stream, keep its record, and return why it ended.

        Args:
            call: the conversation.
            websocket: the accepted stream.
            serializer: the protocol of the stream.
            input_rate: samples a second of what the client says.
            output_rate: samples a second of what the client plays.
            ready: message that tells the client to begin.
        """
        recording = f"{call.sid}.wav" if self._settings.record_calls else None
        call.recording = recording or call.recording
        await self._take(call.sid)
        call_log = CallLog(call, self._calls)
        call_log.open()
        reason = "failed"
        self._empty.clear()
        try:
            if ready:
                async with asyncio.timeout(SEND_TIMEOUT_SECS):
                    await websocket.send_json(ready)
            conversation = Conversation(
                websocket,
                serializer,
                call_log,
                self._threads,
                self._settings,
                input_rate=input_rate,
                output_rate=output_rate,
                recording=self.recordings / recording if recording else None,
                flight=self._flight(call, input_rate),
            )
            for other in self._on_thread(call.graph, call.thread_id):
                self._held[other.sid].end("moved")  # two voices would speak over each other
            self._held[call.sid] = conversation
            if call.sid in self._tickets:
                self._tickets[call.sid].used = True
            reason = await conversation.run()
        except WebSocketDisconnect:  # it has left before it began
            reason = "hangup"
        except Exception as error:
            call_log.failed(f"The call broke off ({type(error).__name__}).")
            log.error("Call %s with %s broke off: %s", call.sid, call.graph, places(error))
        finally:
            if call.sid in self._tickets:
                self._tickets[call.sid].close(reason)
            if reason == "failed":
                call_log.failed("The call was ended after several failures.")
            try:
                await asyncio.shield(self._close(call_log, reason))
            finally:  # also when it is cancelled
                self._release(call.sid)
            self._telemetry.tell(call)
        return reason

    async def _close(self, call_log: CallLog, reason: str) -> None:
        await call_log.close(_status(reason))
        await self._let_go(call_log.call.sid)

    def _flight(self, call: Call, sample_rate: int) -> FlightRecorder | None:
        if not self._settings.record_flights:
            return None
        return FlightRecorder(self.recordings, call, self._settings, sample_rate)

    def _release(self, sid: str) -> None:
        held = self._held.pop(sid, None)
        if held:
            held.over.set()
        if not self._held:
            self._empty.set()

    async def answered_by(self, sid: str, who: AnsweredBy, *, records: bool) -> None:
        """Take the carrier's word for who has taken a call that we placed.

        Args:
            sid: the call.
            who: took it.
            records: whether it is a machine whose greeting is over.
        """
        if held := self._held.get(sid):
            held.answered_by(who, records=records)
        elif ticket := self._tickets.get(sid):
            ticket.call.answered_by = who

    async def hung_up(self, sid: str, status: Status) -> None:
        """Note that the carrier says a call is over; the same news again changes nothing."""
        held = self._held.get(sid)
        if held:
            held.end("hangup")
        else:
            await self._calls.end(sid, status)

    async def admit_browser(self, graph: str, thread_id: str | None) -> Call:
        """Accept a conversation with a browser and record that it begins.

        Raises:
            CallRefused: too many calls at once, a telephone call on the thread, or shutting down.
            UnknownGraph: no graph of that name is served.
        """
        name = self.graph_for(graph, None)
        async with self._admission:
            await self._admit(None)
            on_thread = self._on_thread(name, thread_id) if thread_id else []
            if any(other.direction != "browser" for other in on_thread):
                raise CallRefused("on_the_phone")
            call = Call(
                sid=f"web-{uuid.uuid4()}",
                graph=name,
                thread_id=thread_id or str(uuid.uuid4()),
                direction="browser",
                carrier="browser",
                status="ringing",
                started_at=datetime.now(UTC),
            )
            await self._create(call)
            self._tickets[call.sid] = Ticket(call)
            return call

    def _on_thread(self, graph: str, thread_id: str) -> list[Call]:
        """Return the calls that go on now on a thread."""
        calls = [self._tickets[sid].call for sid in self._held if sid in self._tickets]
        return [call for call in calls if (call.graph, call.thread_id) == (graph, thread_id)]

    async def _admit(self, caller: str | None) -> None:
        waiting = sum(t.waiting for t in self._tickets.values())
        if self._closing:
            raise CallRefused("closing")
        if len(self._held) + waiting >= self._settings.max_calls:
            raise CallRefused("busy")
        if caller and _NUMBER.fullmatch(caller):
            since = datetime.now(UTC) - timedelta(hours=1)
            count = await self._calls.count_from(caller, since)
            if count >= self._settings.calls_per_hour_per_number:
                raise CallRefused("too_often")

    async def _sweep(self) -> None:
        """Give up the calls whose stream never came, and forget tickets that are of no more use."""
        while True:
            await asyncio.sleep(TICKET_SECS / 4)
            try:
                for sid, ticket in list(self._tickets.items()):
                    if not ticket.used and not ticket.waiting:
                        await self._calls.end(sid, "failed", "The carrier opened no stream.")
                        ticket.used = True
                        await self._let_go(sid)
            except Exception as error:
                log.error("Calls without a stream were not given up: %s", places(error))
            kept = {sid: t for sid, t in self._tickets.items() if _keep(t, sid in self._held)}
            self._tickets = kept

    async def drain(self) -> None:
        """Take no more calls, and let those that go on come to their end; then end the rest."""
        self._closing = True
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECS):
                await self._empty.wait()
        for conversation in list(self._held.values()):
            conversation.end("shutdown")
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(DRAIN_SECS):
                await self._empty.wait()


def _status(reason: str) -> Status:
    return "failed" if reason in ("failed", "cancelled", "shutdown") else "completed"


def _keep(ticket: Ticket, held: bool) -> bool:
    """Whether a ticket is still of use: for what the carrier asks once more, for a while."""
    return held or time.monotonic() < ticket.expires_at + 10 * TICKET_SECS
