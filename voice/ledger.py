"""The playback ledger: what was handed over, what was played, and so what the caller heard.

Pure: the clock is handed in, in seconds, and only ever goes forward. Positions are in samples of
what is said, in the order it is said: audio that is dropped and handed over again has the same
position both times, so nothing is credited twice. Wherever the truth is uncertain the ledger
credits less, never more.
"""

import re
from bisect import bisect_right
from collections import OrderedDict
from dataclasses import dataclass, field

from voice.speakable import Spoken


@dataclass(slots=True)
class Length:
    """How long a stretch of audio will be, known before it is handed over."""

    samples: int = 0
    """Made so far."""
    final: bool = False
    """Whether no more will be made."""
    words: list[int] = field(default_factory=list)
    """Where each word begins, where the voice tells; in samples from the first one on."""


@dataclass(slots=True)
class Span:
    """A stretch of audio and the words in it."""

    utterance_id: str
    start: int
    """First sample."""
    end: int
    """Sample after the last one."""
    text: str
    """As written."""
    said: Spoken
    """What is said for it."""
    complete: bool = False
    """Whether all its audio was handed over."""
    length: Length | None = None
    """How long it will be when it is complete, where that is known."""

    @property
    def whole(self) -> int:
        """Samples of all its audio; 0 while that is not known."""
        if self.complete:
            return self.end - self.start
        return self.length.samples if self.length and self.length.final else 0

    def said_by(self, played: int) -> int:
        """Return how many characters of what is said were played, by its words or in proportion."""
        reached, words = played - self.start, self.length.words if self.length else []
        if not words:
            return max(0, len(self.said.text) * min(reached, self.whole) // max(1, self.whole))
        over = bisect_right(words, reached) - 1  # the last one that has begun may go on
        ends = [match.end() for match in re.finditer(r"\S+", self.said.text)]
        return ends[min(over, len(ends)) - 1] if over > 0 else 0


@dataclass(slots=True)
class Ledger:
    """What one call has played.

    Args:
        sample_rate: samples a second of the audio handed over.
    """

    sample_rate: int
    written: int = 0
    """Samples handed to the client."""
    acknowledged: int = 0
    """Samples the client has said it played."""
    acknowledges: bool = False
    """Whether the client has ever acknowledged a mark."""
    cleared: int = 0
    """Samples up to which nothing more will be played, because of the last clear."""
    held: bool = False
    """Whether what was not played was dropped for now, to be handed over again."""
    due: int = 0
    """Samples up to which what was dropped for now is still to be handed over again."""
    spans: list[Span] = field(default_factory=list)
    plays_until: float = 0.0
    """When the last audio handed over is played, by the clock."""
    _marks: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _count: int = 0

    def begin(
        self,
        utterance_id: str,
        text: str,
        length: Length | None = None,
        said: Spoken | None = None,
    ) -> None:
        """Start a stretch of audio that speaks `text`, in its own words or in others."""
        start = self.written
        self.spans.append(
            Span(utterance_id, start, start, text, said or verbatim(text), length=length)
        )

    def extend(self, utterance_id: str, text: str, said: Spoken | None = None) -> bool:
        """Add to what the current stretch speaks; False if it is over, or of another utterance."""
        span = self.spans[-1] if self.spans else None
        if span is None or span.complete or span.utterance_id != utterance_id:
            return False
        more, written, before = said or verbatim(text), len(span.text) + 1, len(span.said.text) + 1
        anchors = tuple((before + at, written + of) for at, of in more.anchors)
        span.said = Spoken(f"{span.said.text} {more.text}".rstrip(), span.said.anchors + anchors)
        span.text = f"{span.text} {text}"
        return True

    def silent(self, utterance_id: str, text: str) -> None:
        """Add to an utterance what is written at its end and not said: heard with the rest."""
        for span in reversed(self.spans):
            if span.utterance_id == utterance_id:
                span.text = f"{span.text} {text}"
                return

    def forget(self, utterance_id: str) -> None:
        """Drop what was heard of an utterance, for it is said anew."""
        self.spans = [span for span in self.spans if span.utterance_id != utterance_id]

    def write(self, samples: int, now: float) -> None:
        """Note that audio was handed over."""
        if samples < 0:
            raise ValueError(f"{samples} samples cannot be handed over; expected 0 or more.")
        self.written += samples
        self.plays_until = self.plays_at(now) + samples / self.sample_rate
        if self.spans and not self.spans[-1].complete:
            self.spans[-1].end = max(self.spans[-1].end, self.written)

    def plays_at(self, now: float) -> float:
        """When audio that is handed over now begins to be played."""
        return max(self.plays_until, now)

    def complete(self) -> None:
        """Note that the current stretch has no more audio to come."""
        if self.spans:
            self.spans[-1].complete = True

    def mark(self) -> str:
        """Return the name of a new mark at the end of what was handed over."""
        self._count += 1
        name = f"m{self._count}"
        self._marks[name] = self.written
        return name

    def acknowledge(self, mark: str) -> bool:
        """Note that the client has reached a mark; an unknown or cleared one changes nothing."""
        if mark not in self._marks:
            return False
        self.acknowledges = True
        self.acknowledged = max(self.acknowledged, self._marks[mark])
        while self._marks:  # acknowledgements come in order: earlier marks are behind us
            name, _ = self._marks.popitem(last=False)
            if name == mark:
                return True
        return True

    def hold(self, now: float) -> None:
        """Note that the client was told to drop what it has not played, for now."""
        if self.held:
            return
        self.due = max(self.due, self.written)
        self.acknowledged = self.written = self.played(now)
        self.held = True
        self.plays_until = min(self.plays_until, now)
        self._marks.clear()  # those that come back now were dropped, not played

    def resume(self, position: int) -> None:
        """Note that what was held is handed over again, from a position on.

        Raises:
            ValueError: what lies before the position was not heard.
        """
        if not 0 <= position <= self.acknowledged:
            raise ValueError(f"Heard up to {self.acknowledged}, so not to resume at {position}.")
        self.held = False
        self.written = position

    def clear(self, now: float) -> None:
        """Note that the client was told to drop what it has not played."""
        self.acknowledged = self.played(now)
        self.written = max(self.written, self.acknowledged)
        self.held = False
        for span in self.spans:
            if span.end > self.acknowledged or not span.complete:
                span.text = _words_within(span, self.acknowledged)
                span.said, span.length = verbatim(span.text), None
                span.start = min(span.start, self.acknowledged)
                span.end = min(span.end, self.acknowledged)
            span.complete = True
        self.cleared, self.due = self.written, 0
        self.plays_until = min(self.plays_until, now)
        self._marks.clear()

    def played(self, now: float) -> int:
        """Samples that were certainly played: never more than the clock or a mark allows."""
        if self.acknowledges:
            return self.acknowledged
        ahead = max(0.0, self.plays_until - now)
        return max(self.written - round(ahead * self.sample_rate), self.acknowledged)

    def finished(self, now: float, patience: float = 0.0) -> bool:
        """Whether all that was handed over was played, dropped, or `patience` seconds overdue."""
        if self.held or self.written < self.due:
            return False
        if self.written <= max(self.cleared, self.acknowledged):
            return True
        overdue = now - self.plays_until
        return overdue >= (patience if self.acknowledges else 0.0)

    def remaining_secs(self, now: float) -> float:
        """Seconds of audio that by the clock are still to be played."""
        return max(0.0, self.plays_until - now)

    def heard(self, utterance_id: str, now: float) -> str:
        """The words of an utterance that were certainly heard, a word less where in doubt."""
        played = self.played(now)
        words: list[str] = []
        for span in self.spans:
            if span.utterance_id != utterance_id:
                continue
            if span.complete and played >= span.end:
                words.append(span.text)
                continue
            words.append(_words_within(span, played))
            break
        return " ".join(part for part in words if part)

    def heard_out(self, utterance_id: str, now: float) -> bool:
        """Whether an utterance was said, and certainly heard to the end of what was said so far."""
        played = self.played(now)
        own = [span for span in self.spans if span.utterance_id == utterance_id]
        return bool(own) and all(span.complete and played >= span.end for span in own)


def verbatim(text: str) -> Spoken:
    """Return what is said of a text that is said as it is written."""
    return Spoken(text, tuple((m.end(), m.end()) for m in re.finditer(r"\S+", text)))


def _words_within(span: Span, played: int) -> str:
    """The written words whose speech lies in the part played, less the last of them."""
    written = span.said.written(span.said_by(played))
    return " ".join(span.text[:written].split()[:-1])
