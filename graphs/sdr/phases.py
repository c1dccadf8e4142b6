"""The phases of a conversation, owned by code, and the tools that each allows."""

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final, Literal, get_args

from tools.data_files import read_data
from tools.effects import has_effect

Phase = Literal["CALL_START", "DISCOVERY", "ACTIVE", "COMPLETION"]
_DATA: Final[Mapping[str, Any]] = read_data(Path(__file__).with_name("phases.yaml"))
_ALLOWED: Final[Mapping[str, frozenset[str]]] = {
    phase: frozenset(_DATA["phases"][phase]["tools"]) for phase in get_args(Phase)
}
_NAMED: Final = frozenset().union(*_ALLOWED.values())
_UNCONFIRMED: Final = frozenset(_DATA["unconfirmed"])
EXCHANGES_OF_DISCOVERY: Final[int] = _DATA["exchanges_of_discovery"]
ACTS: Final[Mapping[str, Collection[str]]] = _DATA["acts"]
"""What a tool that was done lets the agent say, by the tool's name."""


def allows(phase: Phase, tool: str) -> bool:
    """Whether a tool may be used in a phase."""
    if tool in _NAMED:
        return tool in _ALLOWED[phase]
    return bool(_DATA["phases"][phase]["own_tools"])


def to_confirm(tool: str, metadata: Mapping[str, Any] | None) -> bool:
    """Whether the caller has to say yes before a tool is used."""
    return tool not in _UNCONFIRMED and has_effect(metadata)


def following(phase: Phase, *, exchanges: int, need: bool, acts: bool) -> Phase:
    """Return the phase of a turn in which the caller says something.

    Args:
        phase: before it.
        exchanges: how often the caller has spoken, this turn included.
        need: whether it is known what they need.
        acts: whether they want something done.
    """
    if acts or phase == "ACTIVE":
        return "ACTIVE"
    if need or exchanges > EXCHANGES_OF_DISCOVERY:
        return "ACTIVE"
    return "DISCOVERY"
