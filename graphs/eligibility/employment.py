"""How a caller earns: what he claims to be now, and nothing he was, will be or is not."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, Literal, cast

from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.understood import EMPLOYMENT, requests, unexplained
from graphs.eligibility.utterance import Match, Word, span, words

Employment = Literal[
    "salaried",
    "self_employed",
    "business",
    "student",
    "retired",
    "unemployed",
    "homemaker",
    "farmer",
    "not_salaried",
]
"""`not_salaried`: the caller says only that he has no job, not how he lives otherwise."""

_BEFORE: Final = {
    "not": "negated",
    "past_before": "past",
    "other": "someone_else",
    "past_around": "past",
}
_AFTER: Final = {"nahi": "negated", "past_after": "past", "past_around": "past"}
_LASTING: Final = frozenset({"retired", "unemployed"})
"""What "last year" does not end: it says when it began."""
_AT_HOME: Final = frozenset({"retired", "unemployed", "student", "homemaker"})
"""What is unclear beside "I work"."""
_REACH: Final = 4
"""Words between a mark such as "was" or "not" and the claim it bears on."""
_SPECIFIC: Final = {
    frozenset({"business", "self_employed"}): "business",
    frozenset({"unemployed", "student"}): "student",
    frozenset({"unemployed", "retired"}): "retired",
    frozenset({"unemployed", "homemaker"}): "homemaker",
}
"""Two names for one state, and the one that says more."""


@dataclass(slots=True)
class _Claim:
    """An employment that was named, and the reasons why it may not be the caller's own, now."""

    match: Match
    before: list[Match]
    after: list[Match] = field(default_factory=list)
    flaws: set[str] = field(default_factory=set)
    bearing: list[Match] = field(default_factory=list)
    """Marks that say something of the claim."""


def parse_employment(text: str) -> Reading[Employment] | Unclear | None:
    """Read how the caller earns.

    Returns:
        The employment he claims for himself at present; `Unclear` for several, a past or future
        one, another person's, a question, a bare profession; None where none was spoken of.
    """
    heard = words(text)
    known = EMPLOYMENT.scan(heard)
    asked = {at for match in requests(heard) for at in range(match.first, match.last)}
    matches = [m for m in known if m.kind != "not_a_claim" and m.first not in asked]
    unclear = [match for match in matches if match.kind == "unclear"]
    if unclear:
        return _unclear(unclear[0].id, heard, unclear)
    claims = _claims(matches)
    if not claims:
        vague = [match for match in matches if match.kind == "vague"]
        return _unclear(vague[0].id, heard, vague) if vague else None
    marks = {match.id for match in matches if match.kind == "mark"}
    beside = {match.id for match in matches if match.kind == "vague"}
    answer = _decide(heard, claims, marks, beside)
    if isinstance(answer, Reading) and unexplained(heard, _bearing(known, claims), "employment"):
        return _unclear("context", heard, [claim.match for claim in claims])
    return answer


def _claims(matches: list[Match]) -> list[_Claim]:
    """Each employment with the marks up to its neighbours, and its flaws."""
    claims: list[_Claim] = []
    marks: list[Match] = []
    for match in matches:
        if match.kind == "mark":
            marks.append(match)
        elif match.kind != "vague":
            if claims:
                claims[-1].after = marks
            claims.append(_Claim(match, marks))
            marks = []
    if claims:
        claims[-1].after = marks
    for at, claim in enumerate(claims):
        _find_flaws(claim, claims[at - 1] if at else None)
    return claims


