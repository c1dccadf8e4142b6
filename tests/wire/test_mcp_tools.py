"""MCP servers: real ones, on standard input and output and over streamable HTTP."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from mcp.server.fastmcp import FastMCP
from mcp.server.transport_security import TransportSecuritySettings
from mcp.types import ToolAnnotations

from settings import Settings
from tests.wire.servers import served
from tools.conversation import Conversation
from tools.effects import EffectTool, has_effect
from tools.mcp_servers import McpFailed, McpSessions
from tools.outside import Outside
from tools.specs import McpServer

TALK = Conversation(id="c1", organisation="acme")
OTHER = Conversation(id="c2", organisation="acme")
NOTES = McpServer(name="notes", response_timeout_secs=1)


class Secrets:
    async def reveal(self, secret_id: str) -> str:
        return {"sec_1": "s3cret"}[secret_id]

    async def of(self, conversation_id: str, name: str) -> str:
        raise LookupError(name)


def sessions(file: Path, **options: Any) -> McpSessions:
    program = {
        "command": sys.executable,
        "args": [f"{Path(__file__).parent}/mcp_program.py", str(file)],
    }
    settings = Settings(mcp_servers={"notes": program, "gone": {"command": "/no/such", "args": []}})
    return McpSessions(settings, Outside(), Secrets(), **options)


@pytest.fixture
async def notes(tmp_path: Path) -> AsyncIterator[McpSessions]:
    made = sessions(tmp_path / "notes")
    yield made
    await made.close()


async def test_a_program_that_says_nothing_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each turn started it again, and the end of the conversation did not find the others."""
    monkeypatch.setattr("tools.mcp_servers.OPEN_SECS", 0.5)
    program = {"command": sys.executable, "args": ["-c", "import time; time.sleep(60)"]}
    made = McpSessions(Settings(mcp_servers={"mute": program}), Outside(), Secrets())
    for _ in range(2):
        with pytest.raises(McpFailed):
            await made.tools(McpServer(name="mute"), TALK)
    async with asyncio.timeout(20):
        while [task for task in asyncio.all_tasks() if task.get_name() == "mcp-mute"]:
            await asyncio.sleep(0.05)
    assert made._sessions == {}


async def call(tools: list[Any], name: str, **arguments: Any) -> Any:
    (tool,) = [one for one in tools if one.name == name]
    tool.handle_tool_error = True
    return await tool.ainvoke({"type": "tool_call", "name": name, "args": arguments, "id": "1"})


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_tool_waits_unless_it_says_that_it_only_reads(notes: McpSessions) -> None:
    tools = {one.name: one for one in await notes.tools(NOTES, TALK)}
    assert not has_effect(tools["notes_pid"].metadata)
    assert has_effect(tools["notes_write"].metadata)
    assert isinstance(tools["notes_write"], EffectTool)
    assert tools["notes_write"].key_parameter is None
    assert isinstance(never := tools["notes_never"], EffectTool) and never.key_parameter == "key"
    assert set(never.args) == set()


async def test_a_program_lives_as_long_as_its_conversation(notes: McpSessions) -> None:
    pids = [
        int((await call(await notes.tools(NOTES, talk), "notes_pid")).text)
        for talk in (TALK, TALK, OTHER)
    ]
    assert pids[0] == pids[1] != pids[2]
    await notes.close("c1")
    assert (alive(pids[0]), alive(pids[2])) == (False, True)
    await notes.close()
    assert not alive(pids[2])


async def test_a_session_that_nobody_uses_is_closed_and_opened_again(tmp_path: Path) -> None:
    made = sessions(tmp_path / "notes", idle_secs=0.05)
    tools = await made.tools(NOTES, TALK)
    (holding,) = [task for task in asyncio.all_tasks() if task.get_name() == "mcp-notes"]
    await holding
    assert "closed" in (await call(tools, "notes_write", text="late")).text
    assert len(await made.tools(NOTES, TALK)) == len(tools)
    await made.close()


async def test_what_goes_wrong_is_told_in_a_sentence(notes: McpSessions) -> None:
    tools = await notes.tools(NOTES, TALK)
    slow, failed = await asyncio.gather(call(tools, "notes_never"), call(tools, "notes_fail"))
    assert slow.status == failed.status == "error"
    assert slow.text == "notes did not answer in 1 seconds."
    assert "there is no paper" in failed.text
    assert (await call(tools, "notes_write", text="still there")).text == "written"
    long = await call(tools, "notes_long")
    assert len(long.text) < 9000 and long.text.endswith("[the rest was too long]")


@pytest.mark.parametrize(
    ("spec", "why"),
    [
        (McpServer(name="unknown"), "no program of its name"),
        (McpServer(name="gone"), "no connection"),
        (McpServer(name="web", url="http://127.0.0.1:1/mcp"), "no connection"),
        (McpServer(name="web", url="file:///etc/passwd"), "Only addresses"),
        (McpServer(name="web", url="https://a.example", request_headers={"x": "{{y}}"}), "'y'"),
    ],
)
async def test_a_server_that_cannot_be_used_says_why(
    notes: McpSessions, spec: McpServer, why: str
) -> None:
    with pytest.raises(McpFailed, match=why):
        await notes.tools(spec, TALK)


async def test_a_server_at_an_address_is_sent_its_secret(tmp_path: Path) -> None:
    server, seen = FastMCP("shop", stateless_http=True), []
    server.settings.transport_security = TransportSecuritySettings(
        enable_dns_rebinding_protection=False
    )

    @server.tool(annotations=ToolAnnotations(readOnlyHint=True))
    def stock(article: str) -> str:
        """Say how many there are."""
        return f"7 {article}"

    app = FastAPI()
    app.mount("/", server.streamable_http_app())

    @app.middleware("http")
    async def _(request: Any, forward: Any) -> Any:
        seen.append(request.headers.get("authorization"))
        return await forward(request)

    async with server.session_manager.run(), served(app) as address:
        spec = McpServer(name="shop", url=f"{address}/mcp", secret_token={"secret_id": "sec_1"})
        made = McpSessions(Settings(), Outside(["127.0.0.1"]), Secrets())
        told = await call(await made.tools(spec, TALK), "shop_stock", article="lamps")
        assert told.text == "7 lamps"
        await made.close()
    assert set(seen) == {"Bearer s3cret"}
