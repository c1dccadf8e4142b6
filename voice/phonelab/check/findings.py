"""What a check finds, and what it says about it."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["wrong", "costly", "hint"]
"""`wrong`: the caller is told nothing, the wrong thing, or what was not so; `costly`: the caller
pays with time or patience; `hint`: what could be declared."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that would go wrong on the telephone."""

    severity: Severity
    kind: str
    """Short name of what is the matter."""
    experience: str
    """What the caller would experience."""
    remedy: str
    """What to do about it."""
    subject: str = ""
    """Of the graph, what it is about; one kind is reported once for each."""
    case: str = ""
    """Name of the case that shows it; empty where the graph was only looked at."""
