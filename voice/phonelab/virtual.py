"""Whole calls in virtual time: a graph, a script, and everything that came of it.

    call = VirtualCall(graph, script=[Says(2.0, "Stop!", seconds=0.6), HangsUp(9.0)])
    result = call.run()
    assert result.played[0].text == "Hello"

The carrier, the caller, the line, the bridge, the thread and its database are the real ones;
speech is spelled (`virtual_speech.py`), the network is memory. The same call twice gives the same
result.
"""

import asyncio
import base64
import contextlib
import functools
import json
import logging
import shutil
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from langchain_core.messages import BaseMessage

from graphs.threads import Graph, Threads
from settings import Settings
from store.call_news import CallNews
from store.calls import Call, Calls, Direction
from store.database import Database, open_checkpointer, open_database
from store.effects import Effects
from store.locks import ProcessLocks
from store.tickets import Ticket, Tickets
from voice.carriers import CARRIERS, StreamStart
from voice.phonelab import mulaw, virtual_speech
from voice.phonelab.apart import SettingsApart
from voice.phonelab.callers import Caller
from voice.phonelab.clock import RealClock
from voice.phonelab.faults import Faults
from voice.phonelab.handset import Handset
from voice.phonelab.line import Line, LineClosed
from voice.phonelab.media import MediaStream, Socket, StreamIdentity
from voice.phonelab.notices import Notice
from voice.phonelab.virtual_acts import Act, Dies, HangsUp
from voice.phonelab.virtual_socket import MemorySocket, Message
from voice.phonelab.virtual_speech import Word, heard
from voice.phonelab.virtual_time import run
from voice.phonelab.webhooks import Destination
from voice.record import caught_up
from voice.switchboard import Switchboard

LONGEST_CALL_SECS = 120.0
"""The caller hangs up after this long, whatever the script says."""
LINGER_SECS = 2.0
"""After the end of a call nothing of it may be left after this long."""
GRAPH, AFTER = "graph", "after"
SID, NUMBER, CALLED = "CA" + "0" * 32, "+15550199", "+15550100"


Configurable = Callable[[Settings, Database], AbstractAsyncContextManager[Mapping[str, Any]]]


@contextlib.asynccontextmanager
async def _nothing(_settings: Settings, _engine: Database) -> AsyncIterator[Mapping[str, Any]]:
    yield {}


@dataclass(frozen=True, slots=True)
class Sent:
    """A message of the server to the carrier."""

    at: float
    """Seconds since the call was answered."""
    event: str
    """`media`, `mark` or `clear`."""
    secs: float = 0.0
    """Of a `media` message: its length."""
    name: str = ""
    """Of a `mark`: its name."""


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a call. Times are seconds since it was answered."""

    seconds: float
    """Length of the call on the line."""
    reasons: tuple[str, ...]
    """Why each of its media streams ended."""
    played: tuple[Word, ...]
    """What the caller heard, read from the sound of the line."""
    said: tuple[Word, ...]
    """What the caller said."""
    sent: tuple[Sent, ...]
    """What the server sent, in order."""
    stretches: tuple[tuple[Word, ...], ...]
    """What the audio that was sent says, played or not; each `clear` ends a stretch. Times are
    seconds of audio since the stretch began."""
    dropped_secs: float
    """Audio that was sent and never played."""
    acknowledged: tuple[tuple[float, str], ...]
    """Marks that were returned."""
    record: Call
    """The call record, transcript and latency included."""
    messages: tuple[BaseMessage, ...]
    """The thread, as the checkpoint has it after the end."""
    values: Mapping[str, Any]
    """The thread's other values."""
    interrupts: tuple[Any, ...]
    """Questions that are open on the thread."""
    following: tuple[str, ...]
    """Nodes that are still to run on the thread."""
    effects: tuple[Any, ...]
    """What the graph's tools did: the content of the list given to the call."""
    notices: tuple[Notice, ...]
    """Complaints of the carrier."""
    errors: tuple[str, ...]
    """What was logged as an error, and exceptions nobody took."""
    left_over: tuple[str, ...]
    """Tasks and sockets left `LINGER_SECS` after the end."""
    died_at: float | None = None
    """When the server was killed; the thread and the record are as another process finds them."""


