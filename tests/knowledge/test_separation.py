"""No question ever finds what another organisation, or a document outside the list, says."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from settings import Settings
from store.knowledge import Indexed
from tests.knowledge.conftest import opened
from tools.knowledge import index as index_module
from tools.knowledge.embeddings import normalised, packed
from tools.knowledge.index import Index

WORDS = st.sampled_from(["price", "plan", "hour", "refund", "trial", "seat", "open", "कीमत"])
TEXT = st.lists(WORDS, min_size=1, max_size=5).map(" ".join)
ORGANISATIONS = st.sampled_from(["a", "b", "c"])


@given(
    added=st.lists(st.tuples(ORGANISATIONS, TEXT), min_size=1, max_size=8),
    asked=st.lists(st.tuples(ORGANISATIONS, TEXT, st.sets(st.integers(0, 7))), max_size=5),
    deleted=st.sets(st.integers(0, 7), max_size=3),
)
@settings(max_examples=12, deadline=None)
async def test_no_search_returns_what_it_must_not(
    tmp_path_factory: pytest.TempPathFactory,
    added: list[tuple[str, str]],
    asked: list[tuple[str, str, set[int]]],
    deleted: set[int],
) -> None:
    data = tmp_path_factory.mktemp("data")
    async with opened(Settings(data_dir=data)) as knowledge:
        made = [await knowledge.add_text(org, text, name=text) for org, text in added]
        for organisation, _, _ in asked:
            await knowledge.search(organisation, "price")
        for at in deleted & set(range(len(made))):
            await knowledge.delete(made[at].organisation, made[at].id)
        for organisation, question, listed in asked:
            documents = [made[at].id for at in listed if at < len(made)]
            found = await knowledge.search(organisation, question, documents=documents, limit=20)
            allowed = {
                document.id
                for at, document in enumerate(made)
                if document.organisation == organisation
                and at not in deleted
                and (not documents or document.id in documents)
            }
            assert {passage.document_id for passage in found.passages} <= allowed


@given(st.data())
@settings(max_examples=25, deadline=None)
def test_a_list_of_documents_is_applied_inside_both_searches(data: st.DataObject) -> None:
    exact = data.draw(st.booleans())
    chance = np.random.default_rng(data.draw(st.integers(0, 99)))
    vectors = normalised(chance.normal(size=(300, 8)))
    chunks = [
        Indexed(f"c{at}", f"d{at % 7}", "price plan" if at % 2 else "hour", vector)
        for at, vector in enumerate(packed(vectors))
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "EXACT_UP_TO", 1000 if exact else 100)
        index = Index.of(chunks)
    allowed = data.draw(st.sets(st.sampled_from([f"d{at}" for at in range(9)]), min_size=1))
    there = [chunk for chunk in chunks if chunk.document_id in allowed]
    rows = index._allowed(allowed)
    assert rows is not None
    by_words = [row for row, _ in index.by_words("price", rows)]
    near = index.by_vector(vectors[0], rows) if len(rows) else []
    by_vector = [row for row, _ in near]
    assert {chunks[row].document_id for row in by_words + by_vector} <= allowed
    assert len(by_vector) == min(index_module.DEPTH, len(there))
    hits = index.search("price", vectors[0], documents=allowed, limit=20)
    assert {hit.document_id for hit in hits} <= allowed
    if exact and len(there):
        best = max(float(vectors[chunks.index(chunk)] @ vectors[0]) for chunk in there)
        row, cosine = near[0]
        assert cosine == pytest.approx(best, abs=1e-3)  # vectors are kept in 16 bits
        assert cosine == pytest.approx(float(vectors[row] @ vectors[0]), abs=1e-3)


def test_large_indexes_find_nearly_all_that_small_ones_do() -> None:
    chance = np.random.default_rng(1)
    centres = chance.normal(size=(50, 32))
    vectors = normalised(centres[chance.integers(0, 50, 4000)] + chance.normal(size=(4000, 32)))
    chunks = [Indexed(f"c{at}", "d", "", vector) for at, vector in enumerate(packed(vectors))]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(index_module, "EXACT_UP_TO", 100)
        cells = Index.of(chunks)
    exact = Index.of(chunks)
    shared = 0
    for question in vectors[:50]:
        near = {row for row, _ in cells.by_vector(question)[:10]}
        shared += len(near & {row for row, _ in exact.by_vector(question)[:10]})
    assert shared >= 0.9 * 500
