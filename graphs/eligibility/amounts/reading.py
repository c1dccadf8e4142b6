"""What an utterance says of the caller's income: an amount, that it is unclear, or nothing.

Right or silent: every reading is the only sensible one; whatever could be taken in two ways is an
`UnclearAmount` with its reason, so that the interview asks again.
"""

from decimal import Decimal

from graphs.eligibility.amounts.amount import MONTHS_A_YEAR, Amount, Period, UnclearAmount
from graphs.eligibility.amounts.context import is_understood
from graphs.eligibility.amounts.lexemes import lexemes
from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, roles
from graphs.eligibility.amounts.numeral import Numeral
from graphs.eligibility.amounts.numerals import Reader
from graphs.eligibility.amounts.row import Row
from graphs.eligibility.amounts.selection import Selection
from graphs.eligibility.readings import Reading

_NUMERIC = roles("digits", "number", "scale", "fraction", "repeat")
_BREAK = roles("comma", "stop", "and", "but")
_PERIODS = roles("month", "year", "ctc", "package", "other_period")
_YEARLY = roles("year", "lpa")
_ANY_PERIOD = _PERIODS | roles("lpa", "yearish")
_STATED = _PERIODS | ROLE["lpa"]
_NOT_MONTHLY = _ANY_PERIOD & ~ROLE["month"]
_BEFORE_PASS = roles(
    "filler", "currency", "hedge", "income", "month", "year", "ctc", "low_either", "high_either"
)
_AFTER_PASS = roles("filler", "frame", "currency", "hedge", "income") | _PERIODS | ROLE["lpa"]
_PERIOD_PASS = _AFTER_PASS | roles(
    "comma", "low_after", "high_after", "or", "low_either", "high_either", "to"
)
_DENIES, _REFUSES = roles("no", "not"), roles("no", "correct")
_LIKE_NUMBERS = ("to", "too", "for")
_MULTIPLIERS = roles("repeat", "fraction")
_CLAUSE_END = roles("stop", "but", "and")
_PAUSE = roles("comma", "stop", "but", "filler")
_UP_TO_NO = roles("filler", "currency", "comma", "hedge")
_OPENING = roles("filler", "no")
_UNFINISHED = roles("to", "low_after")
_THOUSAND, _MOST_THOUSANDS = 1000, 100
_LOW_BEFORE, _LOW_AFTER = roles("low", "low_either"), roles("low_after", "low_either")
_BOUNDS = roles("low", "low_either", "low_after", "high", "high_either", "high_after", "between")
_LIMITS = _BOUNDS | ROLE["vague"]
_HIGH_BEFORE = roles("high", "high_either")
_HIGH_AFTER = roles("high_after", "high_either")


def parse_amount(text: str) -> Reading[Amount] | UnclearAmount | None:
    """The income an utterance states, in English, Hindi or a mixture.

    Returns:
        A reading when there is exactly one sensible meaning, `UnclearAmount` when an amount was
        spoken of but must be asked again, None when none was. Never raises.
    """
    row = Row(lexemes(text))
    return _Utterance(text, row).judged() if row.seen & _NUMERIC else None


def _plain(value: Decimal | int) -> Decimal:
    """The value without trailing zeros: "1.5 lakh" is 150000, not 150000.0."""
    return Decimal(int(value)) if value == int(value) else Decimal(value)


