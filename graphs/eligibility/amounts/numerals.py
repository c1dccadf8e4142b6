"""Numbers in a row of lexemes: one pass, left to right, by the grammar of Indian English and Hindi.

A numeral is one or more groups of falling scale ("ek lakh" + "bees hazaar"); a group is a number
below a thousand, perhaps with `sava`, `dedh`, `saadhe` or a decimal point, times its scale.
"""

from decimal import Decimal

from graphs.eligibility.amounts.digits import DigitRuns
from graphs.eligibility.amounts.groups import Groups
from graphs.eligibility.amounts.lexicon import ROLE, roles
from graphs.eligibility.amounts.numeral import Numeral
from graphs.eligibility.amounts.row import Row

_DIGITS, _AND, _COMMA = ROLE["digits"], ROLE["and"], ROLE["comma"]
_SCALE, _OH = ROLE["scale"], ROLE["oh"]
_STARTS = roles("number", "digits", "scale", "fraction", "repeat", "article", "oh")
_COUNTED = roles("counted", "span", "repeated", "percent")
_ELLIPSIS = {1_000: 10, 100_000: 100, 10_000_000: 100}
"""Scale: what stands for tenths or hundredths of it when said alone after it."""


class Reader:
    """Reads the numerals of one utterance."""

    def __init__(self, row: Row, *, compose: bool) -> None:
        """`compose` false: "and" separates, as in "between one lakh and fifty thousand"."""
        self.row = row
        self.size = row.size
        self.compose = compose
        self.runs = DigitRuns(row)
        self.groups = Groups(row, self.runs, compose=compose)
        self._roles = row.roles

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

    def _numeral(self, at: int) -> Numeral | None:
        if (run := self.runs.run(at)) is not None:
            return run
        group = self.groups.group(at)
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
        if self.runs.run(at) is not None:
            return None
        right = self.groups.group(at)
        if right is None or right.problem or right.value >= left.factor or right.value == 0:
            return None
        after = self._roles(right.last)
        if not right.scaled and right.value < 100 and after & _COUNTED:
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
        elif self._is_elliptic(left, right, joint | after & ROLE["currency"]):
            whole.problem = "amount.elliptic"
            longer = Decimal(left.value + right.value * (left.factor // _ELLIPSIS[left.factor]))
            whole.ends = (Decimal(whole.value), longer)
        return whole

    def _is_elliptic(self, left: Numeral, right: Numeral, explicit: int) -> bool:
        """Whether "one lakh twenty" may be 1,20,000, "forty thousand five" 40,500."""
        if explicit or right.scaled or left.factor not in _ELLIPSIS:
            return False
        return right.value < _ELLIPSIS[left.factor]

    def _is_give(self, at: int, joint: int) -> bool:
        """Whether "chalees hazaar do" may be 40,002 or "give me forty thousand"."""
        word = self.row[at].word
        if joint or word.value != 2 or word.rule != "amount.hindi":
            return False
        return not self._roles(at + 1) & (ROLE["currency"] | _SCALE | ROLE["sau"])
