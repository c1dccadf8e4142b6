"""Numbers in a row of lexemes: one pass, left to right, by the grammar of Indian English and Hindi.

A numeral is one or more groups of falling scale ("ek lakh" + "bees hazaar"); a group is a number
below a thousand, perhaps with `sava`, `dedh`, `saadhe` or a decimal point, times its scale.
"""

from dataclasses import dataclass, field
from decimal import Decimal

from graphs.eligibility.amounts.lexemes import Lexeme, figures_value
from graphs.eligibility.amounts.lexicon import LEXICON, ROLE

_NUMBER, _DIGITS, _SCALE = ROLE["number"], ROLE["digits"], ROLE["scale"]
_FRACTION, _REPEAT, _ARTICLE = ROLE["fraction"], ROLE["repeat"], ROLE["article"]
_AND, _COMMA, _POINT, _OH = ROLE["and"], ROLE["comma"], ROLE["point"], ROLE["oh"]
_HOMOGRAPH, _COUNTED = ROLE["homograph"], ROLE["counted"] | ROLE["span"] | ROLE["repeated"]
_STARTS = _NUMBER | _DIGITS | _SCALE | _FRACTION | _REPEAT | _ARTICLE | _OH
_BEFORE_LONE_SCALE = (
    sum(
        ROLE[name]
        for name in (
            "filler currency income hedge comma stop month year ctc low low_either high "
            "high_either no not correct restate minus other_period or but and not_income elsewhere"
        ).split()
    )
    & ~ROLE["few"]
)
_PROSE = ROLE["word"] | ROLE["filler"] | ROLE["verb_do"] | ROLE["income"] | ROLE["no"] | ROLE["not"]
_THOUSAND, _LAKH = 1_000, 100_000


@dataclass(slots=True)
class Numeral:
    """A number as it was said, and where: lexemes `first` up to `last`."""

    first: int
    last: int
    value: Decimal | int = 0
    multiplier: Decimal | int = 0
    factor: int = 1
    """Scale of the last group; with `multiplier` it lets "20 to 30 thousand" lend the thousand."""
    scaled: bool = False
    """A scale was said, or the digits were said one by one: nothing is missing from it."""
    hindi: bool = False
    single: bool = True
    """It is one group only."""
    problem: str | None = None
    ends: tuple[Decimal, Decimal] | None = None
    rules: list[str] = field(default_factory=list)


