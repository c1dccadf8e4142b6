"""The journal of effects: each thing happens once."""

import asyncio
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from store.database import open_database
from store.effects import Effect, EffectNotOpen, Effects

CLAIM = """
import asyncio, sys
from pathlib import Path
from store.database import open_database
from store.effects import Effects

async def main(folder, url):
    async with open_database(Path(folder), url or None) as engine:
        effects = Effects(engine)
        what = dict(graph="stocks", thread_id="a", turn_id="1", tool="buy", arguments={})
        answers = await asyncio.gather(*(effects.begin(f"order {n}", **what) for n in range(20)))
        print(sum(answer == "begun" for answer in answers))

asyncio.run(main(*sys.argv[1:]))
"""


@pytest.fixture
async def effects(data_dir: Path, database_url: str | None) -> AsyncIterator[Effects]:
    async with open_database(data_dir, database_url) as engine:
        yield Effects(engine)


async def begin(effects: Effects, key: str = "k", **others: Any) -> Any:
    what = {"graph": "stocks", "thread_id": "asha", "turn_id": "1", "tool": "buy"}
    return await effects.begin(key, **({**what, "arguments": {"shares": 3}} | others))


async def test_one_of_many_begins(effects: Effects) -> None:
    answers = await asyncio.gather(*(begin(effects) for _ in range(20)))
    assert answers.count("begun") == 1
    others = [answer for answer in answers if answer != "begun"]
    assert {(other.key, other.tool, other.finished_at) for other in others} == {("k", "buy", None)}


async def test_one_of_many_processes_begins(
    effects: Effects, data_dir: Path, database_url: str | None
) -> None:
    arguments = (data_dir, database_url or "")
    processes = [
        await asyncio.create_subprocess_exec(sys.executable, "-c", CLAIM, *arguments, stdout=PIPE)
        for _ in range(3)
    ]
    begun = [int((await process.communicate())[0]) for process in processes]
    assert sum(begun) == 20
    assert len(await effects.of_thread("stocks", "a")) == 20


async def test_who_comes_later_reads_the_result(effects: Effects) -> None:
    await begin(effects)
    await effects.finish("k", {"order": "o-1", "filled": [1, 2.5, None]})
    again = await begin(effects)
    assert isinstance(again, Effect)
    assert again.result == {"order": "o-1", "filled": [1, 2.5, None]}
    assert again.error is None
    assert again.arguments == {"shares": 3}
    assert again.finished_at and again.finished_at >= again.began_at


async def test_a_result_of_none_is_a_result(effects: Effects) -> None:
    await begin(effects)
    await effects.finish("k", None)
    again = await effects.get("k")
    assert again and again.finished_at and again.result is None


async def test_a_failure_is_written_down(effects: Effects) -> None:
    await begin(effects)
    await effects.fail("k", "The market is closed.")
    again = await begin(effects)
    assert (again.error, again.result) == ("The market is closed.", None)


async def test_an_outcome_is_written_once(effects: Effects) -> None:
    await begin(effects)
    await effects.finish("k", 1)
    with pytest.raises(EffectNotOpen):
        await effects.finish("k", 2)
    with pytest.raises(EffectNotOpen):
        await effects.fail("k", "late")
    with pytest.raises(EffectNotOpen):
        await effects.finish("never begun", 1)
    kept = await effects.get("k")
    assert kept and (kept.result, kept.error) == (1, None)


async def test_what_is_not_on_its_thread_is_found_the_oldest_first(effects: Effects) -> None:
    await begin(effects, "first")
    await begin(effects, "second", turn_id="another")
    await begin(effects, "third")
    await effects.finish("first", None)
    await effects.settle("stocks", "asha", "another")
    assert [effect.key for effect in await effects.unsettled()] == ["first", "third"]


async def test_a_thread_has_its_own_effects_in_order(effects: Effects) -> None:
    await begin(effects, "1")
    await begin(effects, "2", thread_id="ravi")
    await begin(effects, "3", graph="sdr")
    await begin(effects, "4")
    assert [effect.key for effect in await effects.of_thread("stocks", "asha")] == ["1", "4"]
    await effects.delete_of_thread("stocks", "asha")
    assert [effect.key for effect in await effects.unsettled()] == ["2", "3"]
