"""How long it takes to start: from the process to `/readyz`, and the commands that only answer.

python -m benchmarks.start

The peer is a process that does nothing but import the frameworks that the server stands on.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import httpx

TARGET_SECS = 6.0
CLI = "from server.cli import app; app()"
FRAMEWORKS = (
    "import gradio, langgraph.graph, faster_whisper, onnxruntime, pipecat.pipeline.pipeline"
)
LONGEST_SECS = 120.0


def run(code: str, *arguments: str) -> float:
    """Seconds a Python process takes from its start to its end."""
    began = time.perf_counter()
    subprocess.run(  # noqa: S603 - our own code
        [sys.executable, "-c", code, *arguments], check=True, stdout=subprocess.DEVNULL
    )
    return time.perf_counter() - began


def serve() -> float:
    """Seconds from the start of `dialgraph serve` until it is ready for work."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        process = subprocess.Popen(  # noqa: S603 - our own code
            [sys.executable, "-u", "-c", CLI, "serve", "--host", "127.0.0.1", "--port", "0"],
            stdout=subprocess.PIPE,
            text=True,
            env=os.environ | {"DIALGRAPH_DATA_DIR": str(Path(folder) / "data")},
        )
        try:
            address = _address(process)
            while httpx.get(f"{address}/readyz").status_code != 200:
                if time.perf_counter() - began > LONGEST_SECS:
                    raise TimeoutError(f"The server was not ready in {LONGEST_SECS:g} s.")
                time.sleep(0.02)
            return time.perf_counter() - began
        finally:
            process.terminate()
            process.wait()


def _address(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    for line in process.stdout:
        if "http://" in line:
            return line[line.index("http://") :].strip()
    raise RuntimeError("The server ended before it was ready.")


def main() -> None:
    """Measure turn about, print medians, and the ratio to the peer."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=3)
    rounds = options.parse_args().rounds
    measures: dict[str, Callable[[], float]] = {
        "importing the frameworks": lambda: run(FRAMEWORKS),
        "dialgraph serve, ready": serve,
        "dialgraph --help": lambda: run(CLI, "--help"),
        "dialgraph eligibility --help": lambda: run(CLI, "eligibility", "--help"),
    }
    taken: dict[str, list[float]] = {what: [] for what in measures}
    for _ in range(rounds):
        for what, measure in measures.items():
            taken[what].append(measure())
    peer = statistics.median(taken["importing the frameworks"])
    for what, seconds in taken.items():
        median = statistics.median(seconds)
        target = f"  target: under {TARGET_SECS:g} s" if "ready" in what else ""
        print(f"{what:30} {median:6.2f} s {median / peer:6.2f} x{target}")
    print(f"medians of {rounds}; load of the machine {os.getloadavg()[0]:.1f}")


if __name__ == "__main__":
    main()
