"""A JSON schema as kinds of answers: which question it stands for."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from graphs.questions.choice import Choice, Option
from graphs.questions.kinds import Digits, Form, Kind, Number, Text, YesNo
from graphs.questions.phrases import sentence
from graphs.questions.question import Confirm, Part, texts
from graphs.questions.schema import Schema, Unsupported, resolved

_DIGITS = re.compile(r"\^(?:\\d|\[0-9\])(?:\{(\d+)(,(\d*))?\}|\+|\*)\$")
"""A pattern that admits nothing but digits."""
_MOST_DIGITS = 15


@dataclass(frozen=True, slots=True)
class Properties:
    """The properties of an object: those to ask for, and those that can only be one value."""

    asked: Mapping[str, Any]
    constant: Mapping[str, Any]


def plain(schema: Any, root: Schema) -> dict[str, Any]:
    """A schema without references, `null` and wrappings of one.

    Raises:
        Unsupported: a reference leads nowhere, or it is no schema.
    """
    found = resolved(schema, root)
    for keyword in ("anyOf", "oneOf", "allOf"):
        if keyword not in found:
            continue
        branches = [resolved(one, root) for one in found[keyword]]
        branches = [one for one in branches if one.get("type") != "null"]
        if len(branches) == 1:
            rest = {key: part for key, part in found.items() if key != keyword}
            return plain({**branches[0], **rest}, root)
    if isinstance(found.get("type"), list):
        names = [name for name in found["type"] if name != "null"]
        found["type"] = names[0] if len(names) == 1 else names
    return found


def kind_of(schema: Any, root: Schema) -> Kind:
    """The kind of answer a schema wants; `Form` where no voice can give it."""
    try:
        found = plain(schema, root)
    except Unsupported:
        return Form()
    if "enum" in found:
        return _enumerated(found["enum"])
    if (options := _titled(found, root)) is not None:
        return Choice(options)
    match found.get("type"):
        case "boolean":
            return YesNo({True: True, False: False})
        case "integer" | "number":
            return Number()
        case "string":
            return _string(found)
    return Form()


def _enumerated(values: list[Any]) -> Kind:
    given = [value for value in values if value is not None]
    if len(given) == 2 and given[0] is not given[1] and all(isinstance(v, bool) for v in given):
        return YesNo({True: True, False: False})
    if not given or not all(isinstance(value, (str, int, float)) for value in given):
        return Form()
    return Choice(tuple(Option.of(value) for value in given))


def _titled(schema: Schema, root: Schema) -> tuple[Option, ...] | None:
    """Choices written as branches, each of one constant and perhaps its title."""
    branches = schema.get("oneOf") or schema.get("anyOf") or ()
    found = [resolved(one, root) for one in branches]
    if not found or not all(isinstance(one.get("const"), (str, int, float)) for one in found):
        return None
    return tuple(Option.of(one["const"], texts(one.get("title"))) for one in found)


def _string(schema: Schema) -> Kind:
    pattern = schema.get("pattern")
    if not isinstance(pattern, str):
        return Text()
    form = _DIGITS.fullmatch(pattern)
    if form is None:
        return Text(pattern)
    least = int(form[1]) if form[1] else 1
    most = least if form[1] and not form[2] else int(form[3] or _MOST_DIGITS)
    least = max(least, int(schema.get("minLength", 1)))
    return Digits(least, min(most, int(schema.get("maxLength", most))))


def properties_of(schema: Schema) -> Properties | None:
    """The properties to ask for, where the schema is an object: the required ones, else all.

    Raises:
        Unsupported: a reference leads nowhere.
    """
    found = plain(schema, schema)
    if found.get("type") != "object" or not isinstance(found.get("properties"), Mapping):
        return None
    required = found.get("required") or list(found["properties"])
    wanted = {name: plain(found["properties"].get(name, {}), schema) for name in required}
    constant = {name: inner["const"] for name, inner in wanted.items() if "const" in inner}
    asked = {name: inner for name, inner in wanted.items() if name not in constant}
    return Properties(asked, constant)


def part_of(name: str, inner: Schema, root: Schema, confirm: Confirm) -> Part:
    """One property as a part, asked by its description, else by its name."""
    named = str(inner.get("title") or name).replace("_", " ").lower()
    kind = kind_of(inner, root)
    key = "property_yes_no" if isinstance(kind, YesNo) else "property"
    ask = texts(inner.get("description")) or {
        tag: sentence(tag, key, name=named) for tag in ("en", "hi")
    }
    return Part(ask, kind, inner, root, confirm)
