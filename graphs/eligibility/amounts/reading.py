"""What an utterance says of the caller's income: an amount, that it is unclear, or nothing.

Right or silent: every reading is the only sensible one; whatever could be taken in two ways is an
`UnclearAmount` with its reason, so that the interview asks again.
"""

from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from graphs.eligibility.amounts.lexemes import Lexeme, lexemes
from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, normal
from graphs.eligibility.amounts.numerals import Numeral, Reader
from graphs.eligibility.readings import Reading, Unclear

Period = Literal["month", "year"]

_MONTHS_A_YEAR = 12
_NUMERIC = ROLE["digits"] | ROLE["number"] | ROLE["scale"] | ROLE["fraction"] | ROLE["repeat"]
_BREAK = ROLE["comma"] | ROLE["stop"] | ROLE["and"] | ROLE["but"]
_PERIODS = ROLE["month"] | ROLE["year"] | ROLE["ctc"] | ROLE["package"] | ROLE["other_period"]
_YEARLY = ROLE["year"] | ROLE["lpa"]
_BEFORE_PASS = (
    ROLE["filler"] | ROLE["currency"] | ROLE["hedge"] | ROLE["income"] | ROLE["month"]
    | ROLE["year"] | ROLE["ctc"] | ROLE["low_either"] | ROLE["high_either"]
)  # fmt: skip
_AFTER_PASS = (
    ROLE["filler"] | ROLE["currency"] | ROLE["hedge"] | ROLE["income"] | _PERIODS | ROLE["lpa"]
)  # fmt: skip
_LOW_BEFORE, _LOW_AFTER = ROLE["low"] | ROLE["low_either"], ROLE["low_after"] | ROLE["low_either"]
_HIGH_BEFORE = ROLE["high"] | ROLE["high_either"]
_HIGH_AFTER = ROLE["high_after"] | ROLE["high_either"]
_SUPERSEDES = ROLE["no"] | ROLE["correct"] | ROLE["restate"]
_JOINS = ROLE["to"] | ROLE["or"] | ROLE["and"]
_WITHIN = ("mein", "me", normal("में"))
_REPEAT_PASS = (
    ROLE["filler"] | ROLE["currency"] | ROLE["comma"] | ROLE["stop"] | ROLE["hedge"]
    | ROLE["restate"] | ROLE["month"] | ROLE["year"] | ROLE["income"]
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Amount:
    """An income as the caller said it."""

    rupees: Decimal
    """The amount as said, in rupees for the period."""
    period: Period | None
    """What it is paid for; None when that was not said."""
    approximate: bool
    """It was hedged: "around", "lagbhag"."""

    @property
    def monthly(self) -> Decimal:
        """Rupees a month: a yearly amount divided by twelve."""
        return self.rupees / _MONTHS_A_YEAR if self.period == "year" else self.rupees


@dataclass(frozen=True, slots=True)
class UnclearAmount(Unclear):
    """An amount that could mean more than one thing.

    Reasons: `amount.range`, `.alternatives`, `.bound`, `.bare`, `.malformed`, `.elliptic`,
    `.negative`, `.negated`, `.period`, `.currency`, `.not_income`, `.implausible`.
    """

    ends: tuple[Decimal, Decimal] | None = None
    """Least and most rupees a month it can mean, both included, when that is known: the interview
    may decide when both fall on one side of its threshold. A bound is open at 0 or `Infinity`."""


def parse_amount(text: str) -> Reading[Amount] | UnclearAmount | None:
    """The income an utterance states, in English, Hindi or a mixture.

    Returns:
        A reading when there is exactly one sensible meaning, `UnclearAmount` when an amount was
        spoken of but must be asked again, None when none was. Never raises.
    """
    row = lexemes(text)
    for lexeme in row:
        if lexeme.roles & _NUMERIC:
            return _Utterance(row).judged()
    return None


def _plain(value: Decimal | int) -> Decimal:
    """The value without trailing zeros: "1.5 lakh" is 150000, not 150000.0."""
    return Decimal(int(value)) if value == int(value) else Decimal(value)


class _Utterance:
    """The lexemes of one utterance and the numerals among them."""

    def __init__(self, row: list[Lexeme]) -> None:
        self.row = row
        self.size = len(row)
        self.seen = seen = self._all_roles()
        self.rules: list[str] = []
        self.numerals = Reader(row, compose=not seen & ROLE["between"]).numerals()

    def _all_roles(self) -> int:
        seen = 0
        for lexeme in self.row:
            seen |= lexeme.roles
        return seen

    def judged(self) -> Reading[Amount] | UnclearAmount | None:
        paid_for = self._drop_other_numbers()
        if not self.numerals:
            return None
        if paid_for:
            return self._unclear("amount.period")
        if self._drop_negated():
            return self._unclear("amount.negated")
        if (several := self._chosen()) is not None:
            return several
        return self._single(self.numerals[0])

    # Which numerals are amounts

    def _roles(self, at: int) -> int:
        return self.row[at].roles if 0 <= at < self.size else 0

    def _drop_other_numbers(self) -> bool:
        """Leave out ages, durations, counts and identifiers; True if pay over a span was said."""
        kept: list[Numeral] = []
        paid_for_span = False
        durations = False
        later: Numeral | None = None
        for numeral in reversed(self.numerals):
            other = self._is_other(numeral)
            if not other and later is not None and self._weak(numeral):
                gap = self._gap_roles(numeral, later)
                other = not gap & ~(ROLE["to"] | ROLE["or"] | ROLE["comma"] | ROLE["filler"])
            if other:
                later = numeral
                paid_for_span |= self._is_paid_span(numeral)
                if self._roles(numeral.last) & ROLE["span"]:
                    self.row[numeral.last].roles = ROLE["counted"]
                    durations = True
            else:
                later = None
                kept.append(numeral)
        self.numerals = kept[::-1]
        if durations:  # "saal ka" after a number of years is no period of the amount
            self.seen = self._all_roles()
        return paid_for_span

    def _is_other(self, numeral: Numeral) -> bool:
        if numeral.problem == "amount.identifier":
            return True
        after, before = self._roles(numeral.last), self._roles(numeral.first - 1)
        if after & (ROLE["percent"] | ROLE["other"]) or before & ROLE["other"]:
            return True
        first, last = self.row[numeral.first], self.row[numeral.last - 1]
        weak = self._weak(numeral)
        if (
            first.figures
            and self._glued_before(numeral.first)
            or (last.figures and self._glued_after(numeral.last) and weak)
        ):
            return True
        if weak and after & (ROLE["counted"] | ROLE["span"] | ROLE["repeated"]):
            return True
        if weak and self.row[numeral.last - 1].figures and self._is_clock(numeral.last):
            return True
        at = numeral.first - 1
        while at >= 0 and self.row[at].roles & ROLE["filler"]:
            if self.row[at].roles & ROLE["identifier"]:
                break
            at -= 1
        if self._roles(at) & ROLE["identifier"] and not numeral.factor > 100:
            return not self._currency_beside(numeral)
        if self._is_calendar_year(numeral):
            return bool(before & ROLE["span_before"]) or self._roles(numeral.last) & ROLE["to"] > 0
        return False

    def _glued_before(self, at: int) -> bool:
        """ "v2", "b12": figures that end a code."""
        if not at:
            return False
        left = self.row[at - 1]
        return left.end == self.row[at].start and bool(left.roles & (ROLE["word"] | ROLE["letter"]))

    def _glued_after(self, at: int) -> bool:
        """ "3bhk", "25m": figures that begin a code."""
        if at >= self.size:
            return False
        right = self.row[at]
        return right.start == self.row[at - 1].end and bool(right.roles & ROLE["word"])

    def _is_clock(self, at: int) -> bool:
        return at < self.size and self.row[at].key in ("am", "pm", "p.m", "a.m")

    def _is_calendar_year(self, numeral: Numeral) -> bool:
        figures = self.row[numeral.first].figures
        return (
            numeral.last == numeral.first + 1
            and len(figures) == 4
            and figures.isdigit()
            and 1950 <= int(figures) < 2100
        )

    def _is_paid_span(self, numeral: Numeral) -> bool:
        """ "one lakh in three months", "teen mahine mein ek lakh"."""
        if self._roles(numeral.last) & ROLE["repeated"]:
            return True
        if not self._roles(numeral.last) & ROLE["span"]:
            return False
        if self._roles(numeral.first - 1) & ROLE["span_before"]:
            return True
        if numeral.value == 1 and numeral.first and self.row[numeral.first - 1].key == "for":
            return True
        at = numeral.last + (not self._roles(numeral.last) & ROLE["span_pay"])
        if not self._roles(at) & ROLE["span_pay"]:
            return False
        if self.row[at].key.endswith(_WITHIN):
            return True
        amounts = ROLE["currency"] | _NUMERIC
        return bool((self._roles(at + 1) | self._roles(numeral.first - 1)) & amounts)

    def _currency_beside(self, numeral: Numeral) -> bool:
        before = numeral.first - 1
        if self._roles(before) & ROLE["stop"]:
            before -= 1
        return bool((self._roles(before) | self._roles(numeral.last)) & ROLE["currency"])

    def _weak(self, numeral: Numeral) -> bool:
        """Its scale may have been left unsaid: "25", "fifty", "150"."""
        if numeral.scaled or numeral.problem:
            return False
        return numeral.value < LEXICON.bare_below and not self._currency_beside(numeral)

    def _gap_roles(self, left: Numeral, right: Numeral) -> int:
        """What stands between two numerals."""
        roles = dash = 0
        for at in range(left.last, right.first):
            if self.row[at].key == "-":
                dash = self.row[at].roles
            else:
                roles |= self.row[at].roles
        return roles if roles & _SUPERSEDES else roles | dash  # "20 - I mean 30"

    # Which of several is meant

    def _drop_negated(self) -> bool:
        """Leave out "not 20" where another amount is said; True if nothing else is."""
        if not self.seen & ROLE["not"]:
            return False
        kept: list[Numeral] = []
        entangled = False
        for index, numeral in enumerate(self.numerals):
            if not self._denied(numeral):
                kept.append(numeral)
                continue
            for other, left, right in (
                (index - 1, index - 1, index),
                (index + 1, index, index + 1),
            ):
                if 0 <= other < len(self.numerals):
                    gap = self._gap_roles(self.numerals[left], self.numerals[right])
                    entangled |= bool(gap & _JOINS)
        if kept and not entangled:
            if len(kept) < len(self.numerals):
                self.rules.append("amount.correction")
                self.numerals = kept
            return False
        return True

    def _denied(self, numeral: Numeral) -> bool:
        """A "not" stands before it in its clause."""
        at = numeral.first - 1
        while at >= 0:
            roles = self.row[at].roles
            if roles & ROLE["not"]:
                return True
            if roles & (_BREAK | _NUMERIC) and not roles & ROLE["homograph"]:
                return False
            at -= 1
        return False

    def _chosen(self) -> UnclearAmount | None:
        """Reduce `numerals` to the one that is meant, or say why there is none."""
        chosen = [self.numerals[0]]
        relation = 0
        for numeral in self.numerals[1:]:
            previous = chosen[-1]
            gap = self._gap_roles(previous, numeral)
            if gap & _SUPERSEDES and not gap & (ROLE["to"] | ROLE["or"]):
                chosen, relation = [numeral], 0
                self.rules.append("amount.correction")
            elif self._repeats(previous, numeral, gap):
                chosen[-1] = numeral
            else:
                relation |= gap | (0 if previous.last < numeral.first else ROLE["other"])
                chosen.append(numeral)
        self.numerals = chosen
        if len(chosen) == 1:
            return None
        return self._several(chosen, relation)

    def _repeats(self, previous: Numeral, numeral: Numeral, gap: int) -> bool:
        if previous.problem or numeral.problem or gap & ~_REPEAT_PASS or gap & ROLE["few"]:
            return False
        if previous.value == numeral.value:
            return True
        stutter = previous.value == numeral.multiplier and previous.value >= 10
        return stutter and self._weak(previous) and previous.last < numeral.first

    def _several(self, chosen: list[Numeral], relation: int) -> UnclearAmount:
        if any(numeral.problem for numeral in chosen):
            return self._unclear("amount.malformed")
        if relation & ROLE["to"] or self.seen & ROLE["between"]:
            return self._unclear("amount.range", self._ends(chosen))
        if relation & ROLE["or"]:
            return self._unclear("amount.alternatives", self._ends(chosen))
        if relation & ROLE["other"]:
            if len(chosen) == 2 and all(numeral.hindi for numeral in chosen):
                low, high = chosen
                if self._weak(low) and low.multiplier < high.multiplier and high.single:
                    return self._unclear("amount.range", self._ends(chosen))
            return self._unclear("amount.malformed")
        return self._unclear("amount.alternatives")

    def _ends(self, chosen: list[Numeral]) -> tuple[Decimal, Decimal] | None:
        """Least and most a month, the last numeral lending its scale to bare ones before it."""
        last = chosen[-1]
        if self._weak(last) or len(chosen) > 2:
            return None
        values: list[Decimal] = []
        for numeral in chosen:
            value = Decimal(numeral.value)
            if self._weak(numeral):
                factor = last.factor if last.factor > 1 else 1000
                value *= factor
                if not last.single or value >= last.value:
                    return None
            values.append(value)
        return self._a_month(last, (min(values), max(values)))

    def _a_month(
        self, numeral: Numeral, ends: tuple[Decimal, Decimal] | None
    ) -> tuple[Decimal, Decimal] | None:
        period = self._period(numeral) if ends else None
        if ends is None or isinstance(period, UnclearAmount):
            return None
        low, high = ends
        months = _MONTHS_A_YEAR if period == "year" else 1
        return low / months, high / months

    # What is said of the one that is meant

    def _single(self, numeral: Numeral) -> Reading[Amount] | UnclearAmount:
        if numeral.problem:
            return self._unclear(numeral.problem, self._a_month(numeral, numeral.ends))
        if self._is_negative(numeral):
            return self._unclear("amount.negative")
        if self._is_taken_back(numeral):
            return self._unclear("amount.negated")
        if self.seen & ROLE["foreign"]:
            return self._unclear("amount.currency")
        if self._is_bare(numeral):
            return self._unclear("amount.bare")
        if self.seen & ROLE["percent"] or self._is_not_income(numeral):
            return self._unclear("amount.not_income")
        after = self._after_currency(numeral)
        if self._roles(numeral.first - 1) & ROLE["to"] and numeral.first > 1:
            return self._unclear("amount.malformed")
        if after & ROLE["to"]:
            return self._unclear("amount.range")
        if after & ROLE["and"] and self._is_half(numeral.last + 1):
            return self._unclear("amount.malformed")
        if after & ROLE["span"] and not after & _PERIODS:
            return self._unclear("amount.period")
        period = self._period(numeral)
        if isinstance(period, UnclearAmount):
            return period
        if self.seen & ROLE["between"]:
            return self._unclear("amount.range")
        amount = Amount(_plain(numeral.value), period, self._is_hedged(numeral))
        if (bound := self._bound(numeral, amount.monthly)) is not None:
            return self._unclear("amount.bound", None if self._denies(numeral) else bound)
        if self._is_vague(numeral):
            return self._unclear("amount.bound")
        if amount.monthly > LEXICON.most_a_month:
            return self._unclear("amount.implausible")
        return Reading(amount, self._span(), self._rules(numeral, amount))

    def _is_half(self, at: int) -> bool:
        """Whether "(a) half" stands here, as in "two lakh and a half"."""
        at += bool(self._roles(at) & ROLE["article"])
        return bool(self._roles(at) & ROLE["fraction"])

    def _after_currency(self, numeral: Numeral) -> int:
        at = numeral.last
        while self._roles(at) & ROLE["currency"]:
            at += 1
        return self._roles(at)

    def _is_negative(self, numeral: Numeral) -> bool:
        at = numeral.first - 1
        while self._roles(at) & ROLE["currency"]:
            at -= 1
        return bool(self._roles(at) & ROLE["minus"])

    def _is_taken_back(self, numeral: Numeral) -> bool:
        """ "25 hazaar nahi", "forty thousand, no", or a "nahi" earlier in the clause."""
        if not self.seen & (ROLE["no"] | ROLE["correct"]):
            return False
        at = numeral.last
        while self._roles(at) & _AFTER_PASS:
            at += 1
        if self._roles(at) & (ROLE["no"] | ROLE["correct"]):
            return True
        while self._roles(at) & (ROLE["comma"] | ROLE["stop"] | ROLE["filler"]):
            at += 1
        if self._roles(at) & (ROLE["no"] | ROLE["correct"]):
            at += 1
            while self._roles(at) & (ROLE["comma"] | ROLE["stop"] | ROLE["filler"] | ROLE["no"]):
                at += 1
            if at >= self.size:
                return True
        if "amount.correction" in self.rules:
            return False
        return self._refused_before(numeral)

    def _denies(self, numeral: Numeral) -> bool:
        """ "tees hazaar se kam nahi": the bound itself is denied."""
        return any(
            self.row[at].roles & (ROLE["no"] | ROLE["not"]) for at in range(numeral.last, self.size)
        )

    def _refused_before(self, numeral: Numeral) -> bool:
        """A "nahi" in the middle of the clause denies; at its start or beside the amount, not."""
        at = numeral.first - 1
        while self._roles(at) & (ROLE["filler"] | ROLE["currency"] | ROLE["comma"] | ROLE["hedge"]):
            at -= 1
        if self._roles(at) & ROLE["no"] and self.row[at].key not in ("nahi hai", "nahin hai"):
            return False
        while at >= 0:
            roles = self.row[at].roles
            if roles & _BREAK:
                return False
            if roles & ROLE["no"]:
                opening = all(
                    lexeme.roles & (ROLE["filler"] | ROLE["no"]) for lexeme in self.row[:at]
                )
                return not opening
            at -= 1
        return False

    def _is_bare(self, numeral: Numeral) -> bool:
        if not self._weak(numeral):
            return self._is_calendar_year(numeral) and not self._currency_beside(numeral)
        if numeral.value == 0:
            return bool(self._roles(numeral.last) & ROLE["word"])
        return True

    def _is_not_income(self, numeral: Numeral) -> bool:
        subjects = ROLE["not_income"] | ROLE["income"]
        if not self.seen & (ROLE["not_income"] | ROLE["elsewhere"]):
            return False
        first, last = self._clause(numeral)
        if any(self.row[at].roles & ROLE["elsewhere"] for at in range(first, last)):
            return True
        if any(self.row[at].roles & ROLE["not_income"] for at in range(numeral.last, last)):
            return True
        at = numeral.first - 1
        while at >= 0 and not self.row[at].roles & subjects:
            at -= 1
        if at >= 0:
            return bool(self.row[at].roles & ROLE["not_income"])
        at = numeral.last
        while at < self.size and not self.row[at].roles & subjects:
            at += 1
        return bool(self._roles(at) & ROLE["not_income"])

    def _clause(self, numeral: Numeral) -> tuple[int, int]:
        first, last = numeral.first, numeral.last
        while first > 0 and not self.row[first - 1].roles & _BREAK:
            first -= 1
        while last < self.size and not self.row[last].roles & _BREAK:
            last += 1
        return first, last

    def _period(self, numeral: Numeral) -> Period | None | UnclearAmount:
        """The period of an amount: beside it, or before it in its clause."""
        lpa = any(self.row[at].roles & ROLE["lpa"] for at in range(numeral.first, numeral.last))
        if not self.seen & (_PERIODS | ROLE["lpa"] | ROLE["yearish"]):
            return None
        found = ROLE["year"] if lpa else 0
        at = numeral.first - 1
        while at >= 0 and not self.row[at].roles & (ROLE["stop"] | ROLE["but"] | ROLE["and"]):
            found |= self.row[at].roles & (_PERIODS | ROLE["lpa"])
            at -= 1
        at = numeral.last
        while at < self.size and self.row[at].roles & (
            _AFTER_PASS | ROLE["comma"] | ROLE["low_after"] | ROLE["high_after"] | ROLE["or"]
            | ROLE["low_either"] | ROLE["high_either"] | ROLE["to"]
        ):  # fmt: skip
            found |= self.row[at].roles & (_PERIODS | ROLE["lpa"])
            at += 1
        month, year = bool(found & ROLE["month"]), bool(found & _YEARLY)
        if month and year or found & ROLE["other_period"]:
            return self._unclear("amount.period")
        if month:
            return "month"
        if year or found & ROLE["ctc"]:
            return "year"
        if self.seen & (_PERIODS & ~ROLE["month"] | ROLE["lpa"] | ROLE["yearish"]):
            return self._unclear("amount.period")
        return None

    def _is_hedged(self, numeral: Numeral) -> bool:
        if not self.seen & ROLE["hedge"]:
            return False
        first, last = self._clause(numeral)
        return any(self.row[at].roles & ROLE["hedge"] for at in range(first, last))

    def _bound(self, numeral: Numeral, monthly: Decimal) -> tuple[Decimal, Decimal] | None:
        """The open range of "more than", "se kam", "tak", or None."""
        before, after = self._beside(numeral)
        if before & _LOW_BEFORE or after & _LOW_AFTER:
            return monthly, Decimal("Infinity")
        if before & _HIGH_BEFORE or after & _HIGH_AFTER:
            return Decimal(0), monthly
        return None

    def _is_vague(self, numeral: Numeral) -> bool:
        before, after = self._beside(numeral)
        return bool((before | after) & ROLE["vague"])

    def _beside(self, numeral: Numeral) -> tuple[int, int]:
        """What stands before and after it, with the words that may come between."""
        at = numeral.first - 1
        before = self._roles(at)
        while at >= 0 and self.row[at].roles & _BEFORE_PASS:
            at -= 1
            before |= self._roles(at)
        at = numeral.last
        after = self._roles(at)
        while at < self.size and self.row[at].roles & _AFTER_PASS:
            at += 1
            after |= self._roles(at)
        return before, after

    # Evidence

    def _span(self) -> tuple[int, int]:
        first, last = self.numerals[0].first, self.numerals[-1].last
        while self._roles(first - 1) & ROLE["currency"]:
            first -= 1
        while self._roles(last) & (ROLE["currency"] | _PERIODS):
            last += 1
        return self.row[first].start, self.row[last - 1].end

    def _rules(self, numeral: Numeral, amount: Amount) -> tuple[str, ...]:
        rules = list(numeral.rules)
        if self._currency_beside(numeral):
            rules.append("amount.currency")
        if amount.period is not None:
            rules.append(f"amount.per_{amount.period}")
        if amount.approximate:
            rules.append("amount.hedge")
        return tuple(dict.fromkeys(rules + self.rules))

    def _unclear(self, reason: str, ends: tuple[Decimal, Decimal] | None = None) -> UnclearAmount:
        rules = [rule for numeral in self.numerals for rule in numeral.rules]
        return UnclearAmount(reason, self._span(), tuple(dict.fromkeys(rules + self.rules)), ends)
