"""Shapes of `interrupt()` values, ours and other people's, as questions."""

import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, Literal

from langgraph.types import Interrupt

from graphs.questions.choice import Choice, Option
from graphs.questions.currencies import currency_of
from graphs.questions.from_schema import kind_of, part_of, properties_of
from graphs.questions.kinds import (
    Digits,
    Form,
    Kind,
    Money,
    Number,
    Text,
    Texts,
    YesNo,
)
from graphs.questions.phrases import LEXICON, joined, sentence
from graphs.questions.question import Confirm, Part, Question, single, texts
from graphs.questions.schema import Schema, Unsupported, resolved

_ASKED_UNDER = ("question", "message", "prompt", "text", "description", "title")
"""Keys under which a graph puts its sentence, the likelier first."""
_SPELLED = re.compile(r"\s*[(\[]([\w' -]+(?:/[\w' -]+)+)[)\]]\s*([?:.]*)\s*$")
_YES_OR_NO = re.compile(r"[\s,:(]*\byes or no\b\s*\)?\s*([?.:]*)\s*$", re.IGNORECASE)
_LETTERS = {"y": ("yes",), "n": ("no",)}
_PLAIN_ARGUMENTS = 5
_LONGEST_ARGUMENT = 80
_TAGGED = ("en", "hi")


def question_of(interrupt: Interrupt[Any]) -> Question:
    """Understand what a graph gave to `interrupt()`."""
    value, schema = interrupt.value, interrupt.response_schema
    if isinstance(value, Mapping):
        if _is_list_of(value.get("action_requests"), "name"):
            return _review(interrupt.id, value)
        if value.get("type") == "tool_approval" and "name" in value:
            return _tool_approval(interrupt.id, value, schema)
        if _is_list_of([value.get("action_request")], "action"):
            return _inbox(interrupt.id, [value])
        schema = schema or value.get("response_schema")
    requests = value if isinstance(value, list) else []
    if _is_list_of([_under("action_request", one) for one in requests], "action"):
        return _inbox(interrupt.id, requests)
    return _plain(interrupt.id, value, schema if isinstance(schema, Mapping) else None)


def _under(key: str, value: Any) -> Any:
    return value.get(key) if isinstance(value, Mapping) else None


def _is_list_of(value: Any, key: str) -> bool:
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(one, Mapping) and isinstance(one.get(key), str) for one in value)
    )


def _by_language(key: str, **values: Texts | str) -> Texts:
    """One of our own sentences in every language, its places filled in that language."""
    return {
        tag: sentence(
            tag,
            key,
            **{
                name: given if isinstance(given, str) else given.get(tag, given["en"])
                for name, given in values.items()
            },
        )
        for tag in _TAGGED
    }


# Our own shape, plain text, a response schema, and what is none of them


def _plain(interrupt_id: str, value: Any, schema: Schema | None) -> Question:
    given = value if isinstance(value, Mapping) else {}
    ask = texts(value) or next(filter(None, (texts(given.get(key)) for key in _ASKED_UNDER)), None)
    named = ask is not None
    ask = ask or _by_language("opaque")
    asked = given.get("confirm")
    confirm = asked if isinstance(asked, bool) or asked == "speech" else None
    before = texts(given.get("before"))
    kind = _declared(given, ask)
    if schema is not None and kind is None:
        return _by_schema(interrupt_id, ask if named else None, schema, confirm)
    known_by: Literal["kind", "words"] = "kind"
    if kind is None:
        known_by, (ask, kind) = "words", _read(ask)
    part = Part(ask, kind, schema, schema, confirm, known_by)
    return Question(interrupt_id, (part,), single, schema=schema, before=before)


def _declared(given: Mapping[str, Any], ask: Texts) -> Kind | None:
    """The kind that a value of our own shape names; None where it names none we know."""
    choices, words = given.get("choices") or given.get("options"), None
    if isinstance(choices, list) and choices:
        words = Choice(tuple(map(_option, choices)), others=given.get("others") is True)
        if given.get("kind", "choice") == "choice":
            return words
    digits = given.get("digits")
    match given.get("kind", "digits" if digits else None):
        case "yes_no":
            return YesNo({True: True, False: False})
        case "digits":
            least, most = digits if isinstance(digits, (list, tuple)) else (digits, digits)
            return Digits(int(least or 1), int(most or 15), words=words)
        case "amount":
            return Money(currency=currency_of(given.get("currency"), " ".join(ask.values())))
        case "number":
            return Number()
        case "text":
            return Text()
    return None


