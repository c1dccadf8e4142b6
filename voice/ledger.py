"""The playback ledger: what was handed over, what was played, and so what the caller heard.

Pure: the clock is handed in, in seconds, and only ever goes forward. Positions are in samples of
what is said, in the order it is said: audio that is dropped and handed over again has the same
position both times, so nothing is credited twice. Wherever the truth is uncertain the ledger
credits less, never more.
"""

from collections import OrderedDict
from dataclasses import dataclass, field


@dataclass(slots=True)
class Length:
    """How long a stretch of audio will be, known before it is handed over."""

    samples: int = 0
    """Made so far."""
    final: bool = False
    """Whether no more will be made."""


@dataclass(slots=True)
class Span:
    """A stretch of audio and the words in it."""

    utterance_id: str
    start: int
    """First sample."""
    end: int
    """Sample after the last one."""
    text: str
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
    spans: list[Span] = field(default_factory=list)
    _marks: OrderedDict[str, int] = field(default_factory=OrderedDict)
    _plays_until: float = 0.0
    _count: int = 0

    def begin(self, utterance_id: str, text: str, length: Length | None = None) -> None:
        """Start a stretch of audio that speaks `text`."""
        self.spans.append(Span(utterance_id, self.written, self.written, text, length=length))

    def forget(self, utterance_id: str) -> None:
        """Drop what was heard of an utterance, for it is said anew."""
        self.spans = [span for span in self.spans if span.utterance_id != utterance_id]

    def write(self, samples: int, now: float) -> None:
        """Note that audio was handed over."""
        if samples < 0:
            raise ValueError(f"{samples} samples cannot be handed over; expected 0 or more.")
        self.written += samples
        self._plays_until = self.plays_at(now) + samples / self.sample_rate
        if self.spans and not self.spans[-1].complete:
            self.spans[-1].end = max(self.spans[-1].end, self.written)

    def plays_at(self, now: float) -> float:
        """When audio that is handed over now begins to be played."""
        return max(self._plays_until, now)

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
        self.acknowledged = self.written = self.played(now)
        self.held = True
        self._plays_until = min(self._plays_until, now)
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
                span.start = min(span.start, self.acknowledged)
                span.end = min(span.end, self.acknowledged)
            span.complete = True
        self.cleared = self.written
        self._plays_until = min(self._plays_until, now)
        self._marks.clear()

    def played(self, now: float) -> int:
        """Samples that were certainly played: never more than the clock or a mark allows."""
        if self.acknowledges:
            return self.acknowledged
        ahead = max(0.0, self._plays_until - now)
        return max(self.written - round(ahead * self.sample_rate), self.acknowledged)

    def finished(self, now: float, patience: float = 0.0) -> bool:
        """Whether all that was handed over was played, dropped, or `patience` seconds overdue."""
        if self.held:
            return False
        if self.written <= max(self.cleared, self.acknowledged):
            return True
        overdue = now - self._plays_until
        return overdue >= (patience if self.acknowledges else 0.0)

    def remaining_secs(self, now: float) -> float:
        """Seconds of audio that by the clock are still to be played."""
        return max(0.0, self._plays_until - now)

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


def _words_within(span: Span, played: int) -> str:
    """Words of a span that fit into the part played, in proportion, less the last of them."""
    length = span.whole
    if played <= span.start or length <= 0:
        return ""
    words = span.text.split()
    reached = int(len(span.text) * min(played - span.start, length) / length)
    kept: list[str] = []
    position = 0
    for word in words:
        position = span.text.index(word, position) + len(word)
        if position > reached:
            break
        kept.append(word)
    return " ".join(kept[:-1])
