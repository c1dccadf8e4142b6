"""Numbers in words come back, against two libraries that know nothing of this one.

All of 0 to 1,000,000 are run by `python -m benchmarks.amounts --all`, in some minutes; here, every
number up to 2,000, the neighbourhood of each boundary, and one in 97 of the rest.
"""

from collections.abc import Callable
from pathlib import Path

import pytest
from num2words import num2words
from num_to_words import num_to_word

from graphs.eligibility.amounts import lexicon, parse_amount
from graphs.eligibility.readings import Reading
from tools.data_files import read_words

BOUNDARIES = [
    k * 10**zeros for zeros in range(3, 7) for k in range(1, 10) if k * 10**zeros <= 10**6
]
NUMBERS = sorted(
    {
        *range(2_000),
        *range(0, 1_000_001, 97),
        *(n + near for n in BOUNDARIES for near in range(-3, 4) if n + near <= 10**6),
    }
)
SPELLERS: dict[str, Callable[[int], str]] = {
    "num2words en_IN": lambda n: str(num2words(n, lang="en_IN")),
    "indic_num2words en": lambda n: num_to_word(n, lang="en"),
    "indic_num2words hi": lambda n: num_to_word(n, lang="hi"),
}


def wrong(spell: Callable[[int], str]) -> list[tuple[int, str]]:
    found = []
    for number in NUMBERS:
        words = spell(number)
        heard = parse_amount(words + " rupees")
        if not isinstance(heard, Reading) or heard.value.rupees != number:
            found.append((number, words))
    return found


@pytest.mark.parametrize("speller", SPELLERS)
def test_numbers_in_words_come_back(speller: str) -> None:
    assert wrong(SPELLERS[speller]) == []


@pytest.mark.parametrize("speller", SPELLERS)
def test_without_the_word_rupees_nothing_comes_back_as_another_number(speller: str) -> None:
    silently_wrong = [
        (number, heard.value.rupees)
        for number in NUMBERS
        if isinstance(heard := parse_amount(SPELLERS[speller](number)), Reading)
        and heard.value.rupees != number
    ]
    assert silently_wrong == []


def spellings() -> list[tuple[str, int]]:
    data = read_words(Path(lexicon.__file__).with_name("words.yaml"))
    return [
        (word, int(number))
        for language in ("english", "hindi")
        for number, words in data[language].items()
        for word in words
    ]


@pytest.mark.parametrize(("word", "number"), [pair for pair in spellings() if pair[1]])
def test_every_spelling_means_one_number_in_thousands(word: str, number: int) -> None:
    heard = parse_amount(f"{word} hazaar")
    assert isinstance(heard, Reading)
    assert heard.value.rupees == number * 1000


@pytest.mark.parametrize(("word", "number"), [pair for pair in spellings() if pair[1] >= 20])
def test_no_spelling_is_read_without_its_scale(word: str, number: int) -> None:
    assert not isinstance(parse_amount(word), Reading)
