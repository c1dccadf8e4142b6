"""When an answer is over, by its words and by what was asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.events import Expectation
from voice.endpointing import DEFAULT, PATIENCE, answered, patience
from voice.turns import WATCHDOG_SECS

CITIES = {"kind": "city", "keywords": ["Mumbai", "New Delhi"]}
PIN = {"kind": "digits", "digits": 6}


@pytest.mark.parametrize(
    ("expects", "said", "whole"),
    [
        ({"kind": "yes_no"}, "Yes.", True),
        ({"kind": "yes_no"}, "no", True),
        ({"kind": "yes_no"}, "haan ji", True),
        ({"kind": "yes_no"}, "Yes, but I would like to", False),
        ({"kind": "yes_no"}, "Well", False),
        (CITIES, "new delhi.", True),
        (CITIES, "New", False),
        (PIN, "one two three", False),
        (PIN, "one two three four five six", True),
        (PIN, "one two three double five six", True),
        ({"kind": "digits"}, "one two three four five six", False),
        ({"kind": "amount"}, "twenty five thousand", False),
        ({"kind": "amount"}, "Twenty five thousand rupees.", True),
        ({"kind": "amount"}, "पच्चीस हज़ार रुपये", True),
        ({"kind": "amount"}, "rupees", False),
        ({"kind": "text"}, "Anna Smith.", False),
        ({}, "Yes.", False),
    ],
)
def test_words_are_the_whole_answer_only_where_nothing_can_follow(
    expects: Any, said: str, whole: bool
) -> None:
    assert answered(expects, said) is whole


@given(st.sampled_from([*PATIENCE, "unheard of"]), st.text(), st.lists(st.text()))
def test_no_words_whatever_break_it(kind: Any, said: str, keywords: list[str]) -> None:
    expects = Expectation(kind=kind, keywords=keywords, digits=4)
    assert answered(expects, said) in (True, False)


def test_nobody_is_waited_for_longer_than_the_watchdog_does() -> None:
    for waits in (DEFAULT, *PATIENCE.values()):
        assert 0 <= waits.finished_secs < waits.unfinished_secs < WATCHDOG_SECS


def test_a_yes_is_waited_for_least_and_what_nobody_knows_by_default() -> None:
    shortest = min(PATIENCE, key=lambda kind: PATIENCE[kind].unfinished_secs)
    assert shortest == "yes_no"
    assert patience({}) is DEFAULT
