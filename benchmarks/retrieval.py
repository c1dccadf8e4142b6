"""How long a search takes in 100,000 chunks, beside BM25 alone and FAISS alone.

Run `python -m benchmarks.retrieval`; `--keep FOLDER` keeps the documents with their vectors there,
goes on where a run was stopped, and leaves the next one only the index to make. The text is made:
words as often as in language (Zipf), from 60,000 words: those of the documents of this project,
then the embedding model's own, then made ones; questions are eight words of a chunk. Everything
goes the way of a call: database, index, weighing. Meanwhile a task that wants to run each
millisecond tells how late the loop lets it run.
"""

import argparse
import asyncio
import contextlib
import random
import resource
import statistics
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from settings import Settings
from store.database import open_database
from store.knowledge import Document
from tools.knowledge import Knowledge, open_knowledge
from tools.knowledge.chunking import Piece, chunks_of
from tools.knowledge.embeddings import _wordllama
from tools.knowledge.index import Index
from tools.knowledge.words import spoken_words
from tools.outside import Outside

DOCS = Path(__file__).parent.parent / "docs"
WORDS, PER_DOCUMENT, PER_CHUNK = 60_000, 100, 75
AT = datetime(2026, 11, 21, tzinfo=UTC)


def vocabulary(chance: random.Random) -> list[str]:
    """The words, the commonest first."""
    text = " ".join(path.read_text() for path in sorted(DOCS.glob("*.md")))
    counts: dict[str, int] = {}
    for word in spoken_words(text):
        counts[word] = counts.get(word, 0) + 1
    real = sorted(counts, key=lambda word: -counts[word])
    tokens = _wordllama().tokenizer.get_vocab()
    common = [token[1:] for token in sorted(tokens, key=tokens.__getitem__) if token[0] == "\u2581"]
    common = [word for word in common if len(word) > 2 and word.isascii() and word.isalpha()]
    parts = [a + b for a in "bdfgklmnprst" for b in "aeiou"]
    made = {"".join(chance.choices(parts, k=chance.randint(2, 4))) for _ in range(WORDS)}
    return list(dict.fromkeys([*real, *common, *sorted(made)]))[:WORDS]


def texts(count: int, chance: random.Random) -> list[str]:
    """Chunks of 500 characters or so."""
    known = vocabulary(chance)
    weights = 1 / (np.arange(len(known)) + 2.7)
    generator = np.random.default_rng(chance.getrandbits(32))
    drawn = generator.choice(
        len(known), size=(count, PER_CHUNK), p=weights / weights.sum(), replace=True
    )
    return [_sentences([known[at] for at in row]) for row in drawn.tolist()]


def _sentences(words: list[str]) -> str:
    parts = (words[at : at + 12] for at in range(0, len(words), 12))
    return " ".join(" ".join(part).capitalize() + "." for part in parts)


@contextlib.asynccontextmanager
async def loop_lag() -> AsyncIterator[list[float]]:
    """Milliseconds by which the event loop was late, each millisecond."""
    lags: list[float] = []

    async def watch() -> None:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            lags.append((time.perf_counter() - began) * 1000 - 1)

    task = asyncio.create_task(watch())
    try:
        yield lags
    finally:
        task.cancel()


