"""What a carrier would write into the debugger of its console: errors and warnings with codes."""

from dataclasses import dataclass
from typing import Literal

Level = Literal["error", "warning"]
LAB_FAILED = 0
"""Not a code of Twilio's: the synthetic caller, or the lab itself, could not go on."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One entry, with the code that Twilio's error dictionary gives it."""

    code: int
    level: Level
    message: str

    def __str__(self) -> str:
        return f"{self.level} {self.code}: {self.message}"


class CarrierError(Exception):
    """The call cannot go on; carries the entry for the debugger."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.notice = Notice(code, "error", message)
