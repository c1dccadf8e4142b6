"""What a graph has the telephone do: done once it was heard, and not otherwise."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from graphs.threads import Graph, Threads
from store.calls import Call
from tests.phone.acting_graphs import BRIEFING, BYE, COLD, KEYS, WARM, acting
from tests.phone.placing import ASHA, BASE, OURS, PERSON, world
from tests.phone.test_dialler import ended
from voice.phonelab import (
    Caller,
    HangUp,
    Interrupt,
    LabCall,
    Listen,
    Pause,
    PhoneLab,
    Press,
    Say,
    ScriptedCaller,
    StatusCallback,
    Subscriber,
    mulaw,
)
from voice.phonelab.dtmf import keys_in
from voice.phonelab.virtual_speech import SpellingVoice, heard_text
from voice.phonelab.virtual_time import run
from voice.transferring import Transferring


def caller(*steps: Any, **options: Any) -> ScriptedCaller:
    return ScriptedCaller(steps, voice=SpellingVoice(), **options)


def words(call: LabCall) -> str:
    """What was heard at the end of a line."""
    return heard_text(mulaw.decode(bytes(call.line.recording.bot)).tobytes())


def person(*steps: Any, **options: Any) -> Mapping[str, Subscriber]:
    """Somebody at `PERSON`."""
    return {PERSON: Subscriber(lambda: caller(*steps), **options)}


class Held:
    """A call that is over."""

    def __init__(self, lab: PhoneLab, call: LabCall, record: Call, person_leg: LabCall | None):
        self.lab = lab
        self.call = call
        self.record = record
        self.person_leg = person_leg

    @property
    def bot(self) -> list[str]:
        return [said.text for said in self.record.transcript if said.role == "bot"]


def hold(
    folder: Path,
    who: Caller,
    subscribers: Mapping[str, Subscriber] | None = None,
    graph: Graph | None = None,
    person: str = PERSON,
    number: str = ASHA,
    **settings: Any,
) -> Held:
    """Hold one call with the graph in virtual time, in which one person may be rung."""

    async def go() -> Held:
        async with world(folder, graph or acting(), subscribers, **settings) as (
            lab,
            services,
            _,
        ):
            news = StatusCallback(f"{BASE}/voice/status")
            call = lab.ring(
                f"{BASE}/voice/incoming", who, from_=number, to=OURS, status_callback=news
            )
            await call.wait(300)
            record = await ended(services, call.sid)
            legs = [leg for leg in lab.calls if leg.to == person]
            for leg in legs:
                await leg.wait(60)
            assert [str(e) for one in lab.calls for e in one.errors] == []
            assert len(legs) <= 1
            return Held(lab, call, record, legs[0] if legs else None)

    return run(go())


def test_it_hangs_up_when_the_last_word_was_heard(tmp_path: Path) -> None:
    held = hold(tmp_path, caller("Goodbye", Pause(60)))
    assert held.call.status == "completed" and held.call.line.seconds < 30
    assert words(held.call).endswith(BYE)


def test_it_hangs_up_though_what_was_heard_could_not_be_written_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failed write left the line open, and silent, until the longest call."""
    amend, failures = Threads.amend, [OSError("away"), OSError("away")]

    async def failing(threads: Threads, *args: Any) -> None:
        if failures:
            raise failures.pop()
        await amend(threads, *args)

    monkeypatch.setattr(Threads, "amend", failing)
    held = hold(tmp_path, caller("Goodbye", Pause(60)))
    assert failures == [] and held.call.line.seconds < 40
    assert held.record.status == "completed" and held.bot[-1] == BYE


