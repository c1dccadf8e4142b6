"""Tools as data: what ElevenLabs calls a webhook tool, and MCP servers.

The names are those of `elevenlabs`' own types. Fields that are not read here are kept by the API
and ignored by this file; `docs/tools.md` lists them.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, field_validator, model_validator

Json = str | int | float | bool | list[Any] | dict[str, Any] | None
_PLACEHOLDER = re.compile(r"(?<!\{)\{(\w+)\}(?!\})")
VARIABLE = re.compile(r"\{\{\s*([\w.-]+)\s*\}\}")
"""A dynamic variable in an address, a header or a value: `{{name}}`."""


class _Spec(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class SecretById(_Spec):
    """The value is a secret of the workspace."""

    secret_id: str


class Variable(_Spec):
    """The value is a dynamic variable, which may be a `secret__` one."""

    variable_name: str


HeaderValue = SecretById | Variable | str


class Property(_Spec):
    """A parameter, or what one consists of; where its value comes from is said by one field."""

    type: Literal["string", "number", "integer", "boolean", "object", "array"] = "string"
    description: str | None = None
    """The model gives the value."""
    dynamic_variable: str | None = None
    constant_value: Json = None
    is_omitted: bool = False
    enum: list[Any] | None = None
    properties: dict[str, "Property"] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)
    items: "Property | None" = None

    @property
    def by_model(self) -> bool:
        """Whether the model gives the value, or some of it."""
        fixed = self.dynamic_variable or self.constant_value not in (None, "") or self.is_omitted
        return not fixed

    def schema_for_model(self) -> dict[str, Any]:
        """Return the JSON Schema of what the model is to give."""
        schema: dict[str, Any] = {"type": self.type}
        if self.description:
            schema["description"] = self.description
        if self.enum:
            schema["enum"] = self.enum
        if self.type == "object":
            given = {name: one for name, one in self.properties.items() if one.by_model}
            schema["properties"] = {name: one.schema_for_model() for name, one in given.items()}
            schema["required"] = [name for name in self.required if name in given]
            schema["additionalProperties"] = False
        if self.type == "array":
            schema["items"] = self.items.schema_for_model() if self.items else {}
        return schema


class QueryParams(_Spec):
    """Parameters behind the question mark."""

    properties: dict[str, Property] = Field(default_factory=dict)
    required: list[str] = Field(default_factory=list)


class ApiSchema(_Spec):
    """The request that a webhook tool sends."""

    url: str
    """May hold `{path_parameter}` and `{{dynamic_variable}}`, behind the host only."""
    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"] = "GET"
    path_params_schema: dict[str, Property] = Field(default_factory=dict)
    query_params_schema: QueryParams = QueryParams()
    request_body_schema: Property | None = None
    request_headers: dict[str, HeaderValue] = Field(default_factory=dict)
    content_type: Literal["application/json", "application/x-www-form-urlencoded"] = (
        "application/json"
    )

    @field_validator("path_params_schema", "query_params_schema", "request_headers", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any) -> Any:
        return {} if value is None else value

    @field_validator("content_type", mode="before")
    @classmethod
    def _json_by_default(cls, value: Any) -> Any:
        return value or "application/json"

    @model_validator(mode="after")
    def _is_whole(self) -> "ApiSchema":
        host = re.match(r"https?://[^/?#]+", self.url)
        if host is None or "{" in host.group():
            raise ValueError("url: expected https://host/..., the host without placeholders.")
        missing = set(_PLACEHOLDER.findall(self.url)) - set(self.path_params_schema)
        if missing:
            raise ValueError(f"url: {', '.join(sorted(missing))} is not in path_params_schema.")
        names = [name for name, _, _ in self.parameters()]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"{', '.join(sorted(twice))}: each parameter needs a name of its own.")
        return self

    def parameters(self) -> Iterator[tuple[str, Property, bool]]:
        """Yield name, property and whether it is required, of every parameter."""
        for name, one in self.path_params_schema.items():
            yield name, one, True
        for name, one in self.query_params_schema.properties.items():
            yield name, one, name in self.query_params_schema.required
        body = self.request_body_schema
        for name, one in (body.properties if body else {}).items():
            yield name, one, body is not None and name in body.required

    def schema_for_model(self) -> dict[str, Any]:
        """Return the JSON Schema of the arguments that the model gives."""
        given = [(name, one, needed) for name, one, needed in self.parameters() if one.by_model]
        return {
            "type": "object",
            "properties": {name: one.schema_for_model() for name, one, _ in given},
            "required": [name for name, _, needed in given if needed],
            "additionalProperties": False,
        }


class Assignment(_Spec):
    """A value of the answer that becomes a dynamic variable."""

    dynamic_variable: str
    value_path: str
    """By dots: `user.name`, `data.0.id`."""
    sanitize: bool = False
    """Whether the model is not shown it."""

    @field_validator("dynamic_variable")
    @classmethod
    def _is_no_secret(cls, name: str) -> str:
        if name.startswith(("secret__", "system__")):
            raise ValueError(f"{name} cannot be assigned: the prefix is reserved.")
        return name


class WebhookTool(_Spec):
    """A request to somebody's server."""

    type: Literal["webhook"] = "webhook"
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = Field(min_length=1, max_length=4000)
    response_timeout_secs: float = Field(20, ge=1, le=300)
    """Longest wait for the answer."""
    api_schema: ApiSchema
    assignments: tuple[Assignment, ...] = ()
    dynamic_variables: dict[str, Any] = Field(default_factory=dict)
    """`dynamic_variable_placeholders`: values of variables that the conversation does not have."""
    idempotent: bool | None = None
    """Whether a request with the same `Idempotency-Key` happens once there, so that it may be
    repeated after a crash. None: PUT and DELETE are, POST and PATCH are not (RFC 9110, 9.2.2)."""

    @field_validator("response_timeout_secs", "assignments", "dynamic_variables", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any, info: Any) -> Any:
        return (
            cls.model_fields[info.field_name].get_default(call_default_factory=True)
            if (value is None)
            else value
        )

    @property
    def changes_something(self) -> bool:
        """Whether calling it may change anything there."""
        return self.api_schema.method != "GET"

    @property
    def repeatable(self) -> bool:
        """Whether it may be sent again with the same key."""
        if self.idempotent is not None:
            return self.idempotent
        return self.api_schema.method in ("PUT", "DELETE")


