"""Sales calls in virtual time: booked once, handed to a person, answered by a machine."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from graphs.sdr.graph import build
from settings import Settings
from store.bookings import Booking, Bookings
from store.database import Database, open_database
from tests.phone.test_call_actions import Held, caller, hold, words
from tests.sdr import agent
from tools.desk import open_desk
from voice.phonelab import AnsweringMachine, HangUp, Pause, Press, Subscriber
from voice.phonelab.check.held import Script
from voice.phonelab.check.held import hold as hold_apart
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Act, HangsUp, Says
from voice.phonelab.virtual_speech import SpellingVoice

SALES, BILLING = "+15550100142", "+15550100143"
"""People of the organisation that ships: asked first, and not."""
CALLER = "+12125550142"
"""Who may be called back: a number that exists, in New York."""
BOOKING = [
    Says(12.0, "I would like a demo"),
    Says(36.0, "the second one"),
    Says(46.0, "Ravi Kumar"),
]


def monday() -> datetime:
    """Next Monday, in the morning in New York, when people are there."""
    today = datetime.now(UTC).replace(hour=15, minute=0, second=0, microsecond=0)
    return today + timedelta(days=7 - today.weekday())


@contextlib.asynccontextmanager
async def at_a_desk(settings: Settings, engine: Database) -> AsyncIterator[Mapping[str, Any]]:
    """What the tools of a call act with."""
    async with open_desk(settings, engine) as desk:
        yield {"desk": desk}


def booked(folder: Path) -> list[Booking]:
    async def found() -> list[Booking]:
        async with open_database(folder, None) as engine:
            return list(await Bookings(engine).list())

    return asyncio.run(found())


@pytest.mark.parametrize(
    "after",
    [
        [Says(66.0, "yes, book it"), HangsUp(90.0)],
        [Says(66.0, "yes, book it"), Says(69.0, "wait, how long is it?"), HangsUp(95.0)],
        [Says(66.0, "yes, book it"), Says(67.5, "yes"), Says(80.0, "yes, book it"), HangsUp(99.0)],
    ],
    ids=["undisturbed", "a barge-in over the answer", "yes said three times"],
)
def test_a_demo_is_booked_once(tmp_path: Path, after: list[Act]) -> None:
    call = VirtualCall(build(), [*BOOKING, *after], folder=tmp_path, configurable=at_a_desk)
    result: Result = call.run()
    assert len(booked(tmp_path)) == 1, result.record.transcript
    assert result.values["booked"]["spoken"]
    assert result.errors == ()


@pytest.mark.parametrize("at", [67.6, 68.3])
def test_who_broke_in_before_it_was_heard_is_told_first_what_was_done(
    tmp_path: Path, at: float
) -> None:
    broke_in = [Says(66.0, "yes, book it"), Says(at, "wait, how long is the trial?")]
    script = [*BOOKING, *broke_in, HangsUp(90.0)]
    call = VirtualCall(build(), script, folder=tmp_path, configurable=at_a_desk)
    said = [str(message.text) for message in call.run().messages if message.type == "ai"]
    told = [text for text in said if text.startswith("The demo is booked for ")]
    assert len(told) == 1 and "14 days" in told[0], said
    assert len(booked(tmp_path)) == 1


def test_what_was_heard_to_be_done_is_not_told_again(tmp_path: Path) -> None:
    after = [Says(66.0, "yes, book it"), Says(80.0, "how long is the trial?"), HangsUp(99.0)]
    call = VirtualCall(build(), [*BOOKING, *after], folder=tmp_path, configurable=at_a_desk)
    said = [str(message.text) for message in call.run().messages if message.type == "ai"]
    assert sum("is booked for" in text for text in said) == 1, said


def test_a_check_books_in_a_folder_of_its_own(tmp_path: Path, settings: Settings) -> None:
    """Checked, the sales agent booked in the real calendar, and could have written to a caller."""
    script = Script([*BOOKING, Says(66.0, "yes, book it"), HangsUp(90.0)])
    held = hold_apart(build(), script, tmp_path)
    assert len(booked(tmp_path)) == 1, held.result.record.transcript
    assert not settings.data_dir.exists()


def someone(number: str, *steps: Any, **options: Any) -> dict[str, Subscriber]:
    return {number: Subscriber(lambda: caller(*steps), **options)}


def connected(folder: Path, who: Any, number: str, people: Mapping[str, Subscriber]) -> Held:
    return hold(
        folder, who, people, build(monday), person=number, number=CALLER, call_countries="US"
    )


def test_a_person_who_is_asked_first_is_told_the_facts_and_nothing_else(tmp_path: Path) -> None:
    who = caller(
        "We are twelve people and need shared notes",
        "Please connect me with a person",
        Pause(20),
        "My question",
        Pause(4),
    )
    sales = someone(SALES, Press("1"), Pause(4), "Sales here", Pause(10))
    held = connected(tmp_path, who, SALES, sales)
    assert held.person_leg
    told = words(held.person_leg)
    assert "A caller, name not known." in told
    assert "12" in told and "need" in told.lower()
    assert "My question" in told
    assert "Sales here" in words(held.call)
    assert "name not known" not in words(held.call)
    assert held.record.outcome == "transferred"


def test_a_question_of_billing_is_put_through_at_once(tmp_path: Path) -> None:
    who = caller("I want to speak to a person about an invoice", Pause(6), "My bill", Pause(3))
    held = connected(tmp_path, who, BILLING, someone(BILLING, Pause(1), "Billing here", Pause(6)))
    assert held.person_leg and held.person_leg.parent_sid == held.call.sid
    assert "our billing desk" in words(held.call) and "Billing here" in words(held.call)
    assert "My bill" in words(held.person_leg)


@pytest.mark.parametrize(
    ("number", "asks"),
    [
        (SALES, "Please connect me with a person"),
        (BILLING, "I want to speak to a person about an invoice"),
    ],
    ids=["warm", "cold"],
)
def test_a_caller_nobody_takes_is_asked_when_to_be_called_back(
    tmp_path: Path, number: str, asks: str
) -> None:
    who = caller(asks, Pause(9), "Tomorrow at three", HangUp(9))
    held = connected(tmp_path, who, number, {number: Subscriber(answers="busy")})
    said = " ".join(held.bot)
    assert "nobody could take your call" in said and "When may a colleague call you back?" in said
    assert "A colleague would call you on Tuesday" in said and "at 3 PM" in said
    assert held.record.outcome != "transferred"


def test_a_machine_is_left_the_message_and_no_sales_talk(tmp_path: Path) -> None:
    machine = AnsweringMachine(
        "Hello, you have reached Ravi Kumar. Please leave a message after the tone.",
        voice=SpellingVoice(),
    )
    left = "This is Maya, an AI assistant of Lanternfield."
    made = agent(built_in={"voicemail_detection": {"voicemail_message": left}})
    result = VirtualCall(
        build(),
        caller=machine,
        direction="outbound",
        folder=tmp_path,
        configurable=at_a_desk,
        opening={"agent": made.model_dump(mode="json"), "direction": "outbound"},
    ).run()
    assert result.record.answered_by == "machine"
    assert [u.text for u in result.record.transcript if u.role == "bot"] == [left]
    assert not result.values.get("exchanges")
    assert result.errors == ()
