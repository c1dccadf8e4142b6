"""Who wants no calls is taken off, or asked whether to be, in whatever words it is said."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphs.sdr.intents import OPTING_OUT, recognise
from tests.sdr import CALLER, Conversation, conversation

ROUNDS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "sdr_no_calls.yaml").read_text(encoding="utf-8")
)
UNSURE = "I don't want these calls anymore, do I?"


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        await talk.open()
        yield talk


async def taken_off(talk: Conversation) -> bool:
    decision = await talk.desk.permissions.check(CALLER, "lanternfield")
    return "numbers not to be called" in str(decision)


@pytest.mark.parametrize(
    "phrase", [one for part in ROUNDS.values() for one in part["taken_off_or_asked"]]
)
def test_who_wants_no_calls_is_taken_off_or_asked(phrase: str) -> None:
    assert recognise(phrase).intent in OPTING_OUT


@pytest.mark.parametrize("phrase", [one for part in ROUNDS.values() for one in part["other"]])
def test_who_speaks_of_something_else_is_not_even_asked(phrase: str) -> None:
    assert recognise(phrase).intent not in OPTING_OUT


@pytest.mark.parametrize("phrase", [one for part in ROUNDS.values() for one in part["asked"]])
def test_what_only_sounds_like_it_is_asked_and_not_acted_on(phrase: str) -> None:
    assert recognise(phrase).intent != "opt_out"


@pytest.mark.parametrize("answer", ["yes", "yes please do that", "Stop calling me", UNSURE])
async def test_in_doubt_the_caller_is_asked_and_a_yes_counts(
    talk: Conversation, answer: str
) -> None:
    assert "Shall I take your number off our list" in await talk.say(UNSURE)
    assert not await taken_off(talk)
    assert "do-not-call list now" in await talk.say(answer)
    assert await taken_off(talk)


@pytest.mark.parametrize(
    "answer", ["no", "no, how long is the free trial?", "What does Team cost?"]
)
async def test_who_does_not_say_yes_stays_on_and_is_answered(
    talk: Conversation, answer: str
) -> None:
    await talk.say(UNSURE)
    said = await talk.say(answer)
    assert "Shall I take" not in said
    assert not await taken_off(talk) and not talk.values["done"]


async def test_who_hangs_up_while_being_asked_is_taken_off(talk: Conversation) -> None:
    await talk.say(UNSURE)
    await talk.event("hangup")
    assert await taken_off(talk) and talk.values["outcome"] == "opted_out"


async def test_who_hangs_up_after_another_question_is_not(talk: Conversation) -> None:
    await talk.say("We need a shared inbox")
    await talk.event("hangup")
    assert not await taken_off(talk)


async def test_it_is_asked_in_the_language_that_is_spoken(talk: Conversation) -> None:
    await talk.say("Sprechen Sie bitte Deutsch mit mir")
    assert "Soll ich Ihre Nummer" in await talk.say("Ich möchte keine Anrufe mehr, oder?")
