"""Who has taken an outbound call: a person, an answering machine, or a menu that asks for keys.

Pure: times are handed in, in seconds. Decided by what is said, and by how long without a pause:
a person says hello and waits, a recording goes on. In doubt it is a person, and within
`DEADLINE_SECS` it is decided: a person is never left waiting, nor hung up on.
"""

import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal

from tools.data_files import read_data

Who = Literal["human", "machine", "menu"]

NOBODY_SPEAKS_SECS: Final = 3.0
"""Silence after the answer that is a person who waits, in seconds."""
SETTLE_SECS: Final = 0.7
"""Silence after few words that is a person who waits, in seconds."""
DOUBT_SECS: Final = 2.0
"""The same after words with which a recording may begin, in seconds."""
WORDS_SECS: Final = 1.5
"""Longest wait for the words of what was said, in seconds."""
LONG_SECS: Final = 2.5
"""Speech without a pause that people seldom answer with, in seconds; with words that fit."""
LONGEST_SECS: Final = 8.0
"""Speech without a pause that no person answers with, in seconds, whatever the words."""
DEADLINE_SECS: Final = 25.0
"""Time after the answer in which it is decided, in seconds."""
REVISE_SECS: Final = 12.0
"""Time after the answer in which words of a recording may still be recognised, in seconds."""
GREETING_OVER_SECS: Final = 2.5
"""Silence after the words of a machine that has no tone, in seconds."""
TONE_SECS: Final = 30.0
"""Longest wait for the tone, in seconds."""


@dataclass(frozen=True, slots=True)
class Heard:
    """What the words alone say."""

    machine: bool
    perhaps_machine: bool
    menu: bool
    human: bool


@lru_cache
def _patterns() -> dict[str, re.Pattern[str]]:
    content = read_data(Path(__file__).with_suffix(".yaml"))
    return {kind: re.compile("|".join(said)) for kind, said in content.items()}


def read(words: str) -> Heard:
    """Tell what words of a greeting, in English or Hindi, are typical of."""
    plain = " ".join(words.lower().replace("’", "'").replace(",", " ").split())  # noqa: RUF001
    found = {kind: bool(pattern.search(plain)) for kind, pattern in _patterns().items()}
    found["human"] |= plain.endswith("?")
    return Heard(**found)


@dataclass(slots=True)
class Answerer:
    """Who has taken one call, as far as it can be told.

    Args:
        answered_at: when the call was answered.
    """

    answered_at: float
    who: Who | None = None
    """None while it is not decided."""
    may_speak: bool = False
    """Whether a machine records now."""
    _words: list[str] = field(default_factory=list)
    _speaks_since: float | None = None
    _silent_since: float | None = None
    _longest: float = 0.0
    _words_at: float | None = None
    _decided_at: float = 0.0

    def speaks(self, at: float) -> None:
        """Note that a voice begins."""
        self._speaks_since = self._speaks_since or at
        self._silent_since = None

    def falls_silent(self, at: float) -> None:
        """Note when the voice was last heard."""
        if self._speaks_since is not None:
            self._longest = max(self._longest, at - self._speaks_since)
        self._speaks_since, self._silent_since = None, at

    def says(self, words: str, at: float) -> None:
        """Take words that were recognised."""
        self._words.append(words)
        self._words_at = at
        heard = read(" ".join(self._words))
        if heard.machine and self._may_be_revised(at):
            self._decide("machine", at)
        elif heard.menu and self._may_be_revised(at):
            self._decide("menu", at)
        elif self.who is None and heard.human:
            self._decide("human", at)
        elif self.who is None and heard.perhaps_machine and self._length(at) >= LONG_SECS:
            self._decide("machine", at)

    def tone(self, at: float) -> None:
        """Note that a tone has ended: from now on a machine records."""
        if self.who is None:
            self._decide("machine", at)
        self.may_speak = self.who == "machine"

    def carrier_says(self, who: Who, at: float, *, records: bool = False) -> None:
        """Take what the carrier has found; it is believed as words of a recording are.

        Args:
            who: took the call.
            at: when it is said.
            records: whether its greeting is over.
        """
        if self.who is None or self._may_be_revised(at):
            self._decide(who, at)
        self.may_speak = self.may_speak or (records and self.who == "machine")

    def passes(self, at: float) -> None:
        """Note that time has passed."""
        if self.who == "machine":
            quiet = at - max(self._silent_since or 0.0, self._decided_at)
            over = self._speaks_since is None and quiet >= GREETING_OVER_SECS
            self.may_speak = self.may_speak or over or at - self._decided_at >= TONE_SECS
        elif self.who is None:
            self._by_time(at)

    def _by_time(self, at: float) -> None:
        if at - self.answered_at >= DEADLINE_SECS:
            self._decide("human", at)
        elif self._speaks_since is not None:
            return
        elif self._silent_since is None:
            if at - self.answered_at >= NOBODY_SPEAKS_SECS:
                self._decide("human", at)
        else:
            quiet = at - self._silent_since
            known = self._words_at is not None and self._words_at >= self._silent_since
            doubtful = read(" ".join(self._words)).perhaps_machine
            if quiet >= (DOUBT_SECS if doubtful else SETTLE_SECS if known else WORDS_SECS):
                self._decide("machine" if self._longest >= LONGEST_SECS else "human", at)

    def _may_be_revised(self, at: float) -> bool:
        early = at - self.answered_at <= REVISE_SECS
        return self.who is None or (self.who == "human" and early)

    def _length(self, at: float) -> float:
        now = at - self._speaks_since if self._speaks_since is not None else 0.0
        return max(self._longest, now)

    def _decide(self, who: Who, at: float) -> None:
        self.who, self._decided_at = who, at
