"""What is kept about somebody: read out, or deleted everywhere, on request."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from graphs.threads import Threads
from server.turn_log import forget_calls
from settings import Settings
from store.checkpoints import Checkpoints
from store.database import Database, open_checkpointer, open_database
from store.effects import Effects
from store.erasing import about, compact, erase
from store.locks import open_locks
from tools.conversation import e164
from voice.flight import flight_files


@dataclass(frozen=True, slots=True)
class Kept:
    """Where everything is kept, opened."""

    settings: Settings
    engine: Database
    checkpoints: Checkpoints
    threads: Threads


@contextlib.asynccontextmanager
async def open_kept(settings: Settings) -> AsyncGenerator[Kept]:
    """Open what is kept, beside a server or without one."""
    at = (settings.data_dir, settings.postgres)
    async with (
        open_database(*at) as engine,
        open_checkpointer(*at) as checkpoints,
        open_locks(*at) as locks,
    ):
        threads = Threads({}, checkpoints, locks=locks, journal=Effects(engine))
        yield Kept(settings, engine, checkpoints, threads)


async def export(kept: Kept, whom: str) -> dict[str, Any]:
    """Return everything kept about a number, or of the call of a sid.

    Returns:
        The rows by table, what is on the threads by graph and thread, and names of files.
    """
    rows = await about(kept.engine, [_whom(whom)])
    threads = {}
    for graph, thread_id in _threads(rows):
        config: Any = {"configurable": {"thread_id": f"{graph}:{thread_id}"}}
        found = await kept.checkpoints.aget_tuple(config)
        if found:
            values = found.checkpoint["channel_values"]
            threads[f"{graph}:{thread_id}"] = {name: repr(value) for name, value in values.items()}
    files = [file.name for file in _files(kept.settings, rows)]
    return {"of": _whom(whom), "records": rows, "threads": threads, "files": files}


async def forget(kept: Kept, whom: str) -> dict[str, int]:
    """Delete everything kept about a number, or of the call of a sid, and write the files anew.

    What stays is the number on a list of those not to be called, if it is on one: without it
    somebody would call again.

    Returns:
        How much was deleted, by table; `threads` and `files` besides.
    """
    rows = await about(kept.engine, [_whom(whom)])
    threads, files = _threads(rows), _files(kept.settings, rows)
    for graph, thread_id in threads:
        await kept.threads.delete(graph, thread_id)
    for file in files:
        await asyncio.to_thread(file.unlink, missing_ok=True)
    sids = [str(call["sid"]) for call in rows.get("calls", [])]
    await asyncio.to_thread(forget_calls, kept.settings.data_dir, sids)
    counts = await erase(kept.engine, [_whom(whom)])
    await compact(kept.engine)
    await kept.checkpoints.compact()
    return counts | {"threads": len(threads), "files": len(files)}


def _whom(whom: str) -> str:
    return e164(whom) or whom


def _threads(rows: dict[str, list[dict[str, Any]]]) -> list[tuple[str, str]]:
    named = [*rows.get("calls", []), *rows.get("effects", []), *rows.get("dials", [])]
    # text messages, and calls turn by turn, name theirs in what was given and answered
    carried = [{**row["given"], **(row["result"] or {})} for row in rows.get("carrier_turns", [])]
    named += [row for row in carried if row.get("graph") and row.get("thread_id")]
    return sorted({(row["graph"], row["thread_id"]) for row in named})


def _files(settings: Settings, rows: dict[str, Collection[Any]] | dict[str, Any]) -> list[Path]:
    folder, found = settings.data_dir / "recordings", []
    for call in rows.get("calls", []):
        found += [folder / call["recording"]] if call["recording"] else []
        found += flight_files(folder, call["sid"])
        found.append(settings.data_dir / "lab" / f"{call['sid']}.wav")
    return [file for file in found if file.is_file()]
