"""The telephone in the caller's hand: hear, speak, press keys."""

from collections.abc import Callable

from voice.phonelab.line import Line
from voice.phonelab.mulaw import RATE

KEY_SECS = 0.25
"""From one key to the next, in seconds."""
KEYS = frozenset("0123456789*#ABCD")


def check_keys(digits: str) -> None:
    """Make sure that every character is a key or `w`.

    Raises:
        ValueError: one is not, or there is none.
    """
    if not digits or set(digits) - KEYS - {"w"}:
        raise ValueError(f"{digits!r} cannot be pressed; expected 0 to 9, *, # and w to wait.")


class Handset:
    """What a `Caller` holds. Every method raises `LineClosed` when the call is over.

    Args:
        line: the line of the call.
        watch: told what the caller does: `say` with the text, `keys` with the digits, `remark`.
    """

    def __init__(self, line: Line, watch: Callable[[str, str], None]) -> None:
        self._line = line
        self._watch = watch
        self._since = 0

    async def say(self, text: str, audio: bytes) -> None:
        """Speak and return when the last sample that is heard has passed.

        Args:
            text: what is said, for the transcript.
            audio: mu-law at 8 kHz.
        """
        line = self._line
        turn = line.ear.expect(text, audio, line.ear.position + line.speech.pending)
        self._watch("say", text)
        line.speech.put(audio)
        await line.until(
            lambda: line.ear.position > turn.ended,
            within=line.speech.pending / RATE + 5,
            what="The end of what the caller says",
        )
        self._since = turn.ended

    async def press(self, digits: str) -> None:
        """Press keys one after the other; `w` waits half a second.

        Raises:
            ValueError: a character is not on the keypad; nothing was pressed.
        """
        check_keys(digits)
        self._watch("keys", digits)
        turn = self._line.ear.expect(f"[keys {digits}]", b"", self._line.ear.position)
        for number, digit in enumerate(digits):
            if number:
                await self.pause(KEY_SECS)
            if digit == "w":
                await self.pause(0.5)
            else:
                self._line.press(digit)
                self._since = turn.ended = self._line.ear.position

    async def pause(self, seconds: float) -> None:
        """Let the call go on for some seconds."""
        await self._line.pause(seconds)

    def remark(self, text: str) -> None:
        """Tell whoever watches the call something that is not part of it."""
        self._watch("remark", text)

    def my_turn_is_over(self) -> None:
        """What the bot says from now on is its next turn."""
        self._since = self._line.ear.position

    async def bot_finished(self, settle_secs: float, within: float) -> None:
        """Wait until the bot has said something since the caller's turn, and has finished.

        Args:
            settle_secs: silence, with nothing left to play, that counts as finished.
            within: deadline in seconds for the bot to begin; while it speaks it may go on.

        Raises:
            Waited: it did not begin in time.
        """
        line = self._line
        since = self._since
        await line.until(
            lambda: line.ear.spoke_since(since), within=within, what="A word of the bot"
        )
        await line.until(
            lambda: line.ear.quiet_secs >= settle_secs and line.idle,
            within=600,
            what="The end of what the bot says",
        )

    async def bot_spoke_for(self, seconds: float, within: float) -> None:
        """Wait until the bot was heard for some seconds since the caller's turn.

        Raises:
            Waited: it was not, in time.
        """
        ear, since = self._line.ear, self._since
        await self._line.until(
            lambda: ear.heard_secs(since) >= seconds,
            within=within,
            what="A word of the bot",
        )

    @property
    def seconds(self) -> float:
        """Length of the call so far, in seconds."""
        return self._line.ear.position / RATE