class _Utterance:
    """Judges one utterance: the numerals it means and what is said about them."""

    def __init__(self, text: str, row: Row) -> None:
        self.text = text
        self.row = row
        self.size = row.size
        self._roles = row.roles
        numerals = Reader(row, compose=not row.seen & ROLE["between"]).numerals()
        self.said = numerals
        self.selection = Selection(row, numerals)
        self._weak = self.selection.is_weak

    @property
    def seen(self) -> int:
        return self.row.seen

    @property
    def numerals(self) -> list[Numeral]:
        return self.selection.numerals

    @property
    def rules(self) -> list[str]:
        return self.selection.rules

    def judged(self) -> Reading[Amount] | UnclearAmount | None:
        paid_for_span = self.selection.drop_other_numbers()
        if not self.numerals:
            return None
        if paid_for_span:
            return self._unclear("amount.period")
        if self.selection.drop_negated():
            return self._unclear("amount.negated")
        relation = self.selection.choose()
        if len(self.numerals) > 1:
            return self._several(self.numerals, relation)
        return self._single(self.numerals[0])

    # Several

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
        mine = [numeral for numeral in chosen if not self._is_not_income(numeral)]
        if len(mine) == 1:  # "my salary is 40 thousand and the rent 10 thousand"
            self.selection.numerals = mine
            heard = self._single(mine[0])
            likely = heard.value if isinstance(heard, Reading) else heard.read_back
            return self._unclear("amount.alternatives", read_back=likely)
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
        months = MONTHS_A_YEAR if period == "year" else 1
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
        if self.seen & ROLE["percent"] or self._is_not_income(numeral):
            return self._unclear("amount.not_income")
        if self._is_bare(numeral):
            return self._unclear("amount.bare", read_back=self._in_thousands(numeral))
        after = self._after_currency(numeral)
        if self._is_misheard(numeral) or self._is_multiplied(numeral):
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
        if self.seen & _LIMITS and (bound := self._bound(numeral, amount.monthly)):
            return bound
        if amount.monthly > LEXICON.most_a_month:
            return self._unclear("amount.implausible")
        if not self._is_understood():
            return self._unclear("amount.context", read_back=amount)
        return Reading(amount, self._span(), self._rules(numeral, amount))

    def _is_understood(self, spent: int = 0) -> bool:
        spent |= ROLE["not"] if "amount.correction" in self.rules else 0
        spent |= ROLE["past"] if "amount.now" in self.rules else 0
        return is_understood(self.text, self.row, self.said, self.numerals, spent)

    def _in_thousands(self, numeral: Numeral) -> Amount | None:
        """What a bare "25" most likely is; "400001" and "CTC 12" may be anything."""
        if not self._weak(numeral) or not 0 < numeral.value < _MOST_THOUSANDS:
            return None
        period = self._period(numeral)
        if period not in (None, "month"):
            return None
        return Amount(_plain(numeral.value * _THOUSAND), period, self._is_hedged(numeral))

    def _is_misheard(self, numeral: Numeral) -> bool:
        """Whether "to" or "for" before it may have been "two", "four" or "forty"."""
        if numeral.first and self.row[numeral.first - 1].key in _LIKE_NUMBERS:
            return numeral.multiplier < 10
        return bool(self._roles(numeral.first - 1) & _UNFINISHED)

    def _is_multiplied(self, numeral: Numeral) -> bool:
        """Whether a "double" or "half" outside the number speaks of it: "half of 40 thousand"."""
        if not self.seen & _MULTIPLIERS:
            return False
        numbers = {at for said in self.said for at in range(said.first, said.last)}
        return any(
            self.row[at].roles & _MULTIPLIERS for at in range(self.size) if at not in numbers
        )

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
        """Whether a "no" denies it: "25 hazaar nahi", "forty thousand, no"."""
        if not self.seen & _REFUSES:
            return False
        at = numeral.last
        while self._roles(at) & _AFTER_PASS:
            at += 1
        if self._roles(at) & _REFUSES:
            return True
        while self._roles(at) & _PAUSE:
            at += 1
        if self._roles(at) & _REFUSES:
            at += 1
            while self._roles(at) & (_PAUSE | ROLE["no"]):
                at += 1
            if at >= self.size:
                return True
        if self.rules:
            return False
        return self._refused_before(numeral)

    def _denies(self, numeral: Numeral) -> bool:
        """Whether the bound itself is denied: "tees hazaar se kam nahi"."""
        return any(self.row[at].roles & _DENIES for at in range(numeral.last, self.size))

    def _refused_before(self, numeral: Numeral) -> bool:
        """A "nahi" in the middle of the clause denies; at its start or beside the amount, not."""
        at = numeral.first - 1
        while self._roles(at) & _UP_TO_NO:
            at -= 1
        if self._roles(at) & ROLE["no"] and self.row[at].key not in ("nahi hai", "nahin hai"):
            return False
        while at >= 0:
            here = self.row[at].roles
            if here & _BREAK:
                return False
            if here & ROLE["no"]:
                opening = all(lexeme.roles & _OPENING for lexeme in self.row.lexemes[:at])
                return not opening
            at -= 1
        return False

    def _is_bare(self, numeral: Numeral) -> bool:
        if not self._weak(numeral):
            if self.selection.is_pin_code(numeral):
                return True
            return self.selection.is_calendar_year(numeral) and not self.row.currency_beside(
                numeral.first, numeral.last
            )
        if numeral.value == 0:
            return bool(self._roles(numeral.last) & ROLE["word"])
        return True

    def _is_not_income(self, numeral: Numeral) -> bool:
        """Whether its clause names other money, or somebody else."""
        if not self.seen & ROLE["not_income"]:
            return False
        first, last = self._clause(numeral)
        return any(self.row[at].roles & ROLE["not_income"] for at in range(first, last))

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
        if not self.seen & _ANY_PERIOD:
            return None
        beside, apart = self._periods(numeral)
        found = beside | (ROLE["year"] if lpa else 0)
        if apart & _NOT_MONTHLY and not found & ROLE["month"]:
            return self._unclear("amount.period")
        found |= apart & ROLE["month"]
        month, year = bool(found & ROLE["month"]), bool(found & _YEARLY)
        if month and year or found & ROLE["other_period"]:
            return self._unclear("amount.period")
        if month:
            return "month"
        if year or found & ROLE["ctc"]:
            return "year"
        if self.seen & _NOT_MONTHLY:
            return self._unclear("amount.period")
        return None

    def _periods(self, numeral: Numeral) -> tuple[int, int]:
        """Periods in the amount's clause, and those that a comma parts from it."""
        beside, apart, _ = self._stated(range(numeral.first - 1, -1, -1), ~_CLAUSE_END)
        near, far, end = self._stated(range(numeral.last, self.size), _PERIOD_PASS)
        if far & ROLE["ctc"] or end & ~_CLAUSE_END:  # "40 thousand, yearly I get a bonus"
            return beside | near, apart | far
        return beside | near | far, apart

    def _stated(self, places: range, passes: int) -> tuple[int, int, int]:
        """Periods on the way along `places`: before a comma, after it; and where the way ends."""
        near = far = comma = 0
        for at in places:
            here = self.row[at].roles
            if not here & passes:
                return near, far, here
            comma |= here & ROLE["comma"]
            if comma:
                far |= here & _STATED
            else:
                near |= here & _STATED
        return near, far, 0

    def _is_hedged(self, numeral: Numeral) -> bool:
        if not self.seen & ROLE["hedge"]:
            return False
        first, last = self._clause(numeral)
        return any(self.row[at].roles & ROLE["hedge"] for at in range(first, last))

    def _bound(self, numeral: Numeral, monthly: Decimal) -> UnclearAmount | None:
        """The open range of "more than", "se kam", "tak"; without ends where denied or vague."""
        before, after = self._beside(numeral)
        ends: tuple[Decimal, Decimal] | None = None
        if before & _LOW_BEFORE or after & _LOW_AFTER:
            ends = monthly, Decimal("Infinity")
        elif before & _HIGH_BEFORE or after & _HIGH_AFTER:
            ends = Decimal(0), monthly
        elif not (before | after) & ROLE["vague"]:
            return None
        return self._unclear("amount.bound", None if self._denies(numeral) else ends)

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
        if self.row.currency_beside(numeral.first, numeral.last):
            rules.append("amount.currency")
        if amount.period is not None:
            rules.append(f"amount.per_{amount.period}")
        if amount.approximate:
            rules.append("amount.hedge")
        return tuple(dict.fromkeys(rules + self.rules))

    def _unclear(
        self,
        reason: str,
        ends: tuple[Decimal, Decimal] | None = None,
        read_back: Amount | None = None,
    ) -> UnclearAmount:
        rules = [rule for numeral in self.numerals for rule in numeral.rules]
        if ends and not self._is_understood(_BOUNDS):
            ends = None
        evidence = tuple(dict.fromkeys(rules + self.rules))
        return UnclearAmount(reason, self._span(), evidence, ends, read_back)