class VirtualCall:
    """One call to a graph, in virtual time.

    Args:
        graph: compiled, without a checkpointer.
        script: what the caller does, and when; in the end the caller stays on the line.
        caller: takes over when the script is done, such as a `ScriptedCaller` with a
            `SpellingVoice`, who waits for the bot.
        faults: of the line.
        effects: the list in which the graph's tools note what they do.
        seed: of chance; the same seed, script and faults give the same result.
        folder: where the databases are; a new one for each run when missing.
        thread_id: of an earlier call in the same folder that goes on; a new thread when missing.
        direction: who has placed the call.
        opening: what the graph is given at the start, by keys of its state.
        configurable: opens what the graph's tools act with, as `Threads` takes it, given the
            settings and the database of the call.
        settings: others than the defaults.
    """

    def __init__(
        self,
        graph: Graph,
        script: Sequence[Act] = (),
        *,
        caller: Caller | None = None,
        faults: Faults | None = None,
        effects: list[Any] | None = None,
        seed: int = 0,
        folder: Path | None = None,
        thread_id: str | None = None,
        direction: Direction = "inbound",
        opening: Mapping[str, Any] | None = None,
        configurable: Configurable | None = None,
        **settings: Any,
    ) -> None:
        self.graph = graph
        self.script = sorted(script, key=lambda act: act.at)
        self.caller = caller
        self.faults = faults or Faults()
        self.effects = effects if effects is not None else []
        self.seed = seed
        self.folder = folder
        self.thread_id = thread_id
        self.direction = direction
        self.opening = dict(opening or {})
        self.configurable = configurable or _nothing
        self.settings = settings

    @property
    def sid(self) -> str:
        """The call's SID: of its seed, so that two calls in one folder are two."""
        return f"CA{self.seed:032d}"

    def run(self) -> Result:
        """Hold the call and return what came of it."""
        self.effects.clear()
        if self.folder:
            return run(self._run(self.folder), seed=self.seed)
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            return run(self._run(Path(folder)), seed=self.seed)

    async def _run(self, folder: Path) -> Result:
        settings = SettingsApart(data_dir=folder, default_graph=GRAPH, **self.settings)
        settings.stt = settings.tts = virtual_speech.NAME  # type: ignore[assignment]  # not for all
        with virtual_speech.offered():
            return await _Held(self, settings).result()


@dataclass
class _Held:
    """One run of a call."""

    call: VirtualCall
    settings: Settings
    streams: list["_Tapped"] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    notices: list[Notice] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    died_at: float | None = None

    def __post_init__(self) -> None:
        self.clock = RealClock()  # what is real here is virtual
        self.line = Line(self.clock)
        self.over = asyncio.Event()
        self.effects = self.call.effects
        self.thread_id = self.call.thread_id or ""

    async def result(self) -> Result:
        """Hold the call and tell what came of it."""
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: self.errors.append(_described(context)))
        log = _Errors(self.errors)
        logging.getLogger().addHandler(log)
        try:
            before = asyncio.all_tasks()
            async with self._server(self.settings.data_dir) as board:
                server = asyncio.all_tasks() - before
                await self._hold(board)
                await asyncio.sleep(LINGER_SECS)
                left = asyncio.all_tasks() - before - server
                left_over = [task.get_name() for task in left]
            return await self._gather(left_over)
        finally:
            logging.getLogger().removeHandler(log)

    @contextlib.asynccontextmanager
    async def _server(self, folder: Path) -> AsyncIterator[Switchboard]:
        async with (
            open_database(folder) as engine,
            open_checkpointer(folder) as saver,
            self.call.configurable(self.settings, engine) as given,
        ):
            graphs, journal = {GRAPH: self.call.graph}, Effects(engine)
            threads = Threads(graphs, saver, journal=journal, configurable=given)
            self.snapshot = functools.partial(threads.snapshot, GRAPH)
            self.record = functools.partial(Calls(engine).get, self.call.sid)
            board = Switchboard(
                self.settings, threads, Calls(engine), Tickets(engine), CallNews(engine)
            )
            async with board.open():
                yield board

    async def _hold(self, board: Switchboard) -> None:
        ticket: Ticket | None
        ticket = await board.expect(
            self.call.sid,
            GRAPH,
            "twilio",
            direction=self.call.direction,
            caller=NUMBER,
            called=CALLED,
            opening=self.call.opening,
            thread_id=self.call.thread_id,
        )
        acting = asyncio.create_task(self._act(), name="caller")
        playing = asyncio.create_task(self.line.run(), name="line")
        while ticket and not self.over.is_set():
            call = await board.claim(self.call.sid, ticket.token)
            self.thread_id = call.thread_id
            await self._stream(board, call)
            ticket = None if self.over.is_set() else await board.reconnect(self.call.sid)
        self.line.close()
        acting.cancel()
        await asyncio.gather(acting, playing, return_exceptions=True)
        await board.news.hung_up(self.call.sid, "completed")

    async def _stream(self, board: Switchboard, call: Call) -> None:
        """Carry one media stream, until either side ends it."""
        number = len(self.streams)
        sid = f"MZ{number:032d}"
        self.streams.append(socket := _Tapped(self.line))
        await socket.server.accept()
        hold = board.hold(
            call,
            socket.server,
            CARRIERS["twilio"].serializer(StreamStart(self.call.sid, sid)),
            input_rate=mulaw.RATE,
            output_rate=mulaw.RATE,
        )
        serving = asyncio.create_task(hold, name=f"stream {number}")

        async def connect(_: Destination) -> Socket:
            return socket

        stream = MediaStream(
            StreamIdentity(sid, self.call.sid, "AC", {}),
            self.line,
            self.clock,
            self.call.faults.of_stream(number),
            self.notices.append,
            connect,
        )
        carrying = asyncio.create_task(stream.run(Destination("", {})), name="carrier")
        over = asyncio.create_task(self.over.wait(), name="over")
        await asyncio.wait({carrying, over}, return_when=asyncio.FIRST_COMPLETED)
        if self.died_at is not None:
            serving.cancel()
        for task in (carrying, over):
            task.cancel()
        await asyncio.gather(carrying, over, return_exceptions=True)
        (ended,) = await asyncio.gather(serving, return_exceptions=True)
        self.reasons.append(str(ended) if self.died_at is None else "died")

    async def _act(self) -> None:
        """Do what the script says; then the caller of one's own; then stay on the line."""
        caller = self.call.caller
        try:
            for act in self.call.script:
                await self._until(act.at)
                if isinstance(act, Dies):
                    await self._die()
                if isinstance(act, Dies | HangsUp):
                    return self.over.set()
                act.do(self.line, self.streams[-1])
            if caller:
                await caller.prepare()
                await caller.talk(Handset(self.line, lambda _kind, _text: None))
            else:
                await self._until(LONGEST_CALL_SECS)
        except LineClosed:
            return None
        return self.over.set()

    async def _until(self, at: float) -> None:
        reached = lambda: self.line.seconds >= at  # noqa: E731 - looked at after each frame
        await self.line.until(reached, within=at + LONGEST_CALL_SECS, what="The script")

    async def _die(self) -> None:
        """Keep what a killed server leaves behind: what it has handed to the disk."""
        self.died_at = self.line.seconds
        self.effects = [*self.effects]
        folder = self.settings.data_dir
        (folder / AFTER).mkdir()
        for file in sorted(folder.glob("*.sqlite*")):
            shutil.copy(file, folder / AFTER)

    async def _gather(self, left_over: list[str]) -> Result:
        folder = self.settings.data_dir
        if self.died_at is not None:
            folder /= AFTER
        settings = self.settings.model_copy(update={"data_dir": folder})
        async with (
            open_database(folder) as engine,
            open_checkpointer(folder) as saver,
            self.call.configurable(settings, engine) as given,
        ):
            graphs, journal = {GRAPH: self.call.graph}, Effects(engine)
            threads = Threads(graphs, saver, journal=journal, configurable=given)
            await threads.recover()
            if self.died_at is not None:
                caught = functools.partial(caught_up, threads=threads)
                await Calls(engine).fail_unfinished("killed", ProcessLocks(), caught)
            snapshot = await threads.snapshot(GRAPH, self.thread_id)
            record = await Calls(engine).get(self.call.sid)
        assert record is not None  # noqa: S101 - it was created before the call was answered
        line, sockets = self.line, self.streams
        left_over += [f"socket {n}" for n, socket in enumerate(sockets) if not socket.closed]
        return Result(
            seconds=line.seconds,
            reasons=tuple(self.reasons),
            played=tuple(heard(bytes(line.recording.bot))),
            said=tuple(heard(bytes(line.recording.caller))),
            sent=tuple(sent for socket in sockets for sent in socket.sent),
            stretches=tuple(tuple(heard(bytes(s))) for socket in sockets for s in socket.stretches),
            dropped_secs=line.playout.cleared / mulaw.RATE,
            acknowledged=tuple(mark for socket in sockets for mark in socket.acknowledged),
            record=record,
            messages=tuple(snapshot.messages),
            values={k: v for k, v in snapshot.values.items() if k != "messages"},
            interrupts=tuple(snapshot.interrupts),
            following=snapshot.next,
            effects=tuple(self.effects),
            notices=tuple(self.notices),
            errors=tuple(self.errors),
            left_over=tuple(sorted(left_over)),
            died_at=self.died_at,
        )


