"""Documents are added, found, changed and deleted."""

from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from tests.knowledge.conftest import opened
from tools.knowledge import Knowledge, Unreadable

PRICES = "# Prices\n\nThe Basic plan costs 29 dollars a month.\n\n# Hours\n\nWe open at nine."


async def test_a_question_finds_its_passage_with_document_headings_and_score(
    settings: Settings, tmp_path: Path, database_url: str | None
) -> None:
    async with opened(settings, tmp_path, database_url) as knowledge:
        document = await knowledge.add_text("acme", PRICES, name="Price list")
        found = await knowledge.search("acme", "What does the Basic plan cost?")
        best = found.passages[0]
        assert (best.document_id, best.title) == (document.id, "Price list > Prices")
        assert best.text == "The Basic plan costs 29 dollars a month."
        assert found.answerable
        assert await knowledge.chunk("acme", document.id, best.chunk_id) is not None
        state = await knowledge.index_state("acme", document.id)
        assert (state.done, state.chunks, state.used_bytes) == (True, 2, 2 * 512)
        assert await knowledge.delete("acme", document.id)
        assert (await knowledge.search("acme", "Basic plan")).passages == []
        assert not await knowledge.delete("acme", document.id)


async def test_a_change_of_one_process_is_seen_by_another(
    knowledge: Knowledge, settings: Settings
) -> None:
    async with opened(settings, settings.data_dir) as other:
        document = await knowledge.add_text("acme", PRICES, name="List")
        assert (await other.search("acme", "Basic plan")).answerable
        await knowledge.add_text(
            "acme", PRICES.replace("29", "31"), name="List", document_id=document.id
        )
        assert "31" in (await other.search("acme", "Basic plan cost")).passages[0].text


async def test_no_question_finds_what_another_organisation_knows(knowledge: Knowledge) -> None:
    mine = await knowledge.add_text("mine", PRICES, name="List")
    theirs = await knowledge.add_text("theirs", PRICES, name="List")
    for organisation, own in (("mine", mine), ("theirs", theirs)):
        found = await knowledge.search(organisation, "Basic plan", limit=10)
        assert {passage.document_id for passage in found.passages} == {own.id}
        asked = await knowledge.search(
            organisation, "Basic plan", documents=[mine.id, theirs.id], limit=10
        )
        assert {passage.document_id for passage in asked.passages} == {own.id}
    assert await knowledge.get("mine", theirs.id) is None
    assert await knowledge.content("mine", theirs.id) is None
    assert await knowledge.chunks("mine", theirs.id) == []
    assert not await knowledge.delete("mine", theirs.id)
    assert not await knowledge.rename("mine", theirs.id, "Mine")


async def test_a_document_that_cannot_be_read_leaves_what_was_there(knowledge: Knowledge) -> None:
    document = await knowledge.add_text("acme", PRICES, name="List")
    with pytest.raises(Unreadable, match="empty"):
        await knowledge.add_text("acme", " \n ", name="List", document_id=document.id)
    assert await knowledge.content("acme", document.id) == PRICES


async def test_the_shipped_organisation_answers_at_once(knowledge: Knowledge) -> None:
    found = await knowledge.search("lanternfield", "How long is the free trial?")
    assert found.answerable
    assert "trial" in found.passages[0].text.lower()


async def test_a_document_that_is_deleted_while_its_new_text_is_read_stays_deleted(
    knowledge: Knowledge, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = await knowledge.add_text("acme", "The garage opens at seven.", name="Garage")
    work = knowledge._work

    async def meanwhile(*given: Any) -> Any:
        monkeypatch.undo()  # once: what embeds works as well
        await knowledge.delete("acme", document.id)
        return await work(*given)

    monkeypatch.setattr(knowledge, "_work", meanwhile)
    text = "The garage opens at eight."
    await knowledge.add_text("acme", text, name="Garage", document_id=document.id)
    assert await knowledge.get("acme", document.id) is None
    assert (await knowledge.search("acme", "When does the garage open?")).passages == []
