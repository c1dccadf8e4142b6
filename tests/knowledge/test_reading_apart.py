"""A hostile file holds up neither the server nor those who come after it."""

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.knowledge.files import archive, pdf, word
from tools.documents.apart import Reader
from tools.documents.reading import Read, Unreadable

SLOW = (
    b"<html><style>"
    + b"* * * * * * * p { display: none } " * 500
    + b"</style>"
    + (b"<div>" * 150 + b"<p>x</p>" * 2000)
)
"""Minutes of looking for what is hidden."""
LARGE = archive(**{"word/document.xml": b"<w>" + b"<a>x</a>" * 12_000_000 + b"</w>"})
"""100 kB that are 96 MB, and gigabytes as a tree."""


@contextlib.asynccontextmanager
async def reader(secs: float = 30, memory_bytes: int = 600_000_000) -> AsyncIterator[Reader]:
    made = Reader(secs, memory_bytes)
    try:
        yield made
    finally:
        await made.close()


async def test_every_kind_is_read_as_before_one_after_the_other() -> None:
    async with reader() as made:
        texts = [
            await made.read(pdf("Refunds within"), "a.pdf"),
            await made.read(word(("Normal", "Nine to five.")), "b.docx"),
            await made.read(b"<title>C</title><body>Page.</body>", "c.html"),
            await made.read(b"# Text\n\nPlain.", "d.md"),
        ]
    assert [one.markdown for one in texts] == [
        "Refunds within", "Nine to five.", "Page.", "# Text\n\nPlain.",
    ]  # fmt: skip
    assert [one.title for one in texts] == [None, None, "C", "Text"]


async def test_why_a_document_cannot_be_read_is_told_as_before() -> None:
    async with reader() as made:
        with pytest.raises(Unreadable, match=r"a\.pdf is a damaged PDF"):
            await made.read(b"%PDF-1.4 broken", "a.pdf")
        with pytest.raises(Unreadable, match="PNG"):
            await made.read(b"\x89PNG", "a.pdf")


async def test_a_document_that_takes_too_long_is_given_up_and_the_next_is_read() -> None:
    async with reader(secs=3) as made:
        began = asyncio.get_running_loop().time()
        with pytest.raises(Unreadable, match=r"slow\.html takes more than 3 s"):
            await made.read(SLOW, "slow.html")
        assert asyncio.get_running_loop().time() - began < 10
        assert (await made.read(b"<html>Next.", "next.html")).markdown == "Next."


async def test_the_loop_runs_while_a_document_is_read() -> None:
    async with reader(secs=2) as made:
        reading = asyncio.create_task(made.read(SLOW, "slow.html"))
        turns = 0
        while not reading.done():
            await asyncio.sleep(0.01)
            turns += 1
        assert isinstance(reading.exception(), Unreadable)
    assert turns > 50


async def test_a_document_that_takes_too_much_memory_is_given_up_and_the_next_is_read() -> None:
    async with reader() as made:
        with pytest.raises(Unreadable, match=r"large\.docx"):
            await made.read(LARGE, "large.docx")
        assert (await made.read(b"<html>Next.", "next.html")).markdown == "Next."


async def test_a_process_that_dies_is_started_anew() -> None:
    async with reader() as made:
        await made.read(b"<html>One.", "a.html")
        assert made._process
        os.kill(made._process.pid, 9)
        await made._process.wait()
        assert (await made.read(b"<html>Two.", "b.html")).markdown == "Two."


async def test_many_at_once_are_read_and_one_that_is_cancelled_disturbs_nobody() -> None:
    async with reader() as made:
        several = [
            asyncio.create_task(made.read(f"<html>Page {n}.".encode(), f"{n}.html"))
            for n in range(8)
        ]
        await asyncio.sleep(0.05)
        several[0].cancel()
        found = await asyncio.gather(*several, return_exceptions=True)
    texts = [one.markdown for one in found if isinstance(one, Read)]
    assert texts == [f"Page {n}." for n in range(8 - len(texts), 8)] and len(texts) >= 7


async def test_the_process_ends_with_its_reader(tmp_path: Path) -> None:
    async with reader() as made:
        await made.read(b"<html>One.", "a.html")
        process = made._process
    assert process and process.returncode is not None
