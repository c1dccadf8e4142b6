"""A run that dies anywhere is begun again, comes to its end, and pays for no answer twice."""

import asyncio
import functools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from graphs.stocks import graph as graph_module
from tests.stocks.language_models import Models, analyst, judges
from tests.stocks.running import begun, owner
from tests.wire.servers import served

NODES = ("listen", "collected", "weigh", "analyse", "agreed", "disposed", "brief")


class Died(Exception):
    """What a process is told here in place of being killed."""


@pytest.mark.parametrize("node", NODES)
async def test_a_run_that_failed_at_a_node_ends_when_it_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, node: str
) -> None:
    whole = getattr(graph_module, node)
    tasks = 2 if node == "analyse" else 1  # the last of them dies: what is on its way is asked anew
    done: list[str] = []

    @functools.wraps(whole)
    async def dying(*args: Any, **more: Any) -> Any:
        update = await whole(*args, **more)
        done.append(node)
        if len(done) == tasks:
            raise Died
        return update

    models = Models({"a": judges(62), "b": judges(58)})
    async with served(models.app) as url:
        analysts = [analyst("a", url), analyst("b", url)]
        with monkeypatch.context() as patched:
            patched.setattr(graph_module, node, dying)
            async with owner(tmp_path, stock_analysts=analysts) as someone:
                with pytest.raises(Died):
                    await someone.say("Analyse IBM")
        async with owner(tmp_path, stock_analysts=analysts) as someone:  # another process
            said = await someone.say("Hello?")
            assert "recorded prices" in said
            assert sorted(seen.model for seen in models.asked) == ["a", "b"]
            trading = await someone.desk.trading()
            assert len(await trading.spending.list()) == 2
            runs = [entry async for entry in trading.journal.entries("run")]
            assert [entry.body["run_id"] for entry in runs] == [someone.values["run_id"]]
            votes = [entry async for entry in trading.journal.entries("vote")]
            assert len(votes) == 8


CHILD = """
import asyncio, json, os, sys
from pathlib import Path
from tests.stocks.running import opened

async def main():
    async with opened(Path(sys.argv[1]), stock_analysts=json.loads(sys.argv[2])) as someone:
        print("ready", flush=True)
        print(await someone.say("Analyse IBM"), flush=True)

asyncio.run(main())
"""


async def test_a_process_that_is_killed_while_models_answer_pays_again_only_for_what_it_has_not(
    tmp_path: Path,
) -> None:
    shutil.copy(await begun() / "records.sqlite", tmp_path)
    models = Models({"quick": judges(62), "slow": judges(58)}, secs={"slow": 60})
    async with served(models.app) as url:
        analysts = [analyst("quick", url), analyst("slow", url)]
        command = [sys.executable, "-c", CHILD, str(tmp_path), json.dumps(analysts)]
        root = Path(__file__).parents[2]
        child = subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE)
        try:
            async with asyncio.timeout(90):
                while len(models.asked) < 2 or not await _kept(tmp_path):
                    await asyncio.sleep(0.1)
        finally:
            os.kill(child.pid, signal.SIGKILL)
            child.wait(10)
        models.secs.clear()
        async with owner(tmp_path, stock_analysts=analysts) as someone:
            await someone.threads.recover()
            assert "recorded prices" in await someone.say(None)  # the conversation is reopened
            asked = sorted(seen.model for seen in models.asked)
            assert asked == ["quick", "slow", "slow"]
            charges = await (await someone.desk.trading()).spending.list()
            unsettled = [one for one in charges if one.settled_at is None]
            assert [one.analyst for one in unsettled] == ["slow"]  # nobody knows: it counts


async def _kept(folder: Path) -> bool:
    """Whether an answer is written down."""

    def look() -> bool:
        with sqlite3.connect(folder / "records.sqlite", timeout=10) as records:
            return bool(records.execute("SELECT count(*) FROM analyses").fetchone()[0])

    return await asyncio.to_thread(look)
