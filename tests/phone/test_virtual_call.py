"""Calls in virtual time: what the script says happens, and happens the same every time."""

import asyncio
import time
from datetime import timedelta
from unittest.mock import AsyncMock

import pytest
from langchain_core.messages import AIMessage

from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from voice.phonelab import Faults, Press, ScriptedCaller
from voice.phonelab.virtual import LONGEST_CALL_SECS, Result, VirtualCall
from voice.phonelab.virtual_acts import Act, Coughs, Dies, Drops, HangsUp, Presses, Says
from voice.phonelab.virtual_speech import SpellingVoice
from voice.record import caught_up

LONG = " ".join(f"word{number}" for number in range(60))


def transcript(result: Result) -> list[tuple[str, str]]:
    return [(said.role, said.text) for said in result.record.transcript]


def played(result: Result) -> str:
    return " ".join(word.text for word in result.played)


def test_a_call_is_held_to_its_end_and_everything_is_known_about_it() -> None:
    result = VirtualCall(interview(), [Says(4.0, "Yes."), Says(9.0, "In Mumbai.")]).run()
    assert played(result) == f"{GREETING} {SECOND} {LAST}"
    assert transcript(result) == [
        ("bot", GREETING),
        ("caller", "Yes."),
        ("bot", SECOND),
        ("caller", "In Mumbai."),
        ("bot", LAST),
    ]
    assert [message.text for message in result.messages] == [text for _, text in transcript(result)]
    assert [word.text for word in result.said] == ["Yes.", "In", "Mumbai."]
    assert result.reasons == ("done",)
    assert (result.record.status, result.record.outcome) == ("completed", "eligible")
    assert (result.errors, result.left_over, result.notices) == ((), (), ())
    assert result.values["done"] is True


def test_thirty_seconds_of_call_take_at_most_a_tenth_of_that_once_all_is_loaded() -> None:
    """About 0.6 s of computing; the measure is generous, for the machine may be busy."""
    call = VirtualCall(interview((LONG, SECOND, LAST)), [HangsUp(30.0)])
    call.run()
    began = time.process_time()
    assert call.run().seconds == pytest.approx(30.0, abs=0.1)
    assert time.process_time() - began < 3


@pytest.mark.parametrize(
    ("script", "faults"),
    [
        ([Says(2.0, "Stop!"), Says(5.0, "Yes."), HangsUp(9.0)], Faults()),
        (
            [Presses(2.0, "12"), Coughs(6.0), Drops(8.0), HangsUp(12.0)],
            Faults(never_ack_marks=True),
        ),
        (
            [Says(2.0, "Hello, are you there?"), Dies(6.0)],
            Faults(jitter_ms=40, loss=0.05, duplicates=0.05, reordered=0.05),
        ),
    ],
    ids=["barge-in", "keys and a broken line", "a bad line and a crash"],
)
def test_the_same_call_twice_is_the_same_in_everything(script: list[Act], faults: Faults) -> None:
    call = VirtualCall(interview((LONG, SECOND, LAST)), script, faults=faults, seed=3)
    assert call.run() == call.run()


def test_a_caller_who_barges_in_is_heard_and_what_was_not_played_is_dropped() -> None:
    result = VirtualCall(
        interview((LONG, SECOND, LAST)), [Says(3.0, "Stop it."), HangsUp(9.0)]
    ).run()
    clears = [sent.at for sent in result.sent if sent.event == "clear"]
    assert clears
    assert 3.0 < clears[0] < 4.0
    assert LONG.startswith(result.record.transcript[0].text)
    assert result.record.transcript[0].interrupted
    assert transcript(result)[1:] == [("caller", "Stop it."), ("bot", SECOND)]
    assert LAST not in played(result)


def test_a_turn_that_ends_in_dots_goes_on() -> None:
    script = [Says(4.0, "I live in ..."), Says(5.2, "New Delhi."), HangsUp(10.0)]
    result = VirtualCall(interview(), script).run()
    assert ("caller", "I live in ... New Delhi.") in transcript(result)


def test_the_record_tells_when_each_began_to_speak() -> None:
    """Not when the words were made or understood: whoever plays from there hears them."""
    script = [Says(4.0, "Yes."), Says(7.2, "Stop! In Mumbai.", seconds=1.5), HangsUp(14.0)]
    result = VirtualCall(interview((SECOND, LONG, LAST)), script).run()
    assert result.record.transcript[2].interrupted
    begun = [
        ("bot", result.played[0].began),
        ("caller", 4.0),
        ("bot", next(word.began for word in result.played if word.began > 4.5)),
        ("caller", 7.2),
        ("bot", next(word.began for word in result.played if word.began > 8.7)),
    ]
    answered = result.record.transcript[0].at - timedelta(seconds=result.played[0].began)
    told = [(u.role, (u.at - answered).total_seconds()) for u in result.record.transcript]
    assert [role for role, _ in told] == [role for role, _ in begun]
    assert [at for _, at in told] == pytest.approx([at for _, at in begun], abs=0.2)


