"""Text cut into sentences, while it is written: what is given out is never taken back."""

import re
from typing import Final

_END: Final = re.compile(r"[.!?\u0964\u2026]+[\"')\]\u2019\u201d]*(?=\s)|\n+")
_TITLE: Final = re.compile(
    r"(?:^|[\s(])(?:mr|mrs|ms|dr|prof|st|no|vs|approx|incl|e\.g|i\.e)\.$", re.IGNORECASE
)
_ABBREVIATION: Final = re.compile(r"(?:^|[\s(])(?:etc|a\.m|p\.m|[a-z])\.$", re.IGNORECASE)
_CONTINUES: Final = re.compile(r"\s+[a-z0-9\u0900-\u097f(]")
LONGEST: Final = 400
"""Characters after which a sentence without an end is cut at a space."""


class Sentences:
    """Cuts a text that comes in pieces. Joined, the sentences are the text."""

    def __init__(self) -> None:
        self._rest = ""

    def feed(self, text: str) -> list[str]:
        """Take a piece; returns the sentences that are complete now, white space included."""
        self._rest += text
        found = []
        while (end := _end(self._rest)) is not None:
            found.append(self._rest[:end])
            self._rest = self._rest[end:]
        return found

    def flush(self) -> str:
        """Return what is left, a sentence without an end."""
        rest, self._rest = self._rest, ""
        return rest


def sentences_of(text: str) -> list[str]:
    """Return the sentences of a whole text, without the white space around them."""
    cutter = Sentences()
    found = [*cutter.feed(text), cutter.flush()]
    return [sentence.strip() for sentence in found if sentence.strip()]


def _end(text: str) -> int | None:
    """Where the first sentence of a text ends, once what follows shows that it does."""
    for match in _END.finditer(text):
        if match[0][0] == "\n":
            if text[: match.start()].strip():
                return match.end()
            continue
        if match[0] == "." and _TITLE.search(text, 0, match.end()):
            continue
        if match[0] == "." and _ABBREVIATION.search(text, 0, match.end()):
            follows = _CONTINUES.match(text, match.end())
            if follows or not text[match.end() :].strip():
                continue
        return match.end()
    if len(text) > LONGEST:
        space = text.rfind(" ", 0, LONGEST)
        return space if space > 0 else LONGEST
    return None
