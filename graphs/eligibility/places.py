"""Which of the places in an utterance is the one the caller lives in."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from graphs.eligibility.understood import claims, covered, idle, in_a_sum, requests
from graphs.eligibility.utterance import Match, Utterance

_FLAWS: Final = ("not", "past", "other", "road", "question")
"""Roles of a place the caller does not live in, the telling ones first."""
_HARMLESS: Final = frozenset({"live", "now", "correction", "aside"})
"""Roles of marks that may bear on no place."""
_JOINTS: Final = frozenset({"and", "aur", "but", "lekin", "magar", "par"})
"""Words that a mark does not reach across."""
_AND: Final = frozenset({"and", "aur"})
_POSTPOSITIONS: Final = frozenset({"mein", "se", "ka", "ki"})
_PREPOSITIONS: Final = frozenset({"in", "at", "from", "mein", "hai"})
_STATES: Final = frozenset({"student", "retired", "unemployed", "homemaker", "farmer"})
"""What a caller is wherever he is, so that "a student in Delhi" lives there."""
_QUALITIES: Final = frozenset({"salaried", "self_employed"})
"""What a caller is in a place only where "in" ties them."""


@dataclass(slots=True)
class Mention:
    """A place that was named, and what was said of it."""

    place: Match
    roles: set[str] = field(default_factory=set)
    marks: list[Match] = field(default_factory=list)


def mentions_of(
    heard: Utterance, places: Sequence[Match], matches: Sequence[Match]
) -> list[Mention]:
    """Give each place the roles that the marks beside it say."""
    marks = [match for match in matches if match.kind == "mark"]
    around = [match for match in matches if match.kind != "place"]
    speaks = ~(covered(around) | covered(idle(heard)))
    for at, word in enumerate(heard):
        if word.text in _JOINTS:
            speaks |= 1 << at
    mentions = []
    for at, place in enumerate(places):
        low = places[at - 1].last if at else 0
        high = places[at + 1].first if at + 1 < len(places) else len(heard)
        mention = Mention(place)
        for mark in marks:
            if low <= mark.first < high and _bears(mark, place, speaks):
                mention.marks.append(mark)
                mention.roles.add(mark.id.partition("_")[0])
        if _earns(heard, place, low, high):
            mention.roles.add("work")
        if any(request.last == place.first for request in requests(heard)):
            mention.roles.add("question")
        mentions.append(mention)
    for first, second in reversed(list(itertools.pairwise(mentions))):
        if "road" in second.roles and first.place.last == second.place.first:
            first.roles.add("road")
    for first, second in itertools.pairwise(mentions):
        between = heard[first.place.last : second.place.first]
        if between and all(word.text in _AND for word in between):
            second.roles |= {
                m.id.partition("_")[0] for m in first.marks if m.last <= first.place.first
            }
    return mentions


def _bears(mark: Match, place: Match, speaks: int) -> bool:
    """Whether a mark stands on its own side of a place, with no word that speaks between."""
    _, _, side = mark.id.partition("_")
    if mark.id == "road_after":
        return mark.first == place.last
    ahead = mark.last <= place.first
    first, last = (mark.last, place.first) if ahead else (place.last, mark.first)
    return side in ("before" if ahead else "after", "around") and not (
        speaks & ((1 << last) - (1 << first))
    )


def _earns(heard: Utterance, place: Match, low: int, high: int) -> bool:
    """Whether a job or a sum stands beside the place, so that it may be where it is earned."""
    before, after = place.first, place.last
    while before > low and heard[before - 1].text in _PREPOSITIONS:
        before -= 1
    while after < high and heard[after].text in _POSTPOSITIONS:
        after += 1
    tied = before < place.first or after > place.last
    for claim in claims(heard):
        beside = before == claim.last or after == claim.first
        if beside and claim.kind not in _STATES and (tied or claim.id not in _QUALITIES):
            return True
    sums = [at for at in (before - 1, after) if low <= at < high]
    return tied and any(in_a_sum(heard, at) for at in sums)


def residence_of(mentions: Sequence[Mention], matches: Sequence[Match]) -> list[Mention] | str:
    """Mentions of the one place the caller lives in, or the reason why there is none."""
    mentions = [mention for mention in mentions if mention.place.kind == "place"]
    sound = [mention for mention in mentions if not mention.roles.intersection(_FLAWS)]
    if not sound:
        return next(flaw for flaw in _FLAWS if flaw in mentions[-1].roles)
    arrived = [mention for mention in sound if not mention.roles & {"from", "origin"}]
    sound = arrived or sound
    left = len(arrived) < len(mentions)
    lived = [m for m in sound if m.roles & {"live", "now"} or (left and "to" in m.roles)]
    candidates = lived or [mention for mention in sound if not mention.roles & {"work", "to"}]
    if not candidates:
        return "work" if any("work" in mention.roles for mention in sound) else "to"
    corrections = [match.last for match in matches if match.id == "correction"]
    if corrections:
        later = [m for m in candidates if m.place.first >= corrections[-1]]
        candidates = later or candidates
    if len({mention.place.id for mention in candidates}) > 1:
        return "several"
    return candidates


def bearing(heard: Utterance, mentions: Sequence[Mention], matches: Sequence[Match]) -> list[Match]:
    """All matches but the marks that set something aside and stand beside no place and no job."""
    bear = {mark for mention in mentions for mark in mention.marks}
    jobs = {claim.first for claim in claims(heard)}
    first = mentions[0].place.first
    return [
        match
        for match in matches
        if match.kind != "mark"
        or match in bear
        or match.id.partition("_")[0] in _HARMLESS
        or (match.id == "not_after" and match.last <= first)
        or match.last in jobs
    ]
