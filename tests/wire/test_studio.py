"""`langgraph dev` loads every graph offline, and a thread runs through it to an outcome."""

import asyncio
import json
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from langgraph_sdk import get_client

ROOT = Path(__file__).parents[2]
PARTS = ["graphs", "tools", "store", "settings.py", "pyproject.toml", "langgraph.json"]


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The development server on a copy, so that its state and logs stay out of the repository."""
    home = tmp_path_factory.mktemp("studio")
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, home / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, home / part)
    port = _free_port()
    command = [
        *(str(Path(sys.executable).parent / "langgraph"), "dev", "--no-browser", "--no-reload"),
        *("--host", "127.0.0.1", "--port", str(port)),
    ]
    environment = os.environ | {"LANGSMITH_TRACING": "false", "PYTHONPATH": str(home)}
    log = (tmp_path_factory.mktemp("log") / "studio.log").open("w+")
    server = subprocess.Popen(
        command, cwd=home, env=environment, stdout=log, stderr=subprocess.STDOUT
    )
    try:
        _wait_until_ready(f"http://127.0.0.1:{port}/ok", server, log.name)
        yield f"http://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(timeout=20)
        log.close()


def _wait_until_ready(url: str, server: subprocess.Popen[bytes], log: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if server.poll() is not None:
            break
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    pytest.fail(f"langgraph dev did not start: {Path(log).read_text()[-3000:]}")


async def test_every_graph_of_langgraph_json_is_offered(studio: str) -> None:
    offered = {a["graph_id"] for a in await get_client(url=studio).assistants.search()}
    assert offered == set(json.loads((ROOT / "langgraph.json").read_text())["graphs"])


async def test_a_thread_reaches_an_outcome_through_studio(studio: str) -> None:
    client = get_client(url=studio)
    thread = (await client.threads.create())["thread_id"]
    turns = [[], ["Yes"], ["forty thousand"], ["Mumbai"]]
    for said in turns:
        messages = [{"role": "user", "content": text} for text in said]
        state = await asyncio.wait_for(
            client.runs.wait(thread, "eligibility", input={"messages": messages}), 60
        )
    assert state["outcome"] == "eligible"
    assert "preliminarily eligible" in state["messages"][-1]["content"]
    assert len(state["record"]) == len(turns)


async def test_studio_shows_a_form_for_the_settings_of_a_run(studio: str) -> None:
    client = get_client(url=studio)
    (assistant,) = await client.assistants.search(graph_id="eligibility")
    schemas = await client.assistants.get_schemas(assistant["assistant_id"])
    assert set(schemas["context_schema"]["properties"]) == {"rules", "languages"}


async def test_a_sales_conversation_is_held_through_studio(studio: str) -> None:
    client = get_client(url=studio)
    thread = (await client.threads.create())["thread_id"]
    for said in ([], ["How long is the free trial?"]):
        messages = [{"role": "user", "content": text} for text in said]
        state = await asyncio.wait_for(
            client.runs.wait(thread, "sdr", input={"messages": messages}), 60
        )
    assert "tried free for 14 days" in state["messages"][-1]["content"]
