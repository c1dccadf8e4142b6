"""Phrases among words: the automaton finds what all phrases, written out, would find."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.eligibility.utterance import Lexicon, Match, alternatives, words

WORD = st.sampled_from(["red", "green", "blue", "one"])
CHOICE = st.lists(WORD, max_size=2).map(" ".join)
PART = WORD | st.lists(CHOICE, min_size=1, max_size=3).map("|".join).map("({})".format)
PATTERN = st.lists(PART, min_size=1, max_size=4).map(" ".join)


def written_out(pattern: str) -> list[tuple[str, ...]]:
    combined = itertools.product(*alternatives(pattern))
    return [tuple(itertools.chain(*choices)) for choices in combined]


@given(patterns=st.lists(PATTERN, min_size=1, max_size=6), heard=st.lists(WORD, max_size=8))
def test_the_longest_phrase_at_each_word_is_found(patterns: list[str], heard: list[str]) -> None:
    entries = {f"id{at}": [pattern] for at, pattern in enumerate(patterns)}
    phrases: dict[tuple[str, ...], str] = {}
    for id_, (pattern,) in entries.items():
        for phrase in written_out(pattern):
            phrases.setdefault(phrase, id_)
    expected, at = [], 0
    while at < len(heard):
        ends = [end for end in range(at + 1, len(heard) + 1) if tuple(heard[at:end]) in phrases]
        if ends:
            expected.append(Match("kind", phrases[tuple(heard[at : ends[-1]])], at, ends[-1]))
        at = ends[-1] if ends else at + 1
    lexicon = Lexicon({"kind": entries}, first_wins=True)
    assert lexicon.scan(words(" ".join(heard))) == expected


@given(patterns=st.lists(PATTERN, min_size=2, max_size=4))
def test_a_phrase_that_stands_for_two_things_is_refused(patterns: list[str]) -> None:
    entries = {f"id{at}": [pattern] for at, pattern in enumerate(patterns)}
    told = [set(written_out(pattern)) - {()} for pattern in patterns]
    shared = any(one & other for one, other in itertools.combinations(told, 2))
    if shared:
        with pytest.raises(ValueError, match="keep it under one of them"):
            Lexicon({"kind": entries})
    else:
        Lexicon({"kind": entries})
