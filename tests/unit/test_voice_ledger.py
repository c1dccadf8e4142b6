"""The playback ledger credits what was heard, and never more."""

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.ledger import Ledger, Length
from voice.speakable import say

RATE = 8000
TEXT = "Please tell me which city you live in today"


def one_sentence(seconds: float = 4.0) -> Ledger:
    ledger = Ledger(RATE)
    ledger.begin("a", TEXT)
    ledger.write(int(seconds * RATE), now=0.0)
    ledger.complete()
    return ledger


def test_audio_counts_as_played_when_its_mark_comes_back() -> None:
    ledger = one_sentence()
    mark = ledger.mark()
    assert not ledger.finished(now=0.0)
    assert ledger.acknowledge(mark)
    assert ledger.finished(now=0.0)
    assert ledger.heard("a", now=0.0) == TEXT


def test_a_client_that_never_acknowledges_is_credited_by_the_clock() -> None:
    ledger = one_sentence()
    ledger.mark()
    assert not ledger.finished(now=3.9)
    assert ledger.finished(now=4.1)
    assert ledger.heard("a", now=4.1) == TEXT


def test_a_client_that_stops_acknowledging_is_waited_for_no_longer_than_the_patience() -> None:
    ledger = one_sentence()
    ledger.acknowledge(ledger.mark())
    ledger.write(RATE, now=4.0)
    ledger.mark()
    assert not ledger.finished(now=5.5, patience=1.0)
    assert ledger.finished(now=6.1, patience=1.0)


def test_marks_that_come_back_because_of_a_clear_count_for_nothing() -> None:
    ledger = one_sentence()
    first = ledger.mark()
    ledger.acknowledge(first)
    ledger.begin("b", TEXT)
    ledger.write(4 * RATE, now=4.0)
    ledger.complete()
    late = ledger.mark()
    ledger.clear(now=6.0)
    assert not ledger.acknowledge(late)
    assert ledger.heard("a", now=9.0) == TEXT
    assert ledger.heard("b", now=9.0) == ""
    assert ledger.finished(now=6.0)


def test_an_unknown_mark_changes_nothing() -> None:
    ledger = one_sentence()
    assert not ledger.acknowledge("somebody else's")
    assert ledger.acknowledged == 0


def test_after_a_clear_the_words_dropped_stay_unheard() -> None:
    ledger = one_sentence()
    ledger.clear(now=2.0)
    heard = ledger.heard("a", now=60.0)
    assert heard
    assert len(heard) < len(TEXT) / 2


def test_words_whose_audio_is_still_being_made_are_not_credited() -> None:
    ledger = Ledger(RATE)
    ledger.begin("a", TEXT)
    ledger.write(RATE, now=0.0)
    assert ledger.heard("a", now=10.0) == ""


def test_words_of_a_sentence_still_being_written_are_credited_when_its_length_is_known() -> None:
    ledger = Ledger(RATE)
    ledger.begin("a", TEXT, Length(4 * RATE, final=True))
    ledger.write(2 * RATE, now=0.0)
    heard = ledger.heard("a", now=2.0)
    assert heard and TEXT.startswith(heard)
    assert len(heard) < len(TEXT) / 2
    ledger.clear(now=2.0)
    assert ledger.heard("a", now=60.0) == heard


def test_a_length_that_is_not_final_credits_nothing() -> None:
    ledger = Ledger(RATE)
    ledger.begin("a", TEXT, Length(2 * RATE))
    ledger.write(2 * RATE, now=0.0)
    assert ledger.heard("a", now=2.0) == ""


def test_what_is_said_anew_is_heard_from_its_beginning() -> None:
    ledger = one_sentence()
    ledger.clear(now=2.0)
    ledger.forget("a")
    ledger.begin("a", TEXT)
    ledger.write(RATE, now=3.0)
    ledger.complete()
    assert ledger.heard("a", now=4.5) == TEXT


SUM = "It costs ₹1,25,000 today, and not a rupee less."


def test_a_sum_said_in_many_words_is_credited_when_all_of_them_were_said() -> None:
    """Written it is a word, said it is most of the sentence."""
    said = say(SUM)
    ledger = Ledger(RATE)
    ledger.begin("a", SUM, said=said)
    ledger.write(len(said.text) * 100, now=0.0)
    ledger.complete()
    over = said.text.index("today") * 100 / RATE
    for share in (0.3, 0.5, 0.7, 0.9):
        assert "₹1,25,000" not in ledger.heard("a", now=share * over)
    assert ledger.heard("a", now=over + 0.1).endswith("₹1,25,000")


