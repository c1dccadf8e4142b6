"""Questions that stay open, hours, call backs and agents without a calendar."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from string import Formatter

import pytest

from graphs.sdr import session
from graphs.sdr.intents import recognise
from graphs.sdr.replies import _TEXTS, reworded
from tests.sdr import CLOSED, OPEN, Conversation, agent, conversation


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        await talk.open()
        yield talk


CALLS_FROM = "+12125550142"
"""May be called back; the number of the other tests is none that exists."""


async def rung_by(talk: Conversation, caller: str) -> None:
    """Begin another conversation, with an agent that knows nobody to connect with."""
    alone = agent(transfer_numbers=()).model_dump(mode="json")
    talk.thread_id = f"{talk.thread_id} again"
    await talk.open(caller=caller, agent=alone)


def pending(talk: Conversation) -> str:
    return (talk.values.get("pending") or {}).get("asks", "")


@pytest.mark.parametrize("language", sorted(_TEXTS))
def test_every_sentence_of_ours_is_known_in_another_language(language: str) -> None:
    for key, text in _TEXTS[language].items():
        values = {name: f"[{name}]" for _, name, _, _ in Formatter().parse(text) if name}
        there = reworded(text.format_map(values), language)
        assert there == text.format_map(values), key
    assert reworded("Something else.", language) == "Something else."


async def test_a_question_that_is_passed_over_twice_makes_way_for_another(
    tmp_path: Path,
) -> None:
    """Three times of ten seconds each were read out again after whatever was said."""
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        question = await talk.say("I want a demo")
        assert question in await talk.say("Know that it is all by")
        said = await talk.say("hmm what colour is it")
        assert "connect you with our sales team" in said and question not in said


async def test_outside_opening_hours_the_other_way_is_a_call_back(tmp_path: Path) -> None:
    async with conversation(tmp_path, clock=lambda: CLOSED) as talk:
        await talk.open()
        for text in ("I want a demo", "Know that it is all by"):
            await talk.say(text)
        assert "Shall a colleague call you back" in await talk.say("hmm what colour is it")
        assert "When may a colleague call you back" in await talk.say("yes")


async def test_who_answers_what_was_passed_over_after_all_is_understood(
    talk: Conversation,
) -> None:
    await talk.say("I want a demo")
    offered = talk.values["offered"]
    for text in ("Know that it is all by", "hmm what colour is it"):
        await talk.say(text)
    assert pending(talk) == "person"
    await talk.say("the second one")
    waits = talk.values["pending"]
    assert waits["asks"] == "name" and waits["args"]["start"] == offered[1]["start"]


async def test_who_never_says_when_to_call_is_told_where_to_write(tmp_path: Path) -> None:
    async with conversation(tmp_path, clock=lambda: CLOSED) as talk:
        await talk.open()
        for text in ("Call me back", "I don't know"):
            await talk.say(text)
        assert "hello@lanternfield.example.com" in await talk.say("I really don't know")
        assert pending(talk) == ""


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ("what time do you close on fridays", "on Friday from 9 AM to 4 PM"),
        ("are you open on Saturday?", "On Saturday nobody is here."),
        ("what are your hours on Saturday?", "On Saturday nobody is here."),
        (
            "when are you open?",
            "Monday to Thursday from 9 AM to 6 PM and on Friday from 9 AM to 4 PM",
        ),
        ("wann habt ihr geöffnet", "Montag bis Donnerstag von 9:00 bis 18:00 Uhr"),
    ],
)
async def test_when_people_are_there_is_said_and_no_demo_offered(
    talk: Conversation, asked: str, told: str
) -> None:
    assert told in await talk.say(asked)
    assert pending(talk) == ""


@pytest.mark.parametrize("asked", ["are you open on Christmas?", "habt ihr Weihnachten offen"])
async def test_of_a_holiday_the_usual_hours_tell_nothing(talk: Conversation, asked: str) -> None:
    said = await talk.say(asked)
    assert not any(hour in said for hour in ("9 AM", "9:00"))


async def test_a_question_that_stays_open_is_put_in_the_language_that_is_spoken(
    tmp_path: Path,
) -> None:
    async with conversation(tmp_path, clock=lambda: CLOSED) as talk:
        await talk.open()
        assert "May a colleague call you back" in await talk.say("Who is the president?")
        said = await talk.say("Wann habt ihr am Samstag offen?")
        assert said.endswith("Darf Sie jemand von uns deswegen zurückrufen?")
        assert "Wann darf Sie jemand" in await talk.say("ja gerne")


@pytest.mark.parametrize("aside", ["pardon?", "one moment"])
async def test_an_offer_that_is_repeated_still_takes_a_yes(tmp_path: Path, aside: str) -> None:
    async with conversation(tmp_path, clock=lambda: CLOSED) as talk:
        await talk.open()
        await talk.say("Who is the president?")
        await talk.say(aside)
        assert "When may a colleague call you back" in await talk.say("yes")


async def test_hours_and_time_zones_are_told_while_a_booking_is_open(talk: Conversation) -> None:
    question = await talk.say("I want a demo")
    for asked, told in (
        ("what time do you close on Fridays?", "to 4 PM"),
        ("wait, is that Eastern time", "New York time"),
    ):
        said = await talk.say(asked)
        assert told in said and said.endswith(question)


@pytest.mark.parametrize(
    "text",
    [
        "When do I get it?",
        "when are you going to launch in Spain",
        "When do we pay?",
        "Is someone open to negotiating?",
        "are you open source?",
    ],
)
def test_when_something_happens_is_no_wish_for_a_meeting(text: str) -> None:
    assert recognise(text).intent not in ("book", "hours")


async def test_without_a_calendar_no_other_day_is_asked_for(tmp_path: Path) -> None:
    """What day suits was asked for ever, also after "when do I get it?"."""
    async with conversation(tmp_path) as talk:
        await talk.open(agent=agent(organisation="nowhere").model_dump(mode="json"))
        for text in ("When do I get it?", "when are you open in Oslo?", "I want a demo", "Monday"):
            assert "other day" not in await talk.say(text)
        assert "not book a time" in await talk.say("I want a demo")


async def test_it_is_the_appointment_that_was_told_in_this_call(talk: Conversation) -> None:
    for text in ("Book me a demo on Tuesday at ten", "Sam Brown", "yes"):
        await talk.say(text)
    talk.thread_id = "another call"
    await talk.open()
    assert "Your demo is on Tuesday" in await talk.say("When is my appointment")
    assert "Shall I cancel it?" in await talk.say("Please cancel it")
    assert "need" not in talk.values["facts"]
    assert "is cancelled" in await talk.say("yes")
    assert await talk.bookings.list() == []


async def test_who_opens_with_having_to_cancel_means_their_appointment(
    talk: Conversation,
) -> None:
    assert "not find a demo that is booked" in await talk.say("Hello, I have to cancel")


async def test_a_span_or_as_soon_as_possible_is_a_time_to_call_back(talk: Conversation) -> None:
    await rung_by(talk, CALLS_FROM)
    assert "at 2 PM" in await talk.say("Call me back between two and four on Monday")
    assert pending(talk) == "confirm"
    await rung_by(talk, CALLS_FROM)
    await talk.say("Call me back")
    await talk.say("as soon as possible")
    assert pending(talk) == "confirm"
    at = datetime.fromisoformat(talk.values["pending"]["args"]["at"])
    assert at > datetime.now(UTC)


@pytest.mark.parametrize(
    "busy",
    [
        "I can't talk right now",
        "I'm busy now, can you call me back?",
        "sorry not now, I'm driving",
    ],
)
async def test_who_can_not_talk_now_is_not_called_now(talk: Conversation, busy: str) -> None:
    """A call in fifteen minutes was read back to them."""
    await rung_by(talk, CALLS_FROM)
    assert "When may I call you back" in await talk.say(busy)
    assert pending(talk) == "when"


@pytest.mark.parametrize(
    ("said", "asks"),
    [
        ("right now please", "confirm"),
        ("whenever", "confirm"),
        ("I don't know right now", "when"),
        ("whenever but not then", "when"),
    ],
)
async def test_now_and_whenever_are_times_only_where_nothing_is_taken_from_them(
    talk: Conversation, said: str, asks: str
) -> None:
    await rung_by(talk, CALLS_FROM)
    await talk.say("Call me back")
    await talk.say(said)
    assert pending(talk) == asks


async def test_who_wants_it_in_writing_is_not_asked_when_to_be_called(talk: Conversation) -> None:
    said = await talk.say("Don't call, text me")
    assert "hello@lanternfield.example.com" in said and pending(talk) == ""


@pytest.mark.parametrize(
    "told",
    [
        "We do this on Monday at nine usually, it's slow",
        "We meet every Monday at ten, do you integrate with calendars?",
        "Is the meeting room booked at three on Monday?",
        "I am free of charge on Monday at ten",
    ],
)
async def test_what_is_done_on_a_monday_is_no_wish_to_meet(talk: Conversation, told: str) -> None:
    await talk.say(told)
    assert not talk.values.get("offered") and "book" not in str(talk.values.get("pending"))


async def test_what_one_caller_says_without_end_holds_up_no_other(
    talk: Conversation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A socket takes 500,000 characters; read to their end they hung the process."""
    read: list[str] = []
    monkeypatch.setattr(session, "recognise", lambda text: read.append(text) or recognise(text))
    for word in ("hold on ", "what is ", "a. "):
        assert await talk.say(word * 100_000)
    assert read and max(map(len, read)) <= session.MOST_READ


