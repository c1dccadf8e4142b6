"""How long the caller has been silent: pure, the time is handed in."""

from dataclasses import dataclass


@dataclass(slots=True)
class Silence:
    """Counts the silences of a caller since the last words.

    Args:
        after_secs: how long it is quiet before that counts as a silence.
    """

    after_secs: float
    count: int = 0
    _since: float | None = None

    def broken(self) -> None:
        """Note that it is not quiet now."""
        self._since = None

    def words(self) -> None:
        """Note that the caller has said something: the count begins anew."""
        self.count = 0

    def passes(self, now: float) -> bool:
        """Note that it is quiet; returns whether that has become one silence more."""
        if self._since is None:
            self._since = now
        if now - self._since < self.after_secs:
            return False
        self._since = None
        self.count += 1
        return True
