"""Every command in the README and in docs/ is run, against a server started as they say."""

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
            r"^```bash\n(.*?)^```", document.read_text(), re.DOTALL | re.MULTILINE
        ):
            for line in block.replace("\\\n", " ").splitlines():
                if line.strip() and not line.startswith("#"):
                    found.append((document.name, line.strip()))
    return found


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = tmp_path_factory.mktemp("data")
    environment = os.environ | {"DIALGRAPH_DATA_DIR": str(data), "DIALGRAPH_PORT": str(port)}
    process = subprocess.Popen(
        [BIN / "dialgraph", "serve"], cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True
    )
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
        yield address, data
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0, "the server did not end cleanly"


@pytest.mark.parametrize(("document", "command"), commands())
def test_a_command_of_the_documents_works(
    document: str, command: str, server: tuple[str, Path], tmp_path: Path
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
            "TMPDIR": str(tmp_path),
        },
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert result.returncode == 0, f"{command}\n{result.stdout}\n{result.stderr}"
    assert '"detail"' not in result.stdout
