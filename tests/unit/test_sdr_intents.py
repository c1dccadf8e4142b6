"""What callers want, told without a model; the phrases are in sdr_phrases.yaml."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.sdr.facts import facts_in, merged
from graphs.sdr.intents import recognise, sure
from graphs.sdr.languages import language_of

PHRASES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "sdr_phrases.yaml").read_text(encoding="utf-8")
)
LABELLED = [
    (label, phrase)
    for part in ("tuned", "first", "second")
    for label, phrases in PHRASES[part].items()
    for phrase in phrases
]


def test_nearly_all_labelled_phrases_are_recognised() -> None:
    confused = Counter(
        (label, recognise(phrase).intent)
        for label, phrase in LABELLED
        if recognise(phrase).intent != label
    )
    assert confused.total() <= 0.02 * len(LABELLED), confused


@pytest.mark.parametrize(
    "phrase", [*PHRASES["opting_out"]["yes"], *PHRASES["opting_out_again"]["yes"]]
)
def test_who_opts_out_is_understood(phrase: str) -> None:
    assert recognise(phrase).intent == "opt_out"


@pytest.mark.parametrize(
    "phrase", [*PHRASES["opting_out"]["no"], *PHRASES["opting_out_again"]["no"]]
)
def test_who_speaks_of_calls_does_not_opt_out(phrase: str) -> None:
    assert recognise(phrase).intent != "opt_out"


@pytest.mark.parametrize(
    "phrase",
    [
        *("yes", "yes please", "haan ji", "yes, book it", "sure, go ahead", "ok"),
        *("ja bitte", "ja gerne", "oui merci", "d'accord", "sí, por favor", "vale gracias"),
    ],
)
def test_a_plain_yes_is_sure(phrase: str) -> None:
    assert sure(recognise(phrase), phrase)


@pytest.mark.parametrize(
    "phrase",
    [
        "yes, but how much is it?",
        "no",
        "maybe",
        "yes and no",
        "yes, if my boss agrees",
        "what?",
        "yes, the other one",
        "is it free?",
        "nahi",
        "I guess so",
    ],
)
def test_a_yes_with_anything_else_is_not_sure(phrase: str) -> None:
    assert not sure(recognise(phrase), phrase)


def test_who_says_hold_on_for_ever_is_heard_in_one_go() -> None:
    """Each was taken off by a call of its own: 3 kB held up every call for 6 s, 6 kB failed."""
    before = recognise.cache_info().misses
    assert recognise("hold on " * 5_000).intent == "hold"
    heard = recognise("just a second " * 2_000 + "how long is the trial?")
    assert (heard.intent, heard.rest) == ("question", "how long is the trial?")
    assert recognise.cache_info().misses - before <= 4


@settings(deadline=None)
@given(st.text(max_size=300))
def test_any_text_is_understood_as_something(text: str) -> None:
    heard = recognise(text)
    assert heard.intent
    facts_in(text)
    language_of(text)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("how much does it cost for us", "en"),
        ("mujhe iska price bataiye", "hi"),
        ("मुझे कीमत बताइए", "hi"),
        ("hola quiero saber el precio por favor", "es"),
        ("bonjour je voudrais savoir le prix", "fr"),
        ("guten Tag ich möchte wissen was es kostet", "de"),
        ("okay", None),
        ("", None),
        ("um um", None),
        ("um, Sam", None),
        ("um zehn Uhr", "de"),
        ("El Paso", None),
        ("Las Vegas", None),
        ("Le Havre", None),
        ("El precio", "es"),
    ],
)
def test_the_language_is_told_by_the_words(text: str, language: str | None) -> None:
    assert language_of(text) == language


@pytest.mark.parametrize(
    ("text", "asked", "name", "value"),
    [
        ("we are a team of twelve", None, "team_size", {"people": 12}),
        ("12", "team_size", "team_size", {"people": 12}),
        ("hum 10 log hain", None, "team_size", {"people": 10}),
        ("just me", None, "team_size", {"people": 1}),
        (
            "our budget is between 500 and 800 dollars a month",
            None,
            "budget",
            {"least": "500", "most": "800", "currency": "USD", "per": "month"},
        ),
        (
            "we can spend two lakh rupees a year",
            None,
            "budget",
            {"least": "200000", "most": "200000", "currency": "INR", "per": "year"},
        ),
        ("we don't have a budget yet", "budget", "budget", {"undecided": True}),
        ("my boss decides", None, "authority", {"decides": "no"}),
        ("I am the owner", None, "authority", {"decides": "yes"}),
        ("Yes, I do", "authority", "authority", {"decides": "yes"}),
        ("asap", "timing", "timing", {"when": "now"}),
        ("in two weeks", "timing", "timing", {"when": "in two weeks"}),
    ],
)
def test_facts_are_read_from_the_words(
    text: str, asked: Any, name: Any, value: dict[str, Any]
) -> None:
    assert facts_in(text, asked)[name][0] == value


@pytest.mark.parametrize(
    "text",
    ["How much is it for your Team plan?", "How long is the trial?", "We met in 2017", "at three"],
)
def test_a_question_tells_no_budget_and_no_timing(text: str) -> None:
    assert not {"budget", "timing", "authority"} & set(facts_in(text))


def test_a_corrected_fact_remembers_what_was_said_before() -> None:
    first = merged({}, facts_in("we are twelve people"), "m1")
    after = merged(first, facts_in("no, we are fifteen people"), "m2")
    fact = after["team_size"]
    assert (fact["value"], fact["before"]) == ({"people": 15}, {"people": 12})
    assert (fact["words"], fact["message_id"]) == ("fifteen", "m2")


def test_the_words_of_a_fact_stand_in_what_was_said() -> None:
    text = "We are eight people and can spend up to $400 a month, my boss decides"
    found = facts_in(text)
    assert {"team_size", "budget", "authority"} <= set(found)
    assert all(words in text for _, words in found.values())


LANGUAGES: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parent / "sdr_languages_unseen.yaml").read_text(encoding="utf-8")
)


def test_the_language_of_short_questions_is_told_and_foreign_names_leave_english_english() -> None:
    """Phrases never learnt from; half of them was taken for English before."""
    wrong = {
        phrase: language_of(phrase)
        for language, said in LANGUAGES.items()
        for phrase in said
        if (language_of(phrase) or "en") != language
    }
    assert wrong == {}


def test_no_english_phrase_is_taken_for_another_language() -> None:
    english = [*PHRASES["claims"], *PHRASES["strangers"]["provocation"]]
    english += [phrase for label, phrase in LABELLED if label not in ("opt_out", "book", "price")]
    assert [one for one in english if language_of(one) in ("de", "es", "fr")] == []


ABROAD: dict[str, list[str]] = yaml.safe_load(
    (Path(__file__).parent / "sdr_abroad_unseen.yaml").read_text(encoding="utf-8")
)


def test_what_is_wanted_in_german_french_and_spanish_is_told() -> None:
    """Phrases written before the rules were; 53 of 93 were wrong without them."""
    wrong = {}
    for wanted, said in ABROAD.items():
        for phrase in said:
            intent = recognise(phrase).intent
            if intent != wanted and (wanted != "none" or intent not in ("statement", "question")):
                wrong[phrase] = intent
    assert wrong == {}


@pytest.mark.parametrize(
    "phrase",
    [
        "ich möchte keine demo",
        "je ne veux pas de démo",
        "nehmen sie mich auf die liste",
        "warum rufen sie an",
        "nos clients rappellent toujours",
        "comment bloquer un numéro",
        "no quiero una demostración",
    ],
)
def test_what_only_sounds_like_a_wish_is_none(phrase: str) -> None:
    assert recognise(phrase).intent in ("statement", "question", "deny")


@pytest.mark.parametrize(
    ("said", "people"),
    [
        ("there are nine of us", 9),
        ("We're twelve, mostly part time", 12),
        ("on est une équipe de huit", 8),
        ("Somos ocho en soporte", 8),
        ("we are two months behind", None),
        ("most of us work from home", None),
        ("we are late in the year", None),
    ],
)
def test_how_many_they_are_is_told_without_a_word_for_people(said: str, people: int | None) -> None:
    found = facts_in(said).get("team_size")
    assert (found[0]["people"] if found else None) == people


def test_we_are_is_no_question_though_it_is_spelt_like_one() -> None:
    assert not recognise("we're drowning in support email").asks
    assert recognise("were you at the fair").asks
