"""What a listener beside the caller notices: who is heard when, and how long an answer took."""

from dataclasses import dataclass, field

from voice.phonelab import mulaw

PAUSE = int(0.2 * mulaw.RATE)
"""Silence after which sound counts as a new onset, in samples."""


@dataclass(slots=True)
class Turn:
    """Something the caller said, and when it was answered; moments are samples since the answer."""

    said: str
    began: int
    ended: int
    """The last sample of the caller that is heard, or the moment of the last key."""
    answered: int | None = None
    """The first sample of the bot that was heard after it."""

    @property
    def latency_ms(self) -> float | None:
        """End of the caller's speech to the first sound of the answer at the ear."""
        return None if self.answered is None else (self.answered - self.ended) * 1000 / mulaw.RATE


@dataclass(slots=True)
class Ear:
    """Follows both sides of a call frame by frame; moments are samples since the answer."""

    position: int = 0
    """Samples heard so far."""
    turns: list[Turn] = field(default_factory=list)
    """What the caller said, in order."""
    spans: list[tuple[int, int]] = field(default_factory=list)
    """Where the bot was heard, pauses of `PAUSE` left out."""

    def expect(self, said: str, audio: bytes, starts: int) -> Turn:
        """Note that the caller says `audio`, its first sample at `starts`."""
        turn = Turn(said, starts, starts + max(mulaw.last_audible(audio), 0))
        self.turns.append(turn)
        return turn

    def hear(self, bot: bytes) -> None:
        """Follow one frame that was played to the caller."""
        if bot != mulaw.SILENT_FRAME and (first := mulaw.first_audible(bot)) >= 0:
            self._sound(self.position + first, self.position + mulaw.last_audible(bot))
        self.position += len(bot)

    @property
    def quiet_secs(self) -> float:
        """How long the bot has not been heard, in seconds."""
        since = self.spans[-1][1] if self.spans else 0
        return (self.position - since) / mulaw.RATE

    def heard_secs(self, since: int) -> float:
        """How long the bot was heard after the sample `since`, in seconds."""
        total = 0
        for began, ended in reversed(self.spans):
            if ended < since:
                break
            total += ended - max(began, since)
        return total / mulaw.RATE

    def spoke_since(self, since: int) -> bool:
        """Whether the bot began to speak after the sample `since`, or went on for a second.

        The rest of a sentence that the caller broke into is not an answer.
        """
        began = bool(self.spans) and self.spans[-1][0] >= since
        return began or self.heard_secs(since) >= 1.0

    def _sound(self, began: int, ended: int) -> None:
        if self.spans and began - self.spans[-1][1] < PAUSE:
            self.spans[-1] = (self.spans[-1][0], ended)
            return
        self.spans.append((began, ended))
        for turn in reversed(self.turns):
            if began >= turn.ended:
                if turn.answered is None:
                    turn.answered = began
                break