def resident_mb() -> float:
    """Memory of this process now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def size_mb(folder: Path) -> float:
    """What the records take."""
    return sum(path.stat().st_size for path in folder.glob("records.sqlite*")) / 1e6


def percentile(values: list[float], share: float) -> str:
    return f"{sorted(values)[min(len(values) - 1, int(share * len(values)))]:.2f}"


async def fill(knowledge: Knowledge, chunks: list[str], first: int = 0) -> float:
    """Put the chunks into the database, from a document on, and embed them; returns the seconds."""
    began = time.perf_counter()
    for number, at in enumerate(range(0, len(chunks), PER_DOCUMENT), first):
        part, name = chunks[at : at + PER_DOCUMENT], f"document {number}"
        document = Document(
            id=f"doc_{number}",
            organisation="big",
            origin="ingest",
            source=name,
            name=name,
            kind="file",
            size_bytes=sum(map(len, part)),
            digest="",
            created_at=AT,
            updated_at=AT,
        )
        pieces = [Piece((), text) for text in part]
        await knowledge.store.put(document, "", chunks_of(document.id, pieces))
    await knowledge.embed_pending("big")
    return time.perf_counter() - began


def timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) * 1000


async def measure(count: int, asked: int, folder: Path) -> None:
    chance, console = random.Random(7), Console()  # noqa: S311
    chunks = texts(count, chance)
    questions = [
        " ".join(chance.choices(spoken_words(chance.choice(chunks)), k=8)) for _ in range(2 * asked)
    ]
    settings = Settings(data_dir=folder)
    async with (
        open_database(settings.data_dir) as engine,
        Outside() as outside,
        open_knowledge(settings, engine, outside) as knowledge,
    ):
        async with loop_lag() as filling:
            there = await knowledge.documents("big")
            filled = await fill(knowledge, chunks[len(there) * PER_DOCUMENT :], len(there))
        stored = await asyncio.to_thread(size_mb, folder)
        del chunks
        before, began = resident_mb(), time.perf_counter()
        async with loop_lag() as building:
            await knowledge.search("big", questions[0])
        built, memory = time.perf_counter() - began, resident_mb() - before
        ready = await knowledge._ready("big")
        index: Index = ready.index
        for question in questions[asked:]:
            await knowledge.search("big", question)  # words and pages come into memory
        times: dict[str, list[float]] = {"search": [], "narrowed": [], "bm25": [], "faiss": []}
        some = [f"doc_{number}" for number in range(0, count // PER_DOCUMENT, 10)]
        async with loop_lag() as searching:
            used = time.process_time()
            for question in questions[:asked]:
                found = await knowledge.search("big", question)
                times["search"].append(found.latency_secs * 1000)
            used = (time.process_time() - used) / asked * 1000
        for question in questions[:asked]:
            found = await knowledge.search("big", question, documents=some)
            times["narrowed"].append(found.latency_secs * 1000)
            vector = await knowledge._vector(question)
            assert vector is not None
            times["bm25"].append(timed(lambda q=question: index.by_words(q)))  # type: ignore[misc]
            times["faiss"].append(timed(lambda v=vector: index.by_vector(v)))  # type: ignore[misc]
    table = Table(title=f"{count:,} chunks, {asked} questions", title_justify="left")
    for column in ("", "p50 ms", "p95 ms", "p99 ms"):
        table.add_column(column, justify="left" if not column else "right")
    names = {
        "search": "search, as a call does it",
        "narrowed": "search in a tenth of the documents",
        "bm25": "BM25 alone (bm25s)",
        "faiss": "vectors alone (FAISS)",
    }
    for name, values in times.items():
        table.add_row(names[name], *(percentile(values, share) for share in (0.5, 0.95, 0.99)))
    console.print(table)
    console.print(
        f"A search takes {used:.1f} ms of processor time, all threads and the watch over the loop "
        f"included. Written and embedded in {filled:.0f} s, {stored:.0f} MB stored "
        f"({stored / count * 1000:.2f} kB a chunk); index made from the database, and calibrated, "
        f"in {built:.1f} s; it takes {memory:.0f} MB ({memory / count * 1000:.2f} kB a chunk)."
    )
    late = {"writing": filling, "making the index": building, "searching": searching}
    for name, lags in late.items():
        console.print(
            f"Event loop late while {name}: p50 {statistics.median(lags):.2f} ms, p99 "
            f"{percentile(lags, 0.99)} ms, at most {max(lags):.1f} ms."
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--chunks", type=int, default=100_000)
    parser.add_argument("--questions", type=int, default=300)
    parser.add_argument("--keep", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        kept = given.keep / f"chunks-{given.chunks}" if given.keep else Path(made)
        asyncio.run(measure(given.chunks, given.questions, kept))
