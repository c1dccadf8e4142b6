"""Webhook tools: the model gives arguments, this sends the request, the model gets the answer.

What the model gives is checked before anything is sent. Secrets are looked up by name for the one
request, go into headers only, and are taken out of an answer that repeats them. Where a request may
go is `tools/outside.py`'s to say; a redirect is not followed.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import quote, urlencode

import jsonschema
from langchain_core.tools import BaseTool, StructuredTool, ToolException

from tools.conversation import Conversation
from tools.effects import IdempotencyKey, declared
from tools.outside import Answer, NotAllowed, NotFetched, Outside
from tools.specs import (
    VARIABLE,
    ApiSchema,
    HeaderValue,
    Property,
    SecretById,
    Variable,
    WebhookTool,
    filled,
)

MOST_BYTES = 256_000
"""Longest answer that is read."""
MOST_CHARS = 8_000
"""Most of an answer that the model is shown."""


class Secrets(Protocol):
    """Where secrets are; `store.secrets.Secrets`."""

    async def reveal(self, secret_id: str) -> str:
        """Return a secret of the workspace; LookupError if there is none."""

    async def of(self, conversation_id: str, name: str) -> str:
        """Return a `secret__` variable of a conversation; LookupError if there is none."""


def webhook_tool(
    spec: WebhookTool, outside: Outside, secrets: Secrets, conversation: Conversation
) -> BaseTool:
    """Make the tool that a spec describes.

    Its artifact is `{"variables": {...}}`: what the answer assigned to dynamic variables.
    """
    placeholders = spec.dynamic_variables.get("dynamic_variable_placeholders") or {}
    variables = {**placeholders, **conversation.variables}
    schema = spec.api_schema.schema_for_model()
    checker = jsonschema.Draft202012Validator(schema)

    async def send(arguments: Mapping[str, Any], key: str | None) -> tuple[str, dict[str, Any]]:
        checked(checker, arguments)
        api, told = spec.api_schema, Told(secrets, conversation.id, variables)
        try:
            url, content = _request(api, arguments, variables)
            headers = await told.headers(api.request_headers)
        except KeyError as error:
            raise ToolException(
                f"The variable {error} is not known in this conversation."
            ) from None
        if content is not None:
            headers.setdefault("Content-Type", api.content_type)
        if key:
            headers.setdefault("Idempotency-Key", key)
        try:
            answer = await outside.fetch(
                api.method,
                url,
                headers=headers,
                content=content,
                max_bytes=MOST_BYTES,
                timeout_secs=spec.response_timeout_secs,
            )
        except (NotAllowed, NotFetched) as error:
            raise ToolException(f"{spec.name} could not be reached. {error}") from None
        if not 200 <= answer.status < 300:
            raise ToolException(f"{spec.name} answered with status {answer.status}.")
        return _result(spec, told.without_secrets(answer))

    async def act(**arguments: Any) -> tuple[str, dict[str, Any]]:
        return await send(arguments, None)

    async def act_once(key: IdempotencyKey, **arguments: Any) -> tuple[str, dict[str, Any]]:
        return await send(arguments, str(key))

    made = StructuredTool.from_function(
        coroutine=act_once if spec.changes_something and spec.repeatable else act,
        name=spec.name,
        description=spec.description,
        args_schema=schema,
        response_format="content_and_artifact",
    )
    return declared(made, spec.changes_something)


def checked(checker: Any, arguments: Mapping[str, Any]) -> None:
    """See that the arguments of a tool are such as its schema says.

    Raises:
        ToolException: they are not; says which, and that nothing was sent.
    """
    problems = sorted(checker.iter_errors(dict(arguments)), key=lambda one: list(one.path))
    if problems:
        sentences = [f"{'.'.join(map(str, p.path)) or 'arguments'}: {p.message}" for p in problems]
        raise ToolException("Nothing was sent. " + ". ".join(sentences[:5]) + ".")


def _request(
    api: ApiSchema, arguments: Mapping[str, Any], variables: Mapping[str, Any]
) -> tuple[str, bytes | None]:
    """Return address and body; raises KeyError with the name of a variable that is missing."""
    known = {name: value for name, value in variables.items() if not name.startswith("secret__")}
    values = {
        name: value
        for name, one, needed in api.parameters()
        if (value := value_of(name, one, arguments, known, needed)) is not None
    }
    encoded = {name: _segment(name, value) for name, value in known.items() if name in api.url}
    url = filled(api.url, encoded)
    for name in api.path_params_schema:
        url = url.replace(f"{{{name}}}", _segment(name, values[name]))
    query = {k: values[k] for k in api.query_params_schema.properties if k in values}
    if query:
        url += ("&" if "?" in url else "?") + urlencode(_flat(query), doseq=True)
    if api.request_body_schema is None or api.method == "GET":
        return url, None
    body = {k: values[k] for k in api.request_body_schema.properties if k in values}
    if api.content_type == "application/json":
        return url, json.dumps(body, ensure_ascii=False).encode()
    return url, urlencode(_flat(body), doseq=True).encode()


def value_of(
    name: str, one: Property, given: Mapping[str, Any], variables: Mapping[str, Any], needed: bool
) -> Any:
    """Return what a parameter is: fixed, a dynamic variable, or given by the model.

    Raises:
        KeyError: with the name of a variable that is missing.
    """
    if one.is_omitted:
        return None
    if one.dynamic_variable:
        return variables[one.dynamic_variable] if needed else variables.get(one.dynamic_variable)
    if one.constant_value not in (None, ""):
        fixed = one.constant_value
        return filled(fixed, variables) if isinstance(fixed, str) else fixed
    if one.type == "object" and one.properties:
        inner: Mapping[str, Any] = given.get(name) or {}
        whole = {
            key: value
            for key, part in one.properties.items()
            if (value := value_of(key, part, inner, variables, key in one.required)) is not None
        }
        return whole or given.get(name)
    return given.get(name)


def _segment(name: str, value: Any) -> str:
    text = _text(value)
    if text in ("", ".", "..") or "\x00" in text:
        raise ToolException(f"{name}: {text!r} cannot be a part of an address.")
    return quote(text, safe="")


def _flat(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: [_text(one) for one in value] if isinstance(value, list) else _text(value)
        for name, value in values.items()
    }


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


class Told:
    """Values with secrets and variables put in, for one use; it knows which secrets it told."""

    def __init__(self, secrets: Secrets, conversation_id: str, variables: Mapping[str, Any]):
        self._secrets = secrets
        self._conversation_id = conversation_id
        self._variables = variables
        self._values: list[str] = []

    async def headers(self, wanted: Mapping[str, HeaderValue]) -> dict[str, str]:
        """Return the headers with their values; raises KeyError for a missing variable."""
        return {name: self._one_line(name, await self.value(v)) for name, v in wanted.items()}

    async def value(self, wanted: HeaderValue) -> str:
        """Return a value."""
        if isinstance(wanted, SecretById):
            return await self._secret(wanted.secret_id, by_id=True)
        if isinstance(wanted, Variable):
            wanted = f"{{{{{wanted.variable_name}}}}}"
        values = dict(self._variables)
        for name in VARIABLE.findall(wanted):
            if name.startswith("secret__"):
                values[name] = await self._secret(name, by_id=False)
        return filled(wanted, values)

    async def _secret(self, name: str, *, by_id: bool) -> str:
        try:
            value = await (
                self._secrets.reveal(name)
                if by_id
                else self._secrets.of(self._conversation_id, name)
            )
        except LookupError:
            raise ToolException(f"A secret that this tool needs is missing: {name}.") from None
        self._values.append(value)
        return value

    @staticmethod
    def _one_line(name: str, value: str) -> str:
        if not value.isprintable() or not value.isascii():
            raise ToolException(f"The value of the header {name} cannot be sent.")
        return value

    def without_secrets(self, answer: Answer) -> str:
        """Return an answer as text, without the secrets it may repeat."""
        text = answer.content.decode(errors="replace")
        for value in sorted(filter(None, self._values), key=len, reverse=True):
            for form in (value, json.dumps(value)[1:-1], quote(value, safe="")):
                text = text.replace(form, "[secret]")
        return text


def _result(spec: WebhookTool, text: str) -> tuple[str, dict[str, Any]]:
    """Return what the model is shown, and the artifact."""
    try:
        answer = json.loads(text)
    except ValueError:
        answer = None
    assigned: dict[str, Any] = {}
    for one in spec.assignments:
        path = one.value_path.split(".")
        if (value := _at(answer, path)) is not None:
            plain = isinstance(value, str | int | float | bool)
            assigned[one.dynamic_variable] = value if plain else json.dumps(value)
            if one.sanitize:
                _remove(answer, path)
                text = json.dumps(answer, ensure_ascii=False)
    shown = text if len(text) <= MOST_CHARS else text[:MOST_CHARS] + "\n[the rest was too long]"
    return shown or "Done.", {"variables": assigned}


def _at(answer: Any, path: Sequence[str]) -> Any:
    for step in path:
        if isinstance(answer, list) and step.isdigit() and int(step) < len(answer):
            answer = answer[int(step)]
        elif isinstance(answer, dict) and step in answer:
            answer = answer[step]
        else:
            return None
    return answer


def _remove(answer: Any, path: Sequence[str]) -> None:
    holder, last = _at(answer, path[:-1]), path[-1]
    if isinstance(holder, list):
        holder[int(last)] = None
    else:
        del holder[last]
