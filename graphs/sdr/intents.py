"""What a caller wants, told by the words and without a model."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal, cast, get_args

from graphs.eligibility.readings import Reading
from graphs.eligibility.requests import parse_request
from graphs.eligibility.understood import REQUESTS
from graphs.eligibility.utterance import Lexicon, Match, span, uncovered, words
from graphs.eligibility.yes_no import parse_yes_no
from graphs.sdr.opting_out import speaks_of_the_product, wish_for_no_calls
from tools.data_files import read_words

Intent = Literal[
    "emergency",
    "opt_out",
    "wrong_number",
    "recorded",
    "robot",
    "source",
    "person",
    "language",
    "my_booking",
    "move_booking",
    "cancel_booking",
    "account",
    "contact",
    "busy",
    "call_back",
    "hours",
    "zone",
    "book",
    "send",
    "may_opt_out",
    "hold",
    "repeat",
    "about",
    "not_interested",
    "price",
    "goodbye",
    "question",
    "deny",
    "thanks",
    "confirm",
    "hello",
    "statement",
]
"""Of several in one utterance the first here counts."""
CODE_DECIDES: Final = frozenset(
    {"emergency", "opt_out", "wrong_number", "robot", "source", "person", "language", "account"}
    | {"my_booking", "move_booking", "cancel_booking", "busy", "goodbye", "may_opt_out", "recorded"}
    | {"contact"}
)
"""What no model is asked about."""
OPTING_OUT: Final = frozenset({"opt_out", "may_opt_out"})


def load_lexicon(name: str) -> Any:
    """Read `lexicon/NAME.yaml`; every scalar stays a string (`no` and `on` are words here)."""
    return read_words(Path(__file__).parent / "lexicon" / f"{name}.yaml")


_DATA: Final[Mapping[str, Any]] = load_lexicon("intents")
_LEXICON: Final = Lexicon({"guard": _DATA["guards"], "phrase": _DATA["phrases"]}, first_wins=True)
_ABROAD: Final[Mapping[str, Any]] = load_lexicon("intents_abroad")
_RULES: Final[Mapping[str, list[re.Pattern[str]]]] = {
    intent: [
        *(re.compile(rule) for rule in _DATA["rules"].get(intent, ())),
        *(
            re.compile(rule.format_map(_ABROAD["classes"]))
            for rule in _ABROAD["rules"].get(intent, ())
        ),
    ]
    for intent in {**_DATA["rules"], **_ABROAD["rules"]}
}
_OF_IT: Final[Mapping[str, list[re.Pattern[str]]]] = {
    intent: [re.compile(pattern) for pattern in patterns]
    for intent, patterns in _DATA["of_it"].items()
}
_OTHERS: Final[re.Pattern[str]] = re.compile(_DATA["others"])
_YIELDS: Final = frozenset({"call_back", "source"})
"""What is said in passing by who clearly wants no calls: "if you call again I will sue"."""
_NOT_TO_CALL: Final = re.compile(
    r"\b(?:customers?|callers?|users?|clients?|people|they|guests|patients|who)(?: \w+)?"
    r" (?:call|ring|phone)\b"
    r"|\b(?:(?:no|not|dont) (?:need|have) to|neednt|need not) (?:call|ring|phone)\b"
    r"|\b(?:call|phone)(?: \w+){0,3} zaroorat nahi\b"
)
"""Others call us, "customers call us in the evening", or nobody needs to."""
_NO_OPT_OUT: Final[re.Pattern[str]] = re.compile(_DATA["no_opt_out"])
_FEELINGS: Final = Lexicon({"feeling": load_lexicon("feelings")}, first_wins=True)
_QUESTIONS: Final = tuple(
    tuple(word.text for word in words(phrase)) for phrase in _DATA["questions"]
)
_ORDER: Final[Mapping[str, int]] = {intent: at for at, intent in enumerate(get_args(Intent))}
_FROM_REQUEST: Final[Mapping[str, Intent]] = {
    "do_not_call": "opt_out",
    "wrong_number": "wrong_number",
    "person": "person",
    "bot": "robot",
    "call_later": "call_back",
    "not_interested": "not_interested",
    "repeat": "repeat",
    "goodbye": "goodbye",
    "wait": "hold",
    "thanks": "thanks",
    "greeting": "hello",
    "language_hindi": "language",
    "language_english": "language",
}
_LANGUAGES: Final = {
    "language_english": "en",
    "language_hindi": "hi",
    "language_spanish": "es",
    "language_french": "fr",
    "language_german": "de",
}
_GREETING: Final = 5
"""Words of the longest greeting."""
_WEIGHTS: Final = {"strong": 3.0, "mild": 2.0, "slight": 0.5, "calm": -1.0}
_POLITE: Final = re.compile(
    r"\b(please|thanks|thank you|ok|okay|well|so|just|and|the|a|i|we|it|that|then|sir|madam|ji|"
    r"great|good|fine|now|for|us|me)\b",
    re.IGNORECASE,
)


_LINKS: Final = re.compile(r"^(?:(?:and|but|please|then|so)\b[\s,]*)+", re.IGNORECASE)
_ADDRESSED: Final = re.compile(r"\b(?:you|your|youre|u)\b")
_PERSONAL: Final = re.compile(
    r"\b(?:me|us|my number|you people|humko|mujhe|your (?:people|list))\b"
)


@dataclass(frozen=True, slots=True)
class Heard:
    """What was understood of an utterance."""

    intent: Intent
    words: str
    """The words that tell it."""
    rule: str
    """Id of the rule, such as `request.do_not_call` or `intent.book`."""
    yes: bool | None = None
    """The answer it gives to a question that wants yes or no."""
    asks: bool = False
    """Whether it is put as a question."""
    language: str | None = None
    """The language that is asked for, ISO 639-1."""
    feeling: float = 0.0
    """How frustrated it sounds: above 0, more; below, content."""
    rest: str = ""
    """What is asked beside it: "in English please, how long is it?"; empty where nothing is."""


@lru_cache(maxsize=2048)
def recognise(text: str) -> Heard:
    """Tell what the caller wants.

    What looks like a request and speaks of the product ("can customers opt out of e-mails?") is a
    question. What is neither is a statement.
    """
    heard = words(text)
    matches = _LEXICON.scan(heard)
    guards = [match for match in matches if match.kind == "guard"]
    found: list[tuple[Intent, str, str, str]] = []
    for match in matches:
        if match.kind == "phrase":
            where = span(heard, match.first, match.last)
            found.append((_intent(match), text[slice(*where)], f"intent.{match.id}", match.id))
    request = parse_request(text)
    if request is not None and request.value in _FROM_REQUEST and not guards:
        intent = _FROM_REQUEST[request.value]
        found.append((intent, text[slice(*request.span)], request.rules[0], request.value))
    spelt = " ".join(word.text for word in heard)
    found += [
        (cast(Intent, intent), text, f"intent.rule.{intent}", intent)
        for intent, patterns in _RULES.items()
        if any(pattern.search(spelt) for pattern in patterns)
    ]
    told = [one for one in found if one[0] == "opt_out"]
    wish = wish_for_no_calls(spelt, told=bool(told))
    if wish != "sure":
        found = [one for one in found if one[0] != "opt_out"]
    if wish is not None and (wish != "sure" or not told):
        found.append(("opt_out" if wish == "sure" else "may_opt_out", text, f"opt_out.{wish}", ""))
    if any(one[0] == "may_opt_out" and one[2] != "opt_out.perhaps" for one in found):
        found = [one for one in found if one[0] not in _YIELDS]
    asks = _asks(text, [word.text for word in heard])
    if guards or _OTHERS.search(spelt) and not _PERSONAL.search(spelt):
        found = [one for one in found if one[0] not in CODE_DECIDES]
    if _NOT_TO_CALL.search(spelt):
        found = [one for one in found if one[0] != "call_back"]
    if any(one[0] in OPTING_OUT for one in found) and _elsewhere(spelt):
        found = [one for one in found if one[0] not in OPTING_OUT]
    if len(heard) <= _GREETING and any(one[0] == "hello" for one in found):
        asks = False  # "hello, how are you?"
    yes = _yes(text, found)
    if asks:
        found.append(("question", text, "intent.question", ""))
    elif yes is not None:
        found.append(("confirm" if yes else "deny", text, "intent.yes_no", ""))
    feeling = sum(_WEIGHTS[match.id] for match in _FEELINGS.scan(heard))
    if feeling > 0 and _OTHERS.search(spelt) and not _ADDRESSED.search(spelt):
        feeling = 0.0  # "this is annoying for our customers"
    best = min(found, key=lambda one: _ORDER[one[0]], default=("statement", text, "none", ""))
    intent, said, rule, request_id = best
    rest = _beside(text, intent) if intent in ("hold", "language") else ""
    if rest and intent == "hold":  # "wait, how long is it?" waits for an answer
        return replace(recognise(rest), rest=rest)
    if intent in ("confirm", "deny") and asks:
        intent = "question"
    return Heard(intent, said, rule, yes, asks, _LANGUAGES.get(request_id), feeling, rest)


def _elsewhere(spelt: str) -> bool:
    """Whether what sounds like opting out speaks of something else, and the rest is none."""
    if speaks_of_the_product(spelt):
        return True
    left = _NO_OPT_OUT.sub(" ", spelt).strip()
    return left != spelt and recognise(left).intent not in OPTING_OUT


def of_it(text: str) -> Intent | None:
    """Tell what "cancel it" or "an hour later" wants of an appointment that is booked."""
    spelt = " ".join(word.text for word in words(text))
    for intent, patterns in _OF_IT.items():
        if any(pattern.search(spelt) for pattern in patterns):
            return cast(Intent, intent)
    return None


def _beside(text: str, intent: Intent) -> str:
    """Return what is asked beside all the words of a request; empty where it asks nothing."""
    heard = words(text)
    found = (*_LEXICON.scan(heard), *REQUESTS.scan(heard))
    told = sorted((one.first, one.last) for one in found if _intent(one) == intent)
    if not told:
        return ""
    starts, ends = [0, *(last for _, last in told)], [*(first for first, _ in told), len(heard)]
    first, last = max(zip(starts, ends, strict=True), key=lambda gap: gap[1] - gap[0])
    until = heard[last].start if last < len(heard) else len(text)
    rest = text[heard[first].start : until] if first < last else ""
    rest = _LINKS.sub("", rest.strip(" ,.;:!-\n"))
    return rest if len(rest.split()) > 1 and recognise(rest).asks else ""


def _intent(match: Match) -> Intent:
    found = _FROM_REQUEST.get(match.id, match.id)
    return "language" if found in _LANGUAGES else cast(Intent, found)


def _asks(text: str, heard: list[str]) -> bool:
    if text.rstrip().endswith(("?", "？")):
        return True
    if heard[:2] in (["do", "not"], ["do", "it"], ["do", "that"]):
        return False
    return any(
        tuple(heard[at : at + len(phrase)]) == phrase
        for phrase in _QUESTIONS
        for at in (0, 1)
        if at == 0 or heard and heard[0] in _OPENERS
    )


_OPENERS: Final = frozenset(["and", "but", "so", "okay", "ok", "well", "yes", "no", "hi", "hello"])


def _yes(text: str, found: list[tuple[Intent, str, str, str]]) -> bool | None:
    """Read yes or no; "yes, book it" is one, "yes, but how much is it?" is none."""
    answer = parse_yes_no(text)
    if isinstance(answer, Reading):
        return answer.value
    said = {intent for intent, *_ in found if intent in ("confirm", "deny")}
    if len(said) != 1:
        return None
    if answer is not None and answer.reason in ("yes_no.conflict", "yes_no.conditional"):
        return None
    return said == {"confirm"}


def sure(heard: Heard, text: str) -> bool:
    """Whether a yes is nothing but a yes, as what cannot be undone needs it."""
    if heard.yes is not True or heard.asks:
        return False
    row = words(text)
    known = [match for match in _LEXICON.scan(row) if match.id in ("confirm", "hello", "book")]
    left = " ".join(row[at].text for at in uncovered(row, known))
    spelt = " ".join(word.text for word in row)
    return (
        isinstance(parse_yes_no(text), Reading)
        or any(rule.fullmatch(spelt) for rule in _RULES["confirm"])
        or not _POLITE.sub("", left).strip()
        or (isinstance(parse_yes_no(left), Reading))
    )
