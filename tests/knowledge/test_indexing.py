"""What is embedded when, by which model, and what happens when the model is out of reach."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from store.knowledge import Chunk
from tests.knowledge.conftest import opened
from tests.knowledge.counting import Counting, counting
from tools.knowledge import Knowledge
from tools.knowledge.embeddings import EmbeddingsNotConfigured, open_embedder
from tools.knowledge.folders import files_in, ingest

THREE = "# One\n\nApples.\n\n# Two\n\nBananas.\n\n# Three\n\nCherries."


@pytest.fixture
def model(settings: Settings) -> Iterator[Counting]:
    settings.embeddings = "tests.knowledge.counting:counting"
    counting.texts.clear()
    counting.reachable = True
    yield counting


async def embedded(knowledge: Knowledge) -> None:
    await asyncio.gather(*knowledge._tasks)


async def test_only_chunks_that_changed_are_embedded_again(
    settings: Settings, model: Counting
) -> None:
    async with opened(settings) as knowledge:
        first = await knowledge.add_text("acme", THREE, name="Fruit")
        await embedded(knowledge)
        assert len(model.texts) == 3
        ids = [chunk.id for chunk in await knowledge.chunks("acme", first.id)]
        changed = THREE.replace("Bananas", "Blueberries")
        await knowledge.add_text("acme", changed, name="Fruit", document_id=first.id)
        await embedded(knowledge)
        assert model.texts[3:] == ["Two\nBlueberries."]
        now = [chunk.id for chunk in await knowledge.chunks("acme", first.id)]
        assert [a == b for a, b in zip(ids, now, strict=True)] == [True, False, True]
        await knowledge.add_text("acme", changed, name="Renamed", document_id=first.id)
        await embedded(knowledge)
        assert len(model.texts) == 4


async def test_what_comes_before_those_that_are_done_is_embedded_too(
    settings: Settings, model: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Embedding goes on where it left off; what was added behind it meanwhile is not left out."""
    monkeypatch.setattr("tools.knowledge.library.BATCH", 1)
    async with opened(settings) as knowledge:
        document = await knowledge.add_text("acme", THREE, name="Fruit")
        await embedded(knowledge)
        write, early = (
            knowledge.store.set_vectors,
            Chunk(id="a", document_id=document.id, position=3, text="Dates."),
        )
        chunks = await knowledge.chunks("acme", document.id)

        async def written(*given: Any) -> None:
            await write(*given)
            await knowledge.store.put(document, "", [*chunks, early])

        monkeypatch.setattr(knowledge.store, "set_vectors", written)
        knowledge.embedder = replace(knowledge.embedder, model="another")
        assert await knowledge.embed_pending("acme") == 4
        assert await knowledge.store.waiting("acme", "another") == 0


async def test_another_model_embeds_everything_anew(settings: Settings, model: Counting) -> None:
    async with opened(settings) as knowledge:
        document = await knowledge.add_text("acme", THREE, name="Fruit")
        await embedded(knowledge)
    settings.embeddings = "wordllama"
    async with opened(settings) as knowledge:
        assert not (await knowledge.index_state("acme", document.id)).done
        await knowledge.search("acme", "Bananas")
        await embedded(knowledge)
        assert (await knowledge.index_state("acme", document.id)).done
        found = await knowledge.search("acme", "Bananas")
        assert found.embedding_model.startswith("wordllama")
        assert found.passages[0].text == "Bananas."


async def test_a_model_out_of_reach_leaves_the_search_by_words(
    settings: Settings, model: Counting
) -> None:
    model.reachable = False
    async with opened(settings) as knowledge:
        document = await knowledge.add_text("acme", THREE, name="Fruit")
        await embedded(knowledge)
        found = await knowledge.search("acme", "Bananas")
        assert (found.passages[0].text, found.embedding_model) == ("Bananas.", "none")
        assert (await knowledge.index_state("acme", document.id)).embedded == 0
        model.reachable = True
        assert await knowledge.embed_pending("acme") == 3
        assert (await knowledge.index_state("acme", document.id)).done


