"""Speech that spells itself is read back, whatever a telephone line does to it."""

import audioop

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from voice.interruption_echo import Echo
from voice.phonelab import mulaw, virtual_speech
from voice.phonelab.virtual_speech import heard, heard_text, noise, spell

WORDS = st.lists(
    st.text(st.characters(exclude_categories=("Z", "C")), min_size=1, max_size=8),
    min_size=1,
    max_size=6,
)


@given(WORDS)
def test_every_word_of_every_script_is_read_back(said: list[str]) -> None:
    text = " ".join(said)
    assert [word.text for word in heard(spell(text))] == said


@given(WORDS, st.floats(0.1, 1.0))
def test_a_softer_voice_says_the_same(said: list[str], volume: float) -> None:
    pcm = mulaw.decode(spell(" ".join(said))).astype(np.float32) * volume
    assert heard_text(pcm.astype(np.int16).tobytes()) == " ".join(said)


@given(st.integers(0, 12_000))
def test_what_is_cut_off_is_read_up_to_the_cut(at: int) -> None:
    text = "Hello, can you hear me all right?"
    assert text.startswith(" ".join(word.text for word in heard(spell(text)[:at])))


def test_words_have_their_times() -> None:
    first, second = heard(mulaw.SILENT_FRAME * 50 + spell("One two"))
    assert (first.text, round(first.began, 3), round(first.ended, 3)) == ("One", 1.0, 1.18)
    assert (second.text, round(second.began, 3)) == ("two", 1.24)


def test_the_length_is_as_asked() -> None:
    assert len(spell("Stop!", 0.6)) == 0.6 * mulaw.RATE


def test_a_lost_frame_loses_no_letter() -> None:
    audio = bytearray(spell("Mumbai"))
    audio[480:640] = mulaw.SILENT_FRAME
    assert [word.text for word in heard(bytes(audio))] == ["Mumbai"]


def test_a_noise_says_nothing() -> None:
    assert heard(noise(1.0)) == []


def test_the_telephone_network_does_not_change_it() -> None:
    audio = spell("All the words.")
    assert audioop.lin2ulaw(mulaw.decode(audio).tobytes(), 2) == audio


def test_what_is_offered_for_calls_in_virtual_time_leaves_the_echo_of_others_alone() -> None:
    """Calls that overlap, or one that never ends, once left every echo of the process unheard."""
    before = Echo.similarity
    with virtual_speech.offered():
        assert Echo.similarity is before
