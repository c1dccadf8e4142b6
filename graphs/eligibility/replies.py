"""The sentences of the interview in one language, and how sums are said."""

import string
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any

from graphs.eligibility.state import LANGUAGES, QUESTIONS, Language

_PLAIN = """
    greeting welcome_back noted corrected bot wait explain silence
    question.employment question.salary question.city reask.employment reask.salary why.employment
    language.switched language.unavailable
    eligible not_eligible.employment.not_salaried opted_out.caller.opted_out
    needs_human.reasks.exhausted needs_human.turns.exhausted needs_human.caller.asked_for_person
    closed.caller.goodbye closed.caller.call_later closed.caller.wrong_number
    closed.caller.not_interested closed.silence
    after.eligible after.not_eligible after.needs_human after.opted_out after.person
"""
KEYS: Mapping[str, frozenset[str]] = {
    **dict.fromkeys(_PLAIN.split(), frozenset[str]()),
    "noted.yearly": frozenset({"amount"}),
    "confirm.amount": frozenset({"amount"}),
    "confirm.minimum": frozenset({"minimum"}),
    "why.salary": frozenset({"minimum"}),
    "not_eligible.salary.below_minimum": frozenset({"minimum"}),
    "why.city": frozenset({"cities"}),
    "not_eligible.city.not_served": frozenset({"cities"}),
    "reask.city": frozenset({"cities", "keys"}),
    "menu.entry": frozenset({"key", "city"}),
    "menu.other": frozenset({"key"}),
}
"""Every reply there must be, with the placeholders it may use."""

FORBIDDEN = ("approv", "sanctioned", "स्वीकृत", "मंज़ूर", "मंजूर")
"""What no reply may say: the interview finds preliminary eligibility, it grants nothing."""

_KEYWORDS = {"yes_no", "another", *QUESTIONS}
_RUPEES = {"en": "rupees", "hi": "रुपये"}
_OR = {"en": "or", "hi": "या"}
_UNITS = {"en": ("crore", "lakh"), "hi": ("करोड़", "लाख")}


class ReplyError(ValueError):
    """A file of replies cannot be used; the message names the reply and the reason."""


@dataclass(frozen=True)
class Replies:
    """The sentences in one language."""

    language: Language
    texts: Mapping[str, str]
    keywords: Mapping[str, tuple[str, ...]]
    """Words a speech recogniser should favour, by question and for `yes_no`; in `another`
    the phrases that choose another city from the menu."""

    @classmethod
    def from_document(cls, document: Any) -> "Replies":
        """Check and take a document with `language` and `replies`.

        Raises:
            ReplyError: a reply is missing, unknown, or says what it must not.
        """
        if not isinstance(document, dict) or document.get("language") not in LANGUAGES:
            raise ReplyError(f"language: expected one of {', '.join(LANGUAGES)}.")
        texts = document.get("replies")
        if not isinstance(texts, dict):
            raise ReplyError("replies: expected a mapping of reply ids to sentences.")
        if missing := sorted(set(KEYS) - set(texts)):
            raise ReplyError(f"replies: {', '.join(missing)} missing.")
        if unknown := sorted(set(texts) - set(KEYS)):
            raise ReplyError(f"replies: {', '.join(map(str, unknown))} unknown.")
        for key, text in texts.items():
            _check(key, text)
        keywords = document.get("keywords")
        if not isinstance(keywords, dict) or set(keywords) != _KEYWORDS:
            raise ReplyError(f"keywords: expected lists for {', '.join(sorted(_KEYWORDS))}.")
        lists = {kind: tuple(str(word) for word in given) for kind, given in keywords.items()}
        return cls(document["language"], texts, lists)

    def say(self, key: str, /, **values: str) -> str:
        """Return a reply with its placeholders filled."""
        return self.texts[key].format_map(values)

    def rupees(self, amount: Decimal) -> str:
        """Say a sum as Indians do, in whole rupees, rounded down: `1 lakh 50,000 rupees`."""
        rest = int(amount.to_integral_value(ROUND_DOWN))
        parts = []
        for unit, size in zip(_UNITS[self.language], (10_000_000, 100_000), strict=True):
            count, rest = divmod(rest, size)
            if count:
                parts.append(f"{count:,} {unit}")
        if rest or not parts:
            parts.append(f"{rest:,}")
        return " ".join([*parts, _RUPEES[self.language]])

    def menu(self, names: list[str]) -> str:
        """Say which key stands for which city, another city last."""
        entries = [
            self.say("menu.entry", key=str(key), city=name) for key, name in enumerate(names, 1)
        ]
        return ", ".join([*entries, self.say("menu.other", key=str(len(names) + 1))])

    def either(self, names: list[str]) -> str:
        """Join names: `Delhi, Mumbai or Bangalore`."""
        *first, last = names
        return f"{', '.join(first)} {_OR[self.language]} {last}" if first else last


def _check(key: str, text: Any) -> None:
    if not isinstance(text, str) or not text.strip():
        raise ReplyError(f"replies.{key}: expected a sentence, got {text!r}.")
    try:
        used = {name for _, name, _, _ in string.Formatter().parse(text) if name is not None}
    except ValueError as error:
        raise ReplyError(f"replies.{key}: {error}.") from None
    if wrong := sorted(used - KEYS[key]):
        raise ReplyError(
            f"replies.{key}: placeholder {', '.join(wrong)} unknown here, "
            f"expected {', '.join(sorted(KEYS[key])) or 'none'}."
        )
    for word in FORBIDDEN:
        if word in text.lower():
            raise ReplyError(
                f"replies.{key}: must not say {word!r}; the interview only finds "
                "preliminary eligibility."
            )
