"""Faults of a network and of a carrier, on demand and repeatable."""

import random
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Faults:
    """What goes wrong on a media stream; by default nothing."""

    jitter_ms: float = 0.0
    """Each frame of the caller is late by up to this much; the order stays."""
    loss: float = 0.0
    """Part of the caller's frames that never arrive, from 0 to 1."""
    duplicates: float = 0.0
    """Part of the caller's frames that arrive twice, from 0 to 1."""
    reordered: float = 0.0
    """Part of the caller's frames that arrive after the one that follows them, from 0 to 1."""
    half_dead_after_secs: float | None = None
    """From then on nothing is sent nor read, while the socket stays open."""
    dropped_after_secs: float | None = None
    """Then the connection breaks without a close."""
    never_ack_marks: bool = False
    """Marks are not returned, as with carriers that do not know them."""
    streams: int | None = None
    """How many streams of a call have the faults, the first ones; None means all."""
    seed: int = 0
    """The same seed gives the same faults."""

    def of_stream(self, number: int) -> "Faults":
        """Return what goes wrong on a call's stream of that number, from 0."""
        return self if self.streams is None or number < self.streams else Faults()

    def generator(self) -> random.Random:
        """Return the source of chance for one stream."""
        return random.Random(self.seed)  # noqa: S311 - repeatable faults, no secret