async def test_a_time_said_to_the_offer_of_a_call_back_is_when(talk: Conversation) -> None:
    await rung_by(talk, CALLS_FROM)
    assert "call you back" in await talk.say("Who is the president of France?")
    await talk.say("Monday at ten")
    assert talk.values["pending"]["tool"] == "call_back_later"


async def test_a_number_that_may_never_be_called_is_said_to_be_one(talk: Conversation) -> None:
    await rung_by(talk, "+442079460018")
    said = await talk.say("Call me back on Monday at ten")
    assert "not have you called on that number" in said
    assert "hello@lanternfield.example.com" in said


async def test_earlier_and_later_are_told_from_what_was_offered(talk: Conversation) -> None:
    await talk.say("a demo on Thursday")
    latest = max(one["start"] for one in talk.values["offered"])
    await talk.say("do you have anything later?")
    offered = talk.values["offered"]
    assert offered and all(one["start"] > latest for one in offered)
    assert {one["start"][:10] for one in offered} == {latest[:10]}


async def test_who_picks_a_time_without_saying_it_is_told_which(talk: Conversation) -> None:
    await talk.say("I want a demo")
    spoken = talk.values["offered"][1]["spoken"]
    assert (await talk.say("the second one")).startswith(f"{spoken} is free.")


async def test_one_moment_is_neither_a_name_nor_counted(talk: Conversation) -> None:
    """It was booked for "Hang On", which sounds like Anna."""
    for text in ("Book me a demo on Tuesday at ten", "one moment", "hang on", "Anna Bell"):
        await talk.say(text)
    await talk.say("hang on")
    waits = talk.values["pending"]
    assert waits["asks"] == "confirm" and waits["args"]["name_of_attendee"] == "Anna Bell"


