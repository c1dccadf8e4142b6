"""Whether the figures of a claim are in the data that it points at, and mean the same."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from typing import Final

from graphs.sdr.grounding import Claim, claims_of
from tools.market.evidence import Datum

_NEAR: Final = Decimal("0.005")
"""How far a rounded figure may be from the datum's, as a fraction of it."""
_ALIKE: Final = ({"money", "number", "percent", "ratio"}, {"date", "day"}, {"duration"}, {"time"})
"""Kinds of figures that may stand for each other."""
_SIGNED: Final = re.compile(r"-\s?\d")
_UP: Final = re.compile(
    r"\b(rose|risen|rises?|rising|gain(s|ed|ing)?|climb(s|ed|ing)?|grew|grown|grow(s|ing)?|up|"
    r"advanc(es?|ed|ing)|increas(es?|ed|ing)|ahead)\b",
    re.IGNORECASE,
)
_DOWN: Final = re.compile(
    r"\b(fell|fallen|falls?|falling|los[set]s?|losing|declin(es?|ed|ing)|dropp?(s|ed|ing)?|down|"
    r"decreas(es?|ed|ing)|slid|shrank|negative|minus)\b",
    re.IGNORECASE,
)


def unfounded(text: str, rows: Sequence[Datum], horizon: int) -> str | None:
    """Say what in a claim is not in the rows that it points at; None where everything is.

    A figure may be rounded. One whose datum is negative may not be called a rise, and the other way
    round. How far the forecast looks ahead may be said by any claim.

    Args:
        text: the claim.
        rows: the data it points at.
        horizon: sessions that are looked ahead.
    """
    shown = [(row, claim) for row in rows for claim in claims_of(_words(row))]
    ahead = claims_of(f"The next {horizon} sessions.")
    for claim in claims_of(text):
        found = [row for row, there in shown if _same(claim, there)]
        if not found and not any(_same(claim, there) for there in ahead):
            return f"“{claim.text}” is not in the data that it points at"
        if found and claim.kind == "percent" and all(_against(text, row) for row in found):
            return f"“{claim.text}” has the other sign in the data that it points at"
    return None


def _words(row: Datum) -> str:
    value = format(row.value, "f") if isinstance(row.value, Decimal) else row.value
    return f"{row.name}: {value} {row.unit or ''} ({row.as_of:%Y-%m-%d})"


def _same(claim: Claim, there: Claim) -> bool:
    if not any({claim.kind, there.kind} <= kinds for kinds in _ALIKE):
        return False
    if set(claim.keys) & set(there.keys):
        return True
    if claim.kind in ("date", "day"):  # "September 2012" of "2012-09-28" is read as two figures
        return any(a.startswith(f"{b}/") for a in there.keys for b in claim.keys)
    return any(_near(a, b) for a in claim.keys for b in there.keys)


def _near(said: str, shown: str) -> bool:
    """Whether a figure is another one, rounded."""
    try:
        a, b = Decimal(said), Decimal(shown)
    except InvalidOperation:
        return False
    places = Decimal(1).scaleb(min(int(a.as_tuple().exponent), 0))
    return b.quantize(places) == a or abs(a - b) <= _NEAR * abs(b)


def _against(text: str, row: Datum) -> bool:
    """Whether a text calls a fall a rise, or a rise a fall."""
    if not isinstance(row.value, Decimal) or not row.name.startswith("return"):
        return False
    up, down = bool(_UP.search(text)), bool(_DOWN.search(text) or _SIGNED.search(text))
    return up != down and up == (row.value < 0)
