"""When an answer is over, by its words and by what was asked."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.audio.turn.base_turn_analyzer import EndOfTurnState
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

from graphs.events import Expectation
from voice.endpointing import DEFAULT, PATIENCE, answered, patience
from voice.turns import WATCHDOG_SECS, EndOfTurn, VoiceActivity

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


async def test_audio_that_comes_after_the_end_was_reported_does_not_undo_the_verdict() -> None:
    """The detector is ahead of the audio; asked twice, Smart Turn made a caller wait 1.8 s more."""
    detector = VoiceActivity(VADParams(stop_secs=0.2))
    detector.set_sample_rate(16000)
    verdicts = [EndOfTurnState.COMPLETE, EndOfTurnState.INCOMPLETE]

    class Model(EndOfTurn):
        def _process_speech_segment(self, audio_buffer: Any) -> Any:
            return verdicts.pop(0), None

    model = Model(detector.silent_secs, 0.2)
    model.set_sample_rate(16000)
    audio = bytes(640)
    detector._vad_state, detector._vad_stopping_count = VADState.STOPPING, 4
    model.append_audio(audio, True)
    detector._vad_state, detector._vad_stopping_count = VADState.QUIET, 0
    model.append_audio(audio, True)
    state, _ = await model.analyze_end_of_turn()
    assert state == EndOfTurnState.COMPLETE and len(verdicts) == 1
