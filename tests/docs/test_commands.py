"""Every command in the README and in docs/ is run, against a server started as they say."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

ROOT = Path(__file__).parent.parent.parent
BIN = Path(sys.executable).parent

TRIED_ELSEWHERE = {
    "make run": "the server of this test is what it starts",
    "make test": "is what runs this test",
    "make studio": "tests/wire/test_studio.py drives the same server",
    ".venv/bin/dialgraph serve --graph mine=path/to/file.py:graph": "the last test does, really",
    ".venv/bin/dialgraph serve --port 7861": "tests/store/test_two_servers.py starts two",
    "make bench": "minutes of measuring; its figures are in docs/benchmarks.md",
}


def commands() -> list[tuple[str, str]]:
    """Return (document, command) for each command in a bash block; continued lines are joined."""
    found = []
    for document in [
        ROOT / "README.md",
        ROOT / "CONTRIBUTING.md",
        *sorted((ROOT / "docs").glob("*.md")),
    ]:
        for block in re.findall(
            r"^```(?:bash|sh)\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE
        ):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.startswith("#"):
                    found.append((document.name, line.strip()))
    return found


@contextlib.contextmanager
def serving(data: Path, *options: str) -> Iterator[str]:
    """Run `dialgraph serve` on a free port and yield its address once it is ready."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"DIALGRAPH_DATA_DIR": str(data), "DIALGRAPH_PORT": str(port)}
    process = subprocess.Popen([BIN / "dialgraph", "serve", *options], cwd=ROOT, env=environment)
    address = f"http://127.0.0.1:{port}"
    try:
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline and process.poll() is None:
            try:
                if httpx.get(f"{address}/readyz", timeout=5).status_code == 200:
                    break
            except httpx.TransportError:
                time.sleep(0.2)
        else:
            pytest.fail(f"`dialgraph serve` did not become ready (exit code {process.poll()}).")
        yield address
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) in (0, -signal.SIGTERM), "the server did not end cleanly"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    data = tmp_path_factory.mktemp("data")
    with serving(data) as address:
        yield address, data


@pytest.mark.parametrize(("document", "command"), commands())
def test_a_command_of_the_documents_works(
    document: str, command: str, server: tuple[str, Path]
) -> None:
    if command in TRIED_ELSEWHERE:
        pytest.skip(TRIED_ELSEWHERE[command])
    address, data = server
    result = subprocess.run(  # noqa: S602 - the documents' own commands
        command.replace("http://127.0.0.1:7860", address).replace(".venv/bin/", f"{BIN}/"),
        shell=True,
        cwd=ROOT,
        env=os.environ
        | {
            "DIALGRAPH_DATA_DIR": str(data),
            "DIALGRAPH_PORT": address.rpartition(":")[2],
            "TMPDIR": str(data),
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    assert '"detail"' not in result.stdout


def test_a_graph_of_ones_own_is_served_from_its_file(tmp_path: Path) -> None:
    with serving(tmp_path, "--graph", "mine=tests/sample_graphs.py:parrot") as address:
        answer = httpx.post(f"{address}/api/chat", json={"graph": "mine", "message": "hello"})
    assert answer.json()["reply"].strip() == "You said: hello"
