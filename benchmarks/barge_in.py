"""Barge-in: which sounds of a caller stop the bot, and how soon, beside a stock Pipecat bot.

The sounds of `benchmarks/sounds.py` are played into telephone calls of the phone lab while the bot
speaks: 8 kHz mu-law, real time, with the line's noise, echo and loss. Two bots in one server get
the same sounds: `ours`, the whole product, and `stock`, Pipecat's own pipeline (Silero, Smart Turn,
aggregators) on our recogniser and voice, so that only the turn taking differs.

A sound is ignored when the caller heard the bot's sentence to its end, by the audio at the ear, and
no answer was given to it; an interruption is missed when that happens to it.

    python -m benchmarks.barge_in             # about eight minutes
    python -m benchmarks.barge_in --every 5   # a fifth of the sounds
    python -m benchmarks.barge_in --held-out  # sounds that nothing was tuned on
"""

import argparse
import asyncio
import contextlib
import logging
import math
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from benchmarks.sounds import (
    RATE,
    TUNED,
    Clip,
    Kind,
    Line,
    Material,
    clips,
    echo_path,
    line_noise,
    spoken,
)
from benchmarks.sounds_held_out import HELD_OUT
from benchmarks.voice_latency import served
from voice.phonelab import LabCall, PhoneLab, mulaw
from voice.phonelab.faults import Faults
from voice.phonelab.handset import Handset
from voice.phonelab.line import LineClosed, Waited
from voice.providers.embedded_tts import voice

SENTENCE = (
    "We look at what you earn each month, at the city in which you live, "
    "and at the kind of work you do, and then we tell you what is possible."
)
BOTS = {"ours": "/voice/incoming", "stock": "/answer/stock+stt"}
CALLS_AT_ONCE = 4
CLIPS_A_CALL = 6
QUIET_SECS = 3.5
"""Silence after which the bot says no more, though the sentence was not heard out."""
KINDS: tuple[Kind, ...] = ("interruption", "backchannel", "noise", "side voice", "echo")

replies: Counter[str] = Counter()


def say(key: str) -> str:
    """The one sentence of both bots."""
    replies[key.rpartition(":")[2]] += 1
    return SENTENCE


@dataclass
class Result:
    """What a sound has led to."""

    clip: Clip = field(repr=False)
    tail: float
    """How much of the end of the sentence reached the caller's ear: 0 nothing, 1 all."""
    answered: bool
    """Whether the bot took it for a turn and answered."""
    clear_ms: float | None
    """First sound of the caller to `clear`; None when there was none."""
    gap_ms: float | None
    """`clear` to the next audio, where the sentence went on."""

    @property
    def ignored(self) -> bool:
        return self.tail > 0.7 and not self.answered


