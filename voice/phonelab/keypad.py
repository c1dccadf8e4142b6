"""Keys that `<Gather>` and `<Record>` wait for."""

import asyncio
from types import TracebackType

from voice.phonelab.line import Line, Waited


class Keypad:
    """Collects the keys a caller presses, while it is entered as a context.

    Args:
        line: where keys are pressed.
        finish_on: keys that end the input and are not part of it.
    """

    def __init__(self, line: Line, finish_on: str) -> None:
        self.pressed = ""
        """Keys so far, without the one that ended the input."""
        self.finished = ""
        """The key that ended the input."""
        self.touched = asyncio.Event()
        """Set at the first key."""
        self._line = line
        self._finish_on = finish_on

    def __enter__(self) -> "Keypad":
        self._line.on_digit = self._press
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._line.on_digit = None

    async def collect(self, most: int, timeout_secs: float) -> None:
        """Wait for `most` keys, a finishing key, or `timeout_secs` without a key.

        Raises:
            LineClosed: the call ended before.
        """
        while not self.finished and len(self.pressed) < most:
            before = len(self.pressed)

            def key_pressed(before: int = before) -> bool:
                return bool(self.finished) or len(self.pressed) > before

            try:
                await self._line.until(key_pressed, within=timeout_secs, what="A key")
            except Waited:
                return

    def _press(self, digit: str) -> None:
        if self.finished:
            return
        if digit in self._finish_on:
            self.finished = digit
        else:
            self.pressed += digit
        self.touched.set()
