"""The line of one call: 20 ms frames in both directions, scheduled by absolute time."""

import asyncio
from collections.abc import Callable

from voice.phonelab.clock import Clock
from voice.phonelab.ear import Ear
from voice.phonelab.mulaw import FRAME, FRAME_SECS, RATE, SILENT_FRAME, first_audible
from voice.phonelab.playout import PlayoutBuffer
from voice.phonelab.recording import Recording


class LineClosed(ConnectionError):
    """The call is over, so nothing more is said or heard on its line."""


class Waited(TimeoutError):
    """What was waited for on the line did not happen in time."""


class Line:
    """Plays to the caller and carries what the caller says, frame by frame, until it is closed.

    Audio of every origin (media stream, Say, Play) waits in `playout`, that of the caller in
    `speech`; frame number n passes at `start + n * 20 ms`, so lateness never adds up.
    """

    def __init__(self, clock: Clock) -> None:
        self.playout: PlayoutBuffer[str] = PlayoutBuffer()
        self.speech: PlayoutBuffer[str] = PlayoutBuffer()
        self.ear = Ear()
        self.recording = Recording()
        self.on_frame: Callable[[bytes, list[str]], None] | None = None
        """Called with each frame of the caller and the marks that became due."""
        self.on_digit: Callable[[str], None] | None = None
        """Called with each key the caller presses."""
        self.digits_sent = ""
        """Keys that were sent to the caller."""
        self._clock = clock
        self._closed = asyncio.Event()
        self._watchers: list[tuple[Callable[[], bool], float, asyncio.Future[None]]] = []

    async def run(self) -> None:
        """Pass frames until the line is closed."""
        start = self._clock.now()
        number = 0
        while not self._closed.is_set():
            moment = start + number * FRAME_SECS
            await self._clock.sleep_until(moment)
            self._pass_frame()
            number += 1

    def close(self) -> None:
        """Stop; whoever waits on the line is told that it is over."""
        self._closed.set()
        for _, _, future in self._watchers:
            if not future.done():
                future.set_exception(LineClosed("The call is over."))

    @property
    def closed(self) -> bool:
        """Whether the call is over."""
        return self._closed.is_set()

    @property
    def seconds(self) -> float:
        """Length of the call so far, in seconds of audio."""
        return self.ear.position / RATE

    @property
    def idle(self) -> bool:
        """Whether nothing that can be heard waits to be played."""
        return not self.playout.pending or first_audible(self.playout.waiting()) < 0

    async def until(self, happened: Callable[[], bool], *, within: float, what: str) -> None:
        """Return at the first frame after which `happened()`.

        Args:
            happened: looked at after each frame; must be quick.
            within: deadline in seconds of the call.
            what: what is waited for, for the error.

        Raises:
            Waited: it did not happen in time.
            LineClosed: the call ended before.
        """
        if self.closed:
            raise LineClosed("The call is over.")
        if happened():
            return
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        watcher = (happened, self.seconds + within, future)
        self._watchers.append(watcher)
        try:
            await future
        except Waited:
            raise Waited(f"{what} did not happen within {within:g} seconds.") from None
        finally:
            self._watchers.remove(watcher)

    async def pause(self, seconds: float) -> None:
        """Let the call go on for some seconds.

        Raises:
            LineClosed: the call ended before.
        """
        end = self.seconds + seconds
        await self.until(lambda: self.seconds >= end, within=seconds + 5, what="The pause")

    async def play(self, audio: bytes) -> None:
        """Play audio to the caller and return when it was heard.

        Raises:
            LineClosed: the call ended before.
        """
        self.playout.put(audio)
        longest = self.playout.pending / RATE + 5
        await self.until(lambda: not self.playout.pending, within=longest, what="Playing")

    def press(self, digit: str) -> None:
        """Let the caller press one key."""
        if self.on_digit:
            self.on_digit(digit)

    def _pass_frame(self) -> None:
        said, _ = self.speech.take(FRAME)
        heard, marks = self.playout.take(FRAME)
        said, heard = _full(said), _full(heard)
        self.recording.add(said, heard)
        self.ear.hear(heard)
        if self.on_frame:
            self.on_frame(said, marks)
        self._look()

    def _look(self) -> None:
        now = self.seconds
        for happened, deadline, future in self._watchers:
            if future.done():
                continue
            if happened():
                future.set_result(None)
            elif now >= deadline:
                future.set_exception(Waited())


def _full(frame: bytes) -> bytes:
    return frame + SILENT_FRAME[len(frame) :]
