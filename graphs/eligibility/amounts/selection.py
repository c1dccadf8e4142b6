"""Which of the numbers of an utterance is the amount that is meant."""

from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, normal, roles
from graphs.eligibility.amounts.numeral import Numeral
from graphs.eligibility.amounts.row import Row

_NUMERIC = roles("digits", "number", "scale", "fraction", "repeat")
_BREAK = roles("comma", "stop", "and", "but")
_SUPERSEDES = roles("no", "correct", "restate")
_JOINS = roles("to", "or", "and")
_WITHIN = ("mein", "me", normal("में"))
_LINKS, _LIST = roles("to", "or"), roles("to", "or", "comma", "filler")
_NOT_RUPEES, _COUNTED = roles("percent", "other"), roles("counted", "span", "repeated")
_RUPEES = roles("income", "currency", "month", "year", "ctc", "lpa")
_ROUND = 500  # no PIN code in use is a multiple of this
_SINCE = ("se", "pehle", normal("से"), normal("पहले"))
_OVER = ("for", "over")
_MONTH = ("month", "mah", "maah", normal("महीन"))
_PAY_PASS = roles("filler", "income", "currency", "hedge")
_LETTERS = roles("word", "letter")
_REPEAT_PASS = roles(
    *("filler", "frame", "currency", "comma", "stop", "hedge", "restate", "month", "year", "income")
)


