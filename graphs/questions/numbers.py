"""Numbers as an answer says or keys them: digits one by one, or one number; exact, or none."""

import re
from collections.abc import Collection, Sequence
from decimal import Decimal
from functools import lru_cache

from graphs.eligibility.amounts.lexemes import lexemes
from graphs.eligibility.amounts.lexicon import ROLE, classify, roles
from graphs.eligibility.amounts.numerals import Reader
from graphs.eligibility.amounts.row import Row
from graphs.questions.phrases import LEXICON

_TOKEN = re.compile(r"\d+|[^\W\d_](?:[^\W\d_]|[\u0900-\u0963\u200c\u200d]|['’](?=\w))*")
_FRACTION = re.compile(r"\d[.]\d|[%$€£₹]")
_NUMBER, _REPEAT, _OH = ROLE["number"], ROLE["repeat"], ROLE["oh"]
_TAKEN_BACK = roles("no", "correct", "restate")
_IGNORED = roles("comma", "stop", "currency", "article", "filler")
_FIGURES, _SIGN = roles("digits"), ROLE["minus"]
_HOMOPHONES = {"to": "2", "too": "2", "for": "4", "ate": "8", "won": "1"}
_MOST_READINGS = 64
"""An utterance of more readings than that says nothing."""


def digits_in(
    text: str, least: int, most: int, *, asked: Collection[str] = (), heard: bool = True
) -> str | None:
    """The digits an utterance says, by "four five double six", "45 66" or "forty five sixty six".

    Args:
        text: what was said or typed, in English or Hindi.
        least: fewest digits that are an answer.
        most: most digits that are an answer.
        asked: words of the question; those the answer may repeat.
        heard: it was spoken, so "for" may be four.

    Returns:
        The digits 0 to 9; None when there is no reading of that length, or more than one.
    """
    if _FRACTION.search(text):
        return None
    said: list[str] = []
    for word in _TOKEN.findall(text):
        if classify(word)[1].roles & _TAKEN_BACK and not said:
            continue
        said = [] if classify(word)[1].roles & _TAKEN_BACK else [*said, word]
    if len(said) > most + _MOST_READINGS:
        return None
    found = {
        digits
        for digits in _readings(said, frozenset(asked), most, heard)
        if least <= len(digits) <= most
    }
    return found.pop() if len(found) == 1 else None


def _readings(said: Sequence[str], asked: frozenset[str], most: int, heard: bool) -> set[str]:
    """Every row of at most `most` digits that the words may stand for; none when a word is odd."""
    ends: list[set[str]] = [{""}, *(set() for _ in said)]
    for at in range(len(said)):
        for taken, digits in _pieces(said, at, asked, heard):
            longer = {start + digits for start in ends[at]}
            ends[at + taken] |= {text for text in longer if len(text) <= most}
            if len(ends[at + taken]) > _MOST_READINGS:
                return set()
    return ends[-1]


def _pieces(
    said: Sequence[str], at: int, asked: frozenset[str], heard: bool
) -> list[tuple[int, str]]:
    """What the word at `at` may be, perhaps with the next one: words taken, and their digits."""
    word = said[at]
    if word.isdecimal():
        return [(1, "".join(str(int(figure)) for figure in word))]
    key, meaning = classify(word)
    found = []
    if meaning.roles & _REPEAT and at + 1 < len(said):
        found += [
            (taken + 1, digits * int(meaning.value))
            for taken, digits in _pieces(said, at + 1, frozenset(), False)
            if taken == 1 and len(digits) == 1
        ]
    elif meaning.roles & _NUMBER:
        found.append((1, str(meaning.value)))
        unit = _unit(said, at + 1)
        if meaning.rule == "amount.english" and meaning.value >= 20 and unit:
            found.append((2, str(meaning.value + unit)))
            if meaning.value % 10 == 0:
                del found[0]  # "forty five" is 45; nobody says 40 5 so
    elif meaning.roles & _OH:
        found.append((1, "0"))
    elif key in _HOMOPHONES and heard:
        found.append((1, _HOMOPHONES[key]))
    if not meaning.roles & (_NUMBER | _REPEAT | _OH) and (key in asked or LEXICON.is_filler(word)):
        found.append((1, ""))
    return found


def _unit(said: Sequence[str], at: int) -> int:
    """The English 1 to 9 at `at`, or 0."""
    meaning = classify(said[at])[1] if at < len(said) and not said[at].isdecimal() else None
    if meaning is None or meaning.rule != "amount.english" or meaning.value > 9:
        return 0
    return int(meaning.value)


@lru_cache(maxsize=1024)
def number_in(text: str, asked: frozenset[str] = frozenset()) -> Decimal | None:
    """The one number that an utterance says and nothing else: "dedh lakh", "four of us", "-2.5".

    Args:
        text: what was said or typed, in English or Hindi.
        asked: words of the question; those the answer may repeat.

    Returns:
        The number; None when there is none, several, or a word that may change its meaning.
    """
    row = Row(lexemes(text))
    numerals = Reader(row, compose=True).numerals()
    if not numerals:
        return _lonely(row, asked)
    if len(numerals) > 1 or numerals[0].problem:
        return None
    numeral = numerals[0]
    sign = 1
    for at in (*range(numeral.first), *range(numeral.last, row.size)):
        lexeme = row[at]
        if at == numeral.first - 1 and (lexeme.roles & _SIGN or lexeme.key in {"minus", "-"}):
            sign = -1
        elif not _may_stand_beside(lexeme.key, lexeme.roles, asked):
            return None
    return sign * Decimal(numeral.value)


def _lonely(row: Row, asked: frozenset[str]) -> Decimal | None:
    """A number word that is also another word, such as "do" or "ek", said alone."""
    numbers = [at for at in range(row.size) if row[at].roles & _NUMBER]
    others = [at for at in range(row.size) if at not in numbers]
    alone = all(_may_stand_beside(row[at].key, row[at].roles, asked) for at in others)
    return Decimal(row[numbers[0]].word.value) if len(numbers) == 1 and alone else None


def _may_stand_beside(key: str, role: int, asked: frozenset[str]) -> bool:
    if key in asked or (key and LEXICON.is_filler(key)):
        return True
    return bool(role & _IGNORED) and not role & (_NUMBER | _FIGURES | _TAKEN_BACK | _SIGN)
