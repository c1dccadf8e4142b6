"""What a call has to show: passages retrieved, results of tools, the caller's own words."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple

from graphs.sdr.grounding.claims import UNKNOWN, Claim, claims_of, subject
from graphs.sdr.grounding.promises import promises_of, speaks_to_the_model
from graphs.sdr.grounding.sentences import sentences_of

Source = Literal["passage", "tool", "caller"]
_MARKUP: Final = re.compile(r"^\s*(?:[#>*+-]+|\d+\.)\s+|[*_`]+")


class Shown(NamedTuple):
    """A claim that the call has to show."""

    claim: Claim
    source: Source
    subjects: frozenset[str]
    """What the price list sells that it speaks of."""
    about: frozenset[str]
    """Stems of what it speaks of, the heading's included."""


@dataclass(slots=True)
class Evidence:
    """Collects what may be said; `add` what the call has to show, then ask `shows`.

    Args:
        subjects: names of what the price list sells, lower case.
        prices: sums that the price list has, by subject; of those only these may be said.
    """

    subjects: Collection[str] = ()
    prices: Mapping[str, Collection[str]] = field(default_factory=dict)
    acts: set[str] = field(default_factory=set)
    """What tools have done in this call: send, book, call_back, transfer, update."""
    _claims: dict[tuple[str, str], list[Shown]] = field(default_factory=dict)
    _promises: dict[str, list[frozenset[str]]] = field(default_factory=dict)

    def add(self, text: str, source: Source, heading: str = "") -> None:
        """Take in a text; what speaks to the model in a passage is left out."""
        above = heading
        for line in clean(text):
            if line.heading:
                above = line.text
            self._take(line.text, source, above)

    def _take(self, sentence: str, source: Source, above: str) -> None:
        about = subject(sentence)
        for claim in claims_of(sentence):
            subjects = self.subjects_of(sentence, claim) or self._named(above)
            shown = Shown(claim, source, subjects, about | subject(above))
            for key in claim.keys:
                self._claims.setdefault((claim.kind, key), []).append(shown)
        if source != "caller":
            for promise in promises_of(sentence):
                self._promises.setdefault(promise.name, []).append(about)

    def shows(
        self,
        claim: Claim,
        sentence: str,
        sources: Collection[Source],
        topic: frozenset[str] = frozenset(),
    ) -> bool:
        """Whether the call has shown a claim, in one of these sources.

        Args:
            claim: of the sentence.
            sentence: in which it stands.
            sources: that count.
            topic: stems of what the conversation is about.
        """
        subjects = self.subjects_of(sentence, claim)
        if claim.kind == "money" and not self._on_the_list(claim, subjects):
            return False
        about = (subject(sentence) - subject(claim.text)) | topic
        addressed = claim.kind == "address"
        return any(
            shown.source in sources
            and _agree(claim, shown, subjects)
            and (shown.source != "passage" or not about or about & shown.about or addressed)
            for key in claim.keys
            for kind in _KINDS.get(claim.kind, (claim.kind,))
            for shown in self._claims.get((kind, key), ())
        )

    def contradicts(self, claim: Claim, sentence: str) -> bool:
        """Whether what we have to show says another figure of the same kind of the same thing."""
        about = subject(sentence) - subject(claim.text)
        return any(
            shown.source != "caller" and shown.claim.unit == claim.unit and about & shown.about
            for (kind, key), listed in self._claims.items()
            if kind == claim.kind and key not in claim.keys
            for shown in listed
        )

    def promised(self, name: str, about: frozenset[str]) -> bool:
        """Whether a passage or a tool says the same of the same thing."""
        return any(
            len(about & shown) >= max(1, len(about) // 3) for shown in self._promises.get(name, ())
        )

    def subjects_of(self, sentence: str, claim: Claim) -> frozenset[str]:
        """What a claim speaks of: the name before it, or else the next after it."""
        if not self.subjects:
            return frozenset()
        lower = sentence.lower()
        before = [(lower.rfind(name, 0, claim.start), name) for name in self.subjects]
        if (last := max(before, default=(-1, "")))[0] >= 0:
            return frozenset({last[1]})
        after = [(at, n) for n in self.subjects if (at := lower.find(n, claim.end)) >= 0]
        return frozenset({min(after)[1]}) if after else frozenset()

    def _named(self, text: str) -> frozenset[str]:
        lower = text.lower()
        return frozenset(name for name in self.subjects if name in lower)

    def _on_the_list(self, claim: Claim, about: frozenset[str]) -> bool:
        listed = [self.prices[name] for name in about if name in self.prices]
        if not listed:
            return True
        tools = {
            shown.source
            for key in claim.keys
            for shown in self._claims.get(("money", key), ())
            if shown.source == "tool"
        }
        return bool(tools) or any(key in sums for key in claim.keys for sums in listed)


_KINDS: Final[Mapping[str, tuple[str, ...]]] = {
    "number": ("number", "money", "percent", "ratio"),
    "money": ("money", "number"),
}
"""Kinds of what is shown that may stand for a kind of claim."""


def _agree(claim: Claim, shown: Shown, subjects: frozenset[str]) -> bool:
    """Whether what was shown is what is claimed, and not another thing of the same figure."""
    there = shown.claim
    if UNKNOWN in claim.keys:
        return there.text.lower() == claim.text.lower()
    if claim.kind == "money":
        if shown.source == "passage" and there.kind != "money":
            return False
        if there.kind == "money" and claim.unit != there.unit and claim.unit and there.unit:
            return False
        if claim.per and there.per and not claim.per <= there.per:
            return False
    other_unit = claim.kind == "number" and claim.unit and claim.unit != there.unit
    if other_unit and (there.kind != "number" or there.unit):
        return False
    if claim.kind in ("money", "percent") and subjects and shown.subjects:
        return bool(subjects & shown.subjects)
    return True


class Line(NamedTuple):
    """A sentence of a document."""

    text: str
    heading: bool


def clean(text: str) -> Iterable[Line]:
    """Return the sentences of a document, without its markup and what speaks to a model."""
    for line in _lines(text):
        heading = line.lstrip().startswith("#")
        for sentence in sentences_of(_MARKUP.sub("", line)):
            if not speaks_to_the_model(sentence):
                yield Line(sentence, heading)


def _lines(text: str) -> Iterable[str]:
    """Join the lines of a paragraph; headings and items of lists stay alone."""
    paragraph: list[str] = []
    for line in [*text.splitlines(), ""]:
        alone = not line.strip() or line.lstrip()[:2] in ("# ", "##", "- ", "* ", "> ", "| ")
        if alone and paragraph:
            yield " ".join(paragraph)
            paragraph = []
        if not line.strip():
            continue
        if line.lstrip().startswith("#"):
            yield line
        else:
            paragraph.append(line.strip())
    if paragraph:
        yield " ".join(paragraph)