@dataclass
class Interrupter:
    """A caller whose line and sounds are given: lets the bot speak, and sounds into it."""

    line: Line
    sounds: list[Clip]
    seed: int
    results: list[Result] = field(default_factory=list)
    call: LabCall | None = None
    key: str = ""
    clears: list[float] = field(default_factory=list)
    puts: list[float] = field(default_factory=list)
    played: bytearray = field(default_factory=bytearray)
    """What the bot sent, without what was cleared before it was played; mu-law."""

    async def prepare(self) -> None:
        """Nothing to do."""

    async def talk(self, phone: Handset) -> None:
        """Play each sound once the bot has begun its sentence."""
        assert self.call
        self.played.extend(self.call.line.recording.bot + self.call.line.playout.waiting())
        self._disturb()
        chance = np.random.default_rng(self.seed)
        for clip in self.sounds:
            with contextlib.suppress(Waited):
                self.results.append(await self._try(phone, clip, chance.uniform(0.9, 1.8)))

    async def _try(self, phone: Handset, clip: Clip, after_secs: float) -> Result:
        assert self.call
        line = self.call.line
        await line.until(lambda: not line.speech.pending, within=8, what="The end of a sound")
        if line.ear.quiet_secs > 0.5:
            before = replies[self.key]
            await phone.say("Yes.", _mulaw(spoken("Yes.", "hibari")))
            await line.until(lambda: replies[self.key] > before, within=8, what="An answer")
        began = line.ear.position if self.results else 0
        start = len(self.played) - line.playout.pending if self.results else 0
        await line.until(lambda: line.ear.heard_secs(began) > 0.1, within=8, what="The sentence")
        await line.pause(after_secs)
        before, injected = replies[self.key], time.monotonic()
        audio = _mulaw(clip.audio)
        line.speech.put(audio)
        whole = _sentence().size

        def decided() -> bool:
            heard_out = len(self.played) - line.playout.pending - start >= whole
            quiet = line.ear.quiet_secs > (1.0 if heard_out else QUIET_SECS)
            return replies[self.key] > before or quiet

        await line.until(
            decided,
            within=25,
            what="The end of the sentence",
        )
        heard = bytes(self.played[start:])
        sound = injected + max(mulaw.first_audible(audio), 0) / RATE
        clear = next((at for at in self.clears if at > injected), None)
        after = next((at for at in self.puts if clear and at > clear), None)
        answered = replies[self.key] > before
        return Result(
            clip,
            tail=await asyncio.to_thread(_tail, heard),
            answered=answered,
            clear_ms=(clear - sound) * 1000 if clear else None,
            gap_ms=(after - clear) * 1000 if clear and after and not answered else None,
        )

    def _disturb(self) -> None:
        """Put the line's noise and echo on what the caller says, and watch what is cleared."""
        assert self.call
        line, noise = self.call.line, 32767 * line_noise(self.line, self.seed)
        send, path = line.on_frame, echo_path(self.line)
        late = round(self.line.echo_secs * RATE)

        def disturbed(said: bytes, marks: list[str]) -> None:
            at = line.ear.position % (noise.size - 320)
            frame = mulaw.decode(said) + noise[at : at + len(said)]
            if self.line.echo_db is not None:
                end, size = len(line.recording.bot) - late, len(said) + path.size - 1
                bot = bytes(line.recording.bot[max(0, end - size) : max(0, end)])
                ours = mulaw.decode(bot.rjust(size, mulaw.SILENT_FRAME[:1]))
                frame = frame + np.convolve(ours, path, "valid")
            assert send
            send(mulaw.encode(np.clip(frame, -32768, 32767).astype(np.int16)), marks)

        line.on_frame = disturbed
        clear, put = line.playout.clear, line.playout.put

        def noted_clear() -> list[str]:
            self.clears.append(time.monotonic())
            del self.played[len(self.played) - line.playout.pending :]
            return clear()

        def noted_put(audio: bytes) -> None:
            self.puts.append(time.monotonic())
            self.played.extend(audio)
            put(audio)

        line.playout.clear, line.playout.put = noted_clear, noted_put  # type: ignore[method-assign]


def _mulaw(samples: Any) -> bytes:
    return mulaw.encode_speech(samples.astype(np.float32), RATE)


@cache
def _sentence() -> Any:
    """The sentence as the bots speak it, up to its last sound."""
    audio = np.frombuffer(voice().synthesise(SENTENCE, RATE), np.int16).astype(np.float64)
    return audio[: int(np.flatnonzero(np.abs(audio) > 0.02 * np.abs(audio).max())[-1])]


def _tail(heard: bytes) -> float:
    """How like the last 0.6 seconds of the sentence the most similar part of what was heard is."""
    tail, ear = _sentence()[-round(0.6 * RATE) :], mulaw.decode(heard).astype(np.float64)
    if ear.size < tail.size:
        return 0.0
    size = 1 << (ear.size + tail.size).bit_length()
    product = np.fft.rfft(ear, size) * np.conj(np.fft.rfft(tail, size))
    correlation = np.fft.irfft(product, size)[: ear.size - tail.size + 1]
    power = np.cumsum(np.concatenate([[0.0], np.square(ear)]))
    norm = np.sqrt(np.maximum(power[tail.size :] - power[: -tail.size], 1.0))
    return float(np.max(correlation / norm) / np.sqrt(np.sum(np.square(tail))))


