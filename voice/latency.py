"""Where the time of each answer goes, from the caller's last sound to the bot's first at the ear.

Pure: times are handed in, in `time.monotonic()` seconds. A waterfall is made by cutting the whole
at the times that were noted, so its parts sum to the whole; what nobody accounts for is `overhead`.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise

from store.calls import LatencyPart, Stage, TurnLatency

Cut = tuple[Stage, str | None, float]
"""A stage, the node in which it was, and when it had ended."""


@dataclass(slots=True)
class Work:
    """Something that the graph did: a node, or a model that writes in one."""

    stage: Stage
    name: str | None
    began_at: float
    ended_at: float | None = None


@dataclass(slots=True)
class Run:
    """What was done in one run of the graph, as far as it got."""

    work: list[Work] = field(default_factory=list)

    def begin(self, stage: Stage, name: str | None, at: float) -> Work:
        """Note that something begins."""
        self.work.append(Work(stage, name, at))
        return self.work[-1]

    def cuts(self, since: float, until: float) -> list[Cut]:
        """Tell what was done in a stretch of time; a model counts for more than its node."""
        times = {since, until}
        for work in self.work:
            times |= {t for t in (work.began_at, work.ended_at) if t and since < t < until}
        cuts: list[Cut] = []
        for begin, end in pairwise(sorted(times)):
            cuts.append((*self._doing(begin, end), end))
        return cuts

    def _doing(self, begin: float, end: float) -> tuple[Stage, str | None]:
        active = [
            work
            for work in self.work
            if work.began_at <= begin and (work.ended_at is None or work.ended_at >= end)
        ]
        if not active:
            return "overhead", None
        best = max(active, key=lambda work: (work.stage == "model", work.began_at))
        return best.stage, best.name


@dataclass(slots=True)
class _Times:
    """When the stages of one turn were reached; None for those that were not."""

    spoke_until: float | None = None
    paused_at: float | None = None
    words_at: float | None = None
    decided_at: float = 0.0
    run: Run = field(default_factory=Run)
    first_words_at: float | None = None
    sentence_at: float | None = None
    voice_at: float | None = None
    handed_at: float | None = None
    handed_utc: datetime | None = None
    lead_secs: float | None = None
    silent_secs: float = 0.0
    carrier_secs: float | None = None


@dataclass(slots=True)
class Stopwatch:
    """Takes the times of the turns of one call."""

    _turns: dict[int, _Times] = field(default_factory=dict)
    _paused_at: float | None = None
    _words_at: float | None = None

    def paused(self, at: float) -> None:
        """Note that the caller was found to be silent."""
        self._paused_at = at

    def words(self, at: float) -> None:
        """Note that words of the caller were recognised."""
        self._words_at = at

    def decided(self, turn: int, spoke_until: float | None, at: float) -> None:
        """Note that a turn of the caller has ended, and when its last sound was."""
        times = self._turns.setdefault(turn, _Times())
        times.spoke_until, times.decided_at = spoke_until, at
        times.paused_at, times.words_at = self._paused_at, self._words_at

    def run(self, turn: int) -> Run:
        """Return where what the graph does in a turn is noted."""
        return self._turns.setdefault(turn, _Times()).run

    def first_words(self, turn: int, at: float) -> None:
        """Note that the graph has begun to answer; only the first time counts."""
        times = self._turns.get(turn)
        if times and times.first_words_at is None:
            times.first_words_at = at

    def sentence(self, turn: int, at: float) -> None:
        """Note that text to speech has a sentence; only the first counts."""
        times = self._turns.get(turn)
        if times and times.sentence_at is None:
            times.sentence_at = at

    def voice(self, turn: int, at: float, seconds: float, lead_secs: float | None) -> None:
        """Note audio from text to speech.

        Args:
            turn: its number.
            at: when it came.
            seconds: its length.
            lead_secs: how much of it is silence before the first sound; None when all is.
        """
        times = self._turns.get(turn)
        if times is None or times.lead_secs is not None:
            return
        times.voice_at = times.voice_at or at
        if lead_secs is None:
            times.silent_secs += seconds
        else:
            times.lead_secs = times.silent_secs + lead_secs

    def first_audio(self, turn: int, at: float, utc: datetime | None = None) -> TurnLatency | None:
        """Return the latency of a turn at its first audio; None when it cannot be known.

        Args:
            turn: its number.
            at: when the audio is handed to the carrier.
            utc: the same as a time of day.
        """
        times = self._turns.get(turn)
        if times is None or times.handed_at is not None:
            return None
        times.handed_at, times.handed_utc = at, utc
        return self.latency(turn)

    def handed_at(self, turn: int) -> float | None:
        """Return when the first audio of a turn was handed to the carrier; None when it was not."""
        times = self._turns.get(turn)
        return times.handed_at if times else None

    def carried(self, turn: int, seconds: float) -> None:
        """Note how much later than handed over the client has played; only the first counts."""
        times = self._turns.get(turn)
        if times and times.carrier_secs is None and seconds >= 0:
            times.carrier_secs = seconds

    def latency(self, turn: int) -> TurnLatency | None:
        """Return what is known by now of a turn whose audio was handed over."""
        times = self._turns.get(turn)
        if not times or times.spoke_until is None or times.first_words_at is None:
            return None
        if times.handed_at is None:
            return None
        begin, words, handed = times.spoke_until, times.first_words_at, times.handed_at
        waited = timedelta(seconds=handed - begin)
        carried = handed + (times.carrier_secs or 0.0)
        ear = carried + (times.lead_secs or 0.0)
        before = _until_handed(times, words, handed)
        cuts: list[Cut] = [(stage, name, min(end, handed)) for stage, name, end in before]
        cuts += [("carrier", None, carried), ("lead_silence", None, ear)]
        return TurnLatency(
            turn=turn,
            at=times.handed_utc - waited if times.handed_utc else None,
            endpoint_ms=_ms(times.decided_at - begin),
            graph_ms=_ms(words - times.decided_at),
            tts_ms=_ms(handed - words),
            total_ms=_ms(handed - begin),
            ear_ms=_ms(ear - begin),
            parts=waterfall(begin, cuts),
        )

    def forget(self, turn: int) -> None:
        """Drop a turn that was never answered, or of which all is known."""
        self._turns.pop(turn, None)


def _until_handed(times: _Times, words: float, handed: float) -> Iterable[Cut]:
    """Cut the time up to the first audio handed over, in the order in which stages follow."""
    if times.paused_at is not None:
        yield "endpoint", None, times.paused_at
        if times.words_at is not None:
            yield "stt", None, times.words_at
    yield "turn", None, times.decided_at
    yield from times.run.cuts(times.decided_at, words)
    if times.sentence_at is not None and times.sentence_at > words:
        yield from times.run.cuts(words, times.sentence_at)
    if times.voice_at is None:
        yield "tts", None, handed
    else:
        yield "tts", None, times.voice_at
        yield "overhead", None, handed


def waterfall(begin: float, cuts: Iterable[Cut]) -> list[LatencyPart]:
    """Cut the time from `begin` to the end of the last cut into parts that sum to the whole.

    Stages may overlap in truth; what has ended before the one in front of it took no time of the
    caller's, and is left out. None goes on beyond the end of the last one.
    """
    ordered: Sequence[Cut] = list(cuts)
    last = _tenths(ordered[-1][2] - begin) if ordered else 0
    parts: list[LatencyPart] = []
    done = 0
    for stage, name, ended_at in ordered:
        until = min(max(_tenths(ended_at - begin), done), last)
        if until > done:
            start = done
            if parts and (parts[-1].stage, parts[-1].name) == (stage, name):
                start = round(parts.pop().start_ms * 10)
            ms = (until - start) / 10
            parts.append(LatencyPart(stage=stage, name=name, start_ms=start / 10, ms=ms))
        done = until
    return parts


def _tenths(seconds: float) -> int:
    return round(seconds * 10_000)


def _ms(seconds: float) -> float:
    return _tenths(seconds) / 10