async def test_another_of_the_times_is_no_name(talk: Conversation) -> None:
    await talk.say("a demo on Thursday")
    offered = talk.values["offered"]
    for text, at in (("the first one", 0), ("no wait, the last one", 2)):
        await talk.say(text)
        waits = talk.values["pending"]
        assert waits["asks"] == "name" and waits["args"]["start"] == offered[at]["start"]


async def test_who_asks_when_it_is_without_saying_what_is_told(talk: Conversation) -> None:
    for text in ("Book me a demo on Tuesday at ten", "Sam Brown", "yes"):
        await talk.say(text)
    assert "Your demo is on Tuesday" in await talk.say("and when is it?")


@pytest.mark.parametrize("text", ["demo please", "A demo.", "I want to talk about a demo"])
def test_the_word_demo_is_a_wish_for_one(text: str) -> None:
    assert recognise(text).intent == "book"


async def test_questions_of_the_caller_leave_a_booking_open(talk: Conversation) -> None:
    """Two of them had "yes" mean a call back, and how long it takes was told of something else."""
    for text in ("Book me a demo on Tuesday at ten", "Bob Smith", "wait, is it free of charge?"):
        await talk.say(text)
    assert "It takes 30 minutes." in await talk.say("how long does it take")
    assert "is booked" in await talk.say("yes")


async def test_another_time_to_be_called_is_read_back(talk: Conversation) -> None:
    await rung_by(talk, CALLS_FROM)
    await talk.say("call me back on Tuesday at 11")
    assert "at 3 PM" in await talk.say("no, 3")
    assert "On which day" in await talk.say("no")
    assert "at 10 AM" in await talk.say("Wednesday at ten")


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("please ring me Tuesday afternoon", "call_back"),
        ("call me tomorrow", "call_back"),
        ("customers call us in the evening", "statement"),
        ("people ring us every morning", "statement"),
    ],
)
def test_a_call_wished_for_a_day_is_a_call_back(text: str, intent: str) -> None:
    assert recognise(text).intent == intent


@pytest.mark.parametrize("before", ["Do you sell lawn mowers?", "Can somebody call me back?"])
async def test_a_demo_that_is_wished_for_is_no_time_of_a_call_back(
    talk: Conversation, before: str
) -> None:
    await talk.say(before)
    said = await talk.say("I want to book a demo on Tuesday at ten")
    assert "On which name" in said or "Shall I book it?" in said, said