async def measure(
    every: int, only: set[str], bots: list[str], of: Material = TUNED
) -> dict[str, list[Result]]:
    """Play the sounds to the bots and return what became of them."""
    by_line: dict[Line, list[Clip]] = defaultdict(list)
    for clip in clips(every, of):
        if not only or clip.kind in only:
            by_line[clip.line].append(clip)
    work = [
        (bot, Interrupter(line, sounds[at : at + CLIPS_A_CALL], seed=at))
        for line, sounds in by_line.items()
        for at in range(0, len(sounds), CLIPS_A_CALL)
        for bot in bots
    ]
    results: dict[str, list[Result]] = {bot: [] for bot in bots}
    room = asyncio.Semaphore(CALLS_AT_ONCE)
    async with served(say) as (base, calls), PhoneLab(auth_token=None) as lab:

        async def hold(bot: str, caller: Interrupter) -> None:
            async with room:
                faults = Faults(loss=caller.line.loss, seed=caller.seed)
                caller.call = lab.ring(base + BOTS[bot], _Answered(caller, calls), faults=faults)
                await caller.call.wait()
            results[bot] += caller.results

        await asyncio.gather(*(hold(bot, caller) for bot, caller in work))
    return results


class _Answered:
    """Begins once the stream is open and the greeting is over, and knows the bot's key."""

    def __init__(self, caller: Interrupter, calls: Any) -> None:
        self._caller, self._calls = caller, calls

    async def prepare(self) -> None:
        """Nothing to do."""

    async def talk(self, phone: Handset) -> None:
        call = self._caller.call
        assert call
        with contextlib.suppress(LineClosed, Waited):
            await call.line.until(
                lambda: call.line.ear.heard_secs(0) > 0.2, within=20, what="A greeting"
            )
            record = await self._calls.get(call.sid)
            self._caller.key = record.thread_id if record else call.sid
            await self._caller.talk(phone)


def interval(hits: int, n: int) -> str:
    """A share in percent with its 95 % interval by Wilson."""
    if not n:
        return "-"
    z, p = 1.96, hits / n
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return f"{100 * p:3.0f} % ({100 * (middle - half):.0f} to {100 * (middle + half):.0f})"


def percentiles(values: list[float]) -> str:
    """Median and 95th percentile."""
    if not values:
        return "-"
    p50, p95 = np.percentile(values, [50, 95])
    return f"{p50:.0f} / {p95:.0f} ms"


def report(results: dict[str, list[Result]], *, details: bool) -> None:
    """Print the rates of both bots, beside the targets."""
    print(f"{'bot':6} {'kind':13} {'n':>3}  {'ignored':22} {'held':>5}  {'gap p50 / p95':16}")
    for bot, all_of in results.items():
        for kind in (*KINDS[1:], "all to ignore"):
            of = [
                r
                for r in all_of
                if r.clip.kind != "interruption" and kind in (r.clip.kind, KIND_ALL)
            ]
            ignored = [r for r in of if r.ignored]
            held = [r.gap_ms for r in ignored if r.gap_ms is not None]
            share = interval(len(ignored), len(of))
            print(f"{bot:6} {kind:13} {len(of):3}  {share:22} {len(held):5}  {percentiles(held)}")
    print("target: ignored at least 80 %\n")
    print(f"{'bot':6} {'interruptions':13} {'n':>3}  {'missed':22} to clear p50 / p95")
    for bot, all_of in results.items():
        of = [r for r in all_of if r.clip.kind == "interruption"]
        stopped = [r.clear_ms for r in of if not r.ignored and r.clear_ms is not None]
        share = interval(sum(r.ignored for r in of), len(of))
        print(f"{bot:6} {'':13} {len(of):3}  {share:22} {percentiles(stopped)}")
    print("target: first sound to clear p50 at most 250 ms")
    if details:
        for bot, all_of in results.items():
            for r in all_of:
                if r.ignored == (r.clip.kind == "interruption"):
                    print(bot, "|", r.clip.kind, "|", r.clip.name, "|", r.clip.line.name, "|", r)


KIND_ALL = "all to ignore"


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--every", type=int, default=1, help="take only every n-th sound")
    parser.add_argument("--only", action="append", default=[], help="take only this kind")
    parser.add_argument("--bot", action="append", choices=list(BOTS), help="only this bot")
    parser.add_argument("--held-out", action="store_true", help="sounds nothing was tuned on")
    parser.add_argument("--details", action="store_true", help="print each wrong decision")
    options = parser.parse_args()
    logging.getLogger().setLevel(logging.ERROR)
    began = time.monotonic()
    bots, of = options.bot or list(BOTS), HELD_OUT if options.held_out else TUNED
    results = asyncio.run(measure(options.every, set(options.only), bots, of))
    report(results, details=options.details)
    print(f"{sum(map(len, results.values()))} sounds, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
