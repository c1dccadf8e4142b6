"""Interim parsers until the real ones arrive."""

import re
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

from graphs.eligibility.readings import Reading

_WORDS = {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "ten": 10, "five": 5}


def parse_yes_no(text: str) -> Any:
    if m := re.search(r"\b(yes|yeah|haan|ji|correct|sure)\b", text, re.I):
        return Reading(True, m.span(), ("yes",))
    if m := re.search(r"\b(no|nahi|nope|not)\b", text, re.I):
        return Reading(False, m.span(), ("no",))
    return None


def parse_employment(text: str) -> Any:
    for word, value in {
        "self-employed": "self_employed",
        "self employed": "self_employed",
        "salaried": "salaried",
        "student": "student",
        "retired": "retired",
        "business": "business",
    }.items():
        if m := re.search(word, text, re.I):
            return Reading(value, m.span(), (value,))
    return None


def parse_amount(text: str) -> Any:
    if m := re.search(r"(\d[\d,]*|" + "|".join(_WORDS) + r")\s*(k|thousand|lakh)?", text, re.I):
        number = m[1].lower().replace(",", "")
        value = Decimal(_WORDS.get(number) or number)
        value *= {"k": 1000, "thousand": 1000, "lakh": 100000}.get((m[2] or "").lower(), 1)
        amount = SimpleNamespace(rupees=value, period=None, approximate=False, monthly=value)
        return Reading(amount, m.span(), ("amount",))
    return None


def parse_city(text: str) -> Any:
    for word, value in {
        "bombay": "Mumbai",
        "mumbai": "Mumbai",
        "delhi": "Delhi",
        "bangalore": "Bangalore",
        "bengaluru": "Bangalore",
        "pune": "Pune",
        "chennai": "Chennai",
    }.items():
        if m := re.search(word, text, re.I):
            return Reading(value, m.span(), (value,))
    return None


def parse_request(text: str) -> Any:
    for pattern, value in {
        r"repeat|again": "repeat",
        r"\bwhy\b": "why",
        r"\bbot\b|robot": "bot",
        r"person|human|agent": "person",
        r"not call|don't call": "do_not_call",
        r"\bbye\b|goodbye": "goodbye",
    }.items():
        if m := re.search(pattern, text, re.I):
            return Reading(value, m.span(), (value,))
    return None