class McpServer(_Spec):
    """A server of tools: at an address, or a program that the operator has named."""

    type: Literal["mcp"] = "mcp"
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,32}$")
    url: str | SecretById | None = None
    """Of a streamable HTTP server; None for a program in DIALGRAPH_MCP_SERVERS of that name."""
    secret_token: SecretById | None = None
    """Sent as `Authorization: Bearer`."""
    request_headers: dict[str, HeaderValue] = Field(default_factory=dict)
    response_timeout_secs: float = Field(20, ge=1, le=300)

    @field_validator("request_headers", "response_timeout_secs", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any, info: Any) -> Any:
        return (
            cls.model_fields[info.field_name].get_default(call_default_factory=True)
            if (value is None)
            else value
        )


class ClientTool(_Spec):
    """Something that the program at the other end of the conversation does."""

    type: Literal["client"] = "client"
    name: str = Field(pattern=r"^[a-zA-Z0-9_-]{1,64}$")
    description: str = Field(min_length=1, max_length=4000)
    response_timeout_secs: float = Field(20, ge=1, le=300)
    """Longest wait for the answer."""
    parameters: Property = Property(type="object")
    expects_response: bool = False
    """Whether the conversation waits for what came of it."""

    @field_validator("response_timeout_secs", "parameters", "expects_response", mode="before")
    @classmethod
    def _nothing_is_none(cls, value: Any, info: Any) -> Any:
        return cls.model_fields[info.field_name].default if value is None else value

    @field_validator("parameters")
    @classmethod
    def _is_an_object(cls, parameters: Property) -> Property:
        return parameters.model_copy(update={"type": "object"})


AnyTool = WebhookTool | McpServer | ClientTool
ToolSpec = Annotated[AnyTool, Field(discriminator="type")]
_SPEC: TypeAdapter[AnyTool] = TypeAdapter(ToolSpec)


def tool_spec(data: Mapping[str, Any]) -> AnyTool:
    """Read a tool from its data; `type` is `webhook` where it is missing.

    Raises:
        pydantic.ValidationError: it is not one.
    """
    return _SPEC.validate_python({"type": "webhook", **data})


def filled(text: str, values: Mapping[str, Any]) -> str:
    """Put dynamic variables in; raises KeyError with the name of one that is missing."""
    return VARIABLE.sub(lambda found: str(values[found.group(1)]), text)