async def test_a_model_that_never_answers_is_not_waited_for(
    settings: Settings, model: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(_text: str) -> list[float]:
        await asyncio.Event().wait()
        return []

    async with opened(settings) as knowledge:
        await knowledge.add_text("acme", THREE, name="Fruit")
        await embedded(knowledge)
        monkeypatch.setattr("tools.knowledge.knowledge.EMBED_SECS", 0.01)
        monkeypatch.setattr(counting, "aembed_query", never)
        assert (await knowledge.search("acme", "Bananas")).passages[0].text == "Bananas."


@pytest.mark.parametrize(
    ("name", "reason"),
    [("openai", "OPENAI_API_KEY"), ("no.such:thing", "no.such"), ("pathlib:Path", "no LangChain")],
)
def test_embeddings_that_cannot_be_had_say_what_is_missing(
    settings: Settings, name: str, reason: str
) -> None:
    settings.embeddings = name
    with pytest.raises(EmbeddingsNotConfigured, match=reason):
        open_embedder(settings)


async def test_a_folder_is_read_at_first_use_and_its_changes_are_picked_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tools.knowledge.knowledge.LOOK_SECS", 0.0)
    folder = settings.data_dir / "organisations" / "acme" / "documents"
    folder.mkdir(parents=True)
    (folder / "prices.md").write_text("The plan costs 29 dollars.")
    (folder / "hours.md").write_text("We open at nine.")
    (folder / "broken.pdf").write_bytes(b"%PDF-1.4 nothing")
    (folder / ".hidden.md").write_text("Not to be read.")
    async with opened(settings) as knowledge:

        async def texts() -> set[str]:
            await knowledge.search("acme", "plan")
            await embedded(knowledge)
            found = await knowledge.search("acme", "plan costs dollars open", limit=9)
            return {passage.text for passage in found.passages}

        assert await texts() == {"The plan costs 29 dollars.", "We open at nine."}
        added = await knowledge.add_text("acme", "Written over the API.", name="Note")
        (folder / "prices.md").write_text("The plan costs 31 dollars.")
        (folder / "hours.md").unlink()
        assert await texts() == {"The plan costs 31 dollars.", "Written over the API."}
        (folder / "prices.md").write_bytes(b"a\0binary\0file\0instead")
        assert "The plan costs 31 dollars." in await texts()
        assert await knowledge.get("acme", added.id) is not None


async def test_a_folder_that_is_gone_takes_nothing_with_it(
    settings: Settings, tmp_path: Path
) -> None:
    folder = settings.data_dir / "organisations" / "acme"
    (folder / "documents").mkdir(parents=True)
    (folder / "documents" / "a.md").write_text("We open at nine.")
    async with opened(settings) as knowledge:
        assert (await knowledge.search("acme", "open")).passages
    folder.rename(tmp_path / "elsewhere")
    async with opened(settings) as knowledge:
        assert (await knowledge.search("acme", "open")).passages


async def test_a_link_in_a_folder_is_refused_and_not_followed(
    settings: Settings, tmp_path: Path
) -> None:
    """`ingest` of a folder with a link to /etc/passwd taught the agent its lines."""
    folder, outside = tmp_path / "docs", tmp_path / "passwd"
    folder.mkdir()
    outside.write_text("root:x:0:0")
    (folder / "prices.md").write_text("# Prices\n\nNine dollars.")
    (folder / "notes.md").symlink_to(outside)
    async with opened(settings) as knowledge:
        files = files_in(folder)
        done = [one async for one in ingest(knowledge, "acme", files, folder, "ingest")]
        names = [document.name for document in await knowledge.documents("acme")]
    assert [(one.source, one.outcome) for one in done] == [
        ("notes.md", "refused"), ("prices.md", "added"),
    ]  # fmt: skip
    assert "is a link" in str(done[0].reason)
    assert names == ["prices.md"]
