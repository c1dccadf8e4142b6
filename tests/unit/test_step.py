"""The pure interview: one behaviour a test."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphs.eligibility import certificate
from graphs.eligibility.state import FINAL, Event, Interview, Salary
from graphs.eligibility.step import step
from tests.unit.interview import AT, RULES, Talk, at_city, at_salary, happens, keys, opened


def test_opening_greets_and_asks_for_employment() -> None:
    talk = opened()
    assert "automated assistant" in talk.said
    assert talk.said.endswith("Are you a salaried employee?")
    assert talk.expects == "employment"


def test_three_good_answers_make_a_caller_preliminarily_eligible() -> None:
    talk = at_city().hears("Mumbai")
    assert talk.outcome == ("eligible", "rules.passed")
    assert "preliminarily eligible" in talk.said
    assert talk.closed


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (["no"], "employment.not_salaried"),
        (["I run my own business"], "employment.not_salaried"),
        (["yes", "24,999 rupees a month"], "salary.below_minimum"),
        (["yes", "forty thousand", "Pune"], "city.not_served"),
        (["yes", "forty thousand", "Navi Mumbai"], "city.not_served"),
    ],
)
def test_each_refusal_names_its_reason_and_asks_nothing(answers: list[str], reason: str) -> None:
    talk = opened().hears(*answers)
    assert talk.outcome == ("not_eligible", reason)
    assert "?" not in talk.said
    assert "sorry" in talk.said


def test_exactly_the_minimum_is_enough() -> None:
    assert at_salary().hears("25,000 rupees a month").state.question == "city"


def test_several_answers_in_one_sentence_are_all_taken() -> None:
    talk = opened().hears("I'm salaried, earn 40k and live in Mumbai")
    assert talk.outcome == ("eligible", "rules.passed")


def test_an_answer_given_before_the_greeting_is_taken_and_the_rest_asked() -> None:
    talk = Talk(Interview()).hears("Hi, I am salaried")
    assert talk.state.employment == "salaried"
    assert talk.expects == "amount"


def test_a_bare_no_before_the_question_was_asked_answers_nothing() -> None:
    talk = Talk(Interview()).hears("no")
    assert talk.state.employment is None
    assert talk.expects == "employment"


def test_no_i_am_salaried_is_salaried() -> None:
    assert opened().hears("No, I am salaried").state.employment == "salaried"


def test_a_bare_number_is_read_back_and_a_yes_confirms_it() -> None:
    talk = at_salary().hears("25")
    assert "25,000 rupees a month?" in talk.said
    assert talk.expects == "yes_no"
    assert talk.hears("yes").state.salary == Salary(Decimal(25000), Decimal(25000))


def test_a_bare_number_that_is_denied_is_asked_again() -> None:
    talk = at_salary().hears("25", "no")
    assert talk.state.salary is None
    assert talk.expects == "amount"


def test_a_yes_to_a_confirmation_answers_nothing_else() -> None:
    talk = opened().hears("I earn 25", "yes")
    assert talk.state.salary is None
    assert talk.state.employment == "salaried"


def test_a_yearly_salary_is_divided_by_twelve_and_said_back() -> None:
    talk = at_salary().hears("6 lakh per annum")
    assert talk.state.salary == Salary(Decimal(50000), Decimal(50000))
    assert "50,000 rupees a month" in talk.said


def test_a_yearly_salary_just_short_is_not_rounded_up() -> None:
    talk = at_salary().hears("299999 rupees per annum")
    assert talk.outcome == ("not_eligible", "salary.below_minimum")


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        ("between 30 and 40 thousand", "in_progress"),
        ("more than 30 thousand", "in_progress"),
        ("between 10 and 15 thousand", "not_eligible"),
    ],
)
def test_a_range_on_one_side_of_the_minimum_decides(said: str, outcome: str) -> None:
    talk = at_salary().hears(said)
    assert talk.state.salary is not None
    assert talk.state.outcome == outcome


@pytest.mark.parametrize("said", ["between 20 and 30 thousand", "about 25 thousand"])
@pytest.mark.parametrize(("answer", "outcome"), [("yes", "in_progress"), ("no", "not_eligible")])
def test_what_may_lie_on_either_side_is_asked_as_at_least(
    said: str, answer: str, outcome: str
) -> None:
    talk = at_salary().hears(said)
    assert "at least 25,000 rupees a month?" in talk.said
    assert talk.hears(answer).state.outcome == outcome


def test_one_lakh_without_a_period_is_read_back() -> None:
    talk = at_salary().hears("one lakh")
    assert "1 lakh rupees a month?" in talk.said
    assert talk.state.salary is None


def test_five_lakh_without_a_period_is_enough_either_way() -> None:
    assert at_salary().hears("five lakh").expects == "city"


def test_a_correction_of_an_earlier_answer_is_taken_and_the_question_comes_back() -> None:
    talk = at_city().hears("Sorry, my salary is 30 thousand")
    assert talk.state.salary == Salary(Decimal(30000), Decimal(30000))
    assert "changed" in talk.said
    assert talk.said.endswith("Which city do you live in?")


def test_a_correction_can_turn_into_a_refusal() -> None:
    talk = at_city().hears("Sorry, I am self-employed")
    assert talk.outcome == ("not_eligible", "employment.not_salaried")


def test_a_pin_code_is_no_salary() -> None:
    talk = at_city().hears("400001")
    assert talk.state.salary == Salary(Decimal(40000), Decimal(40000))


@pytest.mark.parametrize(
    ("request_", "words"),
    [
        ("Can you repeat that?", "What is your monthly salary"),
        ("Why do you ask?", "I ask because"),
        ("Are you a bot?", "Yes, I am an automated assistant, not a human"),
    ],
)
def test_a_request_is_handled_and_the_question_comes_back(request_: str, words: str) -> None:
    talk = at_salary().hears(request_)
    assert words in talk.said
    assert talk.said.endswith("What is your monthly salary in hand, in rupees?")
    assert talk.state.reasks == 0


def test_wait_leaves_the_caller_time() -> None:
    talk = at_salary().hears("Wait a minute")
    assert "?" not in talk.said
    assert talk.expects == "amount"


def test_a_person_takes_over_on_request() -> None:
    talk = at_salary().hears("I want to talk to a person")
    assert talk.outcome == ("needs_human", "caller.asked_for_person")


def test_an_opt_out_stands_whatever_is_said_later() -> None:
    talk = at_salary().hears("Do not call me again", "I am salaried and earn 40k in Mumbai")
    assert talk.outcome == ("opted_out", "caller.opted_out")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("Goodbye", "caller.goodbye"),
        ("Wrong number", "caller.wrong_number"),
        ("Call me later", "caller.call_later"),
    ],
)
def test_leaving_closes_undecided_and_the_thread_goes_on_later(said: str, reason: str) -> None:
    talk = at_salary().hears(said)
    assert talk.outcome == ("in_progress", reason)
    assert talk.closed
    assert talk.hears("forty thousand").state.question == "city"


def test_silence_is_asked_twice_and_then_closes_politely() -> None:
    talk = at_salary().hears(happens("silence"), happens("silence"))
    assert talk.expects == "amount"
    assert talk.hears(happens("silence")).outcome == ("in_progress", "silence")
    assert talk.closed


def test_an_answer_after_silence_starts_the_count_anew() -> None:
    talk = at_salary().hears(happens("silence"), happens("silence"), "why", happens("silence"))
    assert not talk.closed


def test_what_is_not_understood_is_asked_twice_and_then_a_person_takes_over() -> None:
    talk = at_salary().hears("purple", "purple")
    assert talk.expects == "amount"
    assert talk.hears("purple").outcome == ("needs_human", "reasks.exhausted")


def test_asking_to_repeat_for_ever_ends_with_a_person() -> None:
    talk = at_salary().hears(*["Can you repeat that?"] * RULES.limits.turns)
    assert talk.outcome == ("needs_human", "turns.exhausted")


def test_a_hang_up_leaves_the_question_open_and_reopening_asks_it_again() -> None:
    talk = at_salary().hears(happens("hangup"))
    assert talk.outcome == ("in_progress", "caller.hung_up")
    assert talk.said == ""
    talk.hears(happens("opened"))
    assert talk.said == "Welcome back. What is your monthly salary in hand, in rupees?"


def test_who_comes_back_before_having_said_anything_is_greeted_as_new() -> None:
    """The page opens by chat and then by voice: nobody has been away."""
    talk = opened().hears(happens("silence"), happens("opened"))
    assert talk.said.startswith("Hello!")
    assert talk.said.endswith("Are you a salaried employee?")
    talk.hears("Can you repeat that?", happens("opened"))
    assert talk.said == "Welcome back. Are you a salaried employee?"


def test_reopening_a_finished_interview_states_the_outcome() -> None:
    talk = at_city().hears("Mumbai", happens("opened"))
    assert "preliminarily eligible" in talk.said
    assert talk.closed


def test_after_a_refusal_a_person_can_still_be_asked_for() -> None:
    talk = opened().hears("no", "I want to talk to a person")
    assert talk.outcome == ("not_eligible", "employment.not_salaried")
    assert talk.state.follow_up == ("person",)


def test_hindi_is_answered_in_hindi() -> None:
    talk = opened().hears("हाँ, मैं नौकरी करता हूँ")
    assert talk.state.language == "hi"
    assert "सैलरी" in talk.said


def test_a_language_asked_for_is_kept() -> None:
    talk = opened().hears("Please speak in English", "haan ji main naukri karta hoon")
    assert talk.state.language == "en"
    assert talk.expects == "amount"


def test_a_channel_that_speaks_english_only_is_not_given_hindi() -> None:
    talk = opened().hears(Event("said", AT, "Please speak in Hindi", "speech", ("en",)))
    assert talk.state.language == "en"
    assert "only speak English" in talk.said


def test_keys_answer_every_question() -> None:
    talk = opened().hears(keys("1"), keys("40000"), keys("7"))
    assert talk.expects == "choice"
    assert "Press 2 for Mumbai" in talk.said
    assert talk.hears(keys("2")).outcome == ("eligible", "rules.passed")


def test_the_last_key_of_the_menu_is_another_city() -> None:
    talk = at_city().hears("purple", keys("4"))
    assert talk.outcome == ("not_eligible", "city.not_served")


def test_another_city_said_to_the_menu_is_not_served() -> None:
    talk = at_city().hears("purple", "in another city")
    assert talk.outcome == ("not_eligible", "city.not_served")


def test_zero_asks_for_a_person() -> None:
    assert at_salary().hears(keys("0")).outcome == ("needs_human", "caller.asked_for_person")


UTTERANCES = st.one_of(
    st.sampled_from(
        [
            *("yes", "no", "haan ji", "nahi", "I am salaried", "I lost my job", "हाँ", "purple"),
            *("forty thousand", "25", "about 25 thousand", "20 hazaar", "6 LPA", "one lakh"),
            *("between 20 and 30 thousand", "sorry, my salary is 30 thousand", "Delhi NCR"),
            *("Mumbai", "मुंबई", "I live in Pune", "मेरी सैलरी चालीस हज़ार है", "another city"),
            *("repeat", "why", "are you a bot", "bye", "hold on", "call me later", " "),
        ]
    ),
    st.text(max_size=40),
)
EVENTS = st.one_of(
    UTTERANCES.map(lambda text: Event("said", AT, text, "speech")),
    st.text("0123456789*", max_size=6).map(lambda digits: Event("said", AT, digits, "keys")),
    st.sampled_from([happens("opened"), happens("silence"), happens("hangup")]),
)


@settings(max_examples=150, deadline=None)
@given(st.lists(EVENTS, min_size=1, max_size=40))
def test_any_conversation_keeps_the_promises(events: list[Event]) -> None:
    state, record = Interview(), []
    for event in events:
        before = state
        state, actions = step(state, event, RULES)
        record.append(certificate.entry(record, event, state, actions, RULES))
        if before.final:
            assert state.outcome == before.outcome
        if state.outcome == "eligible":
            assert state.employment == "salaried"
            assert state.salary and state.salary.low and state.salary.low >= 25000
            assert state.city in RULES.city.served
    if len(events) >= RULES.limits.turns:
        assert state.outcome in FINAL
    assert certificate.replay(certificate.certificate("t", record), RULES).reproduced
    assert Interview.from_json(state.to_json()) == state
