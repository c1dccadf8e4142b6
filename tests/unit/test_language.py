"""Which language a caller speaks."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphs.eligibility.language import detect_language


@pytest.mark.parametrize(
    "text",
    [
        "haan ji",
        "nahi",
        "Main naukri karta hoon.",
        "pachees hazaar",
        "mujhe nahi pata",
        "kya bola aapne",
        "Mumbai mein rehta hoon",
        "job chhoot gayi",
        "हाँ",
        "मैं मुंबई में रहता हूँ",
        "मेरी salary forty thousand है",
        "theek hai",
        "haan, main salaried hoon",
    ],
)
def test_hindi_is_known_in_either_script(text: str) -> None:
    assert detect_language(text) == "hi"


@pytest.mark.parametrize(
    "text",
    [
        "I am salaried.",
        "My salary is forty thousand",
        "What did you say?",
        "I live in Mumbai",
        "why do you ask",
        "I don't know",
        "that's right",
        "are you a bot",
        "the main thing is to do it",
    ],
)
def test_english_is_known(text: str) -> None:
    assert detect_language(text) == "en"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "40000",
        "Mumbai",
        "ok",
        "Okay.",
        "yes",
        "no",
        "hello",
        "forty thousand",
        "salaried",
        "two lakh",
        "main",
        "thank you",
    ],
)
def test_what_both_languages_share_tells_nothing(text: str) -> None:
    assert detect_language(text) is None


@given(st.text())
def test_no_text_makes_it_raise(text: str) -> None:
    assert detect_language(text) in {"en", "hi", None}


@given(st.text(alphabet="0123456789 ,.?!"))
def test_numbers_alone_have_no_language(text: str) -> None:
    assert detect_language(text) is None
