"""Dynamic variables: `{{name}}` in what an agent says, is told and sends.

A variable that is not given falls back to its placeholder, else to nothing, and the conversation
says so in its warnings; ElevenLabs ends the call instead. `system__` variables are the server's,
`secret__` ones are for the headers of tools only.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.convai.config import Value

SYSTEM = "system__"
SECRET = "secret__"  # noqa: S105 - a prefix
_NAME = re.compile(r"\{\{\s*([\w.-]{1,100})\s*\}\}")
_GAP = re.compile(r"[ \t]+([,.;:!?])|[ \t]{2,}")


@dataclass(frozen=True, slots=True)
class Variables:
    """The variables of a conversation."""

    public: Mapping[str, Value]
    """What prompts may hold, `system__` included."""
    secret: Mapping[str, str]
    """Values of `secret__` variables, for headers of tools."""
    missing: frozenset[str] = frozenset()
    """Neither given, nor with a placeholder."""
    warnings: tuple[str, ...] = field(default=())


def named_in(*texts: str) -> set[str]:
    """Return the names of the variables that texts hold."""
    return {name for text in texts for name in _NAME.findall(text)}


def collect(
    given: Mapping[str, Value | None],
    placeholders: Mapping[str, Value],
    system: Mapping[str, Value],
    used: set[str],
) -> Variables:
    """Put together the variables of a conversation.

    Args:
        given: by the client.
        placeholders: of the agent.
        system: known to the server, by their names with `system__`.
        used: names that the agent's texts hold.
    """
    warnings = [
        f"The dynamic variable {name} is reserved; what was given for it is not used."
        for name in sorted(given)
        if name.startswith(SYSTEM)
    ]
    public: dict[str, Value] = dict(placeholders)
    public |= {n: v for n, v in given.items() if v is not None and not n.startswith(SYSTEM)}
    secret = {name: written(public.pop(name)) for name in list(public) if name.startswith(SECRET)}
    public |= system
    given_names = {name for name, value in given.items() if value is not None}
    for name in sorted(used - given_names):
        if name.startswith((SYSTEM, SECRET)):
            continue
        if name in placeholders:
            warnings.append(f"The dynamic variable {name} was not given; its placeholder is used.")
        else:
            warnings.append(
                f"The dynamic variable {name} was not given and has no placeholder; it is left out."
            )
    missing = {n for n in used if n not in public and not n.startswith(SECRET)}
    if leaked := sorted(name for name in used if name.startswith(SECRET)):
        warnings.append(
            f"{', '.join(leaked)} may stand in headers of tools only, and is left out of prompts."
        )
    return Variables(public, secret, frozenset(missing), tuple(warnings))


def filled(text: str, values: Mapping[str, Value]) -> str:
    """Put variables into a text; one that is not known leaves no trace, nor a gap."""
    gap = False

    def value(match: re.Match[str]) -> str:
        nonlocal gap
        if match[1] in values:
            return written(values[match[1]])
        gap = True
        return ""

    done = _NAME.sub(value, text)
    return _GAP.sub(lambda found: found[1] or " ", done).strip() if gap else done


def written(value: Value) -> str:
    """Write a value as a prompt shows it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
