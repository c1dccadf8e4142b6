"""Who wants no calls is taken off, or asked whether to be, in whatever words it is said."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from graphs.eligibility.utterance import words
from graphs.sdr.intents import OPTING_OUT, recognise
from graphs.sdr.learning import examples
from graphs.sdr.no_calls import likeness
from graphs.sdr.opting_out import PERHAPS
from tests.sdr import CALLER, Conversation, conversation
from tests.unit.test_sdr_intents import PHRASES

ROUNDS: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "sdr_no_calls.yaml").read_text(encoding="utf-8")
)
UNSEEN: dict[str, Any] = {
    name: yaml.safe_load((Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8"))
    for name in ("sdr_no_calls_unseen", "sdr_no_calls_unseen_again")
}
REVIEWED = PHRASES["opting_out_reviewed"]
UNSURE = "I don't want these calls anymore, do I?"


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        await talk.open()
        yield talk


async def taken_off(talk: Conversation) -> bool:
    decision = await talk.desk.permissions.check(CALLER, "lanternfield")
    return "numbers not to be called" in str(decision)


# What the four rounds say is among the examples: it stays learnt, and measures nothing.


@pytest.mark.parametrize(
    "phrase", [one for part in ROUNDS.values() for one in part["taken_off_or_asked"]]
)
def test_who_wants_no_calls_is_taken_off_or_asked(phrase: str) -> None:
    assert recognise(phrase).intent in OPTING_OUT


@pytest.mark.parametrize("phrase", [one for part in ROUNDS.values() for one in part["other"]])
def test_who_speaks_of_something_else_is_not_even_asked(phrase: str) -> None:
    assert recognise(phrase).intent not in OPTING_OUT


@pytest.mark.parametrize("phrase", REVIEWED["taken_off"])
def test_who_says_so_plainly_is_taken_off(phrase: str) -> None:
    assert recognise(phrase).intent == "opt_out"


@pytest.mark.parametrize("phrase", REVIEWED["asked"])
def test_what_may_be_meant_otherwise_is_asked_and_not_acted_on(phrase: str) -> None:
    assert recognise(phrase).intent == "may_opt_out"


@pytest.mark.parametrize("phrase", REVIEWED["other"])
def test_what_only_sounds_like_it_is_not_even_asked(phrase: str) -> None:
    """Most of these kept the number off for ever and hung up."""
    assert recognise(phrase).intent not in (*OPTING_OUT, "call_back")


@pytest.mark.parametrize(
    ("name", "missed", "asked"),
    [("sdr_no_calls_unseen", 4, 5), ("sdr_no_calls_unseen_again", 6, 4)],
)
def test_of_phrases_never_learnt_from_few_are_missed_and_few_asked_about_in_vain(
    name: str, missed: int, asked: int
) -> None:
    """As measured when they were tried; docs/sdr.md has the same figures."""
    wanted, other = UNSEEN[name]["wants_no_calls"], UNSEEN[name]["other"]
    assert sum(recognise(one).intent not in OPTING_OUT for one in wanted) <= missed
    assert sum(recognise(one).intent in OPTING_OUT for one in other) <= asked
    assert not [one for one in other if recognise(one).intent == "opt_out"]


def test_what_is_measured_on_is_not_learnt_from() -> None:
    learnt = {" ".join(word.text for word in words(phrase)) for phrase, _ in examples()}
    unseen = [one for part in UNSEEN.values() for said in part.values() for one in said]
    assert not [one for one in unseen if " ".join(word.text for word in words(one)) in learnt]


def test_the_weights_are_those_that_the_examples_teach() -> None:
    """Who changes the examples learns again: `python -m graphs.sdr.learning`."""
    wrong = [
        phrase
        for phrase, which in examples()
        if (likeness(" ".join(word.text for word in words(phrase))) >= PERHAPS) != (which > 0)
    ]
    assert len(wrong) <= 0.015 * len(examples()), wrong


@pytest.mark.parametrize("answer", ["yes", "yes please do that", "Stop calling me", UNSURE])
async def test_in_doubt_the_caller_is_asked_and_a_yes_counts(
    talk: Conversation, answer: str
) -> None:
    assert "Shall I take your number off our list" in await talk.say(UNSURE)
    assert not await taken_off(talk)
    assert "do-not-call list now" in await talk.say(answer)
    assert await taken_off(talk)


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        ("no", "What would you like to improve"),
        ("no, how long is the free trial?", "14 days"),
        ("What does Team cost?", "$39"),
    ],
)
async def test_who_does_not_say_yes_stays_on_and_is_answered(
    talk: Conversation, answer: str, told: str
) -> None:
    await talk.say(UNSURE)
    said = await talk.say(answer)
    assert told in said and "Shall I take" not in said
    assert not await taken_off(talk) and not talk.values["done"]


async def test_who_hangs_up_while_being_asked_is_taken_off(talk: Conversation) -> None:
    await talk.say(UNSURE)
    await talk.event("hangup")
    assert await taken_off(talk) and talk.values["outcome"] == "opted_out"


@pytest.mark.parametrize("event", ["hangup", "silence"])
@pytest.mark.parametrize(
    "said", ["Can you delete my data?", "Our reps hate cold calling", "We need to stop spam calls"]
)
async def test_who_leaves_having_spoken_of_other_calls_or_of_data_stays_on(
    talk: Conversation, said: str, event: str
) -> None:
    """What the product is bought for kept them off for ever, in every organisation."""
    assert "Shall I take your number off our list" in await talk.say(said)
    for _ in range(3):
        await talk.event(event)
    assert talk.values["done"] or event == "hangup"
    assert not await taken_off(talk)


@pytest.mark.parametrize("aside", ["say that again", "what?", "one moment"])
async def test_a_question_that_is_repeated_still_takes_a_yes(
    talk: Conversation, aside: str
) -> None:
    await talk.say("Can you delete my data?")
    await talk.say(aside)
    assert "do-not-call list now" in await talk.say("yes")


async def test_who_hangs_up_after_another_question_is_not(talk: Conversation) -> None:
    await talk.say("We need a shared inbox")
    await talk.event("hangup")
    assert not await taken_off(talk)


async def test_it_is_asked_in_the_language_that_is_spoken(talk: Conversation) -> None:
    await talk.say("Sprechen Sie bitte Deutsch mit mir")
    assert "Soll ich Ihre Nummer" in await talk.say("Ich möchte keine Anrufe mehr, oder?")


@pytest.mark.parametrize(
    "question",
    [
        "Will my data be deleted after 30 days?",
        "Will you delete our data when we leave?",
        "How do I get removed from a mailing list in Lanternfield?",
        "Can my data be erased on request?",
        "Is my data deleted when I cancel?",
    ],
)
def test_a_question_about_data_takes_nobody_off(question: str) -> None:
    """Each of these ended the conversation and kept the number off for ever."""
    assert recognise(question).intent == "question"


@pytest.mark.parametrize("wish", ["Can you delete my data?", "Please delete all my information"])
def test_who_wants_data_deleted_is_asked_whether_calls_are_meant(wish: str) -> None:
    assert recognise(wish).intent == "may_opt_out"


@pytest.mark.parametrize(
    "wish", ["Can you stop calling me?", "Can you remove my details and never call again?"]
)
def test_who_speaks_of_calls_is_taken_off(wish: str) -> None:
    assert recognise(wish).intent == "opt_out"
