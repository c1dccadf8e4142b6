"""What keys mean while a question is open."""

import pytest

from graphs.threads import Expectation
from voice.keypad import Keypad


@pytest.mark.parametrize("kind", ["yes_no", "employment", "choice", "city", "text"])
def test_one_key_is_the_answer_unless_an_amount_is_asked(kind: str) -> None:
    assert Keypad().press("2", {"kind": kind}) == (Keypad(), "2")  # type: ignore[typeddict-item]


def test_without_an_open_question_one_key_is_an_answer_too() -> None:
    assert Keypad().press("0", {}) == (Keypad(), "0")


def test_the_digits_of_an_amount_are_gathered_up_to_the_hash() -> None:
    keypad, answers = Keypad(), []
    for key in "40000#":
        keypad, answer = keypad.press(key, {"kind": "amount"})
        answers.append(answer)
    assert answers == [None] * 5 + ["40000"]
    assert keypad == Keypad()


def test_no_more_digits_are_taken_than_an_amount_can_have() -> None:
    keypad = Keypad()
    for _ in range(1000):
        keypad, _none = keypad.press("9", {"kind": "amount"})
    assert keypad.pause() == (Keypad(), "9" * 12)


def test_a_pause_ends_an_amount() -> None:
    keypad, _ = Keypad("250").press("0", {"kind": "amount"})
    assert keypad.pause() == (Keypad(), "2500")


def test_a_star_takes_the_digits_back() -> None:
    assert Keypad("99").press("*", {"kind": "amount"}) == (Keypad(), None)


def test_a_hash_or_a_pause_without_digits_is_no_answer() -> None:
    assert Keypad().press("#", {"kind": "amount"}) == (Keypad(), None)
    assert Keypad().pause() == (Keypad(), None)


def test_digits_are_complete_with_the_most_there_can_be() -> None:
    keypad, expects = Keypad(), Expectation(kind="digits", digits=4)
    for key in "456":
        keypad, answer = keypad.press(key, expects)
        assert answer is None
    assert keypad.press("#", expects) == (Keypad(), "456")
    assert keypad.press("6", expects) == (Keypad(), "4566")
