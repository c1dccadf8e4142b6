"""Digits said one by one: "two five triple zero", "double five", "twenty-five triple zero"."""

from decimal import Decimal

from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, roles
from graphs.eligibility.amounts.numeral import Numeral
from graphs.eligibility.amounts.row import Row

_NUMBER, _DIGITS, _SCALE = ROLE["number"], ROLE["digits"], ROLE["scale"]
_REPEAT, _OH, _COMMA = ROLE["repeat"], ROLE["oh"], ROLE["comma"]
_COUNTED = roles("counted", "span", "repeated")


class DigitRuns:
    """Reads runs of digits in one row."""

    def __init__(self, row: Row) -> None:
        self.row = row
        self.size = row.size
        self._roles = row.roles

    def digits(self, at: int) -> tuple[str, int] | None:
        """The digits at `at` ("five", "double five", "5", "000") and where they end."""
        if at >= self.size:
            return None
        lexeme = self.row[at]
        if lexeme.roles & _REPEAT:
            if self._roles(at + 1) & _REPEAT:
                return None
            inner = self.digits(at + 1)
            if inner is None or len(inner[0]) != 1:
                return None
            return inner[0] * lexeme.word.value, inner[1]
        if lexeme.roles & _DIGITS:
            text = lexeme.figures
            zeros = text.isdigit() and not text.strip("0०")
            return (text, at + 1) if text.isdigit() and (len(text) == 1 or zeros) else None
        if lexeme.roles & _NUMBER:
            return (str(lexeme.word.value), at + 1) if lexeme.word.value < 10 else None
        return ("0", at + 1) if lexeme.roles & _OH else None

    def run(self, at: int) -> Numeral | None:
        """A row of single digits, or "twenty-five triple zero"."""
        row, start = self.row, at
        if row[at].roles & _OH and not row[at].roles & _NUMBER:
            return None
        text, count = "", 0
        if (tens := self._tens(at)) is not None:
            text, at = tens
            if self.row[start].figures and at < self.size and len(self.row[at].figures) == 3:
                return None  # "25 000" is a split grouping, not digits
            following = self.digits(at)
            if following is None or following[0].strip("0०"):
                return None
        while at < self.size:
            if text and row[at].roles & _COMMA and self.digits(at + 1):
                at += 1
            digits = self.digits(at)
            if digits is None:
                break
            text, at, count = text + digits[0], digits[1], count + 1
        if text and row[at - 1].roles & (_NUMBER | _DIGITS) and at - 1 > start:
            text, at, count = self._given_back(start, text, at, count)
        text = "".join(str(int(digit)) for digit in text) if text.isdigit() else ""
        return self._read(start, at, text, count)

    def _given_back(self, start: int, text: str, at: int, count: int) -> tuple[str, int, int]:
        """Leave the last digit of the row to what it counts: "... zero zero two kids"."""
        if self._roles(at) & _COUNTED and count > 2:
            at -= 1
            if self._roles(at - 1) & _COMMA:
                at -= 1
            return text[:-1], at, count - 1
        return text, at, count

    def _read(self, start: int, at: int, text: str, count: int) -> Numeral | None:
        repeat = bool(self.row[start].roles & _REPEAT)
        head = self.row[start]
        tens = head.roles & _NUMBER and head.word.value >= 10 or len(head.figures) == 2
        if count < 2 and not (repeat and count) and not tens:
            return None
        if len(text) < 2:
            return None
        if len(text) > LEXICON.most_digits:
            return Numeral(start, at, problem="amount.identifier", rules=["amount.digit_by_digit"])
        run = Numeral(start, at, int(text), int(text), rules=["amount.digit_by_digit"])
        run.scaled = len(text) >= 4
        after = self._roles(at)
        if text[0] == "0" or tens and len(text) != 5:
            run.problem = "amount.malformed"
        elif after & _SCALE and self.row[at].word.value != 100 and repeat and len(text) == 2:
            run.factor, run.scaled, run.last = self.row[at].word.value, True, at + 1
            run.value = run.multiplier * run.factor
            run.rules.append(self.row[at].word.rule)
        elif after & _SCALE:
            self._pair(run, text, count)
        return run

    def _pair(self, run: Numeral, text: str, count: int) -> None:
        """Two digits before a scale: "do teen lakh" is two to three, "two five" unknown."""
        scale = self.row[run.last]
        run.problem = "amount.malformed"
        first, second = self.row[run.first], self.row[run.last - 1]
        if count == 2 and len(text) == 2 and int(text[1]) == int(text[0]) + 1:
            run.problem = "amount.range"
            if first.word.rule == second.word.rule == "amount.hindi":
                low, high = (Decimal(int(digit) * scale.word.value) for digit in text)
                run.ends = (low, high)
        run.last += 1

    def _tens(self, at: int) -> tuple[str, int] | None:
        """The two figures of a number from 10 to 99 at `at`, and where it ends."""
        lexeme = self.row[at]
        if lexeme.roles & _DIGITS and len(lexeme.figures) == 2 and lexeme.figures[0] not in "0०":
            return lexeme.figures, at + 1
        value = lexeme.word.value
        if not lexeme.roles & _NUMBER or value < 10:
            return None
        unit = self.row[at + 1].word if at + 1 < self.size else lexeme.word
        english = lexeme.word.rule == unit.rule == "amount.english"
        if english and value >= 20 and 1 <= unit.value <= 9:
            return str(value + unit.value), at + 2
        return str(value), at + 1
