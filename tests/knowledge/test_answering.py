"""Weighing a passage: the same from its stored tokens as sentence by sentence, and as is told."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from store.knowledge import Chunk, Indexed, Named
from tools.knowledge.answering import FORMAT, MEASURES, Asked, asked, measured, taken_apart
from tools.knowledge.embeddings import (
    WordLlamaEmbeddings,
    normalised,
    token_lengths,
    token_vectors,
    tokens_of,
)
from tools.knowledge.index import Index

TEXTS = [
    "The Team plan costs $39 per seat per month. Most customers choose it.",
    "Backups are made every 6 hours.\nThey are kept for 35 days. Nobody deletes them!",
    "मासिक शुल्क पाँच सौ रुपये है। 月額料金は五百円です。",
    "...",
]
HEADINGS = [(), ("Prices",), ("Security", "Backups and Restoring")]
QUESTIONS = [
    "What does the Platinum plan cost?",
    "how often are backups made",
    "शुल्क कितना है",
    "Zorvex!",
]
passages = st.lists(
    st.tuples(
        st.sampled_from(HEADINGS),
        st.one_of(st.sampled_from(TEXTS), st.text(min_size=1, max_size=200)),
    ),
    min_size=1,
    max_size=5,
)


def weighed(
    question: str, texts: list[tuple[tuple[str, ...], str]], *, stored: bool
) -> tuple[Asked, np.ndarray]:
    chunks = [
        Chunk(id=str(at), document_id="d", position=at, headings=headings, text=text)
        for at, (headings, text) in enumerate(texts)
    ]
    index = Index.of([Indexed(chunk.id, "d", chunk.full_text, None) for chunk in chunks])
    parts = [taken_apart(chunk.headings, chunk.text) if stored else None for chunk in chunks]
    named = [Named("d", chunk, part) for chunk, part in zip(chunks, parts, strict=True)]
    about = asked(question, index.rarity, index.knows)
    return about, measured(about, named, index.spoken(range(len(chunks)), about.stems))


@given(st.sampled_from(QUESTIONS), passages)
def test_stored_tokens_weigh_as_the_text_does(
    question: str, texts: list[tuple[tuple[str, ...], str]]
) -> None:
    _, fresh = weighed(question, texts, stored=False)
    _, kept = weighed(question, texts, stored=True)
    assert np.array_equal(fresh, kept)


@given(st.sampled_from(QUESTIONS), passages)
def test_each_passage_weighs_alone_what_it_weighs_among_others(
    question: str, texts: list[tuple[tuple[str, ...], str]]
) -> None:
    """Meaning and likeness, passage by passage and sentence by sentence, without any trick."""
    about, together = weighed(question, texts, stored=True)
    for (headings, text), row in zip(texts, together, strict=True):
        parts = tokens_of_parts(taken_apart(headings, text))
        sentences = normalised([token_vectors()[part].sum(0) for part in parts[:-1]])
        assert row[MEASURES.index("meaning")] == pytest.approx(
            float((sentences @ about.vector).max()), abs=2e-3
        )
        every = np.concatenate(parts[:-1])
        whole = normalised(token_vectors()[every].sum(0)) @ about.vector
        assert row[MEASURES.index("whole")] == pytest.approx(float(whole[0]), abs=2e-3)
        tokens = np.concatenate(parts)
        unit = token_vectors()[tokens] / token_lengths()[tokens, None]
        like = np.clip((about.words @ unit.T).max(1), 0, 1)
        assert row[MEASURES.index("mention")] >= float(about.weights @ like) - 1e-4


def tokens_of_parts(kept: bytes) -> list[np.ndarray]:
    written, *numbers = np.frombuffer(kept, dtype="<u2").tolist()
    assert written == FORMAT
    count = numbers[0]
    lengths, tokens = numbers[1 : count + 2], numbers[2 * count + 3 :]
    parts = []
    for length in lengths:
        parts.append(np.array(tokens[:length], dtype=np.int64))
        tokens = tokens[length:]
    assert not tokens
    return parts


@given(st.text(min_size=1, max_size=300))
def test_a_question_is_embedded_as_the_chunks_are(text: str) -> None:
    """It is searched for by the vector that weighs it, without being embedded once more."""
    index = Index.of([Indexed("0", "d", TEXTS[0], None)])
    about = asked(text, index.rarity, index.knows).vector
    assert about == pytest.approx(WordLlamaEmbeddings().embed_query(text), abs=1e-4)


def test_tokens_of_another_format_are_not_read() -> None:
    chunk = Chunk(id="0", document_id="d", position=0, text=TEXTS[0])
    index = Index.of([Indexed("0", "d", TEXTS[0], None)])
    about = asked(QUESTIONS[0], index.rarity, index.knows)
    spoken = index.spoken([0], about.stems)
    other = np.array([3, 1, 2, 3, 4], dtype="<u2").tobytes()
    rows = [measured(about, [Named("d", chunk, kept)], spoken) for kept in (None, other, b"")]
    assert np.array_equal(rows[0], rows[1]) and np.array_equal(rows[0], rows[2])


def test_tokens_are_those_of_the_sentences_under_their_heading() -> None:
    parts = tokens_of_parts(taken_apart(("Plans", "Prices"), "It costs $5. That is cheap."))
    expected = tokens_of(["Prices. It costs $5.", "Prices. That is cheap.", "Plans Prices"])
    assert [part.tolist() for part in parts] == [part.tolist() for part in expected]


@pytest.mark.parametrize(
    ("question", "named"),
    [
        ("Do you work with Zorvex?", True),
        ("do you work with zorvex", False),
        ("DO YOU WORK WITH ZORVEX?", False),
        ("Zorvex?", False),
        ("What does the Team plan cost?", False),
        ("Haben Sie Kartoffeln?", False),
    ],
)
def test_a_capital_in_an_english_question_tells_a_name_that_nobody_wrote(
    question: str, named: bool
) -> None:
    about, _ = weighed(question, [((), text) for text in TEXTS], stored=True)
    assert about.named is named


def test_common_words_that_nobody_wrote_are_not_strange() -> None:
    texts: list[tuple[tuple[str, ...], str]] = [((), TEXTS[0])]
    strange = MEASURES.index("strange")
    _, common = weighed("whatever do you want", texts, stored=True)
    _, particular = weighed("do you have a platinum plan", texts, stored=True)
    assert common[0, strange] < 0.3 < 1 < particular[0, strange]
