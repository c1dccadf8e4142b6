"""What stops the bot and what does not: decided step by step, without a clock or a line."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.interruption import (
    FAR_DB,
    LAST_MOMENT_SECS,
    LONG_SECS,
    PATIENCE_SECS,
    SPEECH_SECS,
    WORDLESS_SECS,
    Meaning,
    Overlap,
    Sound,
    Step,
    meaning_of,
    without_echo,
)
from voice.interruption_echo import SURE

SAYING = "We look at what you earn each month, at the city in which you live."
VOICE = Sound()


def suspected(ends_in: float = 5.0, sound: Sound = VOICE) -> Overlap:
    overlap = Overlap(began=0.0, ends_in=ends_in)
    overlap.sounds(0.1, sound, 0.0)
    return overlap


def paused(ends_in: float = 5.0, sound: Sound = VOICE) -> Overlap:
    """A sound that has just fallen silent, and whose words were asked for."""
    overlap = suspected(ends_in, sound)
    assert Step.ASK in overlap.sounds(0.5, sound, 0.1)
    return overlap


def said(overlap: Overlap, text: str, *, bot_done: bool = False, now: float = 0.6) -> list[Step]:
    return overlap.words(now, text, SAYING, bot_done=bot_done)


def test_a_voice_over_the_bot_holds_it_at_once() -> None:
    assert Overlap(0.0, 5.0).sounds(0.1, VOICE, 0.0) == [Step.HOLD]


@pytest.mark.parametrize("sound", [Sound(echo=SURE), Sound(softer_db=FAR_DB)])
def test_an_echo_and_a_far_voice_hold_nothing(sound: Sound) -> None:
    assert Overlap(0.0, 5.0).sounds(0.1, sound, 0.0) == []


def test_a_caller_who_speaks_over_an_echo_is_noticed_once_louder_than_it() -> None:
    overlap = suspected(sound=Sound(echo=0.9))
    assert overlap.sounds(0.3, Sound(echo=0.2), 0.0) == [Step.HOLD]


@pytest.mark.parametrize("text", ["Stop.", "Wait a moment", "no", "Yes, I am.", "Yeah, but wait"])
def test_words_are_the_callers_turn(text: str) -> None:
    assert said(paused(), text) == [Step.TURN]


@pytest.mark.parametrize("text", ["", "Mm-hmm.", "Uh-huh", "haan ji", "हाँ", "Okay. Right."])
def test_a_backchannel_and_a_sound_without_words_are_not(text: str) -> None:
    assert said(paused(), text) == [Step.GO_ON]


@pytest.mark.parametrize(("ends_in", "bot_done"), [(LAST_MOMENT_SECS, False), (5.0, True)])
def test_a_backchannel_at_the_end_of_the_question_is_the_answer(
    ends_in: float, bot_done: bool
) -> None:
    assert said(paused(ends_in), "Haan.", bot_done=bot_done) == [Step.TURN]


def test_a_cough_at_the_end_of_the_question_is_still_a_cough() -> None:
    assert said(paused(LAST_MOMENT_SECS), "", bot_done=True) == [Step.GO_ON]


def test_a_far_voice_does_not_interrupt_with_words_either() -> None:
    far = Sound(softer_db=FAR_DB + 1)
    assert said(paused(sound=far), "Dinner is ready") == [Step.GO_ON]


def test_our_own_words_come_back_garbled_are_not_an_interruption() -> None:
    assert said(paused(sound=Sound(echo=0.3)), "what you earned each month") == [Step.GO_ON]


def test_a_caller_who_repeats_our_words_is_heard() -> None:
    assert said(paused(), "Each month?") == [Step.TURN]


def test_a_first_yeah_of_a_longer_sentence_decides_nothing() -> None:
    overlap = suspected()
    overlap.sounds(LONG_SECS, VOICE, 0.0)
    assert said(overlap, "Yeah", now=LONG_SECS + 0.1) == []
    assert said(overlap, "Yeah, I have a question", now=1.6) == [Step.TURN]


def test_a_noise_that_lasts_lets_the_bot_go_on_and_words_in_it_are_heard_later() -> None:
    overlap = suspected()
    overlap.sounds(WORDLESS_SECS, VOICE, 0.0)
    assert said(overlap, "", now=WORDLESS_SECS + 0.1) == [Step.GO_ON]
    assert overlap.sounds(2.0, VOICE, 0.0) in ([], [Step.ASK])
    assert said(overlap, "Stop it", now=2.2) == [Step.TURN]


def test_long_speech_interrupts_where_no_words_come_while_it_lasts() -> None:
    """As with a provider that transcribes only what is over."""
    assert Step.TURN in suspected().sounds(0.2 + SPEECH_SECS, VOICE, 0.0)


def test_words_that_do_not_come_were_none() -> None:
    overlap = paused()
    overlap.stops(0.7)
    assert overlap.waits(0.7 + PATIENCE_SECS - 0.01) == []
    assert overlap.waits(0.7 + PATIENCE_SECS) == [Step.GO_ON]


def test_words_that_come_too_late_still_interrupt() -> None:
    overlap = paused()
    overlap.stops(0.7)
    overlap.waits(2.0)
    assert overlap.words(2.5, "Stop", SAYING, bot_done=False, final=True) == [Step.TURN]


def test_what_was_decided_over_the_whole_sound_stays_decided() -> None:
    """The final words of "uh-huh" may read "it has"; the draft knew what to listen for."""
    overlap = paused()
    said(overlap, "Uh-huh.")
    overlap.stops(0.7)
    assert overlap.words(0.9, "It has.", SAYING, bot_done=False, final=True) == []


def test_the_words_are_asked_for_once_a_pause() -> None:
    overlap = paused()
    assert overlap.sounds(0.52, VOICE, 0.12) == []
    assert overlap.sounds(0.6, VOICE, 0.0) == []
    assert overlap.sounds(0.8, VOICE, 0.1) == [Step.ASK]


def test_words_in_two_pieces_are_one_sound() -> None:
    """A "yes", a breath, "I am salaried": the breath decides nothing too early."""
    overlap = paused()
    overlap.stops(0.7)
    overlap.goes_on()
    assert overlap.waits(3.0) == []
    assert overlap.sounds(1.2, VOICE, 0.0) == [Step.ASK]
    assert said(overlap, "Yes I am", now=1.3) == [Step.TURN]


SOUNDS = st.builds(Sound, st.floats(0, 1), st.floats(-20, 40))
EVENTS = st.lists(
    st.tuples(
        st.sampled_from(["sound", "pause", "words", "final", "stop", "wait"]),
        st.floats(0, 1),
        SOUNDS,
        st.sampled_from(["", "Mm-hmm", "Stop", "what you earn", "okay right"]),
        st.booleans(),
    ),
    max_size=40,
)


@given(EVENTS, st.floats(0, 10))
def test_whatever_comes_a_held_bot_is_let_go_once_and_a_turn_is_the_last_word(
    events: list[tuple[str, float, Sound, str, bool]], ends_in: float
) -> None:
    overlap, now, steps = Overlap(0.0, ends_in), 0.0, list[Step]()
    for kind, wait, sound, text, done in events:
        now += wait
        match kind:
            case "sound" | "pause":
                steps += overlap.sounds(now, sound, 0.15 if kind == "pause" else 0.0)
            case "words" | "final":
                steps += overlap.words(now, text, SAYING, bot_done=done, final=kind == "final")
            case "stop":
                overlap.stops(now)
            case "wait":
                steps += overlap.waits(now)
    assert steps.count(Step.HOLD) <= 1
    assert steps.count(Step.GO_ON) <= 1
    assert steps.count(Step.TURN) <= 1
    decided = [step for step in steps if step in (Step.GO_ON, Step.TURN)]
    assert decided in ([], [Step.GO_ON], [Step.TURN], [Step.GO_ON, Step.TURN])
    assert Step.TURN not in steps or steps[-1] == Step.TURN
    if Step.HOLD in steps and decided:
        assert steps.index(Step.HOLD) < steps.index(decided[0])
    overlap.stops(now)
    overlap.waits(now + PATIENCE_SECS + 0.1)
    assert overlap.verdict is not None


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("...", Meaning.NOTHING),
        ("Mm hm, mm hm", Meaning.BACKCHANNEL),
        ("theek hai", Meaning.BACKCHANNEL),
        ("ठीक है, अच्छा", Meaning.BACKCHANNEL),
        ("All right, I see.", Meaning.BACKCHANNEL),
        ("All wrong", Meaning.SPEECH),
        ("nahi", Meaning.SPEECH),
    ],
)
def test_words_amount_to(text: str, meaning: Meaning) -> None:
    assert meaning_of(text) == meaning


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("What you earn each month. Okay.", "Okay."),
        ("Get what you earn. Yeah.", "Yeah."),
        ("Look at what you earned. I see.", "I see."),
        ("What you earn each month", ""),
        ("In which city?", "In which city?"),
        ("Stop.", "Stop."),
    ],
)
def test_our_own_words_in_front_of_the_callers_are_left_out(text: str, left: str) -> None:
    assert without_echo(text, SAYING) == left