class _Tapped(MemorySocket):
    """A socket that notes what goes through it."""

    def __init__(self, line: Line) -> None:
        super().__init__()
        self._line = line
        self.sent: list[Sent] = []
        self.stretches = [bytearray()]
        self.acknowledged: list[tuple[float, str]] = []

    async def send(self, message: str | bytes) -> None:
        """Note the marks that are returned."""
        if isinstance(message, str) and '"event": "mark"' in message:
            self.acknowledged.append((self._line.seconds, json.loads(message)["mark"]["name"]))
        await super().send(message)

    async def reply(self, message: Message) -> None:
        """Note what the server sends."""
        if message["type"] == "websocket.send" and not self.closed:
            self._note(json.loads(message["text"]))
        await super().reply(message)

    def _note(self, message: dict[str, Any]) -> None:
        audio = base64.b64decode(message.get("media", {}).get("payload", ""))
        name = message.get("mark", {}).get("name", "")
        self.sent.append(Sent(self._line.seconds, message["event"], len(audio) / mulaw.RATE, name))
        self.stretches[-1] += audio
        if message["event"] == "clear":
            self.stretches.append(bytearray())


class _Errors(logging.Handler):
    """Gathers what is logged as an error."""

    def __init__(self, errors: list[str]) -> None:
        super().__init__(logging.ERROR)
        self._errors = errors

    def emit(self, record: logging.LogRecord) -> None:
        """Keep one."""
        self._errors.append(f"{record.name}: {record.getMessage()}")


def _described(context: Mapping[str, Any]) -> str:
    return f"{context['message']}: {context.get('exception')!r}"
