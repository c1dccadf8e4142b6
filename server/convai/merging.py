"""A partial change of an object laid over it."""

from collections.abc import Mapping
from typing import Any

WHOLE = frozenset(
    {
        "data_collection",
        "data_collection_scopes",
        "dynamic_variable_placeholders",
        "edges",
        "language_presets",
        "nodes",
        "procedures",
        "properties",
        "request_headers",
        "path_params_schema",
    }
)
"""Objects whose keys are the user's own: a change replaces them, or no key could be removed."""


def merged(before: Mapping[str, Any], change: Mapping[str, Any]) -> dict[str, Any]:
    """Lay a change over an object: objects are merged, anything else is replaced, null included."""
    after = dict(before)
    for name, value in change.items():
        old = before.get(name)
        if isinstance(value, Mapping) and isinstance(old, Mapping) and name not in WHOLE:
            after[name] = merged(old, value)
        else:
            after[name] = value
    return after


def section(document: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """Return an object inside an object; an empty one where there is none."""
    found: Any = document
    for name in path:
        found = found.get(name) if isinstance(found, Mapping) else None
    return found if isinstance(found, Mapping) else {}
