"""Where the time of each answer goes, from the caller's last sound to the bot's first."""

from dataclasses import dataclass, field

from store.calls import TurnLatency


@dataclass(slots=True)
class _Times:
    """When the stages of one turn were reached, in `time.monotonic()` seconds."""

    spoke_until: float | None
    decided_at: float
    first_words_at: float | None = None


@dataclass(slots=True)
class Stopwatch:
    """Takes the times of the turns of one call; times are `time.monotonic()` seconds."""

    _turns: dict[int, _Times] = field(default_factory=dict)

    def decided(self, turn: int, spoke_until: float | None, at: float) -> None:
        """Note that a turn of the caller has ended, and when its last sound was."""
        self._turns[turn] = _Times(spoke_until, at)

    def first_words(self, turn: int, at: float) -> None:
        """Note that the graph has begun to answer; only the first time counts."""
        times = self._turns.get(turn)
        if times and times.first_words_at is None:
            times.first_words_at = at

    def first_audio(self, turn: int, at: float) -> TurnLatency | None:
        """Return the latency of a turn at its first audio; None when it cannot be known."""
        times = self._turns.pop(turn, None)
        if not times or times.spoke_until is None or times.first_words_at is None:
            return None
        return TurnLatency(
            turn=turn,
            endpoint_ms=_ms(times.decided_at - times.spoke_until),
            graph_ms=_ms(times.first_words_at - times.decided_at),
            tts_ms=_ms(at - times.first_words_at),
            total_ms=_ms(at - times.spoke_until),
        )

    def forget(self, turn: int) -> None:
        """Drop a turn that was never answered."""
        self._turns.pop(turn, None)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)
