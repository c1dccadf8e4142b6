"""Calls that we place, and who takes them: a person, a machine with its tone, a menu."""

import numpy as np
import pytest

from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from voice.phonelab import mulaw
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Act, HangsUp, Presses, Says

MACHINE = "Hi, this is Asha. I can't take your call, please leave a message after the tone."
MESSAGE = "This is the test line. We will ring again."


class Beeps:
    """The machine's tone, half a second."""

    def __init__(self, at: float, hertz: float = 1000.0) -> None:
        self.at = at
        self._hertz = hertz

    def do(self, line, socket) -> None:  # type: ignore[no-untyped-def]
        wave = 0.3 * np.sin(2 * np.pi * self._hertz * np.arange(4000) / mulaw.RATE)
        line.speech.put(mulaw.encode_speech(wave.astype(np.float32), mulaw.RATE))


def place(*script: Act, voicemail: str | None = "leave_message", **settings: object) -> Result:
    settings = {"voicemail_message": MESSAGE, "voicemail": voicemail} | settings
    call = VirtualCall(interview(), [*script], direction="outbound", **settings)
    return call.run()


def played(result: Result) -> str:
    return " ".join(word.text for word in result.played)


def test_a_key_before_it_is_known_who_answered_is_no_answer() -> None:
    """It was the first thing that the graph was told: it began without its opening."""
    result = place(Presses(0.4, "1"), Says(1.5, "Hello?"), Says(12.0, "Salaried"), HangsUp(18.0))
    assert result.messages[0].text == GREETING and result.messages[0].type == "ai"
    assert "1" not in [said.text for said in result.record.transcript]


def test_a_message_is_left_after_the_tone_and_the_call_is_ended() -> None:
    result = place(Says(0.5, MACHINE), Beeps(8.0))
    assert played(result) == MESSAGE
    assert result.played[0].began > 8.5
    assert result.played[0].began < 10.0
    assert result.record.answered_by == "machine"
    assert result.reasons == ("machine",)
    assert result.record.status == "completed"
    assert ("bot", MESSAGE) in [(said.role, said.text) for said in result.record.transcript]
    assert (result.messages, result.errors, result.left_over) == ((), (), ())


def test_a_greeting_without_a_tone_gets_its_message_after_a_silence() -> None:
    result = place(Says(0.5, MACHINE))
    end = result.said[-1].ended
    assert played(result) == MESSAGE
    assert 2.0 < result.played[0].began - end < 4.0


def test_a_machine_that_goes_on_talking_does_not_cut_the_message_short() -> None:
    result = place(Says(0.5, MACHINE), Beeps(8.0), Says(9.8, "Press any key."))
    assert MESSAGE in played(result)


def test_a_machine_is_hung_up_on_by_setting_without_a_word() -> None:
    result = place(Says(0.5, MACHINE), Beeps(8.0), voicemail="hang_up")
    assert played(result) == ""
    assert result.reasons == ("machine",)
    assert result.seconds < 8.0
    assert result.record.answered_by == "machine"


def test_a_menu_is_left_alone() -> None:
    result = place(Says(0.5, "Welcome to the clinic. For appointments, press one."))
    assert played(result) == ""
    assert result.record.answered_by == "menu"


@pytest.mark.parametrize(
    "hello", ["Hello?", "Hello, this is Asha speaking, who is this?", "Haan ji, boliye.", "Yes."]
)
def test_a_person_is_greeted_at_once_and_talked_with(hello: str) -> None:
    result = place(Says(0.5, hello), Says(8.0, "Yes, salaried."), Says(13.0, "Mumbai."))
    assert played(result) == f"{GREETING} {SECOND} {LAST}"
    assert result.played[0].began - result.said[len(hello.split()) - 1].ended < 1.5
    assert result.record.answered_by == "human"
    assert [said.text for said in result.record.transcript][:2] == [hello, GREETING]
    assert result.messages[0].text == GREETING
    assert (result.reasons, result.errors) == (("done",), ())


def test_a_person_who_waits_in_silence_is_greeted() -> None:
    result = place(HangsUp(9.0))
    assert played(result) == GREETING
    assert 2.5 < result.played[0].began < 4.0
    assert result.record.answered_by == "human"


def test_a_recording_that_begins_like_a_person_is_recognised_after_its_pause() -> None:
    rest = "I am not at home. Please leave a message after the tone."
    result = place(Says(0.5, "Hello."), Says(3.0, rest), Beeps(9.5))
    assert result.record.answered_by == "machine"
    assert played(result).endswith(MESSAGE)


def test_nobody_is_asked_who_answers_a_call_that_comes_in_or_without_the_setting() -> None:
    inbound = VirtualCall(interview(), [HangsUp(5.0)], voicemail="hang_up").run()
    unasked = place(HangsUp(5.0), voicemail=None)
    for result in (inbound, unasked):
        assert played(result) == GREETING
        assert result.played[0].began < 1.0
        assert result.record.answered_by is None
