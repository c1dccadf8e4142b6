"""Holds a recorded call again, in virtual time and with today's code, and compares.

The client's messages come when they came, and so does the carrier's word for who has taken the
call; speech to text finds the words it found, drafts included, when it found them; text to speech
takes as long as it took (a guess, where it says something new). Voice activity, the end of turns,
the bridge and the graph are today's. A graph that asks a model over a network cannot be held again
this way: what is outside this process knows no virtual time.
"""

import asyncio
import json
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import zip_longest
from pathlib import Path
from typing import Any

from graphs.threads import Graph, Threads
from store.call_news import CallNews
from store.calls import Calls
from store.database import open_checkpointer, open_database
from store.tickets import Tickets
from voice.carriers import CARRIERS
from voice.flight import DECISIONS, OF_THE_CALL, SUFFIX, Line, flight_files, read_flight
from voice.flight_client import SID, RecordedClient, stream_start
from voice.flight_speech import REPLAYED, as_recorded
from voice.phonelab.apart import SettingsApart, desk_apart
from voice.phonelab.virtual_time import EPOCH, TimeStands, run
from voice.switchboard import Switchboard

LATER_SECS, SOONER_SECS = 0.3, 1.0
"""A decision that comes this much later, or sooner, is the same: in virtual time models and graph
take none, and the machine of then was perhaps busy."""
AT_THE_END = ("heard", "failed")
"""Decisions that are noted when the call is over: their time says nothing."""


