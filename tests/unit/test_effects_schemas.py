"""Tools that are made anew for each turn share the schema of their arguments."""

from typing import Annotated, Any

from langchain_core.tools import BaseTool

from tools.effects import IdempotencyKey, tool


def bound(to: str) -> BaseTool:
    @tool(effect=True, parse_docstring=True)
    async def note(text: str, key: IdempotencyKey) -> str:  # noqa: D417 - the key is no argument
        """Note something down.

        Args:
            text: What to note.
        """
        return f"{to}: {text} {bool(key)}"

    return note


async def test_a_schema_is_made_once_and_each_tool_acts_for_its_own() -> None:
    one, other = bound("Asha"), bound("Ravi")
    assert one.args_schema is other.args_schema
    assert one.description == other.description == "Note something down."
    assert one.tool_call_schema.model_json_schema() == other.tool_call_schema.model_json_schema()
    call: dict[str, Any] = {"name": "note", "args": {"text": "x"}, "id": "1", "type": "tool_call"}
    assert (await one.ainvoke(call)).content == "Asha: x True"
    assert (await other.ainvoke(call)).content == "Ravi: x True"


def test_other_types_under_the_same_code_are_another_schema() -> None:
    def made(kind: Any) -> BaseTool:
        async def take(value: Any) -> str:
            """Take a value."""
            return str(value)

        take.__annotations__["value"] = kind
        return tool(effect=False)(take)

    assert made(int).args["value"]["type"] == "integer"
    assert made(str).args["value"]["type"] == "string"


def test_what_has_no_hash_may_describe_an_argument() -> None:
    @tool(effect=False)
    async def take(value: Annotated[str, {"any": "thing"}]) -> str:
        """Take a value."""
        return value

    assert take.args["value"]["type"] == "string"


def test_another_default_under_the_same_code_is_another_schema() -> None:
    def made(usual: int) -> BaseTool:
        async def take(value: int = usual) -> str:
            """Take a value."""
            return str(value)

        return tool(effect=False)(take)

    assert [made(1).args["value"]["default"], made(2).args["value"]["default"]] == [1, 2]
