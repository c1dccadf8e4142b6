"""Structured output, which is for a program and never said: a message that is JSON."""

import json
import re

_FENCE = re.compile(r"\s*(?:(`{3,}|~{3,})[ \t]*(?:json\w*)?[ \t]*\n\s*)?", re.I)
_PART_OF_FENCE = re.compile(
    r"\s*(?:`{1,2}|~{1,2}|(?:`{3,}|~{3,})[ \t]*(?:j|js|jso|json\w*)?[ \t]*)?", re.I
)
_OUTSIDE_STRINGS = frozenset(' \t\r\n,:+-.0123456789eEtrufalsn"{}[]')
_CLOSES = {"{": "}", "[": "]"}


class Structure:
    """Follows a message while it is written and knows whether it can still be JSON as a whole.

    Objects and arrays count, in a fence or not; a lone word or number is speech.
    """

    def __init__(self) -> None:
        self.possible = True
        """Whether what has come may be the beginning of a JSON object or array, or all of it."""
        self._head = ""
        self._began = False
        self._open: list[str] = []
        self._in_string = self._escaped = False
        self._over = False

    def feed(self, text: str) -> bool:
        """Take the next piece; returns `possible`."""
        if self.possible and not self._began:
            self._head += text
            fence = _FENCE.match(self._head)
            begin = fence.end() if fence else 0
            if begin == len(self._head) or _PART_OF_FENCE.fullmatch(self._head):
                return True
            self._began, text = True, self._head[begin:]
            self.possible = text[0] in _CLOSES
        if self.possible:
            self.possible = all(self._take(c) for c in text)
        return self.possible

    @property
    def began(self) -> bool:
        """Whether an object or array has been opened."""
        return self.possible and self._began

    @property
    def closed(self) -> bool:
        """Whether the object or array has come to its end."""
        return self._over

    def _take(self, c: str) -> bool:
        if self._in_string:
            if self._escaped:
                self._escaped = False
            elif c == "\\":
                self._escaped = True
            elif c == '"':
                self._in_string = False
            return True
        if self._over:
            return c.isspace() or c in "`~"
        if c == '"':
            self._in_string = True
        elif c in _CLOSES:
            self._open.append(_CLOSES[c])
        elif c in "}]":
            if self._open.pop() != c:
                return False
            self._over = not self._open
        return c in _OUTSIDE_STRINGS


def is_structured(text: str) -> bool:
    """Whether a text as a whole is a JSON object or array, fenced or not, or the start of one."""
    structure = Structure()
    if not structure.feed(text) or not structure.began:
        return False
    body = text[_FENCE.match(text).end() :].strip().rstrip("`~").strip()  # type: ignore[union-attr]
    try:
        json.loads(body)
    except ValueError:
        # a message cut off in the middle is no more fit to be said than a whole one
        return not structure.closed
    return True
