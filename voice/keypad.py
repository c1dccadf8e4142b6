"""What a key means while a question is open: pure, `press` in, answer or more digits out."""

from dataclasses import dataclass, replace

from graphs.threads import Expectation

MOST_DIGITS = 12
"""Digits of an amount; those beyond it are not taken."""
PAUSE_SECS = 3.0
"""An amount is taken as ended after this long without a key."""


@dataclass(frozen=True, slots=True)
class Keypad:
    """Digits pressed so far for the open question."""

    digits: str = ""

    def press(self, key: str, expects: Expectation) -> tuple["Keypad", str | None]:
        """Take one key.

        Args:
            key: 0 to 9, * or #.
            expects: what the open question expects.

        Returns:
            The keypad after it, and the answer when the key completes one. For an amount and for
            digits, # ends them and * takes them back, and the most digits there can be end
            themselves; for any other question one key is the answer.
        """
        if expects.get("kind") not in ("amount", "digits"):
            return Keypad(), key
        if key == "#":
            return Keypad(), self.digits or None
        if key == "*":
            return Keypad(), None
        digits = (self.digits + key)[: expects.get("digits", MOST_DIGITS)]
        if len(digits) == expects.get("digits"):
            return Keypad(), digits
        return replace(self, digits=digits), None

    def pause(self) -> tuple["Keypad", str | None]:
        """Take the digits so far as the answer, for no more keys came."""
        return Keypad(), self.digits or None