class Selection:
    """The numerals of a row, reduced step by step to those that are meant."""

    def __init__(self, row: Row, numerals: list[Numeral]) -> None:
        self.row = row
        self.size = row.size
        self.numerals = numerals
        self.rules: list[str] = []
        """Rules that led from one numeral to another."""
        self._roles = row.roles

    def drop_other_numbers(self) -> bool:
        """Leave out ages, durations, counts and identifiers; True if pay over a span was said."""
        kept: list[Numeral] = []
        paid_for_span = False
        durations = False
        later: Numeral | None = None
        for numeral in reversed(self.numerals):
            other = self._is_other(numeral)
            if not other and later is not None and self.is_weak(numeral):
                gap = self._gap_roles(numeral, later)
                other = not gap & ~_LIST
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
            self.row.look_again()
        return paid_for_span

    def _is_other(self, numeral: Numeral) -> bool:
        if numeral.problem == "amount.identifier":
            return True
        after, before = self._roles(numeral.last), self._roles(numeral.first - 1)
        if after & _NOT_RUPEES or before & ROLE["other"]:
            return True
        first, last = self.row[numeral.first], self.row[numeral.last - 1]
        weak = self.is_weak(numeral)
        if (
            first.figures
            and self._glued_before(numeral.first)
            or (last.figures and self._glued_after(numeral.last) and weak)
        ):
            return True
        if weak and after & _COUNTED:
            return True
        if weak and self.row[numeral.last - 1].figures and self._is_clock(numeral.last):
            return True
        at = numeral.first - 1
        while at >= 0 and self.row[at].roles & ROLE["filler"]:
            if self.row[at].roles & ROLE["identifier"]:
                break
            at -= 1
        if self._roles(at) & ROLE["identifier"] and not numeral.factor > 100:
            return not self.row.currency_beside(numeral.first, numeral.last)
        if self.is_calendar_year(numeral):
            return bool(before & ROLE["span_before"]) or self._roles(numeral.last) & ROLE["to"] > 0
        return False

    def _glued_before(self, at: int) -> bool:
        """Figures that end a code: "v2"."""
        if not at:
            return False
        left = self.row[at - 1]
        return left.end == self.row[at].start and bool(left.roles & _LETTERS)

    def _glued_after(self, at: int) -> bool:
        """Figures that begin a code: "3bhk", "25m"."""
        if at >= self.size:
            return False
        right = self.row[at]
        return right.start == self.row[at - 1].end and bool(right.roles & ROLE["word"])

    def _is_clock(self, at: int) -> bool:
        return at < self.size and self.row[at].key in ("am", "pm", "p.m", "a.m")

    def is_pin_code(self, numeral: Numeral) -> bool:
        """Six figures and nothing that says they are rupees: "400001"."""
        if not 100_000 <= numeral.value < 1_000_000 or not numeral.value % _ROUND:
            return False
        figures = self.row[numeral.first].figures
        spelt = "amount.digit_by_digit" in numeral.rules and numeral.factor == 1
        if not spelt and (numeral.last > numeral.first + 1 or not figures.isdigit()):
            return False
        return not self.row.seen & _RUPEES

    def is_calendar_year(self, numeral: Numeral) -> bool:
        """Four plain figures such as 2019."""
        figures = self.row[numeral.first].figures
        return (
            numeral.last == numeral.first + 1
            and len(figures) == 4
            and figures.isdigit()
            and 1950 <= int(figures) < 2100
        )

    def _is_paid_span(self, numeral: Numeral) -> bool:
        """What was said is paid over this: "one lakh in three months", "teen mahine mein"."""
        if self._roles(numeral.last) & ROLE["repeated"]:
            return True
        if not self._roles(numeral.last) & ROLE["span"]:
            return False
        if self._roles(numeral.first - 1) & ROLE["span_before"]:
            return True
        if numeral.value == 1 and numeral.first and self.row[numeral.first - 1].key == "for":
            return True
        if self._adjoins_pay(numeral):
            return True
        at = numeral.last + (not self._roles(numeral.last) & ROLE["span_pay"])
        if not self._roles(at) & ROLE["span_pay"]:
            return False
        if self.row[at].key.endswith(_WITHIN):
            return True
        amounts = ROLE["currency"] | _NUMERIC
        return bool((self._roles(at + 1) | self._roles(numeral.first - 1)) & amounts)

    def _adjoins_pay(self, span: Numeral) -> bool:
        """An amount stands beside the span: "2 months 50 thousand", "50 thousand for 2 months"."""
        key = self.row[span.last].key
        if key.endswith(_SINCE) or span.value == 1 and key.startswith(_MONTH):
            return False
        at = span.first - 1
        if self._roles(at) & ROLE["identifier"]:  # "umar 30 saal, salary 40 hazaar"
            return False
        at -= at >= 0 and self.row[at].key in _OVER
        while self._roles(at) & ROLE["currency"]:
            at -= 1
        if self._roles(at) & _NUMERIC and not self._roles(span.last + 1) & ROLE["word"]:
            return True
        at = span.last + 1
        at += bool(self._roles(at) & ROLE["comma"])
        while self._roles(at) & _PAY_PASS:
            at += 1
        return bool(self._roles(at) & _NUMERIC)

    def is_weak(self, numeral: Numeral) -> bool:
        """Its scale may have been left unsaid: "25", "fifty", "150"."""
        if numeral.scaled or numeral.problem:
            return False
        return numeral.value < LEXICON.bare_below and not self.row.currency_beside(
            numeral.first, numeral.last
        )

    def _gap_roles(self, left: Numeral, right: Numeral) -> int:
        """What stands between two numerals."""
        found = dash = 0
        for at in range(left.last, right.first):
            if self.row[at].key == "-":
                dash = self.row[at].roles
            else:
                found |= self.row[at].roles
        return found if found & _SUPERSEDES else found | dash  # "20 - I mean 30"

    def drop_negated(self) -> bool:
        """Leave out "not 20" where another amount is said; True if nothing else is."""
        if not self.row.seen & ROLE["not"]:
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
            here = self.row[at].roles
            if here & ROLE["not"]:
                return True
            if here & (_BREAK | _NUMERIC) and not here & ROLE["homograph"]:
                return False
            at -= 1
        return False

    def _repeats(self, previous: Numeral, numeral: Numeral, gap: int) -> bool:
        if previous.problem or numeral.problem or gap & ~_REPEAT_PASS or gap & ROLE["few"]:
            return False
        if previous.value == numeral.value:
            return True
        stutter = previous.value == numeral.multiplier and previous.value >= 10
        return stutter and self.is_weak(previous) and previous.last < numeral.first

    def _was(self, before: int) -> bool:
        """What was earlier is spoken of: "earlier it was 30 thousand, now"."""
        return any(self.row[at].roles & ROLE["past"] for at in range(before))

    def choose(self) -> int:
        """Reduce `numerals` by corrections and repetitions; the roles that stand between the rest.

        `ROLE["other"]` among them says that two numerals stood side by side.
        """
        chosen = [self.numerals[0]]
        relation = 0
        for numeral in self.numerals[1:]:
            previous = chosen[-1]
            gap = self._gap_roles(previous, numeral)
            since = gap & ROLE["now"] and self._was(numeral.first)
            if since or gap & _SUPERSEDES and not gap & _LINKS:
                chosen, relation = [numeral], 0
                self.rules.append("amount.now" if since else "amount.correction")
            elif self._repeats(previous, numeral, gap):
                chosen[-1] = numeral
            else:
                relation |= gap | (0 if previous.last < numeral.first else ROLE["other"])
                chosen.append(numeral)
        self.numerals = chosen
        return relation
