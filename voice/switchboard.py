"""The switchboard: which calls are expected, which go on, and how each begins and ends.

What the carrier asks and tells about a call may come to any server on the same records: the webhook
to one, the stream to the next, the question how to go on to a third. Between the first ring and the
stream a call is nobody's; it then belongs to the server that carries its stream.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from fastapi import WebSocket, WebSocketDisconnect
from pipecat.serializers.base_serializer import FrameSerializer

from faults import places
from graphs.threads import Threads
from settings import Settings
from store import tickets
from store.call_news import CallNews
from store.calls import Call, CallExists, Calls, Direction, Status
from store.dials import Dial
from store.live_calls import LiveCalls
from store.locks import ProcessLocks, ThreadLocks
from store.tickets import Ticket, TicketRefused, Tickets
from store.transfers import TransferRecord
from voice.admission import CallRefused, CallReplayed, admit
from voice.carrier_news import CarrierNews
from voice.carriers import Answer, load_carriers
from voice.conversations import Conversations
from voice.flight import FlightRecorder
from voice.load import Load
from voice.pipeline import Conversation
from voice.providers import load_providers
from voice.quiet import quiet_pipecat
from voice.reception import about_the_call, limited
from voice.record import SAVE_TIMEOUT_SECS, CallLog, caught_up
from voice.telemetry import Silent, Telemetry, open_telemetry
from voice.transferring import Transferring
from voice.transport import SEND_TIMEOUT_SECS

__all__ = ["CallRefused", "CallReplayed", "Switchboard", "Ticket", "TicketRefused"]

log = logging.getLogger(__name__)

MAX_STREAMS = 3
"""Streams of one call, before a line that keeps breaking is given up."""
_REPLAYED = "The call {} was taken before; nothing is started."
_FINAL = frozenset({"done", "silence", "failed", "too_long", "machine", "shutdown"})
"""Reasons after which a call is not connected again."""


class Switchboard:
    """Takes calls, holds them, and ends them.

    Args:
        settings: limits and providers.
        threads: where the graphs run.
        calls: where calls are recorded.
        tickets: what lets their streams in.
        news: of calls, between the servers.
        locks: of the records; of this process if missing.
        transferring: connects callers with people; None where that cannot be.
        load: of this process; None where nobody looks at it.
    """

    def __init__(
        self,
        settings: Settings,
        threads: Threads,
        calls: Calls,
        tickets: Tickets,
        news: CallNews,
        locks: ThreadLocks | None = None,
        transferring: Transferring | None = None,
        load: Load | None = None,
    ) -> None:
        self._settings = settings
        self._live = LiveCalls(locks or ProcessLocks())
        self._threads = threads
        self._calls = calls
        self._transferring = transferring
        self._load = load
        self._tickets = tickets
        self._held = Conversations()
        self.news = CarrierNews(calls, tickets, news, self._live, self._held)
        """Takes what the carrier tells of calls."""
        self._forget_news = news.forget
        self._telemetry: Telemetry = Silent()
        self._closing = False
        self._admission = asyncio.Lock()
        """Held from the count of the calls until the new one is among them."""
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
            "The server was stopped during the call.",
            self._live.locks,
            partial(caught_up, threads=self._threads),
        )
        if left:
            log.warning("%d calls were left unfinished by an earlier run.", left)
        looking_after = {
            asyncio.create_task(self._sweep(), name="tickets"),
            asyncio.create_task(self.news.follow(), name="news of calls"),
        }
        async with open_telemetry() as self._telemetry:
            try:
                yield
            finally:
                await self.drain()
                for task in looking_after:
                    task.cancel()
                await asyncio.wait(looking_after)
                await self._live.let_all_go()

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
        dial: Dial | None = None,
        agent_id: str | None = None,
        opening: Mapping[str, Any] | None = None,
        thread_id: str | None = None,
    ) -> Ticket:
        """Accept a call that rings, and return the ticket for its stream.

        Until a stream has come, the same call again gets one more ticket for it: a carrier that had
        no answer asks once more, maybe another server. After that it is a replay.

        Args:
            sid: the carrier's.
            graph: that holds the conversation.
            carrier: its name.
            direction: who has placed it.
            caller: number of who has placed it.
            called: number of who was called.
            dial: what we wanted, of a call that we have placed; it says graph, agent and opening.
            agent_id: whose call it is.
            opening: what the graph is given at the start.
            thread_id: of the conversation; a new one when missing.

        Raises:
            CallRefused: too many calls at once, or from this number, or shutting down.
            CallReplayed: the call was taken before.
        """
        async with self._admission:
            stream, before = await self._tickets.stream(sid), await self._calls.get(sid)
            taken = before is not None and before.status != "dialling"
            if stream is None:
                if taken:
                    raise CallReplayed(_REPLAYED.format(sid))
                await self.admit(caller if direction == "inbound" else None)
            ticket = await self._tickets.issue(sid)
            if ticket is None:
                raise CallReplayed(_REPLAYED.format(sid))
            if taken:
                return ticket
            thread_id = dial.thread_id if dial else thread_id or str(uuid.uuid4())
            person, ours = (called, caller) if direction == "outbound" else (caller, called)
            about = about_the_call(thread_id, direction, person, ours)
            call = Call(
                sid=sid,
                graph=dial.graph if dial else graph,
                thread_id=thread_id,
                direction=direction,
                carrier=carrier,
                status="ringing",
                from_number=caller,
                to_number=called,
                started_at=datetime.now(UTC),
                agent_id=dial.agent_id if dial else agent_id,
                opening={**about, **(dial.opening if dial else opening or {})},
            )
            try:
                await self._create(call)
            except BaseException:
                await self._tickets.withdraw(sid)
                raise
            return ticket

    async def _create(self, call: Call) -> None:
        """Record a call that begins, unless another server has done so by now."""
        try:
            await self._calls.create(call)
        except CallExists:
            if await self._calls.answered(call.sid):  # the dialler was quicker than the answer
                await self._calls.save(call)

    async def transferred(self, sid: str) -> Answer | None:
        """Return what connects a caller with a person, where that is due; None where it is not."""
        if self._transferring is None or not await self.news.released(sid):
            return None
        call = await self._calls.get(sid)
        return await self._transferring.due(call) if call else None

    async def reconnect(self, sid: str, *, anew: bool = False) -> Ticket | None:
        """Return a new ticket for a call whose stream broke; None when the call is over.

        The carrier may ask before the break was noticed here, and before the record is written.

        Args:
            sid: the call.
            anew: whether it goes on though the graph had done its part.
        """
        if self._closing or not await self.news.released(sid):
            return None
        call = await self._calls.get(sid)
        if call is None:
            return None
        async with self._admission:  # it goes on already, so it is counted but never refused
            stream = await self._tickets.stream(sid)
            number = stream.number if stream else 1
            if stream and stream.awaited:
                return await self._tickets.issue(sid, number)
            snapshot = await self._threads.snapshot(call.graph, call.thread_id)
            if (
                (snapshot.done and not anew)
                or (stream and stream.reason in _FINAL)
                or number >= MAX_STREAMS
            ):
                return None
            return await self._tickets.issue(sid, number + 1)

    async def carrier_of(self, sid: str) -> str | None:
        """Name the carrier of a call that is expected; None when there is no such call."""
        if await self._tickets.stream(sid) is None:
            return None
        call = await self._calls.get(sid)
        return call.carrier if call else None

    async def claim(self, sid: str, token: str) -> Call:
        """Use up the ticket of a stream, and return the call, which is this server's from now on.

        Raises:
            TicketRefused: unknown, for another call, expired or used before.
        """
        async with self._admission:
            call, held = await self._calls.get(sid), sid in self._live.sids
            if call is None:
                raise TicketRefused("There is no such call.")
            try:
                await self._live.take(sid)
            except TimeoutError:
                raise TicketRefused("Another server holds the call.") from None
            try:
                await self._tickets.take(sid, token)
            except BaseException:
                if not held:
                    await self._live.let_go(sid)
                raise
            return call

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
        settings = limited(call, self._settings)
        recording = f"{call.sid}.wav" if settings.record_calls else None
        call.recording = recording or call.recording
        await self._live.take(call.sid)
        call_log, reason = CallLog(call, self._calls), "failed"
        try:
            self._held.enter(call)
            await self.news.before(call)
            call_log.open()
            if ready:
                async with asyncio.timeout(SEND_TIMEOUT_SECS):
                    await websocket.send_json(ready)
            conversation = Conversation(
                websocket,
                serializer,
                call_log,
                self._threads,
                settings,
                input_rate=input_rate,
                output_rate=output_rate,
                recording=self.recordings / recording if recording else None,
                flight=self._flight(call, settings, input_rate),
                transferring=self._transferring,
                came_back=await self._came_back(call),
            )
            self._held.begin(call, conversation)
            reason = await conversation.run()
        except WebSocketDisconnect:  # it has left before it began
            reason = "hangup"
        except Exception as error:
            call_log.failed(f"The call broke off ({type(error).__name__}).")
            log.error("Call %s with %s broke off: %s", call.sid, call.graph, places(error))
        finally:
            if reason == "failed":
                call_log.failed("The call was ended after several failures.")
            try:
                await asyncio.shield(self._close(call_log, reason))
            finally:  # also when it is cancelled
                self._held.release(call.sid)
            self._telemetry.tell(call)
        return reason

    async def _came_back(self, call: Call) -> TransferRecord | None:
        return await self._transferring.failure(call.sid) if self._transferring else None

    async def _close(self, call_log: CallLog, reason: str) -> None:
        try:
            async with asyncio.timeout(SAVE_TIMEOUT_SECS):
                await self._tickets.over(call_log.call.sid, reason)
        except Exception as error:
            sid = call_log.call.sid
            log.error("Why the stream of %s ended was not noted: %s", sid, places(error))
        await call_log.close(_status(reason))
        await self._live.let_go(call_log.call.sid)

    def _flight(self, call: Call, settings: Settings, sample_rate: int) -> FlightRecorder | None:
        if not settings.record_flights:
            return None
        return FlightRecorder(self.recordings, call, settings, sample_rate)

    async def admit_browser(self, graph: str, thread_id: str | None) -> Call:
        """Accept a conversation with a browser and record that it begins.

        On a thread that an agent holds, the call is that agent's.

        Raises:
            CallRefused: too many calls at once, a telephone call on the thread, or shutting down.
            UnknownGraph: no graph of that name is served.
        """
        name = self.graph_for(graph, None)
        opening = await self._begun(name, thread_id) if thread_id else {}
        async with self._admission:
            await self.admit(None)
            on_thread = self._held.on_thread(name, thread_id) if thread_id else []
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
                agent_id=opening["agent"].get("agent_id") if opening else None,
                opening=opening,
            )
            await self._create_here(call)
            return call

    async def admit_agent(self, call: Call) -> None:
        """Accept a conversation of an agent with a program, and record that it begins.

        Raises:
            CallRefused: too many calls at once, or shutting down.
            CallReplayed: it goes on, or has been, already.
        """
        async with self._admission:
            await self.admit(None)
            try:
                await self._create_here(call)
            except (CallExists, TimeoutError):
                raise CallReplayed(f"The conversation {call.sid} has begun already.") from None

    async def _create_here(self, call: Call) -> None:
        """Record a call that begins, as one that this server holds.

        Raises:
            CallExists, TimeoutError: this or another server holds it, or has held it.
        """
        held = call.sid in self._live.sids
        await self._live.take(call.sid)
        try:
            await self._calls.create(call)
        except BaseException:
            if not held:
                await self._live.let_go(call.sid)
            raise

    async def _begun(self, graph: str, thread_id: str) -> dict[str, Any]:
        """Return what a call needs of how its thread was begun: the agent, who has a voice."""
        values = (await self._threads.snapshot(graph, thread_id)).values
        agent = values.get("agent")
        return {"agent": agent} if isinstance(agent, dict) else {}

    async def admit(self, caller: str | None) -> None:
        """Take one more call, with a stream or without, or refuse it.

        Raises:
            CallRefused: the server is closing, or there are too many at once or from this number.
        """
        if self._closing:
            raise CallRefused("closing")
        if self._load and self._load.too_late:
            raise CallRefused("busy")
        going_on = len(self._held.sids | self._live.sids) + await self._tickets.awaited()
        longest = timedelta(seconds=self._settings.max_call_secs)
        going_on += await self._calls.turn_by_turn(datetime.now(UTC) - longest)
        await admit(self._settings, self._calls, going_on, caller)

    async def _sweep(self) -> None:
        """Give up the calls whose stream never came, and forget tickets that are of no more use."""
        while True:
            await asyncio.sleep(tickets.TICKET_SECS / 4)
            try:
                for sid in await self._tickets.missed():
                    await self._calls.end(sid, "failed", "The carrier opened no stream.")
                    await self._tickets.give_up(sid)
                await self._tickets.forget()
                await self._forget_news()
            except Exception as error:
                log.error("Calls without a stream were not given up: %s", places(error))

    async def drain(self) -> None:
        """Take no more calls, and let those that go on come to their end; then end the rest."""
        self._closing = True
        await self._held.drain()


def _status(reason: str) -> Status:
    if reason == "transfer":
        return "in-progress"
    return "failed" if reason in ("failed", "cancelled", "shutdown") else "completed"