def _find_flaws(claim: _Claim, previous: _Claim | None) -> None:
    first, last = claim.match.first, claim.match.last
    for at, mark in enumerate(claim.before, start=1):
        flaw = _BEFORE.get(mark.id)
        if flaw and first - mark.last < _REACH:
            claim.flaws ^= {flaw} if flaw == "negated" else {flaw} - claim.flaws
            claim.bearing.append(mark)
        elif mark.id in {"now", "contrast", "correction"}:
            claim.flaws.clear()
            claim.bearing = claim.before[:at]
    for mark in claim.after:
        if mark.id in {"contrast", "now", "correction"}:
            break
        flaw = _AFTER.get(mark.id)
        if flaw and mark.first - last < _REACH - 1:
            claim.bearing.append(mark)
            if mark.id != "past_around" or claim.match.kind not in _LASTING:
                claim.flaws.add(flaw)
    if previous is not None and not claim.before:
        if previous.match.kind == claim.match.kind:
            claim.flaws |= previous.flaws
        elif (
            previous.match.kind == "retired"
            and not previous.flaws
            and first - previous.match.last < _REACH
        ):
            claim.flaws.add("past")


def _bearing(known: Sequence[Match], claims: list[_Claim]) -> list[Match]:
    """All but the marks of another time, person or denial that bear on no claim."""
    bearing = {mark for claim in claims for mark in claim.bearing}
    return [m for m in known if m.id not in _BEFORE | _AFTER or m.kind != "mark" or m in bearing]


def _decide(
    heard: Sequence[Word], claims: list[_Claim], marks: set[str], beside: set[str]
) -> Reading[Employment] | Unclear:
    said = [claim.match for claim in claims]
    if any(_beside_no(claim) for claim in claims):
        return _unclear("no_beside", heard, said)
    current = [claim for claim in claims if not claim.flaws]
    if "works" in beside and current and {c.match.kind for c in current} <= _AT_HOME:
        return _unclear("several", heard, said)
    rules: list[str] = []
    for turn in ("correction", "now"):
        for at, claim in enumerate(current):
            turns = at and "also" not in marks and turn in {mark.id for mark in claim.before}
            if turns:
                current, rules = current[at:], [f"employment.{turn}"]
                break
    if not current:
        return _flawed(heard, claims)
    values = {claim.match.kind for claim in current}
    if len(values) > 1:
        values -= {"not_salaried"} if "salaried" not in values else set()
        value = _SPECIFIC.get(frozenset(values)) if "or" not in marks else None
        if len(values) > 1 and value is None:
            return _unclear("several", heard, [claim.match for claim in current])
        values = {value} if value else values
    value = values.pop()
    kept = [claim.match for claim in current if claim.match.kind == value]
    rules = [f"employment.{match.id}" for match in kept] + rules
    where = span(heard, kept[0].first, kept[-1].last)
    return Reading(cast(Employment, value), where, tuple(dict.fromkeys(rules)))


def _beside_no(claim: _Claim) -> bool:
    """Whether a "no" beside the claim may deny it: "salaried, no", or "no business"."""
    before = claim.before[-1] if claim.before else None
    noun = claim.match.id in {"business", "job", "naukri", "service"}
    denied = before is not None and before.id == "no" and before.last == claim.match.first
    return (noun and denied) or any(mark.id == "no" for mark in claim.after)


def _flawed(heard: Sequence[Word], claims: list[_Claim]) -> Reading[Employment] | Unclear:
    """Nothing the caller is now: a denied job is an answer ("not my job" is none)."""
    said = [claim.match for claim in claims]
    of_mine = any(match.first and heard[match.first - 1].text == "my" for match in said)
    denied = not of_mine and all(claim.flaws == {"negated"} for claim in claims)
    if denied and any(match.kind == "salaried" for match in said):
        rules = (*dict.fromkeys(f"employment.{match.id}" for match in said), "employment.negated")
        return Reading("not_salaried", span(heard, said[0].first, said[-1].last), rules)
    return _unclear(min(claims[-1].flaws), heard, said)


def _unclear(reason: str, heard: Sequence[Word], matches: list[Match]) -> Unclear:
    rules = tuple(dict.fromkeys(f"employment.{match.id}" for match in matches))
    return Unclear(f"employment.{reason}", span(heard, matches[0].first, matches[-1].last), rules)