def test_a_cough_is_no_turn() -> None:
    result = VirtualCall(interview(), [Coughs(4.5, 0.5), HangsUp(8.0)]).run()
    assert [role for role, _ in transcript(result)] == ["bot"]


def test_what_a_cough_has_held_is_on_the_thread_when_it_was_said_after_all() -> None:
    words = "Bala bale bali balo balu dala dale dali dalo dalu."
    result = VirtualCall(interview((words, LAST)), [Coughs(2.8), HangsUp(9.0)]).run()
    assert result.record.transcript[0].text == result.messages[0].text == words
    assert result.sent[-1].event == "mark", "that its end was played need not be guessed"


def test_that_a_client_takes_no_audio_any_more_is_in_the_record_and_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is no hang-up: whoever looks for what was wrong with a call finds it."""
    long = " ".join(f"word{number}" for number in range(150))
    result = VirtualCall(
        interview((long, LAST)), [HangsUp(30.0)], faults=Faults(half_dead_after_secs=0.5)
    ).run()
    why = "The client took no audio for 5 seconds."
    assert result.record.failure == why
    assert any(why in line and result.record.sid in line for line in caplog.messages)


@pytest.mark.parametrize("end", [HangsUp(3.0), Says(3.0, "Stop, yes."), HangsUp(9.0)])
def test_record_and_thread_space_the_words_that_were_heard_alike(end: Act) -> None:
    words = "Hello  there.\n\nHow are\tyou today? \n- one\n- two"
    result = VirtualCall(interview((words, LAST)), [end, HangsUp(12.0)]).run()
    heard = result.record.transcript[0].text
    assert words.startswith(heard) and "there.\n\nHow" in heard
    assert heard == result.messages[0].text


def test_a_stream_that_breaks_is_connected_again_to_the_same_thread() -> None:
    result = VirtualCall(interview(), [Drops(4.0), Says(8.0, "Yes."), HangsUp(12.0)]).run()
    assert result.reasons == ("hangup", "done")
    assert ("caller", "Yes.") in transcript(result)
    assert len({message.id for message in result.messages}) == len(result.messages)


def test_after_a_crash_only_what_the_disk_has_is_there() -> None:
    whole = VirtualCall(interview(), [Says(4.0, "Yes."), HangsUp(9.0)]).run()
    killed = VirtualCall(interview(), [Says(4.0, "Yes."), Dies(4.2)]).run()
    assert killed.died_at == pytest.approx(4.2, abs=0.03)
    assert len(killed.messages) < len(whole.messages)
    assert (killed.record.status, killed.record.failure) == ("failed", "killed")


def test_a_record_that_a_kill_left_behind_is_caught_up_with_the_thread() -> None:
    """Seeds 404 and 406 of the random calls: killed between the two writes, it lacked a word."""
    lacking = 0
    for hundredth in range(0, 60, 6):
        killed = VirtualCall(interview((LONG,)), [Dies(3.0 + hundredth / 100)]).run()
        (said,) = (m.text for m in killed.messages if isinstance(m, AIMessage))
        assert [line.text for line in killed.record.transcript] == [said]
        lacking += said != LONG
    assert lacking


def test_a_thread_that_cannot_be_read_leaves_the_record_as_it_is() -> None:
    """What is done at the start of a server must not keep it from starting."""
    call = VirtualCall(interview(), [HangsUp(4.0)]).run().record
    threads = AsyncMock()
    threads.snapshot.side_effect = ValueError("a checkpoint of another version")
    assert asyncio.run(caught_up(call, threads)) == call


def test_marks_are_not_returned_by_a_client_that_does_not_know_them() -> None:
    assert VirtualCall(interview(), [HangsUp(4.0)]).run().acknowledged
    faults = Faults(never_ack_marks=True)
    assert not VirtualCall(interview(), [HangsUp(4.0)], faults=faults).run().acknowledged


def test_a_caller_who_waits_for_the_bot_can_take_part() -> None:
    caller = ScriptedCaller(["Yes.", Press("1")], voice=SpellingVoice())
    result = VirtualCall(interview(), caller=caller).run()
    assert caller.failure is None
    assert [text for role, text in transcript(result) if role == "caller"] == ["Yes.", "1"]
    assert result.reasons == ("done",)


def test_a_silent_call_ends_by_itself() -> None:
    result = VirtualCall(interview()).run()
    assert result.reasons == ("silence",)
    assert result.seconds < LONGEST_CALL_SECS


@pytest.mark.parametrize("again_after", [0.3, 1.5])
def test_a_question_that_a_key_has_answered_ahead_is_not_put_after_the_goodbye(
    again_after: float,
) -> None:
    """The second key comes while the graph still thinks about the first."""
    keys = [Presses(4.0, "1"), Presses(4.0 + again_after, "1")]
    result = VirtualCall(interview(thinks_secs=1.0), keys).run()
    assert played(result).endswith(LAST)
    assert SECOND not in played(result)
    assert (result.reasons, result.record.outcome) == (("done",), "eligible")
