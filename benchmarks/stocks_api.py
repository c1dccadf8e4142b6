"""How long the API of stocks takes, on recorded data: `python -m benchmarks.stocks_api`.

A real server on loopback with its local exchange; each figure is of requests one after the other.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import httpx

from settings import Settings
from tests.wire.api_server import serving

TARGETS = {"analysis": 10.0, "portfolio": 5.0, "scan": 60.0, "trade": 3.0}
"""Seconds, row T11."""


def main() -> None:
    """Measure, print the table, and fail where a target is missed."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--times", type=int, default=10)
    times = arguments.parse_args().times
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            _env_file=None, data_dir=Path(folder), stock_limits={"cooldown_days": 0}
        )
        with (
            serving(settings) as server,
            httpx.Client(base_url=server.address, timeout=120) as http,
        ):
            rows = {
                "analysis": lambda: _analysis(http),
                "portfolio": lambda: http.get("/api/portfolio/positions").raise_for_status(),
                "scan": lambda: _scan(http),
                "trade": lambda: _trade(http),
            }
            missed = [name for name, act in rows.items() if not _told(name, act, times)]
    if missed:
        raise SystemExit(f"Over its target: {', '.join(missed)}.")


def _told(name: str, act: Callable[[], object], times: int) -> bool:
    first, *others = (_secs(act) for _ in range(times))
    median, most = statistics.median(others), max(others)
    print(  # noqa: T201
        f"| {name} | first {first:.2f} s | then p50 {median:.2f} s | most {most:.2f} s "
        f"| target {TARGETS[name]:g} s |"
    )
    return max(first, most) < TARGETS[name]


def _secs(act: Callable[[], object]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


def _analysis(http: httpx.Client) -> None:
    run = http.post("/api/ai-analysis?wait_secs=30", json={}).raise_for_status().json()
    while run["state"] == "running":
        time.sleep(0.1)
        run = http.get(f"/api/ai-analysis/{run['run_id']}").raise_for_status().json()
    assert run["state"] == "done", run["problem"]  # noqa: S101


def _scan(http: httpx.Client) -> None:
    http.get("/api/alpha-discovery").raise_for_status()
    http.get("/api/catalyst-discovery").raise_for_status()


def _trade(http: httpx.Client) -> None:
    """Ask for an order, approve it, and wait until it is carried out."""
    order = {"symbol": "IBM", "action": "buy_more", "amount_usd": "300"}
    key = {"Idempotency-Key": uuid4().hex}
    asked = http.post("/api/trades/execute", json=order, headers=key).raise_for_status().json()
    approval = asked["approval"]["id"]
    code = http.post(f"/api/approvals/{approval}/code").raise_for_status().json()["code"]
    body = {"approval_id": approval, "code": code}
    done = http.post("/api/trades/execute", json=body).raise_for_status().json()
    assert done["orders"][0]["intent"]["state"] == "filled", done  # noqa: S101


if __name__ == "__main__":
    main()
