"""How long a turn of the sales conversation takes without a model, and the check of a sentence.

Run `python -m benchmarks.sdr`. A turn is a whole durable run on SQLite, from the words to the
checkpoint. Each sentence that is checked is new, so that no cache helps; it is measured in
processor time, for it is shorter than a time slice of a busy machine.
"""

import asyncio
import statistics
import tempfile
import time
from pathlib import Path

from langchain_core.messages import HumanMessage
from rich.console import Console
from rich.table import Table

from graphs.sdr.graph import build
from graphs.sdr.grounding import Evidence, Guard, clean
from graphs.threads import Threads
from settings import Settings
from store.database import open_checkpointer, open_database
from tools.desk import open_desk
from tools.organisation import SHIPPED

SAID = {
    "a question that is looked up": "How long is the free trial?",
    "a fact": "We are {n} people",
    "a price that is computed": "How much is the Team plan for {n} people?",
    "a request": "are you a robot?",
}
ROUNDS = 60
SENTENCES = 2_000


def row(name: str, secs: list[float]) -> tuple[str, str, str]:
    """Return a line of the table, in milliseconds."""
    cuts = statistics.quantiles(secs, n=100)
    return name, f"{1e3 * statistics.median(secs):.2f}", f"{1e3 * cuts[98]:.2f}"


async def turns() -> list[tuple[str, str, str]]:
    found = []
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(_env_file=None, data_dir=Path(folder))
        async with (
            open_database(settings.data_dir, None) as engine,
            open_checkpointer(settings.data_dir, None) as saver,
            open_desk(settings, engine) as desk,
        ):
            threads = Threads({"sdr": build()}, saver, configurable={"desk": desk})
            for name, text in SAID.items():
                secs = []
                for n in range(ROUNDS + 5):
                    thread = f"{name}{n}"
                    for said in (None, HumanMessage(text.format(n=n + 3))):
                        began = time.perf_counter()
                        async for _ in threads.turn("sdr", thread, said):
                            pass
                        took = time.perf_counter() - began
                    secs.append(took)
                found.append(row(name, secs[5:]))
    return found


def checks() -> tuple[str, str, str]:
    files = sorted((SHIPPED / "lanternfield" / "documents").glob("*.md"))
    texts = [file.read_text(encoding="utf-8") for file in files]
    evidence = Evidence(subjects=("starter", "team", "business"))
    for text in texts:
        evidence.add(text, "passage")
    lines = [line.text for text in texts for line in clean(text)]
    guard, secs = Guard(evidence, asked="What does the Team plan cost?"), []
    for n in range(SENTENCES):
        sentence = f"{lines[n % len(lines)]} {n} users."
        began = time.thread_time()
        guard.check(sentence)
        secs.append(time.thread_time() - began)
    return row("the check of a sentence", secs)


def main() -> None:
    table = Table("", "p50 ms", "p99 ms")
    for line in [*asyncio.run(turns()), checks()]:
        table.add_row(*line)
    Console().print(table)


if __name__ == "__main__":
    main()
