"""Writes amounts the way they are said in India, for a voice that reads numbers the Western way."""

import re

_INDIAN = re.compile(r"(₹|Rs\.?\s?|INR\s)?(?<![\d,.])(\d{1,2}(?:,\d\d)+,\d{3})(?![\d,]|\.\d)")
_LPA = re.compile(r"\bLPA\b")
_UNITS = ((10_000_000, "crore"), (100_000, "lakh"), (1_000, "thousand"), (1, ""))


def spoken(text: str) -> str:
    """Return the text with `1,50,000` as `1 lakh 50 thousand` and `LPA` in words.

    Only digits grouped the Indian way are touched: `25,000` and `2024` are read well as they are.
    """
    return _LPA.sub("lakhs per annum", _INDIAN.sub(_in_words, text))


def _in_words(match: re.Match[str]) -> str:
    left, parts = int(match[2].replace(",", "")), []
    for size, name in _UNITS:
        count, left = divmod(left, size)
        if count:
            parts.append(f"{count} {name}".strip())
    return " ".join(parts) + (" rupees" if match[1] else "")
