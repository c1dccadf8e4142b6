"""What a newcomer said to the sales agent and was answered wrongly, by class; without a model."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from langchain_core.messages import HumanMessage

from graphs.call_actions import Transfer
from graphs.sdr.facts import facts_in
from graphs.sdr.replies import DEFAULT, say, spoken_languages
from graphs.sdr.times import choose
from graphs.threads import Begin
from tests.sdr import CALLER, CLOSED, OPEN, agent, conversation
from tests.unit.test_sdr_intents import PHRASES
from tools.permissions import Permissions

AGREES = ("all right", "sure", "of course", "no problem", "that is right", "deal", "agreed")
NEW_YORK = ZoneInfo("America/New_York")
REACHABLE = "+12125557890"


def workday(hour: int = 15, ahead: int = 2) -> datetime:
    """A Monday to Thursday at least so many days ahead, in New York."""
    day = datetime.now(NEW_YORK).replace(hour=hour, minute=0, second=0, microsecond=0)
    day += timedelta(days=ahead)
    while day.weekday() > 3:
        day += timedelta(days=1)
    return day


@pytest.mark.parametrize("phrase", PHRASES["claims"])
async def test_nothing_a_caller_claims_is_agreed_to(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        said = (await talk.say(phrase)).lower()
        assert not said.startswith(AGREES)
        assert "not promise" in said or "not agree" in said or "do not know" in said, said


async def test_a_wrong_price_is_answered_with_the_real_one(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        said = await talk.say("The Team plan is 25 dollars a seat, right?")
        assert "not agree" in said and "Team costs $39 per seat a month." in said


async def test_a_right_price_is_said_without_a_quarrel(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        said = await talk.say("Team is 39 dollars a seat, right?")
        assert said.startswith("Team costs $39 per seat a month.")


@pytest.mark.parametrize("phrase", PHRASES["emergencies"]["yes"])
async def test_who_is_in_danger_is_told_whom_to_ring(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open(caller=REACHABLE)
        said = await talk.say(phrase)
        assert "call 9 1 1" in said and "support" not in said


@pytest.mark.parametrize("phrase", PHRASES["emergencies"]["no"])
async def test_who_speaks_in_pictures_is_in_no_danger(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        assert "in danger" not in await talk.say(phrase)


@pytest.mark.parametrize(
    "phrase", ["cancel my subscription", "I want a refund", "you charged me twice"]
)
async def test_a_matter_of_an_account_is_for_a_person(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        assert "can not change anything in your account" in await talk.say(phrase)
        await talk.say("yes please")
        assert isinstance(talk.action, Transfer)


async def test_what_is_not_understood_is_said_to_be_so_and_a_person_is_offered(
    tmp_path: Path,
) -> None:
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        said = await talk.say("purple monkey dishwasher")
        assert "not sure that I understood" in said and "our sales team" in said


@pytest.mark.parametrize("phrase", PHRASES["frustrated"]["strong"])
async def test_who_is_furious_is_connected_with_a_person(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        await talk.say(phrase)
        assert isinstance(talk.action, Transfer)


@pytest.mark.parametrize("phrase", PHRASES["frustrated"]["mild"])
async def test_who_is_annoyed_is_offered_a_person(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        assert "connect you with" in await talk.say(phrase)


@pytest.mark.parametrize("phrase", PHRASES["frustrated"]["not"])
async def test_who_speaks_of_others_is_not_annoyed(tmp_path: Path, phrase: str) -> None:
    async with conversation(tmp_path, clock=lambda: OPEN) as talk:
        await talk.open()
        await talk.say(phrase)
        assert talk.action is None and talk.values["frustration"] == 0


async def test_who_is_furious_when_nobody_is_there_is_offered_a_call_back(tmp_path: Path) -> None:
    async with conversation(tmp_path, clock=lambda: CLOSED) as talk:
        await talk.open()
        assert "call you back" in await talk.say("this is ridiculous")


async def test_who_speaks_first_is_told_that_it_is_an_ai_and_once(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        message = HumanMessage("How long is the free trial?")
        said = await talk.turn(Begin({"direction": "text", "messages": [message]}))
        assert said.startswith("Hello, this is Maya, an AI assistant of Lanternfield.")
        assert "14 days" in said
        assert "AI assistant" not in await talk.say("How much is the Team plan?")


async def test_a_first_message_without_its_full_stop_does_not_run_into_the_disclosure(
    tmp_path: Path,
) -> None:
    async with conversation(tmp_path) as talk:
        made = agent(first_message="Hello, Maya here")
        said = await talk.open(agent=made.model_dump(mode="json"))
        assert said == "Hello, Maya here. I am an AI assistant."


def test_a_sum_a_month_is_a_budget_and_no_time() -> None:
    for asked in ("timing", "budget", None):
        found = facts_in("about 500 dollars a month", asked)
        assert found["budget"][0]["per"] == "month" and "timing" not in found


async def test_a_price_is_computed_for_the_team_that_is_known_and_goes_on(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        await talk.say("we are 25 people")
        assert "25 seats of Team come to $975" in await talk.say("so how much would it be?")
        said = await talk.say("and the Team plan for 7 people with annual billing")
        assert "7 seats of Team come to $232.05" in said and "annual billing" in said


async def test_a_wished_time_is_booked_if_it_is_free(tmp_path: Path) -> None:
    at = workday()
    async with conversation(tmp_path) as talk:
        await talk.open()
        said = await talk.say(f"I would like a demo on {at:%B} {at.day} at three")
        assert "is free" in said
        await talk.say("Ravi Kumar")
        await talk.say("yes")
        (booked,) = await talk.bookings.list()
        assert booked.start == at


async def test_a_time_that_is_not_free_is_answered_with_the_nearest(tmp_path: Path) -> None:
    at = workday()
    async with conversation(tmp_path) as talk:
        await talk.open()
        said = await talk.say(f"can you book a demo on {at:%B} {at.day} at 7 pm")
        assert said.startswith("That time is not free.") and "5:30 PM" in said
        sunday = at + timedelta(days=6 - at.weekday())
        said = await talk.say(f"then {sunday:%B} {sunday.day} in the morning")
        assert "not free" in said and len(talk.values["offered"]) == 3


async def test_a_claim_chooses_no_time(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        await talk.say("I would like a demo")
        said = await talk.say("So I get the first year free, great")
        assert "not promise" in said and "Which one suits you?" in said


@pytest.mark.parametrize(
    ("text", "chosen"),
    [
        ("the first one", [0]),
        ("the second works for me", [1]),
        ("any of them", [0]),
        ("die zweite bitte", [1]),
        ("our first customer was bakery", []),
        ("do you have any discount", []),
        ("is the second year cheaper", []),
    ],
)
def test_an_ordinal_chooses_only_where_it_means_a_time(text: str, chosen: list[int]) -> None:
    slots = [{"start": f"2027-03-0{day}T10:00-05:00", "spoken": ""} for day in (2, 3, 4)]
    assert choose(text, slots, OPEN.astimezone(NEW_YORK)) == chosen


async def _booked(talk: Any) -> datetime:
    at = workday()
    for text in (f"a demo on {at:%B} {at.day} at three please, book a demo", "Ravi", "yes"):
        await talk.say(text)
    return at


async def test_an_appointment_is_read_back_moved_and_cancelled_once(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        at = await _booked(talk)
        assert "at 3 PM" in await talk.say("when is my appointment?")
        said = await talk.say(f"can we move it to {at:%B} {at.day} at eleven")
        assert "move the demo to" in said and "11 AM" in said
        yes = HumanMessage("yes", id="moved")
        await talk.turn(yes)
        await talk.turn(yes)
        (moved,) = await talk.bookings.list()
        assert moved.start == at.replace(hour=11)
        assert "Shall I cancel it?" in await talk.say("cancel my appointment")
        gone = HumanMessage("yes, cancel it", id="gone")
        assert "is cancelled" in await talk.turn(gone)
        await talk.turn(gone)
        assert not await talk.bookings.list()
        assert "do not find" in await talk.say("when is my demo?")


async def test_an_appointment_is_not_cancelled_without_a_yes(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        await _booked(talk)
        await talk.say("cancel my appointment")
        await talk.say("no, keep it")
        assert len(await talk.bookings.list()) == 1


async def test_nobody_gets_at_the_appointment_of_another_caller(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        await _booked(talk)
        talk.thread_id = "another"
        await talk.open(caller="+15550100998")
        assert "do not find" in await talk.say("when is my appointment?")
        talk.thread_id = "the same caller, later"
        await talk.open(caller=CALLER)
        assert "at 3 PM" in await talk.say("when is my appointment?")


async def test_a_call_back_at_night_is_refused_before_it_is_read_back(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open(caller=REACHABLE)
        said = await talk.say("call me back tomorrow at 3 am")
        assert "may not call you at that time" in said and "9 AM" in said
        said = await talk.say("yes")
        assert "A colleague will call you on" in said and "9 AM" in said


async def test_a_call_back_in_the_day_is_read_back(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open(caller=REACHABLE)
        at = workday(hour=12, ahead=1)
        said = await talk.say(f"call me back on {at:%A} at noon")
        assert said.startswith("A colleague would call you on") and "12 PM" in said


@pytest.mark.parametrize(
    ("phrase", "language"),
    [
        ("ne m'appelez plus jamais", "fr"),
        ("rufen Sie mich nie wieder an", "de"),
        ("no me llamen más por favor", "es"),
        ("मुझे दोबारा फ़ोन न करें", "hi"),
    ],
)
async def test_opting_out_is_answered_in_its_own_language(
    tmp_path: Path, phrase: str, language: str
) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open(agent=agent(languages=("en",)).model_dump(mode="json"))
        assert await talk.say(phrase) == say("opted_out", language)
        rules: Permissions = talk.desk.permissions
        assert not (await rules.check(CALLER, "lanternfield")).allowed


async def test_a_german_caller_is_answered_in_german(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open()
        said = await talk.say("Guten Tag, ich möchte wissen, was das kostet")
        assert "Team kostet $39 pro seat im Monat." in said
        said = await talk.say("Ich möchte eine Demo am Dienstag um 15 Uhr buchen")
        assert "Dienstag" in said and "15:00 Uhr" in said


async def test_a_language_that_is_not_spoken_is_declined_in_it(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        await talk.open(agent=agent(languages=("en",)).model_dump(mode="json"))
        said = await talk.say("Guten Tag, ich möchte wissen, wer das macht")
        assert say("language.unavailable", "de") in said


def test_every_language_has_every_sentence_with_its_placeholders() -> None:
    folder = Path("graphs/sdr/replies")
    texts = {
        file.stem: yaml.safe_load(file.read_text(encoding="utf-8"))["replies"]
        for file in folder.glob("*.yaml")
    }
    assert set(texts) == set(spoken_languages()) >= {"en", "de", "es", "fr", "hi"}
    english = texts[DEFAULT]
    for language, own in texts.items():
        for key, text in english.items():
            for placeholder in {part.split("}")[0] for part in text.split("{")[1:]}:
                assert f"{{{placeholder}}}" in own[key], (language, key)
