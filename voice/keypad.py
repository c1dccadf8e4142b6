"""What a key means while a question is open: `Keypad` is pure, `Keys` waits for the next one."""

import asyncio
from collections.abc import Awaitable, Callable
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


class Keys:
    """The keys of a call: those that make one answer together, also by a pause after the last.

    Args:
        answered: told an answer.
    """

    def __init__(self, answered: Callable[[str], Awaitable[None]]) -> None:
        self._answered = answered
        self._keypad = Keypad()
        self._pause: asyncio.Task[None] | None = None

    @property
    def pending(self) -> bool:
        """Whether digits were pressed that are no answer yet."""
        return bool(self._keypad.digits)

    async def press(self, key: str, expects: Expectation) -> None:
        """Take one key, see `Keypad.press`."""
        self._stop_waiting()
        self._keypad, answer = self._keypad.press(key, expects)
        if answer is not None:
            await self._answered(answer)
        elif self.pending:
            self._pause = asyncio.create_task(self._wait(), name="keypad")

    def forget(self) -> None:
        """Forget what was pressed: another question is open, or the call is over."""
        self._stop_waiting()
        self._keypad = Keypad()

    def _stop_waiting(self) -> None:
        if self._pause:
            self._pause.cancel()
            self._pause = None

    async def _wait(self) -> None:
        await asyncio.sleep(PAUSE_SECS)
        self._pause = None
        self._keypad, answer = self._keypad.pause()
        if answer is not None:
            await self._answered(answer)
