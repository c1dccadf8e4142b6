"""Which money is spoken of: the currencies that a text names, and its sum without their names."""

import re
from decimal import Decimal
from typing import Final

from graphs.questions.numbers import number_in

RUPEES: Final = "INR"
_NAMES: Final = {
    RUPEES: r"₹|\b(?:rs|inr|rupees?|rupaye|rupaiya)\b\.?|रुपय\w*|रुपए|रुपये",
    "USD": r"\$|\b(?:usd|dollars?|bucks?)\b|डॉलर",
    "EUR": r"€|\b(?:eur|euros?)\b|यूरो",
    "GBP": r"£|\b(?:gbp|pounds?|quid)\b|पाउंड",
}
_WRITTEN: Final = {code: re.compile(names, re.IGNORECASE) for code, names in _NAMES.items()}
_HUNDREDTHS: Final = re.compile(r"\b(?:cents?|pence|pennies|penny)\b", re.IGNORECASE)


def currencies_in(text: str) -> frozenset[str]:
    """Return the codes (ISO 4217) of the currencies that a text names."""
    return frozenset(code for code, written in _WRITTEN.items() if written.search(text))


def currency_of(declared: object, asked: str) -> str:
    """Return the currency that a question is about: declared, or the only one named; rupees else.

    One that is not known here is taken by its code alone.
    """
    if isinstance(declared, str):
        return declared.upper()
    named = currencies_in(asked)
    return next(iter(named)) if len(named) == 1 else RUPEES


def sum_in(text: str, currency: str, asked: frozenset[str]) -> Decimal | None:
    """Return the one sum that an utterance says in a currency: "forty dollars and ten cents"."""
    written = _WRITTEN.get(currency) or re.compile(rf"\b{re.escape(currency)}\b", re.IGNORECASE)
    parts = [part.strip(" ,") for part in written.split(text)]
    whole, *rest = [part for part in parts if part] or [""]
    found = number_in(whole, asked)
    if not rest or found is None:
        return found
    hundredths, said = _HUNDREDTHS.subn("", rest[0])
    part = number_in(re.sub(r"^\W*and\b", "", hundredths), asked)
    fits = len(rest) == said == 1 and part is not None and 0 <= part < 100 and found == found // 1
    return found + part / 100 if fits and part is not None else None
