"""When a silence counts."""

from voice.silence import Silence


def test_a_silence_counts_once_it_has_lasted_long_enough_and_then_anew() -> None:
    silence = Silence(8.0)
    assert [silence.passes(now) for now in (100.0, 107.9, 108.0, 109.0, 116.9, 117.0)] == [
        *(False, False, True),
        *(False, False, True),
    ]
    assert silence.count == 2


def test_a_sound_breaks_a_silence_and_words_end_the_count() -> None:
    silence = Silence(8.0)
    silence.passes(100.0)
    silence.broken()
    assert not silence.passes(108.0)
    assert silence.passes(116.0)
    silence.words()
    assert silence.count == 0
