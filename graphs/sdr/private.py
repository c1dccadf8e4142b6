"""Numbers that a caller says and nobody here needs: of cards, accounts, papers, telephones."""

from typing import Final, Literal

from graphs.sdr.turn import Turn
from tools.privacy import find

SECRETS: Final = frozenset(
    {"CARD", "ACCOUNT", "IBAN", "UPI", "IFSC", "PAN", "AADHAAR", "SSN", "PASSPORT", "OTP"}
)
_NUMBERS: Final = frozenset({"PHONE", "NUMBER"})


def told_of(turn: Turn) -> Literal["secret", "number"] | None:
    """Tell whether somebody says a number that is no answer: one to keep secret, or another."""
    kinds = {one.kind for one in find(turn.text)}
    if kinds & SECRETS:
        return "secret"
    wanted = turn.pending is not None and turn.pending["asks"] in ("phone", "when", "email")
    return "number" if kinds & _NUMBERS and not wanted else None
