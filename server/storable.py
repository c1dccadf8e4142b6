"""What JSON can write and no text, no database, or no other JSON reader can hold is refused."""

import math
from typing import Any

MAX_DEPTH = 60
"""Objects within objects."""


def storable(given: Any, depth: int = 0) -> Any:
    """Return what was given.

    Raises:
        ValueError: it holds something that cannot be kept; says what.
    """
    if isinstance(given, str):
        if not given.isascii() and any("\ud800" <= letter <= "\udfff" for letter in given):
            raise ValueError("it holds half a character (a lone surrogate)")
        if "\0" in given:
            raise ValueError("it holds the character U+0000, which cannot be stored")
    elif isinstance(given, float):
        if not math.isfinite(given):
            raise ValueError("it holds a number that is not finite")
    elif isinstance(given, dict | list):
        if depth == MAX_DEPTH:
            raise ValueError(f"it is nested more than {MAX_DEPTH} deep")
        for part in [*given, *given.values()] if isinstance(given, dict) else given:
            storable(part, depth + 1)
    return given
