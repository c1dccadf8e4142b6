"""Workers of two processes share what is due: neither waits for what the other does."""

import asyncio
import time
from pathlib import Path

import pytest

from server.jobs import workers
from server.jobs.work import Done, Outcome, Work
from server.jobs.workers import Workers
from store.database import open_database
from store.jobs import Job, Jobs
from store.locks import open_locks


async def test_a_free_process_does_what_is_due_behind_all_that_a_busy_one_does(
    data_dir: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the other does was asked for again and again, and nothing behind it was ever seen."""
    monkeypatch.setattr(workers, "AT_ONCE", 3)
    over, begun = asyncio.Event(), list[str]()

    async def slow(job: Job) -> Outcome:
        begun.append(job.key)
        await over.wait()
        return Done()

    async def quick(_job: Job) -> Outcome:
        return Done()

    kinds = {"slow": Work(slow), "quick": Work(quick)}
    async with (
        open_database(data_dir, database_url) as engine,
        open_locks(data_dir, database_url) as here,
        open_locks(data_dir, database_url) as there,
    ):
        jobs, others = Jobs(engine), Jobs(engine)
        for number in range(3):
            await jobs.put("slow", f"slow{number}", {})
        async with Workers(jobs, here, kinds).open():
            while len(begun) < 3:
                await asyncio.sleep(0.01)
            async with Workers(others, there, kinds).open():
                await jobs.put("quick", "quick", {})
                asked = time.monotonic()
                while (await jobs.get("quick")).state != "done":  # type: ignore[union-attr]
                    assert time.monotonic() - asked < 3
                    await asyncio.sleep(0.05)
                over.set()
                while (await jobs.counts()).get(("slow", "done")) != 3:
                    await asyncio.sleep(0.01)
    assert len(begun) == 3, "none of them is begun twice"
