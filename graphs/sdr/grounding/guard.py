"""Lets a sentence pass, or puts a safe one in its place, before anyone hears it."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from graphs.sdr.grounding.claims import Claim, claims_of, subject
from graphs.sdr.grounding.evidence import Evidence, Source
from graphs.sdr.grounding.numerals import tokens
from graphs.sdr.grounding.promises import assents, promises_of, says_it_back

_DATA: Final = re.compile(
    r"[{}\\]|\"\s*:|\[\s*[\"\[]|</?[a-z_]+>|<\||```|\b[a-z]+_[a-z_]+\b|\bnull\b", re.IGNORECASE
)
"""Signs of data and of calls of tools, which nobody says."""
OURS: Final[tuple[Source, ...]] = ("passage", "tool")
_CALLER: Final[tuple[Source, ...]] = ("caller",)
_OF_BOTH: Final = frozenset({"number", "duration", "date", "day", "time"})
"""Kinds that may be said because the caller said them; not prices, percentages, ratios."""
_PRICED: Final = ("money", "percent", "ratio")
_SHINGLE: Final = 6
"""So many words in a row of the instructions are not said."""


@dataclass(frozen=True, slots=True)
class Checked:
    """What is wrong with a sentence; nothing when `claims` is empty."""

    sentence: str
    claims: tuple[str, ...] = ()
    """Words of it that nothing shows."""
    kinds: tuple[str, ...] = ()
    """What they claim, in the same order."""

    @property
    def passes(self) -> bool:
        """Whether it may be said."""
        return not self.claims


@dataclass(slots=True)
class Guard:
    """Checks the sentences of one answer.

    Args:
        evidence: what the call has to show.
        asked: what the caller said last.
        secret: instructions that are not to be repeated.
    """

    evidence: Evidence
    asked: str = ""
    secret: str = ""
    _topic: frozenset[str] = field(init=False)
    _baited: bool | None = field(init=False, default=None)
    _shingles: frozenset[str] | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self._topic = subject(self.asked)

    def check(self, sentence: str) -> Checked:
        """Find what in a sentence nothing of this call shows."""
        found = [*self._figures(sentence), *self._promises(sentence)]
        if assents(sentence) and self.unshown():
            found.append((sentence.strip(), "assent"))
        if _DATA.search(sentence):
            found.append((sentence.strip(), "data"))
        if self._leaks(sentence):
            found.append((sentence.strip(), "instructions"))
        return Checked(sentence, tuple(text for text, _ in found), tuple(kind for _, kind in found))

    def _figures(self, sentence: str) -> Sequence[tuple[str, str]]:
        return [
            (claim.text, claim.kind)
            for claim in claims_of(sentence)
            if not self.evidence.shows(claim, sentence, OURS, self._topic)
            and not self._theirs(claim, sentence)
        ]

    def _theirs(self, claim: Claim, sentence: str) -> bool:
        """Whether it is the caller's own figure, said back as theirs and not as a fact of ours."""
        if not self.evidence.shows(claim, sentence, _CALLER, self._topic):
            return False
        if says_it_back(sentence):
            return not self.evidence.contradicts(claim, sentence)
        if claim.kind not in _OF_BOTH:
            return False
        counts_people = claim.kind == "number" and claim.unit in ("person", None)
        return sentence.rstrip(" \"'”’").endswith("?") or counts_people and _for(sentence, claim)

    def _promises(self, sentence: str) -> Sequence[tuple[str, str]]:
        asks = sentence.rstrip(" \"'”’").endswith("?")
        found = []
        for promise in promises_of(sentence):
            if promise.sort == "acts":
                kept = promise.name in self.evidence.acts or asks
            elif promise.sort == "same":
                about = subject(promise.clause) or subject(sentence) or self._topic
                kept = self.evidence.promised(promise.name, about)
            else:
                kept = False
            if not kept:
                found.append((promise.text, f"promise.{promise.name}"))
        return found

    def unshown(self) -> bool:
        """Whether the caller has just named a price or a promise that nothing of ours shows."""
        if self._baited is None:
            sums = [one for one in claims_of(self.asked) if one.kind in _PRICED]
            priced = any(not self.evidence.shows(one, self.asked, OURS) for one in sums)
            promised = any(
                promise.sort == "same"
                and not (sums and promise.name == "discount")  # the sum is looked at above
                and not self.evidence.promised(promise.name, self._topic)
                for promise in promises_of(self.asked)
            )
            self._baited = priced or promised
        return self._baited

    def _leaks(self, sentence: str) -> bool:
        if not self.secret:
            return False
        if self._shingles is None:
            self._shingles = frozenset(_shingles(self.secret))
        return any(shingle in self._shingles for shingle in _shingles(sentence))


def _for(sentence: str, claim: Claim) -> bool:
    """Whether a number of people is whom something is for: "for 12 people", "your team of 12"."""
    before = sentence[: claim.start].lower().split()
    return bool(before) and before[-1] in ("for", "of", "with", "für", "pour", "para")


def _shingles(text: str) -> Collection[str]:
    words = [token.text for token in tokens(text) if token.text.isalnum()]
    return [" ".join(words[at : at + _SHINGLE]) for at in range(len(words) - _SHINGLE + 1)]


def replaced(checks: Sequence[Checked]) -> list[Mapping[str, Any]]:
    """Return what is logged of sentences that did not pass."""
    return [
        {"sentence": check.sentence.strip(), "claims": list(check.claims)}
        for check in checks
        if not check.passes
    ]