def _option(choice: Any) -> Option:
    if not isinstance(choice, Mapping):
        return Option.of(choice)
    label = texts(choice.get("label"))
    return Option.of(choice.get("value", choice.get("label")), label, choice.get("aliases", ()))


def _read(ask: Texts) -> tuple[Texts, Kind]:
    """The kind that the words of a question give away.

    Answers that it spells out, "(yes/no)", are those words; asking for leave, "Do you approve
    this?", is yes or no, because a graph takes any text, "no" included, for true. Else free text.
    """
    if len(ask) > 1:
        return ask, Text()
    tag, text = next(iter(ask.items()))
    spelled = _SPELLED.search(text)
    ours = _YES_OR_NO.search(text)
    if spelled or ours:
        found = spelled or ours
        assert found is not None  # noqa: S101 - one of the two is there
        names = [name.strip() for name in spelled[1].split("/")] if spelled else ["yes", "no"]
        shown = text[: found.start()].rstrip()
        shown += "" if shown.endswith(("?", ".")) else "?"
        options = (Option.of(name, aliases=_LETTERS.get(name.lower(), ())) for name in names)
        return {tag: shown}, Choice(tuple(options))
    if LEXICON.asks_for_leave(text):
        return ask, YesNo({True: True, False: False})
    return ask, Text()


def _by_schema(interrupt_id: str, ask: Texts | None, schema: Schema, confirm: Confirm) -> Question:
    """One part, or one for each property of an object that must be there."""
    try:
        found = properties_of(schema)
    except Unsupported:
        found = None
    if found is None:
        kind = kind_of(schema, schema)
        part = Part(ask or texts(schema.get("description")) or _by_language("opaque"), kind)
        part = Part(part.ask, kind, schema, schema, confirm)
        return Question(interrupt_id, (part,), single, schema=schema)
    parts = tuple(part_of(name, inner, schema, confirm) for name, inner in found.asked.items())
    if any(isinstance(part.kind, Form) for part in parts) or not parts:
        form = Part(ask or _by_language("opaque"), Form())
        return Question(interrupt_id, (form,), single, schema=schema)
    if len(parts) == 1 and ask:
        only = parts[0]
        parts = (Part(ask, only.kind, only.schema, only.root, confirm),)
        ask = None
    make = partial(_object, tuple(found.asked), dict(found.constant))
    return Question(interrupt_id, parts, make, ask, schema)


def _object(
    names: Sequence[str], constant: Mapping[str, Any], values: Sequence[Any]
) -> dict[str, Any]:
    return {**constant, **dict(zip(names, values, strict=True))}


# LangChain's human in the loop: one interrupt for a model's turn, or one for each call of a tool


def _review(interrupt_id: str, value: Mapping[str, Any]) -> Question:
    """Every action is a part; decisions stand in the order of the actions."""
    configs = value.get("review_configs") or []
    allowed = {
        config["action_name"]: config.get("allowed_decisions", [])
        for config in configs
        if isinstance(config, Mapping) and "action_name" in config
    }
    asked = [
        (action, allowed.get(action["name"], ["approve", "reject"]))
        for action in value["action_requests"]
    ]
    parts = tuple(_decision(action, names) for action, names in asked)
    decisions = _list_of([_of_type(names) for _, names in asked])
    schema = {"type": "object", "required": ["decisions"], "properties": {"decisions": decisions}}
    return _or_form(interrupt_id, parts, _decisions, schema)


def _decisions(values: Sequence[Any]) -> dict[str, list[Any]]:
    return {"decisions": list(values)}


def _tool_approval(interrupt_id: str, value: Mapping[str, Any], schema: Any) -> Question:
    allowed = _allowed(schema) if isinstance(schema, Mapping) else ["approve", "reject"]
    return _or_form(interrupt_id, (_decision(value, allowed),), single, _of_type(allowed))


def _of_type(names: Sequence[str]) -> Schema:
    """A decision: an object that names what was decided, with whatever belongs to it."""
    kind = {"type": {"enum": [*names]} if names else {"type": "string"}}
    return {"type": "object", "required": ["type"], "properties": kind}


def _list_of(items: Sequence[Schema]) -> Schema:
    count = len(items)
    return {"type": "array", "prefixItems": [*items], "minItems": count, "maxItems": count}


