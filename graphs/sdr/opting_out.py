"""Whether somebody wants no calls, in whatever words it is said.

In doubt the caller is asked: being asked costs a sentence, being rung again costs trust and is
against the law.
"""

import re
from typing import Final, Literal

from graphs.sdr.no_calls import likeness, load, pattern

Wish = Literal["sure", "likely", "perhaps"]
"""`likely`: who leaves without answering whether it is so has meant it."""
PERHAPS: Final = 0.1
"""Likeness to such wishes at which the caller is asked. Of the examples left out while learning
4 in 100 that are none reach it."""
LIKELY: Final = 0.6
"""Likeness that only wishes reach: of 113 other phrases never learnt from none is above 0.45."""
NEVER: Final = -0.3
"""Below it nothing is a wish, whatever phrase of one it has."""

_DATA: Final = load("opting_out")
_SURE: Final = [pattern(text) for text in _DATA["sure"]]
_ALONE: Final = pattern(_DATA["alone"])
_UNSURE: Final = re.compile(_DATA["unsure"])
_THE_PRODUCT: Final = re.compile(_DATA["the_product"].replace(" |", "|"))
_CALLS: Final = re.compile(
    r"\b(?:call|calls|called|calling|ring|ringing|phone|phoning|text|texting|contact|contacting"
    r"|number|numbers|bother|bothering|disturb|marketing|robocalls?"
    r"|off (?:of )?(?:your|the|this) list)\b"
)
_DATA_NAMED: Final = re.compile(
    r"\b(?:data|information|details|accounts?|conversations?|messages|mailing lists?|newsletters?"
    r"|backups?|recordings?)\b"
)
_ASKS: Final = re.compile(
    r"^(?:(?:and|so|but|ok|okay|well|hi|hello|also)\W+)*(?:(?:how|when|where|what|which|who|why|is|are"
    r"|does|do|may|can|could|will|would|shall)\b(?! you\b)"
    r"|(?:will|do|would|can|could) you\b.*\b(?:when|if|after|once|automatically|by default)\b)"
)
"""How it is asked what becomes of data: "will my data be deleted after thirty days?"."""


def speaks_of_the_product(spelt: str) -> bool:
    """Whether calls or lists are spoken of that are none of ours: "a do-not-call list feature"."""
    return bool(_THE_PRODUCT.search(spelt))


def wish_for_no_calls(spelt: str, *, told: bool = False) -> Wish | None:
    """Tell whether words are or may be the wish to be left alone.

    Args:
        spelt: the words, in canonical spelling.
        told: whether they have a phrase that is listed for it.
    """
    if _ALONE.search(spelt):
        return "sure"
    like = likeness(spelt)
    data = bool(_DATA_NAMED.search(spelt)) and not _CALLS.search(spelt)
    if like < NEVER or speaks_of_the_product(spelt) or data and _ASKS.search(spelt):
        return None
    told = told or any(one.search(spelt) for one in _SURE)
    if told and not data and like >= PERHAPS and not _UNSURE.search(spelt):
        return "sure"
    if like >= LIKELY and not data:
        return "likely"
    return "perhaps" if told or like >= PERHAPS else None
