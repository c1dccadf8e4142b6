"""Both sides of a call, aligned in time, as a stereo WAV."""

from pathlib import Path

import numpy as np

from voice.phonelab import mulaw


class Recording:
    """Left is the caller, right is the bot; both grow by the same frame, so they stay aligned."""

    def __init__(self) -> None:
        self.caller = bytearray()
        """What the caller sent, mu-law at 8 kHz."""
        self.bot = bytearray()
        """What the caller heard, mu-law at 8 kHz."""

    def add(self, caller: bytes, bot: bytes) -> None:
        """Add one frame of each side.

        Raises:
            ValueError: the frames differ in length.
        """
        if len(caller) != len(bot):
            raise ValueError(f"{len(caller)} bytes of the caller beside {len(bot)} of the bot.")
        self.caller += caller
        self.bot += bot

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return len(self.bot) / mulaw.RATE

    def save(self, file: Path) -> Path:
        """Write a 16-bit stereo WAV at 8 kHz and return its path; blocks."""
        file.parent.mkdir(parents=True, exist_ok=True)
        both = np.stack([mulaw.decode(bytes(self.caller)), mulaw.decode(bytes(self.bot))], axis=1)
        file.write_bytes(mulaw.encode_wav(both))
        return file