def test_a_voice_that_times_its_words_is_credited_by_them() -> None:
    ledger = Ledger(RATE)
    begins = [0, 2000, 2500, 3000, 20000, 21000, 22000, 23000, 24000]  # slow in the middle
    ledger.begin("a", TEXT, Length(words=begins))
    ledger.write(30000, now=0.0)
    assert ledger.heard("a", now=10000 / RATE) == "Please tell"
    assert ledger.heard("a", now=20500 / RATE) == "Please tell me"
    assert ledger.heard("a", now=60.0) == "Please tell me which city you live"
    ledger.complete()
    assert ledger.heard("a", now=60.0) == TEXT


def test_sentences_of_one_stretch_are_credited_in_order() -> None:
    ledger = Ledger(RATE)
    ledger.begin("a", "First five words are here.", Length(words=[n * 1000 for n in range(8)]))
    assert ledger.extend("a", "₹10 more now.", say("₹10 more now."))
    assert not ledger.extend("b", "Another message.")
    ledger.write(9000, now=0.0)
    assert ledger.heard("a", now=6500 / RATE) == "First five words are"
    ledger.clear(now=6500 / RATE)
    assert ledger.heard("a", now=60.0) == "First five words are"
    assert not ledger.extend("a", "What was dropped.")


def test_what_is_not_said_at_the_end_is_heard_with_the_rest() -> None:
    ledger = one_sentence()
    ledger.silent("a", "🎉")
    assert "🎉" not in ledger.heard("a", now=2.0)
    assert ledger.heard("a", now=4.1) == f"{TEXT} 🎉"