class Reader:
    """Reads the numerals of one utterance."""

    def __init__(self, row: list[Lexeme], *, compose: bool) -> None:
        """`compose` false: "and" separates numerals, as in "between one lakh and fifty thousand"."""
        self.row = row
        self.size = len(row)
        self.compose = compose

    def numerals(self) -> list[Numeral]:
        """Every numeral, in order."""
        found: list[Numeral] = []
        at = 0
        while at < self.size:
            if self.row[at].roles & _STARTS and (numeral := self._numeral(at)) is not None:
                found.append(numeral)
                at = numeral.last
            else:
                at += 1
        return found

    def _roles(self, at: int) -> int:
        return self.row[at].roles if 0 <= at < self.size else 0

    # One numeral

    def _numeral(self, at: int) -> Numeral | None:
        if (run := self._one_by_one(at)) is not None:
            return run
        group = self._group(at)
        if group is None or group.problem:
            return group
        while group.scaled and (longer := self._extended(group)) is not None:
            group = longer
            if group.problem:
                break
        return group

    def _extended(self, left: Numeral) -> Numeral | None:
        """`left` and the next group of smaller scale, or None when none follows."""
        at = left.last
        joint = self._roles(at) & (_AND | _COMMA)
        if joint:
            if joint & _AND and not self.compose:
                return None
            at += 1
            if joint & _COMMA and self._roles(at) & _AND:
                at += 1
        if not self._roles(at) & (_STARTS & ~_OH):
            return None
        if self._one_by_one(at) is not None:
            return None
        right = self._group(at)
        if right is None or right.problem or right.value >= left.factor or right.value == 0:
            return None
        after = self._roles(right.last)
        if not right.scaled and right.value < 100 and after & (_COUNTED | ROLE["percent"]):
            return None
        figures = self.row[at].roles & _DIGITS
        if figures and not right.scaled and (joint or right.value < 100):
            return None
        whole = Numeral(
            left.first,
            right.last,
            left.value + right.value,
            left.multiplier,
            right.factor if right.scaled else min(left.factor, 100 if right.value >= 100 else 1),
            scaled=True,
            hindi=left.hindi or right.hindi,
            single=False,
            rules=left.rules + right.rules,
        )
        if left.value % left.factor:
            whole.problem = "amount.malformed"
        elif self._is_give(at, joint):
            whole.problem = "amount.elliptic"
        elif not right.scaled and after & ROLE["word"]:
            whole.problem = "amount.malformed"
        elif left.factor >= _LAKH and not right.scaled and right.value < 100 and not joint:
            if not after & ROLE["currency"]:
                whole.problem = "amount.elliptic"
                longer = Decimal(left.value + right.value * (left.factor // 100))
                whole.ends = (Decimal(whole.value), longer)
        return whole

    def _is_give(self, at: int, joint: int) -> bool:
        """ "chalees hazaar do": forty thousand and two, or "give me forty thousand"."""
        word = self.row[at].word
        if joint or word.value != 2 or word.rule != "amount.hindi":
            return False
        return not self._roles(at + 1) & (ROLE["currency"] | _SCALE | ROLE["sau"])

    # One group

    def _group(self, at: int) -> Numeral | None:
        lexeme = self.row[at]
        group = Numeral(at, at)
        if lexeme.roles & _FRACTION:
            if not self._fraction(group):
                return None
        elif lexeme.roles & _ARTICLE:
            if not self._roles(at + 1) & _SCALE or self.row[at + 1].roles & ROLE["letter"]:
                return None
            group.multiplier, group.last = 1, at + 1
        elif lexeme.roles & _SCALE:
            if not self._lone_scale(group):
                return None
        elif not self._small(group):
            return None
        if self._roles(at - 1) & _POINT:
            group.problem = "amount.malformed"
        if group.problem:
            return group
        self._point(group)
        self._and_a_half(group)
        self._scaled(group)
        return group

    def _small(self, group: Numeral) -> bool:
        """A number below a hundred in words, or any number in figures."""
        at = group.last
        lexeme = self.row[at]
        if lexeme.roles & _DIGITS:
            return self._figures(group)
        if not lexeme.roles & _NUMBER or not self._counts(at):
            return False
        group.multiplier, group.last = lexeme.word.value, at + 1
        group.hindi = lexeme.word.rule == "amount.hindi"
        group.rules.append(lexeme.word.rule)
        if not group.hindi and group.multiplier >= 20 and self._is_unit(at + 1):
            group.multiplier += self._unit(at + 1)
            group.last = at + 2
        return True

    def _is_unit(self, at: int) -> bool:
        return 1 <= self._unit(at) <= 9

    def _unit(self, at: int) -> int:
        """The English unit or single figure at `at`, else 0."""
        if at >= self.size:
            return 0
        lexeme = self.row[at]
        if lexeme.roles & _NUMBER and lexeme.word.rule == "amount.english":
            return lexeme.word.value if lexeme.word.value < 10 else 0
        if lexeme.roles & _DIGITS and len(lexeme.figures) == 1:
            return int(lexeme.figures)
        return 0

    def _figures(self, group: Numeral) -> bool:
        at = group.last
        figures = self.row[at].figures
        group.last = at + 1
        group.rules.append("amount.digits")
        if (joined := self._split_grouping(at)) is not None:
            group.multiplier, group.last = joined
            group.rules.append("amount.split")
            return True
        value = figures_value(figures)
        if value is None:
            group.problem = "amount.malformed"
            if len(figures) > LEXICON.most_digits and figures.isdigit():
                group.problem = "amount.identifier"
            return True
        if len(figures) >= 10 and figures.isdigit():
            group.problem = "amount.identifier"
        if "," in figures:
            group.rules.append("amount.grouping")
        thousandths = "." in figures and len(figures) - figures.index(".") > 3
        if thousandths and not self._roles(group.last) & _SCALE:
            group.problem = "amount.malformed"
        group.multiplier = value if "." in figures else int(value)
        if len(figures) == 2 and figures[1] in "0०" and figures[0] not in "0०":
            self._split_tens(group)
        return True

    def _split_grouping(self, at: int) -> tuple[int, int] | None:
        """ "25, 000", "25 000" and "1, 50, 000": figures that a recogniser split at their commas."""
        figures = self.row[at].figures
        if not figures.isdigit() or len(figures) > 3 or int(figures) == 0:
            return None
        text = figures
        at += 1
        while at < self.size:
            comma = bool(self.row[at].roles & _COMMA)
            at += comma
            part = self.row[at].figures if at < self.size else ""
            if len(part) == 3 and part.isdigit() and int(part) == 0:
                return int(text + part), at + 1
            if not comma or len(part) != 2 or not part.isdigit() or len(figures) == 3:
                return None
            text += part
            at += 1
        return None

    def _split_tens(self, group: Numeral) -> None:
        """ "20 5000" and "20 5 thousand" are how recognisers write "twenty-five thousand"."""
        at = group.last
        if at >= self.size or self.row[at].start != self.row[at - 1].end + 1:
            return
        figures = self.row[at].figures
        if not figures.isdigit() or not 1 <= int(figures[0]) <= 9:
            return
        if len(figures) == 4 and int(figures) % _THOUSAND == 0 and int(figures) > _THOUSAND:
            group.multiplier = group.multiplier * _THOUSAND + int(figures)
            group.scaled = True
        elif len(figures) == 1 and self._roles(at + 1) & _SCALE:
            group.multiplier += int(figures)
        else:
            return
        group.last = at + 1
        group.rules.append("amount.split")

    def _counts(self, at: int) -> bool:
        """Whether a number word is one here: homographs need a numeric neighbour."""
        lexeme = self.row[at]
        if not lexeme.roles & _HOMOGRAPH:
            return True
        after = self._roles(at + 1)
        if lexeme.word.value == 2 and at and self.row[at - 1].roles & ROLE["verb_do"]:
            return False
        if after & (_SCALE | _COUNTED | _POINT | ROLE["currency"]):
            return True
        before = self._roles(at - 1)
        if after & ROLE["sau"] and lexeme.word.rule == "amount.hindi":
            if before & _SCALE or self._roles(at + 2) & ROLE["currency"]:
                return True
        joint = before & (_AND | _COMMA) and self._roles(at - 2) & _SCALE
        if joint or before & _SCALE and lexeme.word.value != 60:
            return not after & _PROSE
        if lexeme.word.value == 60:
            return False
        numeric = _NUMBER | _DIGITS | _REPEAT | _FRACTION
        if after & numeric and not after & _HOMOGRAPH:
            return True
        if before & (numeric | _SCALE) and not before & _HOMOGRAPH:
            return True
        if after & (ROLE["to"] | ROLE["or"]) and self._roles(at + 2) & numeric:
            return True
        if before & (ROLE["to"] | ROLE["or"]) and self._roles(at - 2) & numeric:
            return True
        if after & _AND and self._roles(at + 2) & (_FRACTION | _ARTICLE):
            return True
        if lexeme.word.value == 0:
            return True
        return bool(
            after & numeric and (self._roles(at + 2) & (_SCALE | numeric) or before & numeric)
        )

    def _fraction(self, group: Numeral) -> bool:
        at = group.first
        lexeme = self.row[at]
        fraction = lexeme.word.fraction
        assert fraction is not None  # noqa: S101 - the role says so
        group.rules.append(lexeme.word.rule)
        group.hindi = True
        group.last = at + 1
        after = self._roles(at + 1)
        if lexeme.word.rule == "amount.half" and after & _ARTICLE:
            group.last += 1
            after = self._roles(at + 2)
        if after & _SCALE:
            if fraction.alone is None:
                group.problem = "amount.malformed"
            else:
                group.multiplier = fraction.alone
            return True
        if fraction.plus is not None and after & (_NUMBER | _DIGITS):
            inner = Numeral(group.last, group.last)
            forced = self._roles(group.last + 1) & _SCALE or not after & _HOMOGRAPH
            if forced and self._small(inner):
                if inner.problem or inner.multiplier < fraction.least or inner.multiplier >= 100:
                    group.problem = "amount.malformed"
                group.multiplier = inner.multiplier + fraction.plus
                group.last = inner.last
                group.rules += inner.rules
                return True
        if fraction.alone is None or lexeme.word.rule in ("amount.half", "amount.paune"):
            return False
        group.multiplier = fraction.alone
        return True

    def _point(self, group: Numeral) -> None:
        """ "one point two five": digits one by one, or a number read as its figures."""
        if not self._roles(group.last) & _POINT or group.multiplier % 1:
            return
        at, digits = group.last + 1, ""
        while at < self.size and (digit := self._digits(at)) is not None:
            digits += digit[0]
            at = digit[1]
        if not digits and at < self.size:
            inner = Numeral(at, at)
            if self._small(inner) and not inner.problem and 0 < inner.multiplier < 100:
                digits, at = str(inner.multiplier), inner.last
        if digits.isdigit():
            group.multiplier = Decimal(f"{group.multiplier}.{digits}")
            group.last = at
            group.rules.append("amount.point")

    def _and_a_half(self, group: Numeral) -> None:
        at = group.last
        if not self._roles(at) & _AND:
            return
        at += 1
        if self._roles(at) & _ARTICLE:
            at += 1
        if (
            at < self.size
            and self.row[at].word.rule == "amount.half"
            and self._roles(at + 1) & _SCALE
        ):
            group.multiplier += Decimal("0.5")
            group.last = at + 1
            group.rules.append("amount.half")

    def _scaled(self, group: Numeral) -> None:
        """Apply "hundred", what follows it, and the larger scale after that."""
        group.value = group.multiplier
        if self._is_hundred(group.last):
            self._hundred(group)
        at = group.last
        if self._roles(at) & (_SCALE | ROLE["lpa"]) and not self._is_hundred(at):
            lexeme = self.row[at]
            if lexeme.key == "l" and not self._roles(at - 1) & _DIGITS:
                return
            factor = _LAKH if lexeme.roles & ROLE["lpa"] else lexeme.word.value
            if group.multiplier >= _THOUSAND or group.scaled and group.multiplier % 1:
                group.problem = "amount.malformed"
            group.value = group.multiplier * factor
            group.factor, group.scaled, group.last = factor, True, at + 1
            group.rules.append("amount.lpa" if lexeme.roles & ROLE["lpa"] else lexeme.word.rule)
        if self._roles(group.last) & _SCALE:
            group.problem = "amount.malformed"
            group.last += 1

    def _is_hundred(self, at: int) -> bool:
        roles = self._roles(at)
        if roles & _SCALE:
            return self.row[at].word.value == 100
        if not roles & ROLE["sau"]:
            return False
        unit = self.row[at - 1].word
        return unit.rule == "amount.hindi" and 1 <= unit.value <= 9

    def _hundred(self, group: Numeral) -> None:
        if group.multiplier >= 100 or group.multiplier == 0:
            group.problem = "amount.malformed"
        group.multiplier *= 100
        group.value, group.factor, group.scaled = group.multiplier, 100, True
        group.last += 1
        group.rules.append("amount.hundred")
        at = group.last
        if self._roles(at) & _AND and self.compose:
            at += 1
        if not self._roles(at) & (_NUMBER | _DIGITS) or self._one_by_one(at) is not None:
            return
        rest = Numeral(at, at)
        if not self._small(rest) or rest.problem or not 0 < rest.multiplier < 100:
            return
        after = self._roles(rest.last)
        if after & _COUNTED or self._is_hundred(rest.last):
            return
        if self.row[at].roles & _DIGITS and not after & _SCALE:
            return
        group.multiplier += rest.multiplier
        group.value, group.factor, group.last = group.multiplier, 1, rest.last
        group.rules += rest.rules

    def _lone_scale(self, group: Numeral) -> bool:
        """One of a scale: "hazaar rupaye". But "few thousand" and "to thousand" are no number."""
        at = group.first
        lexeme = self.row[at]
        if lexeme.roles & ROLE["letter"]:
            return False
        group.multiplier, group.hindi = 1, True
        before = self._roles(at - 1)
        known = at == 0 or before & _BEFORE_LONE_SCALE and not before & ROLE["few"]
        if lexeme.roles & ROLE["plural"] or not known:
            group.last = at + 1
            group.problem = "amount.malformed"
        return True

    # Digits said one by one

    def _digits(self, at: int) -> tuple[str, int] | None:
        """The digits at `at` ("five", "double five", "5", "000") and where they end."""
        lexeme = self.row[at]
        if lexeme.roles & _REPEAT:
            inner = self._digits(at + 1) if at + 1 < self.size else None
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

    def _one_by_one(self, at: int) -> Numeral | None:
        """A row of single digits, or "twenty-five triple zero"."""
        row, start = self.row, at
        if row[at].roles & _OH and not row[at].roles & _NUMBER:
            return None
        text, count = "", 0
        tens = row[at]
        if tens.roles & _NUMBER and tens.word.value >= 10 or len(tens.figures) == 2:
            head = Numeral(at, at)
            if not self._small(head) or head.problem or head.last >= self.size:
                return None
            following = self._digits(head.last)
            if following is None or following[0].strip("0०"):
                return None
            text, at = str(head.multiplier), head.last
        while at < self.size:
            if text and row[at].roles & _COMMA and at + 1 < self.size and self._digits(at + 1):
                at += 1
            digits = self._digits(at)
            if digits is None:
                break
            text, at, count = text + digits[0], digits[1], count + 1
        if text and row[at - 1].roles & (_NUMBER | _DIGITS) and at - 1 > start:
            text, at, count = self._given_back(start, text, at, count)
        text = "".join(str(int(digit)) for digit in text) if text.isdigit() else ""
        return self._run(start, at, text, count)

    def _given_back(self, start: int, text: str, at: int, count: int) -> tuple[str, int, int]:
        """Leave the last digit of the row to what it counts: "... zero zero two kids"."""
        if self._roles(at) & _COUNTED and count > 2:
            at -= 1
            if self._roles(at - 1) & _COMMA:
                at -= 1
            return text[:-1], at, count - 1
        return text, at, count

    def _run(self, start: int, at: int, text: str, count: int) -> Numeral | None:
        repeat = bool(self.row[start].roles & _REPEAT)
        head = self.row[start]
        tens = head.roles & _NUMBER and head.word.value >= 10 or len(head.figures) == 2
        if count < 2 and not (repeat and count) and not tens:
            return None
        if len(text) < 2:
            return None
        run = Numeral(start, at, int(text), int(text), rules=["amount.digit_by_digit"])
        run.scaled = len(text) >= 4
        after = self._roles(at)
        if len(text) > LEXICON.most_digits:
            run.problem = "amount.identifier"
        elif text[0] == "0" or tens and not len(text) == 5:
            run.problem = "amount.malformed"
        elif after & _SCALE and self.row[at].word.value != 100 and repeat and len(text) == 2:
            run.factor, run.scaled, run.last = self.row[at].word.value, True, at + 1
            run.value = run.multiplier * run.factor
            run.rules.append(self.row[at].word.rule)
        elif after & _SCALE:
            self._pair(run, text, count)
        return run

    def _pair(self, run: Numeral, text: str, count: int) -> None:
        """ "do teen lakh" is two to three lakh; "two five thousand" is anybody's guess."""
        scale = self.row[run.last]
        run.problem = "amount.malformed"
        first, second = self.row[run.first], self.row[run.last - 1]
        if count == 2 and len(text) == 2 and int(text[1]) == int(text[0]) + 1:
            run.problem = "amount.range"
            if first.word.rule == second.word.rule == "amount.hindi":
                low, high = (Decimal(int(digit) * scale.word.value) for digit in text)
                run.ends = (low, high)
        run.last += 1
