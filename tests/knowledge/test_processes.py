"""Ingesting through `kill -9`, and two processes at once."""

import asyncio
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from settings import Settings
from tests.knowledge.conftest import opened
from tools.knowledge import Knowledge
from tools.knowledge.folders import files_in, ingest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "papers"
    folder.mkdir()
    for at in range(6):
        text = f"# Paper {at}\n\n" + "\n\n".join(f"Fact {at}.{line} holds." for line in range(40))
        (folder / f"paper {at}.md").write_text(text)
    return folder


async def outcomes(knowledge: Knowledge, folder: Path) -> Counter[str]:
    files = files_in(folder)
    return Counter(
        [done.outcome async for done in ingest(knowledge, "acme", files, folder, "ingest")]
    )


async def contents(knowledge: Knowledge) -> dict[str, list[tuple[int, str]]]:
    return {
        document.source: [
            (chunk.position, chunk.text) for chunk in await knowledge.chunks("acme", document.id)
        ]
        for document in await knowledge.documents("acme")
    }


@pytest.mark.parametrize("point", ["put", "set_vectors", "touch"])
async def test_ingesting_goes_on_after_a_kill_and_nothing_is_lost_or_doubled(
    settings: Settings, tmp_path: Path, folder: Path, point: str
) -> None:
    command = [sys.executable, "-m", "tests.knowledge.crash", str(folder), point]
    environment = os.environ | {"DIALGRAPH_DATA_DIR": str(settings.data_dir)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert await asyncio.to_thread(process.stdout.readline) == b"stopped\n"
        process.kill()
    async with opened(settings) as knowledge:
        assert len(await knowledge.documents("acme")) == (2 if point == "put" else 3)
        again = await outcomes(knowledge, folder)
        assert again["added"] == (4 if point == "put" else 3)
        await knowledge.embed_pending("acme")
        assert await knowledge.store.waiting("acme", knowledge.embedder.model) == 0
        async with opened(settings, tmp_path / "clean") as clean:
            await outcomes(clean, folder)
            assert await contents(knowledge) == await contents(clean)
        found = await knowledge.search("acme", "Fact 2.7 holds", limit=1)
        assert "Fact 2.7 holds." in found.passages[0].text
        assert await outcomes(knowledge, folder) == {"unchanged": 6}


async def test_two_that_ingest_at_once_leave_the_same_as_one(
    settings: Settings, tmp_path: Path, folder: Path, database_url: str | None
) -> None:
    async with (
        opened(settings, tmp_path / "a", database_url) as one,
        opened(settings, tmp_path / "a", database_url) as other,
        opened(settings, tmp_path / "clean") as clean,
    ):
        await asyncio.gather(outcomes(one, folder), outcomes(other, folder))
        await outcomes(clean, folder)
        assert await contents(one) == await contents(clean)
        assert await one.store.waiting("acme", one.embedder.model) == 0


async def test_what_is_deleted_is_not_found_while_the_index_is_made_anew(
    settings: Settings, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.knowledge.knowledge.FRESH_SECS", 0.0)
    async with opened(settings) as one, opened(settings) as other:
        await outcomes(one, folder)
        asked = "Fact 2.7 holds"
        first = (await other.search("acme", asked, limit=1)).passages[0]
        assert await one.delete("acme", first.document_id)
        found = await other.search("acme", asked, limit=20)
        assert first.document_id not in {passage.document_id for passage in found.passages}
        assert found.passages
