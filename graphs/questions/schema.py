"""JSON schema as far as an answer needs it: what is wrong with a value, or that nobody can tell."""

import itertools
import math
import re
from collections.abc import Callable, Mapping, Sized
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

Schema = Mapping[str, Any]


class Unsupported(ValueError):
    """The schema holds a keyword that is not checked here, so no value may be taken as valid."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a value does not satisfy a schema."""

    keyword: str
    """The keyword it breaks: `minimum`, `maxLength`, `type`, ..."""
    limit: Any = None
    """What the schema asks for there."""
    at: str = ""
    """Where in the value it is, as `decisions[0].type`; empty for the value itself."""


_TYPES: Mapping[str, Callable[[Any], bool]] = {
    "null": lambda value: value is None,
    "boolean": lambda value: isinstance(value, bool),
    "integer": lambda value: _is_number(value) and (isinstance(value, int) or value.is_integer()),
    "number": lambda value: _is_number(value),
    "string": lambda value: isinstance(value, str),
    "array": lambda value: isinstance(value, list),
    "object": lambda value: isinstance(value, dict),
}
_NOTES = frozenset(
    [
        "$schema",
        "$id",
        "$defs",
        "$comment",
        "definitions",
        "title",
        "description",
        "default",
        "examples",
        "deprecated",
        "readOnly",
        "writeOnly",
        "discriminator",
        "format",
    ]
)
_PARTS = frozenset(
    ["properties", "required", "additionalProperties", "prefixItems", "items", "$ref"]
)


def resolved(schema: Any, root: Schema) -> dict[str, Any]:
    """The schema that a local `$ref` leads to, with what stands beside the reference.

    Raises:
        Unsupported: the reference leads out of the document, nowhere, or in a circle.
    """
    seen: set[str] = set()
    found = _as_schema(schema)
    while "$ref" in found:
        address = str(found["$ref"])
        if address in seen or not address.startswith("#"):
            raise Unsupported(f"$ref {address!r} cannot be followed")
        seen.add(address)
        target: Any = root
        for name in address.removeprefix("#").strip("/").split("/"):
            if name:
                target = target.get(name.replace("~1", "/").replace("~0", "~"))
            if not isinstance(target, Mapping):
                raise Unsupported(f"$ref {address!r} leads nowhere")
        found = {**target, **{key: value for key, value in found.items() if key != "$ref"}}
    return found


def problem(value: Any, schema: Any, root: Schema | None = None) -> Problem | None:
    """Return the first thing wrong with a value; None when it satisfies the schema.

    Raises:
        Unsupported: a keyword is not checked here.
    """
    root = root if root is not None else _as_schema(schema)
    own = _as_schema(schema)
    if "$ref" in own:
        rest = {key: part for key, part in own.items() if key != "$ref"}
        return problem(value, resolved({"$ref": own["$ref"]}, root), root) or problem(
            value, rest, root
        )
    for keyword, limit in own.items():
        if keyword in _NOTES or keyword in _PARTS:
            continue
        check = _CHECKS.get(keyword)
        if check is None:
            raise Unsupported(f"{keyword!r} is not checked here")
        if not check(value, limit, root):
            return Problem(keyword, limit)
    if isinstance(value, dict):
        return _object_problem(value, own, root)
    return _array_problem(value, own, root) if isinstance(value, list) else None


def _object_problem(value: dict[str, Any], schema: Schema, root: Schema) -> Problem | None:
    if missing := [name for name in schema.get("required", ()) if name not in value]:
        return Problem("required", missing[0])
    known = schema.get("properties", {})
    for name, part in value.items():
        inner = known.get(name, schema.get("additionalProperties", {}))
        if found := problem(part, inner, root):
            return _under(name, found)
    return None


def _under(place: str, found: Problem) -> Problem:
    return replace(found, at=f"{place}.{found.at}".rstrip(".").replace(".[", "["))


def _array_problem(value: list[Any], schema: Schema, root: Schema) -> Problem | None:
    first = schema.get("prefixItems", [])
    inner = itertools.chain(first, itertools.repeat(schema.get("items", {})))
    for number, (item, part) in enumerate(zip(value, inner, strict=False)):
        if found := problem(item, part, root):
            return _under(f"[{number}]", found)
    return None


def _as_schema(schema: Any) -> dict[str, Any]:
    if isinstance(schema, bool):
        return {} if schema else {"enum": []}
    if not isinstance(schema, Mapping):
        raise Unsupported(f"a schema must be an object, not {type(schema).__name__}")
    return dict(schema)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return False
    return math.isfinite(value)


def _same(one: Any, other: Any) -> bool:
    """JSON's own equality: 1 is 1.0, and neither is true."""
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_same(one[key], other[key]) for key in one)
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)


def _is_type(value: Any, limit: Any, _root: Schema) -> bool:
    names = [limit] if isinstance(limit, str) else limit
    return any(_TYPES[name](value) for name in names if name in _TYPES)


def _fits(value: Any, schema: Any, root: Schema) -> bool:
    return problem(value, schema, root) is None


def _matches(value: Any, pattern: str, _root: Schema) -> bool:
    if not isinstance(value, str):
        return True
    try:
        return re.search(pattern, value) is not None
    except re.error as error:
        raise Unsupported(f"pattern {pattern!r}: {error}") from None


def _numeric(check: Callable[[Any, Any], bool]) -> Callable[[Any, Any, Schema], bool]:
    return lambda value, limit, _root: not _is_number(value) or check(value, limit)


def _sized(
    kind: type[Sized], check: Callable[[int, int], bool]
) -> Callable[[Any, Any, Schema], bool]:
    return lambda value, limit, _root: not isinstance(value, kind) or check(len(value), limit)


def _unique(items: list[Any]) -> bool:
    return not any(_same(one, other) for one, other in itertools.combinations(items, 2))


_CHECKS: Mapping[str, Callable[[Any, Any, Schema], bool]] = {
    "type": _is_type,
    "enum": lambda value, limit, _root: any(_same(value, one) for one in limit),
    "const": lambda value, limit, _root: _same(value, limit),
    "minimum": _numeric(lambda value, limit: value >= limit),
    "maximum": _numeric(lambda value, limit: value <= limit),
    "exclusiveMinimum": _numeric(lambda value, limit: value > limit),
    "exclusiveMaximum": _numeric(lambda value, limit: value < limit),
    "multipleOf": _numeric(
        lambda value, limit: not Fraction(str(value)) % Fraction(str(limit))  # 0.3 is 3 times 0.1
    ),
    "minLength": _sized(str, lambda size, limit: size >= limit),
    "maxLength": _sized(str, lambda size, limit: size <= limit),
    "minItems": _sized(list, lambda size, limit: size >= limit),
    "maxItems": _sized(list, lambda size, limit: size <= limit),
    "minProperties": _sized(dict, lambda size, limit: size >= limit),
    "maxProperties": _sized(dict, lambda size, limit: size <= limit),
    "pattern": _matches,
    "uniqueItems": lambda value, limit, _root: (
        not limit or not isinstance(value, list) or _unique(value)
    ),
    "allOf": lambda value, limit, root: all(_fits(value, one, root) for one in limit),
    "anyOf": lambda value, limit, root: any(_fits(value, one, root) for one in limit),
    "oneOf": lambda value, limit, root: sum(_fits(value, one, root) for one in limit) == 1,
    "not": lambda value, limit, root: not _fits(value, limit, root),
}