def test_a_held_bot_has_not_finished_and_says_no_word_twice() -> None:
    ledger = one_sentence()
    ledger.hold(now=2.0)
    assert not ledger.finished(now=60.0)
    heard = ledger.heard("a", now=60.0)
    assert heard and TEXT.startswith(heard)
    ledger.resume(ledger.acknowledged - RATE // 2)
    assert ledger.heard("a", now=60.0) == heard
    ledger.write(4 * RATE - ledger.written, now=60.0)
    assert ledger.heard("a", now=60.2) == heard, "the half second said again counts once"
    assert ledger.heard("a", now=63.0) == TEXT
    assert ledger.finished(now=63.0)


def test_what_is_to_be_handed_over_again_after_a_hold_has_not_been_played() -> None:
    """Else a whole message counts as heard before its end is sent once more."""
    ledger = one_sentence()
    ledger.hold(now=2.0)
    ledger.resume(ledger.acknowledged - RATE // 2)
    assert not ledger.finished(now=60.0)
    ledger.write(RATE, now=60.0)
    ledger.acknowledge(ledger.mark())
    assert not ledger.finished(now=61.0)
    ledger.write(4 * RATE - ledger.written, now=61.0)
    ledger.acknowledge(ledger.mark())
    assert ledger.finished(now=63.0)


def test_marks_that_come_back_because_of_a_hold_count_for_nothing() -> None:
    ledger = one_sentence()
    ledger.acknowledge(ledger.mark())
    ledger.begin("b", TEXT)
    ledger.write(4 * RATE, now=4.0)
    late = ledger.mark()
    ledger.hold(now=4.5)
    assert not ledger.acknowledge(late)
    assert ledger.heard("b", now=9.0) == ""


def test_a_hold_that_becomes_an_interruption_leaves_what_was_heard() -> None:
    ledger = one_sentence()
    ledger.hold(now=2.0)
    heard = ledger.heard("a", now=2.5)
    ledger.clear(now=2.5)
    assert ledger.finished(now=2.5)
    assert ledger.heard("a", now=60.0) == heard
    ledger.begin("b", TEXT)
    ledger.write(RATE, now=3.0)
    ledger.complete()
    assert ledger.heard("b", now=3.1) == ""
    assert ledger.heard("b", now=4.1) == TEXT


def test_nothing_that_was_not_heard_may_be_left_out() -> None:
    ledger = one_sentence()
    ledger.hold(now=2.0)
    with pytest.raises(ValueError, match="not to resume"):
        ledger.resume(ledger.acknowledged + 1)


@dataclass
class Client:
    """Plays what it is given in real time, and knows to the sample what was heard."""

    queue: list[tuple[int, int] | str] = field(default_factory=list)
    """Stretches of positions, and marks between them."""
    heard: int = 0

    def play(self, samples: int) -> list[str]:
        """Let time pass; returns the marks that were reached."""
        reached = []
        while self.queue:
            first = self.queue[0]
            if isinstance(first, str):
                reached.append(first)
            else:
                start, end = first
                step = min(samples, end - start)
                samples -= step
                assert start <= self.heard, "nothing is left out"
                self.heard = max(self.heard, start + step)
                if start + step < end:
                    self.queue[0] = (start + step, end)
                    break
            self.queue.pop(0)
        return reached


CALL = st.lists(
    st.tuples(st.sampled_from(["write", "mark", "wait", "hold", "resume"]), st.integers(1, 12000)),
    max_size=40,
)


@given(CALL, st.booleans())
def test_whatever_is_held_and_resumed_no_word_is_credited_that_was_not_heard(
    steps: list[tuple[str, int]], acknowledges: bool
) -> None:
    ledger, client, now, content = Ledger(RATE), Client(), 0.0, 0
    ledger.begin("a", TEXT, Length(10 * RATE, final=True))
    before = ""

    def hand_over(samples: int) -> None:
        client.queue.append((ledger.written, ledger.written + samples))
        ledger.write(samples, now)

    for kind, size in steps:
        match kind:
            case "write" if not ledger.held:
                hand_over(size)
                content = max(content, ledger.written)
            case "mark" if not ledger.held:
                client.queue.append(ledger.mark())
            case "wait":
                now += size / RATE
                for name in client.play(size):
                    if acknowledges:
                        ledger.acknowledge(name)
            case "hold":
                ledger.hold(now)
                client.queue.clear()
            case "resume" if ledger.held:
                ledger.resume(max(0, ledger.acknowledged - size))
                if content > ledger.written:
                    hand_over(content - ledger.written)
        assert ledger.played(now) <= client.heard
        heard = ledger.heard("a", now)
        assert heard.startswith(before)
        before = heard


STEPS = st.lists(
    st.tuples(
        st.sampled_from(["say", "mark", "ack", "clear", "hold", "resume", "odd"]),
        st.integers(0, 30000),
        st.floats(0, 3),
    ),
    max_size=30,
)


@given(STEPS)
def test_whatever_happens_the_ledger_never_credits_more_than_was_handed_over(
    steps: list[tuple[str, int, float]],
) -> None:
    """Acknowledgements late, early, unknown, after a clear: played stays within written."""
    ledger, now, marks, said = Ledger(RATE), 0.0, list[str](), list[str]()
    played = most = 0
    for kind, size, wait in steps:
        now += wait
        match kind:
            case "say" if not ledger.held:
                said.append(f"u{len(said)}")
                ledger.begin(said[-1], TEXT)
                ledger.write(size, now)
                ledger.complete()
            case "mark":
                marks.append(ledger.mark())
            case "ack" if marks:
                ledger.acknowledge(marks[size % len(marks)])
            case "clear":
                ledger.clear(now)
            case "hold":
                ledger.hold(now)
            case "resume" if ledger.held:
                ledger.resume(max(0, ledger.acknowledged - size))
            case "odd":
                ledger.acknowledge("unknown")
        most = max(most, ledger.written)
        assert 0 <= ledger.acknowledged <= most
        assert ledger.played(now) <= most
        for utterance in said:
            assert TEXT.startswith(ledger.heard(utterance, now))
        played = max(played, ledger.acknowledged)
    due = ledger.held or ledger.written < ledger.due
    assert ledger.finished(now + 3600, patience=1.0) is not due


@given(st.floats(0, 4), st.floats(0, 4))
def test_more_time_never_takes_heard_words_back(early: float, late: float) -> None:
    ledger = one_sentence()
    first, second = sorted((early, late))
    assert ledger.heard("a", second).startswith(ledger.heard("a", first))


@given(st.floats(0, 3.99))
def test_a_sentence_cut_short_is_credited_a_word_less_than_its_share(now: float) -> None:
    heard = one_sentence().heard("a", now)
    share = int(len(TEXT) * now / 4)
    assert len(heard) <= share
    assert not heard or heard != TEXT[:share]
