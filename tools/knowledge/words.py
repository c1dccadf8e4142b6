"""The words of a text, as BM25 counts them: in any script, without case, English endings cut."""

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af]"  # written without spaces
    r"|\d+(?:[.,]\d+)+"  # a number is a word
    r"|(?:[^\W_]|[\u0300-\u036f\u064b-\u065f\u0900-\u0dff\u0e00-\u0eff])+"  # vowel signs are no \w
)
_QUOTES = re.compile(r"(?<=\w)['’](?=\w)")

STOP_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an and are as at be been being but by can could did do does doing for from had has
        have he her hers him his how i if in into is it its itself just me my myself of on or our
        ours she so some such than that the their theirs them then there these they this those
        through to too us was we were what when where which while who whom whose why will with
        would you your yours am about any shall should may might must please tell let s t re ve
        ll d m don""",
    )
)


def words(text: str) -> list[str]:
    """Return the stems of the words that count, in order."""
    return [stem(word) for word in spoken_words(text)]


def spoken_words(text: str) -> list[str]:
    """Return the words that count as they are spoken, in order."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [word for word in _WORD.findall(_QUOTES.sub(" ", folded)) if word not in STOP_WORDS]


@lru_cache(maxsize=200_000)
def stem(word: str) -> str:
    """Return an English word without its plural, -ed, -ing or -ly; others as they are."""
    if not word.isascii() or not word.isalpha() or len(word) < 4:
        return word.replace(",", "") if word[0].isdigit() else word
    for ending, least, instead in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= least:
            stem = word[: len(word) - len(ending)] + instead
            return stem[:-1] if stem[-1] == stem[-2] and stem[-1] not in "lsz" else stem
    return word.rstrip("e") if len(word) > 4 else word


_ENDINGS = (
    ("sses", 1, "ss"),
    ("ies", 2, "y"),
    ("ss", 1, "ss"),
    ("us", 2, "us"),
    ("ing", 3, ""),
    ("edly", 3, ""),
    ("ed", 3, ""),
    ("ly", 3, ""),
    ("es", 3, ""),
    ("s", 3, ""),
)
