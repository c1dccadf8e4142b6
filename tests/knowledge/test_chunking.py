"""Documents are split along their structure, and nothing of them is lost."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tools.knowledge.chunking import chunks_of, split

MANUAL = """# Manual

Intro.

## Prices

The plan costs 29 dollars.

### Discounts

A year costs less.

## Hours

| Day | From |
| --- | --- |
| Monday | nine |
| Tuesday | ten |
"""
PARTS = st.sampled_from(
    [
        "# Prices",
        "## हिन्दी में",
        "A sentence. Another one!",
        "word " * 60,
        "| a | b |\n|---|---|\n| 1 | 2 |",
        "- item\n- item two",
        "| a |\n|---|\n| " + "cell " * 200 + "|",
        "```\n# no heading\n```",
        "x" * 700,
        "Ünï çødé 価格は百円。",
    ]
)


def test_a_chunk_keeps_the_headings_above_it() -> None:
    assert [(piece.headings, piece.text) for piece in split(MANUAL)] == [
        (("Manual",), "Intro."),
        (("Manual", "Prices"), "The plan costs 29 dollars."),
        (("Manual", "Prices", "Discounts"), "A year costs less."),
        (("Manual", "Hours"), MANUAL[MANUAL.index("| Day") :].strip()),
    ]


def test_a_long_table_keeps_its_head_in_every_part() -> None:
    rows = "\n".join(f"| item number {at} | {at} dollars |" for at in range(60))
    pieces = split(f"| Item | Price |\n| --- | --- |\n{rows}")
    assert len(pieces) > 3
    assert all(piece.text.startswith("| Item | Price |\n| --- | --- |\n| ") for piece in pieces)
    assert all(len(piece.text) <= 500 for piece in pieces)


def test_a_long_paragraph_is_split_between_sentences_and_overlaps() -> None:
    text = " ".join(f"This is sentence number {at} of them." for at in range(40))
    pieces = [piece.text for piece in split(text)]
    assert all(piece.endswith(".") and piece.startswith("This") for piece in pieces)
    assert all(before[-35:] in after for before, after in zip(pieces, pieces[1:], strict=False))


def test_by_characters_it_is_500_with_50_of_the_one_before() -> None:
    text = " ".join(f"w{at:04}" for at in range(400))
    pieces = [piece.text for piece in split(text, chunking="characters")]
    assert max(map(len, pieces)) <= 500
    assert all(after[:40] in before for before, after in zip(pieces, pieces[1:], strict=False))


def test_a_heading_with_nothing_under_it_is_not_lost() -> None:
    assert [piece.text for piece in split("# Only a title")] == ["Only a title"]


@given(st.lists(PARTS, min_size=1, max_size=12), st.integers(60, 600))
def test_no_word_is_lost_and_no_chunk_is_too_long(parts: list[str], size: int) -> None:
    pieces = split("\n\n".join(parts), size=size, overlap=20)
    assert all(piece.text.strip() for piece in pieces)
    assert all(len(piece.text) <= size for piece in pieces)
    kept = " ".join(" ".join([*piece.headings, piece.text]) for piece in pieces)
    if size >= 100:
        for word in re.findall(r"[^\W_]{1,40}", " ".join(parts)):
            assert word in kept


def test_the_same_words_twice_are_two_chunks_with_lasting_ids() -> None:
    pieces = split("# A\n\nSame.\n\n# A\n\nSame.\n\n# B\n\nOther.")
    chunks = chunks_of("doc", pieces)
    assert len({chunk.id for chunk in chunks}) == 3
    later = chunks_of("doc", [*split("# New\n\nFirst."), *pieces])
    assert {chunk.id for chunk in chunks} < {chunk.id for chunk in later}
    assert not {chunk.id for chunk in chunks} & {chunk.id for chunk in chunks_of("doc2", pieces)}
