"""What a newcomer met in sales conversations: private numbers, times, recording, cancelling."""

from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from graphs.sdr.intents import recognise
from graphs.sdr.times import wish
from tests.sdr import Conversation, conversation

NOW = datetime(2026, 11, 21, 15, 0, tzinfo=ZoneInfo("America/New_York"))
CARD = "My card number is 4111 1111 1111 1111 and my aadhaar is 2341 2341 2346"


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        await talk.open()
        yield talk


async def booked(talk: Conversation) -> str:
    await talk.say("Book me a demo")
    await talk.say("the second one")
    await talk.say("Ravi Kumar")
    return await talk.say("yes")


async def test_the_number_of_a_card_is_no_budget_and_not_wanted(talk: Conversation) -> None:
    await talk.say("We need a shared inbox for 12 people")
    said = await talk.say(CARD)
    assert "do not tell me numbers of cards" in said
    assert set(talk.values["facts"]) == {"need", "team_size"}


async def test_a_telephone_number_is_no_price_that_is_claimed(talk: Conversation) -> None:
    said = await talk.say("nine eight double seven six five four three two one")
    assert "can not agree" not in said and talk.values["facts"] == {}


async def test_cancel_it_cancels_while_the_appointment_is_being_moved(talk: Conversation) -> None:
    assert "is booked" in await booked(talk)
    assert "Which one suits you" in await talk.say("Can we move it to another day next week?")
    assert "Shall I cancel it?" in await talk.say("actually cancel it")
    assert "is cancelled" in await talk.say("yes please")
    assert await talk.bookings.list() == []


async def test_cancel_it_drops_a_booking_whose_name_is_asked_for(talk: Conversation) -> None:
    await talk.say("Book me a demo")
    await talk.say("the second one")
    assert "On which name" not in await talk.say("no, cancel it")
    assert talk.values["pending"] is None


@pytest.mark.parametrize(
    ("text", "day", "minutes"),
    [
        ("Can we move it to Wednesday at ten instead?", 25, 600),
        ("25th at 15:30", 25, 930),
        ("Wednesday at ten, please", 25, 600),
        ("the 24th at noon", 24, 720),
    ],
)
def test_a_time_is_read_whatever_stands_behind_it(text: str, day: int, minutes: int) -> None:
    wished = wish(text, NOW)
    assert wished.day is not None and wished.day.day == day and minutes in wished.minutes


@pytest.mark.parametrize(
    "text",
    [
        "are you recording this?",
        "Is this call being recorded?",
        "do you record these calls",
        "am I being recorded",
        "Wird dieses Gespräch aufgezeichnet?",
    ],
)
def test_who_asks_whether_it_is_recorded_is_understood(text: str) -> None:
    assert recognise(text).intent == "recorded"


async def test_whether_it_is_recorded_is_what_was_consented_to(tmp_path: Path) -> None:
    from tests.sdr import agent

    async with conversation(tmp_path) as talk:
        await talk.open(agent=agent(record_consent=True).model_dump(mode="json"))
        await talk.say("no")
        assert "is not recorded" in await talk.say("are you recording this?")


@pytest.mark.parametrize(
    "said",
    ["just book it", "it doesn't matter", "none of your business", "hello?", "👍👍", "even later"],
)
async def test_what_is_no_name_is_never_taken_for_one(talk: Conversation, said: str) -> None:
    for one in ("Book me a demo", "the second one", said):
        await talk.say(one)
    pending = talk.values["pending"]
    assert pending["asks"] == "name" or "name_of_attendee" not in pending["args"]
    assert await talk.bookings.list() == []


@pytest.mark.parametrize(
    "name",
    ["It's Bill Hope", "María del Carmen", "An Do", "Said Das", "Anya", "Minh To", "Je-won Kim"],
)
async def test_a_name_that_is_a_word_too_is_one(talk: Conversation, name: str) -> None:
    for one in ("Book me a demo", "the second one", name):
        await talk.say(one)
    assert talk.values["pending"]["args"]["name_of_attendee"].lower() == name.lower().removeprefix(
        "it's "
    )


@pytest.mark.parametrize("before", [[], ["Sam"]])
@pytest.mark.parametrize("said", ["I changed my mind", "forget it", "never mind"])
async def test_who_changes_their_mind_books_nothing(
    talk: Conversation, said: str, before: list[str]
) -> None:
    for one in ("Book me a demo", "the second one", *before, said):
        await talk.say(one)
    assert talk.values["pending"] is None and await talk.bookings.list() == []
