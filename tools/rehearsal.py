"""Tools in rehearsal: each answers its mock or a refusal, and nothing happens anywhere."""

from collections.abc import Mapping
from typing import Any, Final

from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel

REFUSED: Final = "Not done: this is a rehearsal, and no answer was given for this tool."


class Mock(BaseModel):
    """What a tool answers in its place; the names are ElevenLabs'."""

    default_return_value: str = ""
    default_is_error: bool = False


def rehearsed(made: BaseTool, mocks: Mapping[str, Mock]) -> BaseTool:
    """Return a tool that looks like another to the model and does nothing.

    Args:
        made: the tool; it is never called.
        mocks: by names of tools; one that has none is refused.
    """
    mock = mocks.get(made.name)

    async def answer(**_: Any) -> str:
        if mock is None:
            raise ToolException(REFUSED)
        if mock.default_is_error:
            raise ToolException(mock.default_return_value or REFUSED)
        return mock.default_return_value

    return StructuredTool(
        name=made.name,
        description=made.description,
        args_schema=made.tool_call_schema,
        coroutine=answer,
        metadata=made.metadata,
    )
