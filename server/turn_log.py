"""The log of turns: a line of JSON for each, of who held it, how long it took, what it cost.

No word that was said is in it, and no number: a call is named by its sid. The file grows to 10 MB,
five of which are kept.
"""

import contextlib
import json
import logging
import re
from collections.abc import Iterable, Iterator
from copy import copy
from decimal import Decimal
from logging.handlers import QueueHandler, QueueListener, RotatingFileHandler
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Final, cast

from settings import Settings
from store.calls import Call, TurnLatency
from store.private import private_file, private_folder
from voice.record import TURNS

FILE: Final = "turns.jsonl"
BYTES: Final = 10_000_000
FILES: Final = 5


def turn_line(call: Call, turn: TurnLatency | None, secs: float, settings: Settings) -> str:
    """Return the line of a turn; of the whole call where there is no turn.

    Args:
        call: the call, of which nothing that was said is told.
        turn: where the time of its answer went.
        secs: since the turn before; of a call, all of it.
        settings: providers, and prices of a minute by part.
    """
    agent = call.opening.get("agent")
    agent = agent if isinstance(agent, dict) else {}
    parts = {
        "carrier": call.carrier,
        "stt": settings.stt,
        "llm": str((agent.get("llm") or {}).get("provider") or settings.llm),
        "tts": settings.tts,
    }
    if call.carrier == "text":
        parts = {"llm": parts["llm"]}
    prices = settings.prices_per_minute
    priced = [Decimal(prices[part]) for part in parts if part in prices]
    cost = Decimal(str(round(secs, 3))) / 60 * sum(priced, Decimal(0)) if priced else None
    line: dict[str, Any] = {
        "call": call.sid,
        "graph": call.graph,
        "agent": call.agent_id,
        "organisation": agent.get("organisation"),
        "direction": call.direction,
        "parts": parts,
        "secs": round(secs, 3),
        "cost": None if cost is None else str(round(cost, 6)),
    }
    if turn is None:
        line |= {"turns": len(call.latency), "status": call.status, "outcome": call.outcome}
    else:
        line |= turn.model_dump(mode="json", exclude={"parts"})
        line["stages"] = {part.stage: round(part.ms, 1) for part in turn.parts}
    return json.dumps(line, ensure_ascii=False)


@contextlib.contextmanager
def keep_turn_log(settings: Settings) -> Iterator[None]:
    """Write the log of turns while the context lasts, on a thread of its own."""
    file = private_file(private_folder(settings.data_dir) / FILE)
    writes = RotatingFileHandler(file, maxBytes=BYTES, backupCount=FILES - 1, encoding="utf-8")
    queue: SimpleQueue[Any] = SimpleQueue()
    takes, listener = _Takes(queue, settings), QueueListener(queue, writes)
    TURNS.addHandler(takes)
    TURNS.setLevel(logging.INFO)
    TURNS.propagate = False
    listener.start()
    try:
        yield
    finally:
        TURNS.removeHandler(takes)
        listener.stop()
        writes.close()


def forget_calls(folder: Path, sids: Iterable[str]) -> None:
    """Write over the sids of calls that are deleted, in the log and in what was moved aside.

    Each is replaced in place by as many dots, so that a server may write on meanwhile, and what
    was measured stays without saying of whom.
    """
    names = [json.dumps(sid).encode() for sid in sids]
    for file in sorted(folder.glob(f"{FILE}*")) if names else ():
        with file.open("r+b") as kept:
            text = kept.read()
            for name in names:
                for found in re.finditer(re.escape(name), text):
                    kept.seek(found.start() + 1)
                    kept.write(b"." * (len(name) - 2))


class _Takes(QueueHandler):
    """Makes the line at once, for the call goes on; somebody else writes it."""

    def __init__(self, queue: Any, settings: Settings) -> None:
        super().__init__(queue)
        self._settings = settings

    def prepare(self, record: logging.LogRecord) -> logging.LogRecord:
        """Return the record with the line as its message."""
        given: Any = copy(record)  # other handlers are given the same one
        given.msg = turn_line(given.call, given.turn, given.secs, self._settings)
        given.args = given.call = given.turn = None
        return cast(logging.LogRecord, given)