def test_a_person_who_accepts_gets_the_caller_though_the_record_was_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One failed look, and the caller was hung up on while the person waited."""
    outcome, failures = Transferring.outcome, [OSError("away")]

    async def failing(transferring: Transferring, transfer_id: str) -> Any:
        if failures:
            raise failures.pop()
        return await outcome(transferring, transfer_id)

    monkeypatch.setattr(Transferring, "outcome", failing)
    someone = person(Press("1"), Pause(6), "Support here", Pause(5))
    held = hold(tmp_path, caller("Warm", Pause(14), "My refund", Pause(8)), someone)
    assert failures == [] and "Support here" in words(held.call)


def test_keys_are_sent_as_tones_behind_the_words_that_announce_them(tmp_path: Path) -> None:
    held = hold(tmp_path, caller("Keys", "What", HangUp(0.5)))
    heard = bytes(held.call.line.recording.bot)
    assert keys_in(heard) == "12*9"
    assert held.bot[1:3] == [KEYS, "Yes."]
    assert words(held.call).index(KEYS) < words(held.call).index("Yes.")


def test_a_caller_is_connected_with_a_person_and_they_hear_each_other(tmp_path: Path) -> None:
    someone = person(Pause(1), "Support here", Pause(5))
    held = hold(tmp_path, caller("Cold", Pause(4), "My refund", Pause(3)), someone)
    assert held.person_leg and held.person_leg.parent_sid == held.call.sid
    assert held.person_leg.from_ == ASHA
    assert "Support here" in words(held.call)
    assert "My refund" in words(held.person_leg)
    assert held.record.status == "completed"
    assert held.bot == ["Hello.", COLD]


@pytest.mark.parametrize(
    ("someone", "why"),
    [
        ({PERSON: Subscriber(answers="busy")}, "busy"),
        ({PERSON: Subscriber(answers="never")}, "no-answer"),
    ],
)
@pytest.mark.parametrize("ends", [False, True])
def test_a_caller_nobody_takes_comes_back_and_the_graph_is_told_why(
    tmp_path: Path, someone: Mapping[str, Subscriber], why: str, ends: bool
) -> None:
    who = caller("Cold", Pause(34), "Continue", Pause(3), HangUp())
    held = hold(tmp_path, who, someone, acting(ends=ends))
    assert held.bot[:3] == ["Hello.", COLD, f"It was {why}."]
    assert held.bot[-1] == "Yes."


def test_a_graph_that_takes_no_events_has_the_line_apologise(tmp_path: Path) -> None:
    who = caller("Cold", Pause(9), "Continue", Pause(3), HangUp(), patience_secs=60)
    held = hold(tmp_path, who, {PERSON: Subscriber(answers="busy")}, acting(listens=False))
    assert held.bot[2:] == [
        "I am sorry, I could not reach anybody. How can I help you?",
        "Yes.",
    ]


def test_a_person_is_told_what_it_is_about_and_meets_the_caller_after_pressing_one(
    tmp_path: Path,
) -> None:
    someone = person(Press("1"), Pause(3), "Support here", Pause(8))
    held = hold(tmp_path, caller("Warm", Pause(14), "My refund", Pause(4)), someone)
    assert held.person_leg and held.person_leg.from_ == OURS
    assert BRIEFING in words(held.person_leg) and "My refund" in words(held.person_leg)
    assert "Support here" in words(held.call)
    assert BRIEFING not in words(held.call)
    (conference,) = held.lab.conferences
    assert set(conference.seen) == {held.call.sid, held.person_leg.sid}
    assert (held.record.status, held.bot[:2]) == ("completed", ["Hello.", WARM])


@pytest.mark.parametrize(
    ("someone", "why"),
    [
        (person(Press("2"), Pause(5)), "declined"),
        (person(Pause(60)), "no-answer"),
        ({PERSON: Subscriber(answers="busy")}, "busy"),
        ({PERSON: Subscriber(answers="never")}, "no-answer"),
        (person(Pause(60), answered_by="machine_start"), "voicemail"),
    ],
)
def test_a_caller_whom_no_person_takes_stays_with_the_bot(
    tmp_path: Path, someone: Mapping[str, Subscriber], why: str
) -> None:
    who = caller("Warm", Pause(45), "Continue", HangUp(0.5), patience_secs=80)
    held = hold(tmp_path, who, someone)
    assert f"It was {why}." in held.bot
    assert held.call.streams and len(held.call.streams) == 1
    assert held.lab.conferences == []
    if why == "voicemail":
        assert held.person_leg and BRIEFING not in words(held.person_leg)


def test_who_hangs_up_while_a_person_is_rung_is_no_call_for_that_person(tmp_path: Path) -> None:
    someone = {PERSON: Subscriber(lambda: caller(Pause(60)), rings_secs=20)}
    held = hold(tmp_path, caller("Warm", Pause(5), HangUp()), someone)
    assert held.person_leg and held.person_leg.status == "canceled"
    assert held.lab.conferences == []


def test_who_interrupts_the_announcement_is_not_transferred(tmp_path: Path) -> None:
    who = caller("Cold", Interrupt("Wait", 0.5), Pause(4), HangUp())
    held = hold(tmp_path, who)
    assert held.person_leg is None
    assert held.bot[-1] == "Yes."


def test_who_goes_on_speaking_before_the_announcement_was_heard_is_not_transferred(
    tmp_path: Path,
) -> None:
    who = caller("Cold", Pause(0.3), Say("or not"), Pause(4), HangUp())
    who.remaining[1:3] = [Interrupt("or not", 0.0)]
    held = hold(tmp_path, who)
    assert held.person_leg is None


@pytest.mark.parametrize("to", ["911", "sip:someone@example.com", "+1555'/><Dial>"])
def test_what_is_no_telephone_number_is_not_dialled(tmp_path: Path, to: str) -> None:
    from graphs.call_actions import Transfer
    from tests.phone import acting_graphs

    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(acting_graphs.DO, "cold", (COLD, Transfer(to=to)))
        held = hold(tmp_path, caller("Cold", Listen(), HangUp()))
    assert len(held.lab.calls) == 1
    assert "It was failed." in held.bot
