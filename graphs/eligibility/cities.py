"""Which city a caller lives in: an accepted one, another, or unclear; never what it resembles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rapidfuzz import fuzz, process

from graphs.eligibility.places import Mention, bearing, mentions_of, residence_of
from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.understood import KNOWN, in_a_sum, unexplained
from graphs.eligibility.utterance import (
    Lexicon,
    Match,
    Utterance,
    load_lexicon,
    span,
    uncovered,
    words,
)

_PLACES: Final = load_lexicon("places")
_COMMON_WORDS: Final = frozenset(_PLACES["common_words"])
_FUZZY_RATIO: Final = 90
_FUZZY_LENGTH: Final = 6
"""Shortest name, in letters, that a misspelling is matched with: Delhi and Delphi differ by one."""
_SHORT_ANSWER: Final = 4
"""Words up to which an answer that holds an unknown one is taken for an unknown place."""


@dataclass(frozen=True)
class City:
    """A city as the rules know it."""

    id: str
    name: str
    metro: bool
    """Whether the configuration accepts it."""


class Cities:
    """The accepted cities, their look-alikes under a policy, and the other cities of India."""

    def __init__(
        self,
        cities: Mapping[str, City],
        policies: Mapping[str, str],
        lexicon: Lexicon,
        regions: Mapping[str, Sequence[str]],
        names: tuple[dict[str, str], dict[str, str]],
    ) -> None:
        self._cities = cities
        self._policies = policies
        self._lexicon = lexicon
        self._regions = regions
        self._metro_names, self._other_names = names

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> "Cities":
        """Build from `accepted`, `lookalikes` and `regions`, as in `lexicon/cities.yaml`.

        Raises:
            ValueError: A policy is none of `not_metro`, `ask` and the accepted ids, or one name
                stands for two places.
        """
        accepted, lookalikes = config["accepted"], config.get("lookalikes", {})
        cities = {id_: City(id_, entry["name"], True) for id_, entry in accepted.items()}
        policies: dict[str, str] = {}
        places = {id_: list(entry["aliases"]) for id_, entry in accepted.items()}
        for id_, entry in lookalikes.items():
            policies[id_] = _checked_policy(id_, entry["policy"], cities)
            cities[id_] = City(id_, entry["name"], False)
            places[id_] = list(entry["aliases"])
        taken = Lexicon({"place": places})
        for state in _PLACES["cities"].values():
            for name, aliases in state.items():
                id_ = name.lower().replace(" ", "_")
                free = [alias for alias in (name, *aliases) if not taken.holds(alias)]
                if free and id_ not in cities:
                    cities[id_] = City(id_, name, False)
                    places[id_] = free
        localities = {
            id_: [name for name in entry.get("localities", ()) if not taken.holds(name)]
            for id_, entry in accepted.items()
        }
        states = [name for name in _PLACES["states"] if not taken.holds(name)]
        lexicon = Lexicon(
            {"place": places, "locality": localities, "state": {"state": states}}
            | {"mark": _PLACES["marks"]}
        )
        metros = {alias: id_ for id_ in accepted for alias in _single(places[id_])}
        others = {a: id_ for id_ in places if id_ not in accepted for a in _single(places[id_])}
        return cls(cities, policies, lexicon, config.get("regions", {}), (metros, others))

    def parse(self, text: str) -> Reading[City] | Unclear | None:
        """Read the city the caller lives in now.

        Returns:
            The city, accepted or not; `Unclear` for several, a former, future, denied or nearby
            one, a state, an unknown place; None where no place was spoken of.
        """
        heard = words(text)
        matches = self._lexicon.scan(heard)
        places = [match for match in matches if match.kind == "place"]
        places = [match for match in places if self._meant(match, heard, matches)]
        rule = "alias"
        if not places:
            places = self._misspelt(heard, matches)
            rule = "fuzzy"
        if not places:
            return self._no_place(heard, matches)
        within = {place.last for place in places}
        states = [m for m in matches if m.kind == "state" and m.first not in within]
        mentions = mentions_of(heard, sorted([*places, *states], key=_first), matches)
        chosen = residence_of(mentions, matches)
        if isinstance(chosen, str):
            return _unclear(chosen, heard, places)
        return self._judge(chosen, mentions, heard, matches, rule)

    def _judge(
        self,
        chosen: Sequence[Mention],
        mentions: Sequence[Mention],
        heard: Utterance,
        matches: list[Match],
        rule: str,
    ) -> Reading[City] | Unclear:
        """Apply the policy to the place that is left, if all beside it is understood."""
        place = chosen[0].place
        policy = self._policies.get(place.id, "")
        rules = [f"city.{rule}.{place.id}"] + ([f"city.policy.{policy}"] if policy else [])
        where = span(heard, place.first, place.last)
        if policy == "ask":
            return Unclear("city.ask", where, tuple(rules))
        city = self._cities[policy] if policy in self._cities else self._cities[place.id]
        doubt = self._contradicted(city.id, mentions, heard, matches) if city.metro else None
        own = [*bearing(heard, mentions, matches), *(mention.place for mention in mentions)]
        if doubt is None and unexplained(heard, own, "city"):
            doubt = "context"
        if doubt:
            return Unclear(f"city.{doubt}", where, tuple(rules))
        rules += [f"city.{role}" for role in sorted(chosen[0].roles)]
        return Reading(city, where, tuple(rules))

    def _contradicted(
        self, metro: str, mentions: Sequence[Mention], heard: Utterance, matches: list[Match]
    ) -> str | None:
        """Whether a state or quarter beside the metro belongs to another place."""
        if any(match.kind == "locality" and match.id != metro for match in matches):
            return "locality_elsewhere"
        aside = {mention.place for mention in mentions if mention.roles}
        for match in matches:
            if match.kind == "state" and match not in aside and metro in self._regions:
                name = " ".join(word.text for word in heard[match.first : match.last])
                if name not in self._regions[metro]:
                    return "region"
        return None

    def _meant(self, match: Match, heard: Utterance, matches: list[Match]) -> bool:
        """Whether a name that is also a word of every day is meant as a place."""
        if match.last - match.first > 1 or heard[match.first].text not in _COMMON_WORDS:
            return True
        if len(heard) == 1:
            return True
        after = heard[match.last].text if match.last < len(heard) else ""
        beside = any(
            mark.id in {"live_before", "from_before"} and 0 <= match.first - mark.last <= 1
            for mark in matches
        )
        return beside or after in {"mein", "city"}

    def _misspelt(self, heard: Utterance, matches: list[Match]) -> list[Match]:
        """Accepted cities that a word nearly spells, and no other place as nearly."""
        found = []
        for at in _nameless(heard, matches):
            name = heard[at].text
            if len(name) < _FUZZY_LENGTH:
                continue
            best = process.extractOne(
                name, self._metro_names.keys(), scorer=fuzz.ratio, score_cutoff=_FUZZY_RATIO
            )
            if best is None or len(best[0]) < _FUZZY_LENGTH:
                continue
            rival = process.extractOne(
                name, self._other_names.keys(), scorer=fuzz.ratio, score_cutoff=best[1]
            )
            if rival is None:
                found.append(Match("place", self._metro_names[best[0]], at, at + 1))
        return found

    def _no_place(self, heard: Utterance, matches: list[Match]) -> Unclear | None:
        for kind in ("locality", "state"):
            named = [match for match in matches if match.kind == kind]
            if named:
                return _unclear(kind, heard, named)
        lives = [match for match in matches if match.id in {"live_before", "live_after"}]
        unknown = _nameless(heard, matches)
        if unknown and (lives or len(heard) <= _SHORT_ANSWER):
            return Unclear("city.unknown", span(heard, unknown[0], unknown[-1] + 1))
        if lives and lives[0].id == "live_before" and lives[0].last < len(heard):
            return Unclear("city.unknown", span(heard, lives[0].last, len(heard)))
        return None


def _checked_policy(id_: str, policy: str, accepted: Mapping[str, City]) -> str:
    if policy in {"not_metro", "ask"} or policy in accepted:
        return policy
    raise ValueError(
        f"the policy of {id_!r} is {policy!r}; it must be not_metro, ask, "
        f"or the id of an accepted city: {', '.join(accepted)}"
    )


def _nameless(heard: Utterance, matches: list[Match]) -> list[int]:
    """Positions of words without a meaning of their own, which may be names of places."""
    known = (word.text in KNOWN or in_a_sum(heard, at) for at, word in enumerate(heard))
    left = {at for at, is_known in enumerate(known) if not is_known}
    return sorted(left.intersection(uncovered(heard, matches))) if left else []


def _first(match: Match) -> int:
    return match.first


def _single(aliases: Sequence[str]) -> list[str]:
    return [" ".join(word.text for word in words(alias)) for alias in aliases if "(" not in alias]


def _unclear(reason: str, heard: Utterance, matches: Sequence[Match]) -> Unclear:
    rules = tuple(dict.fromkeys(f"city.{match.id}" for match in matches))
    return Unclear(f"city.{reason}", span(heard, matches[0].first, matches[-1].last), rules)
