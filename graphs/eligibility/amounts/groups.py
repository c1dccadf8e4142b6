"""One group of a numeral: a number below a thousand, its fraction or decimals, and its scale."""

from decimal import Decimal

from graphs.eligibility.amounts.digits import DigitRuns
from graphs.eligibility.amounts.lexemes import figures_value
from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, roles
from graphs.eligibility.amounts.numeral import Numeral
from graphs.eligibility.amounts.row import Row

_NUMBER, _DIGITS, _SCALE = ROLE["number"], ROLE["digits"], ROLE["scale"]
_FRACTION, _ARTICLE, _POINT = ROLE["fraction"], ROLE["article"], ROLE["point"]
_AND, _COMMA, _HOMOGRAPH = ROLE["and"], ROLE["comma"], ROLE["homograph"]
_COUNTED = roles("counted", "span", "repeated")
_NUMERIC = roles("number", "digits", "repeat", "fraction")
_BETWEEN = roles("to", "or")
_PROSE = roles(
    *("word", "filler", "verb_do", "income", "no", "not", "frame", "apart", "past", "asks"),
    *("doubtful", "introduces", "introduced"),
)
_BEFORE_LONE_SCALE = roles(
    *("filler", "currency", "income", "hedge", "comma", "stop", "month", "year", "ctc", "low"),
    *("low_either", "high", "high_either", "no", "not", "correct", "restate", "minus", "or"),
    *("other_period", "but", "and", "not_income", "frame"),
)
_THOUSAND, _LAKH = 1_000, 100_000


class Groups:
    """Reads groups in one row."""

    def __init__(self, row: Row, runs: DigitRuns, *, compose: bool) -> None:
        self.row = row
        self.size = row.size
        self.runs = runs
        self.compose = compose
        self._roles = row.roles

    def group(self, at: int) -> Numeral | None:
        """The group that begins at `at`, with its problem if it has one; None when none does."""
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
        """Figures that a recogniser split at their commas: "25, 000", "25 000", "1, 50, 000"."""
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
        """Join "20 5000" and "20 5 thousand", as recognisers write "twenty-five thousand"."""
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
        sau = after & ROLE["sau"] and lexeme.word.rule == "amount.hindi"
        if sau and (before & _SCALE or self._roles(at + 2) & ROLE["currency"]):
            return True
        joint = before & (_AND | _COMMA) and self._roles(at - 2) & _SCALE
        if joint or before & _SCALE and lexeme.word.value != 60:
            return not after & _PROSE
        if lexeme.word.value == 60:
            return False
        if after & _NUMERIC and not after & _HOMOGRAPH:
            return True
        if before & (_NUMERIC | _SCALE) and not before & _HOMOGRAPH:
            return True
        if after & _BETWEEN and self._roles(at + 2) & _NUMERIC:
            return True
        if before & _BETWEEN and self._roles(at - 2) & _NUMERIC:
            return True
        if after & _AND and self._roles(at + 2) & (_FRACTION | _ARTICLE):
            return True
        if lexeme.word.value == 0:
            return True
        return bool(
            after & _NUMERIC and (self._roles(at + 2) & (_SCALE | _NUMERIC) or before & _NUMERIC)
        )

    def _fraction(self, group: Numeral) -> bool:
        at = group.first
        lexeme = self.row[at]
        fraction = lexeme.word.fraction
        if fraction is None:
            return False
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
        """Read decimals: "one point two five", digit by digit or as a number."""
        if not self._roles(group.last) & _POINT or group.multiplier % 1:
            return
        at, digits = group.last + 1, ""
        while at < self.size and (digit := self.runs.digits(at)) is not None:
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
            and self._roles(at + 1) & (_SCALE | ROLE["lpa"])
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
        if not self._roles(at) & (_NUMBER | _DIGITS) or self.runs.run(at) is not None:
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
