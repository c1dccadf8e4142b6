"""Requests that interrupt the interview, such as "repeat", "a person please", "do not call"."""

from typing import Final, Literal, cast, get_args

from graphs.eligibility.readings import Reading
from graphs.eligibility.understood import REQUESTS
from graphs.eligibility.utterance import Lexicon, Match, load_lexicon, span, words

Request = Literal[
    "do_not_call",
    "wrong_number",
    "person",
    "bot",
    "language_hindi",
    "language_english",
    "why",
    "explain",
    "call_later",
    "not_interested",
    "repeat",
    "goodbye",
    "wait",
    "thanks",
    "greeting",
]
"""What a caller may ask for, the weightier first: of two in one utterance the first here counts."""

_DATA: Final = load_lexicon("requests")
_ALONE: Final = Lexicon({"alone": _DATA["alone"], "filler": _DATA["filler"]})
_LATER: Final = frozenset(_DATA["time"])
_AGAIN: Final = frozenset(_DATA["for_good"])
_WEIGHT: Final = {request: at for at, request in enumerate(get_args(Request))}
_TIME_WINDOW: Final = 3
"""Words after "do not call" within which a time turns it into "call later"."""


def parse_request(text: str) -> Reading[Request] | None:
    """Find what the caller asks for beside the question; None where there is no request."""
    heard = words(text)
    texts = [word.text for word in heard]
    found = [_postponed(match, texts) for match in REQUESTS.scan(heard) if match.kind == "phrase"]
    if not found:
        alone = _ALONE.scan(heard)
        covered = sum(match.last - match.first for match in alone)
        found = [match for match in alone if match.kind == "alone"]
        if covered < len(heard) or len({match.id for match in found}) > 2:
            return None
    if not found:
        return None
    best = min(found, key=lambda match: _WEIGHT[match.id])
    value = cast(Request, best.id)
    return Reading(value, span(heard, best.first, best.last), (f"request.{best.id}",))


def _postponed(match: Match, texts: list[str]) -> Match:
    """Tell "do not call me at work", which asks for another time, from "do not call me again"."""
    if match.id != "do_not_call":
        return match
    beside = set(texts[max(0, match.first - 1) : match.last + _TIME_WINDOW])
    if beside & _LATER and not set(texts) & _AGAIN:
        return match._replace(id="call_later")
    return match
