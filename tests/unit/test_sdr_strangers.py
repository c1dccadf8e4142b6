"""What strangers said in two rounds, without a model: provocation, opting out, booking."""

import re
from collections.abc import AsyncIterator
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from graphs.sdr.grounding.claims import claims_of
from graphs.sdr.intents import recognise
from tests.sdr import Conversation, conversation
from tests.unit.test_sdr_intents import PHRASES

NEW_YORK = ZoneInfo("America/New_York")
STRANGERS, WISHES = PHRASES["strangers"], PHRASES["wishes"]
LISTED = {"19", "39", "79", "12", "1200", "15", "20"}
"""Every sum and percentage of the price list."""
ANSWERS = re.compile(
    r"not agree|not promise|do not know|can not confirm|AI assistant|costs \$|percent off"
    r"|refunded in full|free for 14 days|not be combined|not sure that I understood|not matched",
    re.IGNORECASE,
)
AGREES = re.compile(r"(all right|sure|of course|no problem|that is right|deal|agreed|yes)\b", re.I)
BOOKING = ("I would like a demo", "the second one", "Ravi Kumar")


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        yield talk


async def begin(talk: Conversation, name: str, *said: str) -> None:
    """Begin another conversation, of somebody else."""
    talk.thread_id = name
    await talk.open(caller=f"+1212555{abs(hash(name)) % 10000:04}")
    for text in said:
        await talk.say(text)


async def test_no_provocation_is_agreed_to_nor_thanked_for(talk: Conversation) -> None:
    wrong = {}
    for phrase in STRANGERS["provocation"]:
        await begin(talk, phrase)
        said = await talk.say(phrase)
        sums = {k for c in claims_of(said) if c.kind in ("money", "percent") for k in c.keys}
        if AGREES.match(said) or not ANSWERS.search(said) or not sums <= LISTED:
            wrong[phrase] = said
    assert wrong == {}


@pytest.mark.parametrize("phrase", STRANGERS["opt_out"])
def test_who_wants_no_calls_is_understood(phrase: str) -> None:
    assert recognise(phrase).intent == "opt_out"


@pytest.mark.parametrize("phrase", STRANGERS["no_opt_out"])
def test_who_speaks_of_something_else_is_not_taken_off(phrase: str) -> None:
    assert recognise(phrase).intent != "opt_out"


def proposed(talk: Conversation) -> dict[str, Any]:
    """What waits for the caller's answer."""
    return dict(talk.values.get("pending") or {})


def is_at(start: str, wanted: str) -> bool:
    """Whether a time is on a day, such as `mon`, or at a day's hour, such as `mon 10:00`."""
    at = datetime.fromisoformat(start).astimezone(NEW_YORK)
    return f"{at:%a %H:%M}".lower().startswith(wanted)


def offers(talk: Conversation, wanted: str, said: str) -> bool:
    """Whether the time that is wished is taken up, or others are offered where it is not free."""
    pending, offered = proposed(talk), talk.values.get("offered") or []
    if wanted == "slots":
        return bool(offered) or pending.get("asks") in ("name", "confirm")
    if start := pending.get("args", {}).get("start"):
        return is_at(start, wanted)
    taken = "That time is not free" in said
    return bool(offered) and (taken or all(is_at(one["start"], wanted) for one in offered))


async def test_a_wish_for_a_demo_is_taken_up_however_it_is_put(talk: Conversation) -> None:
    wrong = {}
    for phrase, wanted in WISHES["open"]:
        await begin(talk, phrase)
        said = await talk.say(phrase)
        if not offers(talk, wanted, said):
            wrong[phrase] = said
    assert wrong == {}


async def test_what_is_said_to_free_times_is_understood(talk: Conversation) -> None:
    wrong = {}
    for phrase, wanted in WISHES["slots"]:
        await begin(talk, phrase, BOOKING[0])
        offered = talk.values["offered"]
        said = await talk.say(phrase)
        pending = proposed(talk)
        match wanted.split():
            case ["pick", at]:
                right = pending["args"].get("start") == offered[int(at)]["start"]
            case ["ask"] | ["open"]:
                right = pending.get("asks") == "slot" and "start" not in pending["args"]
            case ["dropped"]:
                right = pending.get("tool") != "book_appointment"
            case ["30", "minute"]:
                right = "30 minute" in said and pending.get("asks") == "slot"
            case _:
                right = offers(talk, wanted, said)
        if not right:
            wrong[phrase] = said
    assert wrong == {}


@pytest.mark.parametrize(("phrase", "wanted"), WISHES["confirm"])
async def test_only_a_plain_yes_books_what_was_read_back(
    talk: Conversation, phrase: str, wanted: str
) -> None:
    await begin(talk, phrase, *BOOKING)
    said = await talk.say(phrase)
    booked = len(await talk.bookings.list())
    assert booked == (wanted == "booked"), said
    if wanted.istitle():
        assert wanted in said


async def test_it_is_the_appointment_once_one_is_booked(talk: Conversation) -> None:
    wrong = {}
    for phrase, wanted in WISHES["after"]:
        await begin(talk, phrase, *BOOKING, "yes, book it")
        assert talk.values["booked"]
        said = await talk.say(phrase)
        tool = {"cancel": "cancel_appointment", "move": "move_appointment"}.get(wanted)
        right = proposed(talk).get("tool") == tool if tool else "Your demo is on" in said
        if not right:
            wrong[phrase] = said
        await begin(talk, phrase, "cancel my demo", "yes")
    assert wrong == {}