def _allowed(schema: Schema) -> list[str]:
    """The decisions that a schema lists by the constant `type` of each."""
    found = []
    for branch in schema.get("oneOf") or schema.get("anyOf") or [schema]:
        try:
            kind = resolved(branch, schema).get("properties", {}).get("type", {})
        except Unsupported:
            continue
        found += [str(name) for name in kind.get("enum", [kind.get("const")]) if name]
    return found


def _decision(action: Mapping[str, Any], allowed: Sequence[str]) -> Part:
    """Approve or reject; else an answer in the tool's place. An edit is not for the voice."""
    ask = _leave(action["name"], action.get("args"), action.get("description"))
    answers = {
        said: {"type": name}
        for said, name in ((True, "approve"), (False, "reject"))
        if name in allowed
    }
    if answers:
        return Part(ask, YesNo(answers))
    if "respond" in allowed:
        return Part(ask, Text(inside={"type": "respond", "message": None}))
    return Part(ask, Form())


def _leave(name: str, arguments: Any, description: Any) -> Texts:
    """Ask for leave: the author's own sentence, else the action with its plain arguments."""
    if written := _written(description):
        return {tag: joined(written, sentence(tag, "approval_short")) for tag in _TAGGED}
    given = arguments.items() if isinstance(arguments, Mapping) else ()
    plain = [(key, str(part)) for key, part in given if _is_plain(str(key), part)]
    return {
        tag: sentence(
            tag,
            "approval",
            action=", ".join(
                [
                    _words(name),
                    *(
                        sentence(tag, "argument", name=_words(str(key)), value=part)
                        for key, part in plain[:_PLAIN_ARGUMENTS]
                    ),
                ]
            ),
        )
        for tag in _TAGGED
    }


def _written(description: Any) -> str | None:
    """A description that somebody wrote for people; none that dumps a call."""
    if not isinstance(description, str) or re.search(r"[{}\[\]<>\n]", description.strip()):
        return None
    return description.strip() or None


def _is_plain(key: str, value: Any) -> bool:
    """Whether an argument can be said: short and flat, and no identifier or secret."""
    if LEXICON.is_hidden(key) or not isinstance(value, (str, int, float)):
        return False
    text = str(value).strip()
    return 0 < len(text) <= _LONGEST_ARGUMENT and not re.search(r"[{}\[\]<>\n]|://", text)


def _words(name: str) -> str:
    """`sendEmail` and `send_email` as "send email"."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name)
    return re.sub(r"[\W_]+", " ", parted).strip().lower()


def _or_form(interrupt_id: str, parts: tuple[Part, ...], make: Any, schema: Schema) -> Question:
    """A question of these parts; a form when one of them cannot be answered by voice."""
    forms = [part for part in parts if isinstance(part.kind, Form)]
    if forms:
        return Question(interrupt_id, (forms[0],), single, schema=schema)
    return Question(interrupt_id, parts, make, schema=schema)


# The older shape of an agent's inbox


def _inbox(interrupt_id: str, requests: Sequence[Mapping[str, Any]]) -> Question:
    schema = _list_of([_of_type(_answers(request)) for request in requests])
    return _or_form(interrupt_id, tuple(map(_request, requests)), list, schema)


def _answers(request: Mapping[str, Any]) -> list[str]:
    """The types of answer that a request takes."""
    config = request.get("config") or {}
    names = {"accept": "accept", "ignore": "ignore", "respond": "response", "edit": "edit"}
    return [name for key, name in names.items() if config.get(f"allow_{key}")]


def _request(request: Mapping[str, Any]) -> Part:
    """Yes accepts, no ignores; a request that takes neither wants words in return."""
    config = request.get("config") or {}
    action = request["action_request"]
    ask = _leave(action["action"], action.get("args"), request.get("description"))
    answers: dict[bool, Any] = {}
    if config.get("allow_accept"):
        answers[True] = {"type": "accept", "args": None}
    if config.get("allow_ignore"):
        answers[False] = {"type": "ignore", "args": None}
    elif answers and config.get("allow_respond"):
        answers[False] = {"type": "response", "args": "no"}
    if True in answers:
        return Part(ask, YesNo(answers))
    if config.get("allow_respond"):
        own = texts(_written(request.get("description")))
        return Part(own or ask, Text(inside={"type": "response", "args": None}))
    return Part(ask, YesNo(answers) if answers else Form())
