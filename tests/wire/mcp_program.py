"""An MCP server on standard input and output, for tests: `python mcp_program.py FILE`."""

import asyncio
import os
import sys
from pathlib import Path

from mcp.server.fastmcp import FastMCP
from mcp.types import ToolAnnotations

file = Path(sys.argv[1])
server = FastMCP("notes")


@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def pid() -> str:
    """Say which process this is."""
    return str(os.getpid())


@server.tool()
def write(text: str) -> str:
    """Write a line."""
    with file.open("a") as lines:
        lines.write(text + "\n")
    return "written"


@server.tool(annotations=ToolAnnotations(idempotentHint=True))
async def never() -> str:
    """Take for ever."""
    await asyncio.sleep(600)
    return ""


@server.tool()
def fail() -> str:
    """Fail."""
    raise ValueError("there is no paper")


@server.tool(annotations=ToolAnnotations(readOnlyHint=True))
def long() -> str:
    """Say much."""
    return "x" * 20_000


if __name__ == "__main__":
    server.run("streamable-http" if len(sys.argv) > 2 else "stdio")
