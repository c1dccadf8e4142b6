"""Phrases that were written down before the parser was first run on them."""

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphs.eligibility.amounts import Amount, UnclearAmount, parse_amount
from graphs.eligibility.readings import Reading

CORPUS: list[list[Any]] = yaml.safe_load(
    Path(__file__).with_name("amounts_corpus.yaml").read_text(encoding="utf-8")
)


def meaning(heard: Reading[Amount] | UnclearAmount | None) -> list[Any]:
    """What was heard, in the corpus's terms."""
    if heard is None:
        return ["none"]
    if isinstance(heard, UnclearAmount):
        return ["unclear"]
    period = [heard.value.period] if heard.value.period else []
    return [heard.value.rupees, *period]


@pytest.mark.parametrize("entry", CORPUS, ids=[str(entry[0]) for entry in CORPUS])
def test_a_held_out_phrase_means_what_its_writer_meant(entry: list[Any]) -> None:
    say, *expected = entry
    if isinstance(expected[0], int):
        expected[0] = Decimal(expected[0])
    assert meaning(parse_amount(say)) == expected


def test_the_corpus_has_phrases_of_every_kind() -> None:
    kinds = [entry[1] if isinstance(entry[1], str) else "amount" for entry in CORPUS]
    assert len(kinds) >= 200
    assert min(kinds.count(kind) for kind in ("amount", "unclear", "none")) >= 30
