"""Which words of an utterance are understood: an answer stands only where no other is left.

An answer may be overturned by any words beside it ("Delhi is far from here", "salaried folks are
lucky"), and nobody can list them all. What may stand beside it can be listed: the other answers,
yes and no, numbers and money, requests, and `lexicon/transparent.yaml`.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any, Final, Literal

from graphs.eligibility.amounts.lexicon import classify, roles
from graphs.eligibility.utterance import Lexicon, Match, Utterance, load_lexicon, words

Topic = Literal["employment", "city", "yes_no"]

_EMPLOYMENT: Final = load_lexicon("employment")
_PLACES: Final = load_lexicon("places")
_CITIES: Final = load_lexicon("cities")
_REQUESTS: Final = load_lexicon("requests")

EMPLOYMENT: Final = Lexicon(
    {kind: _EMPLOYMENT[kind] for kind in ("vague", "unclear", "not_a_claim")}
    | _EMPLOYMENT["values"]
    | {"mark": _EMPLOYMENT["marks"]}
)
YES_NO: Final = Lexicon(load_lexicon("yes_no"))
REQUESTS: Final = Lexicon({"guard": _REQUESTS["guards"], "phrase": _REQUESTS["phrases"]})
_TIMES: Final = frozenset([*_REQUESTS["time"], *_REQUESTS["for_good"]])
_SPEAKS: Final = {"vague", *_EMPLOYMENT["values"]}
_RESIDES: Final = {"live", "from", "origin", "now", "aside"}
_AGREES: Final = {"yes", "yes_i_do", "correct", "haan", "okay", "ji", "hello_yes"}
_COUNTS: Final = roles("number", "digits", "scale", "fraction")
_MONEY: Final = roles("currency", "ctc", "lpa", "package", "income", "month", "year")
_BEFORE_NUMBERS: Final = roles("hedge", "low", "low_either", "homograph")
"""Roles of words that belong to a sum where a number follows."""
_HOMOGRAPH: Final = roles("homograph")
_FIGURES: Final = re.compile(r"\d+(k|l|lac|lakh|lakhs|cr|rs)?")
_BESIDE: Final = Lexicon(
    {
        "idle": load_lexicon("transparent")["transparent"],
        "setting": _EMPLOYMENT["setting"],
        "residence": {
            id_: phrases
            for id_, phrases in _PLACES["marks"].items()
            if id_.partition("_")[0] in _RESIDES
        },
    },
    first_wins=True,
)
_ANY_NUMBER: Final = "00"
_LAST: Final = frozenset(load_lexicon("transparent")["last"])


def _names(places: Mapping[str, Any]) -> Iterable[str]:
    for name, entry in places.items():
        yield name
        yield from entry if isinstance(entry, list) else entry["aliases"]
        yield from () if isinstance(entry, list) else entry.get("localities", ())


_NAMED: Final = Lexicon(
    {
        "place": {
            "place": [
                *_names(_CITIES["accepted"]),
                *_names(_CITIES["lookalikes"]),
                *(name for state in _PLACES["cities"].values() for name in _names(state)),
                *_PLACES["states"],
            ]
        }
    }
).vocabulary - frozenset(_PLACES["common_words"])
KNOWN: Final = frozenset().union(
    *(lexicon.vocabulary for lexicon in (EMPLOYMENT, YES_NO, REQUESTS, _BESIDE)),
    *load_lexicon("language").values(),
    (word.text for said in _REQUESTS["alone"].values() for one in said for word in words(one)),
)
"""Words with a meaning of their own, which are no names of places."""


@lru_cache(maxsize=8192)
def is_number(word: str) -> bool:
    """Whether a word counts, and means nothing else."""
    found = classify(word)[1].roles
    return bool(_FIGURES.fullmatch(word) or found & _COUNTS and not found & _HOMOGRAPH)


@lru_cache(maxsize=8192)
def _numberless(word: str) -> str:
    counts = is_number(word) or classify(word)[1].roles & _COUNTS
    return _ANY_NUMBER if counts and word not in _BESIDE.vocabulary else word


@lru_cache(maxsize=8192)
def _is_money(word: str) -> bool:
    found = classify(word)[1].roles
    return is_number(word) or bool(found & _MONEY and not found & _HOMOGRAPH)


def in_a_sum(heard: Utterance, at: int) -> bool:
    """Whether a word is part of a sum of money, such as "about" and "two" in "about two lakh"."""
    if _is_money(heard[at].text):
        return True
    follows = at + 1 < len(heard) and is_number(heard[at + 1].text)
    return follows and bool(classify(heard[at].text)[1].roles & _BEFORE_NUMBERS)


def unexplained(heard: Utterance, own: Iterable[Match], topic: Topic) -> list[int]:
    """Positions of words that are neither the answer's own nor such as may stand beside it."""
    left = (1 << len(heard)) - 1 & ~covered(own)
    for beside in _beside(heard, topic):
        if not left:
            return []
        left &= ~covered(beside)
    return [
        at
        for at, word in enumerate(heard)
        if left >> at & 1
        and not in_a_sum(heard, at)
        and (topic == "city" or word.text not in _NAMED)
    ]


def covered(matches: Iterable[Match]) -> int:
    """The words that phrases cover, a bit for each."""
    bits = 0
    for _, _, first, last in matches:
        bits |= (1 << last) - (1 << first)
    return bits


def _beside(heard: Utterance, topic: Topic) -> Iterable[Iterable[Match]]:
    yield [m for m in _bystanders(heard) if m.kind != "residence" or topic != "city"]
    if topic != "employment":
        yield claims(heard)
    if topic != "yes_no":
        yield [match for match in YES_NO.scan(heard) if match.id in _AGREES]
    yield requests(heard)


def _bystanders(heard: Utterance) -> list[Match]:
    """Phrases that may stand beside any answer, numbers being alike."""
    found = heard.scans.get(_BESIDE)
    if found is None:
        texts = [_numberless(word.text) for word in heard]
        found = heard.scans[_BESIDE] = _BESIDE.find(texts)
        if heard and heard[-1].text in _LAST:
            found.append(Match("idle", "last", len(heard) - 1, len(heard)))
    return found


def idle(heard: Utterance) -> Iterable[Match]:
    """Phrases that change nothing, whatever they stand beside."""
    return (match for match in _bystanders(heard) if match.kind in ("idle", "residence"))


def claims(heard: Utterance) -> Iterable[Match]:
    """Phrases that speak of how someone earns."""
    return (match for match in EMPLOYMENT.scan(heard) if match.kind in _SPEAKS)


def requests(heard: Utterance) -> Iterable[Match]:
    """Requests, with the time they are made for: "do not call me" and "again"."""
    for match in REQUESTS.scan(heard):
        last = match.last
        while last < len(heard) and heard[last].text in _TIMES:
            last += 1
        if match.kind == "phrase":
            yield match._replace(last=last)
