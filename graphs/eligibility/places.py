"""Which of the places in an utterance is the one the caller lives in."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from graphs.eligibility.utterance import Match

_REACH_BEFORE: Final = 3
_REACH_AFTER: Final = 2
"""Words between a mark ("live in", "ke paas") and the place it bears on."""
_FLAWS: Final = ("not", "near", "past", "future", "other", "compound", "question")
"""Roles of a place the caller does not live in, or may not, the telling ones first."""


@dataclass(slots=True)
class Mention:
    """A place that was named, and what was said of it."""

    place: Match
    roles: set[str] = field(default_factory=set)


def mentions_of(places: Sequence[Match], matches: Sequence[Match]) -> list[Mention]:
    """Give each place the roles that the marks around it say."""
    mentions = []
    for at, place in enumerate(places):
        low = places[at - 1].last if at else 0
        high = places[at + 1].first if at + 1 < len(places) else None
        mention = Mention(place)
        for mark in matches:
            if mark.kind != "mark" or mark.first < low or (high is not None and mark.first >= high):
                continue
            role, _, side = mark.id.partition("_")
            ahead = side in {"before", "around"} and 0 <= place.first - mark.last <= _REACH_BEFORE
            behind = side in {"after", "around"} and 0 <= mark.first - place.last <= _REACH_AFTER
            if role == "compound":
                behind = mark.first == place.last
            if ahead or behind or (role == "question" and mark.last <= place.first):
                mention.roles.add(role)
        mentions.append(mention)
    for first, second in reversed(list(itertools.pairwise(mentions))):
        if "compound" in second.roles and first.place.last == second.place.first:
            first.roles.add("compound")
    return mentions


def residence_of(mentions: Sequence[Mention], matches: Sequence[Match]) -> list[Mention] | str:
    """Mentions of the one place the caller lives in, or the reason why there is none."""
    marks = [match for match in matches if match.kind == "mark"]
    if any(mark.id == "hedge" for mark in marks):
        return "hedge"
    sound = [mention for mention in mentions if not mention.roles.intersection(_FLAWS)]
    if not sound:
        return next(flaw for flaw in _FLAWS if flaw in mentions[-1].roles)
    arrived = [mention for mention in sound if not mention.roles & {"from", "origin"}]
    sound = arrived or sound
    left = len(arrived) < len(mentions)
    lived = [m for m in sound if m.roles & {"live", "now"} or (left and "to" in m.roles)]
    candidates = lived or [mention for mention in sound if "work" not in mention.roles]
    if not candidates:
        return "work"
    corrections = [mark.last for mark in marks if mark.id == "correction"]
    if corrections:
        later = [m for m in candidates if m.place.first >= corrections[-1]]
        candidates = later or candidates
    if len({mention.place.id for mention in candidates}) > 1:
        return "several"
    return candidates
