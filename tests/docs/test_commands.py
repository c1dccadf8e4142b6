"""Every command in the README and in docs/ is run, against a server started as they say."""

import contextlib
import os
import re
import shlex
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

RING_MINE = '.venv/bin/dialgraph call --graph mine --say "Good morning"'
TRIED_ELSEWHERE = {
    "make run": "the server of this test is what it starts",
    "make test": "is what runs this test",
    "make studio": "tests/wire/test_studio.py drives the same server",
    ".venv/bin/dialgraph serve --graph mine=docs/examples/mine.py:graph": "as the server does here",
    ".venv/bin/dialgraph serve --port 7861": "tests/store/test_two_servers.py starts two",
    "make bench": "minutes of measuring; its figures are in docs/benchmarks.md",
    RING_MINE: "test_a_graph_of_ones_own_is_chatted_with_and_rung reads what it prints",
}


def commands() -> list[tuple[str, str]]:
    """Return (document, command) for each command in a bash block; continued lines are joined.

    A command that several pages show is tried once, as the first of them has it.
    """
    found: dict[str, str] = {}
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
                    found.setdefault(line.strip(), document.name)
    return [(document, command) for command, document in found.items()]


def named() -> list[str]:
    """Return what the pages about stocks name in their text, with its options."""
    found = [".venv/bin/dialgraph stocks backtest --data twenty --fill close"]
    for page in ("stocks.md", "market.md"):
        found += re.findall(r"`(python -m [^`]+)`", (ROOT / "docs" / page).read_text())
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
    own = [f"--graph={name}=docs/examples/{name}.py:graph" for name in ("mine", "clinic")]
    with serving(data, *own) as address:
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


@pytest.mark.parametrize("command", named())
def test_what_takes_minutes_is_there_and_has_the_options_that_are_named(command: str) -> None:
    """Its figures are in docs/benchmarks.md; here it only tells how it is used."""
    program, *given = command.replace(".venv/bin", str(BIN)).split(" --")
    program = program.replace("python ", f"{sys.executable} ", 1)
    told = subprocess.run(
        [*shlex.split(program), "--help"], cwd=ROOT, capture_output=True, text=True, timeout=110
    )
    assert told.returncode == 0, told.stderr
    assert all(f"--{option.split()[0]}" in told.stdout for option in given), told.stdout


def test_a_graph_of_ones_own_is_chatted_with_and_rung(server: tuple[str, Path]) -> None:
    address, _ = server
    answer = httpx.post(f"{address}/api/chat", json={"graph": "mine", "message": "hello"})
    assert answer.json()["reply"] == "You said: hello"
    rung = subprocess.run(
        [*shlex.split(RING_MINE.replace(".venv/bin", str(BIN))), "--server", address],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert rung.returncode == 0, rung.stdout + rung.stderr
    assert "You said: Good morning" in rung.stdout


def test_an_open_question_is_listed_and_answered_by_its_id(server: tuple[str, Path]) -> None:
    address, _ = server
    at = {"graph": "clinic", "thread_id": "program"}
    asked = httpx.post(f"{address}/api/chat", json=at | {"message": "Monday"}, timeout=30).json()
    assert asked["interrupt"]["kind"] == "yes_no"
    thread = httpx.get(f"{address}/api/threads/clinic/program").json()
    (question,) = thread["interrupts"]
    wrong = httpx.post(f"{address}/api/chat", json=at | {"resume": {"no such id": True}})
    assert wrong.status_code == 422
    resume = at | {"resume": {question["id"]: True}}
    done = httpx.post(f"{address}/api/chat", json=resume, timeout=30).json()
    assert (done["done"], done["interrupt"]) == (True, None)
    assert "Your number is four five six." in done["reply"]