class Differs(ValueError):
    """A call that is held again is not as it was; says what differs first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """Something the server decided."""

    stream: int
    t: float
    """Seconds since the stream began."""
    kind: str
    """One of `flight.DECISIONS`."""
    what: str

    def same_as(self, other: "Decision") -> bool:
        """Whether the same was decided at about the same time, where that says something."""
        alike = (self.stream, self.kind, self.what) == (other.stream, other.kind, other.what)
        in_time = -LATER_SECS <= self.t - other.t <= SOONER_SECS
        return alike and (self.kind in AT_THE_END or in_time)

    def __str__(self) -> str:
        return f"{self.t:7.2f} s  {self.kind:<11} {self.what}".rstrip()


@dataclass(frozen=True, slots=True)
class Replay:
    """What was decided then and now."""

    then: tuple[Decision, ...]
    now: tuple[Decision, ...]

    @property
    def first_difference(self) -> tuple[Decision | None, Decision | None] | None:
        """The first decisions, then and now, that differ; None when none does."""
        for then, now in zip_longest(self.then, self.now):
            if then is None or now is None or not then.same_as(now):
                return then, now
        return None

    @property
    def failure(self) -> str | None:
        """What goes wrong now and did not then; None when nothing does."""
        before = {decision.what for decision in self.then if decision.kind == "failed"}
        now = (decision.what for decision in self.now if decision.kind == "failed")
        return next((what for what in now if what not in before), None)


def decisions(flights: Sequence[Sequence[Line]]) -> tuple[Decision, ...]:
    """Return what was decided in a call, given stream by stream."""
    return tuple(
        Decision(number, line.t, line.kind, _what(line))
        for number, flight in enumerate(flights, 1)
        for line in flight
        if line.kind in DECISIONS
    )


def _what(line: Line) -> str:
    if line.kind == "turn":
        return "begins" if line.data["on"] else "ends"
    return str(line.data.get("text", ""))


def replay(files: Sequence[Path], graph: Graph) -> Replay:
    """Hold a call again.

    Args:
        files: its flights, stream by stream.
        graph: compiled, without a checkpointer.

    Raises:
        ValueError: a file is no flight, of a carrier that is not known, or of a call that comes to
            no end without what is outside this process.
    """
    flights = [read_flight(file) for file in files]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        try:
            now = run(_held_again(flights, graph, Path(folder)), starts=_began(flights[0]))
        except TimeStands as error:
            raise ValueError(f"The call comes to no end. {error}") from error
    return Replay(decisions(flights), decisions(now))


def _began(flight: Sequence[Line]) -> float:
    """Return when a stream began, Unix time; earlier versions have not noted it."""
    at = flight[0].data.get("at")
    return datetime.fromisoformat(at).timestamp() if at else EPOCH


def save_test(
    files: Sequence[Path], address: str, held: Replay, test: Path, *, differs: bool = False
) -> Path:
    """Make a call a test that what is decided today is decided ever after; returns its file.

    The flights are put beside it: they hold the caller's voice and words.

    Args:
        files: the flights, stream by stream.
        address: of the graph, as `path.py:graph`.
        held: the call held again, with that graph.
        test: the file to write, `test_NAME.py`.
        differs: whether something else may be decided than then, because that was mended.

    Raises:
        Differs: something else is decided, and that is not said to be wanted; or something fails
            that did not then, which no test is to hold fast.
    """
    if held.failure:
        raise Differs(f"It fails now, and did not then: {held.failure}")
    if held.first_difference and not differs:
        then, now = (decision or "nothing more" for decision in held.first_difference)
        raise Differs(f"Then: {then}. Now: {now}.")
    test.parent.mkdir(parents=True, exist_ok=True)
    for number, file in enumerate(files, 1):
        _beside(test, number).write_bytes(file.read_bytes())
    expected = [[d.stream, d.t, d.kind, d.what] for d in held.now]
    lines = ",\n".join(f"    {json.dumps(row, ensure_ascii=False)}" for row in expected)
    test.write_text(_TEST.format(address=address, lines=lines))
    return test


def check_test(test: Path, address: str, expected: Sequence[Sequence[Any]]) -> None:
    """Hold the call of a saved test again.

    Raises:
        AssertionError: something else is decided than when it was saved; says what.
    """
    from graphs.catalogue import load_graph

    files = [file for n in range(1, 100) if (file := _beside(test, n)).is_file()]
    then = tuple(Decision(*row) for row in expected)
    difference = Replay(then, replay(files, load_graph(address)).now).first_difference
    if difference:
        raise AssertionError(f"Expected {difference[0]}, got {difference[1]}.")


def _beside(test: Path, number: int) -> Path:
    return test.with_name(f"{test.stem}-{number}{SUFFIX}")


_TEST = '''"""A call as it was once, held again; made by `dialgraph replay --save-test`."""

from pathlib import Path

from voice.flight_replay import check_test

DECISIONS = [
{lines}
]


def test_the_same_is_decided_as_when_this_was_saved() -> None:
    check_test(Path(__file__), {address!r}, DECISIONS)
'''


async def _held_again(
    flights: Sequence[Sequence[Line]], graph: Graph, folder: Path
) -> list[list[Line]]:
    """Hold a call again with the recorder on, and return its flights."""
    start = flights[0][0].data
    settings = SettingsApart(
        **(start["settings"] | {"stt": "embedded", "tts": "embedded"}),
        data_dir=folder,
        default_graph=start["graph"],
        record_flights=True,
    )
    settings.stt = settings.tts = REPLAYED  # type: ignore[assignment]
    async with AsyncExitStack() as opened:
        engine = await opened.enter_async_context(open_database(folder))
        saver = await opened.enter_async_context(open_checkpointer(folder))
        given = await opened.enter_async_context(desk_apart(settings, engine))
        threads = Threads({start["graph"]: graph}, saver, configurable=given)
        board = Switchboard(settings, threads, Calls(engine), Tickets(engine), CallNews(engine))
        await opened.enter_async_context(board.open())
        carrier = CARRIERS.get(start["carrier"])
        if carrier is None:
            raise ValueError(f"The carrier {start['carrier']!r} of the flight is not known here.")
        ticket = await board.expect(SID, start["graph"], carrier.name)
        call = await board.claim(SID, ticket.token)
        call = call.model_copy(update={name: start[name] for name in OF_THE_CALL if name in start})
        for flight in flights:
            await asyncio.sleep(_began(flight) - time.time())
            with as_recorded(flight, start["settings"]["stt"]):
                began = stream_start(flight, carrier.read_start)
                socket = RecordedClient(flight, carrier.bytes_per_sec)
                await socket.server.accept()
                playing = asyncio.create_task(socket.play(partial(board.news.answered_by, SID)))
                await board.hold(
                    call,
                    socket.server,
                    carrier.serializer(began),
                    input_rate=int(start["sample_rate"]),
                    output_rate=carrier.sample_rate,
                )
                playing.cancel()
                await asyncio.gather(playing, return_exceptions=True)
        return [read_flight(file) for file in flight_files(board.recordings, SID)]
