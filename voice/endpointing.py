"""When a caller who is silent has finished, by what the open question expects.

Pure. Smart Turn tells whether a turn sounds finished; that is not enough where an answer may go
on: "twenty five thousand" sounds as finished before "five hundred" as without it (0.98 and more
in our measure, as three digits of six do). There the words decide, or a longer silence.
"""

import re
from dataclasses import dataclass

from graphs.eligibility.readings import Reading
from graphs.eligibility.yes_no import parse_yes_no
from graphs.events import Expectation
from graphs.questions.numbers import digits_in


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a caller may be silent before the turn is over, in seconds."""

    finished_secs: float
    """When it sounds finished; 0 as soon as that is found."""
    unfinished_secs: float
    """When it sounds unfinished."""
    why: str


DEFAULT = Patience(0.0, 2.0, "Nothing is open, or anything may be said: the sound decides.")
PATIENCE = {
    "yes_no": Patience(0.0, 1.0, "One word; who adds to it says so within a breath."),
    "choice": Patience(0.0, 1.2, "A word or two that were just heard."),
    "employment": Patience(0.0, 1.2, "A word or two out of a few."),
    "city": Patience(0.0, 1.6, "A name of up to three words, perhaps after a thought."),
    "amount": Patience(1.1, 2.5, "Said in groups, each of which sounds finished, and worked out."),
    "digits": Patience(1.4, 3.0, "Read off in groups, with a look at the paper between them."),
    "text": Patience(0.5, 2.5, "A name is spelt, a sentence thought of while it is said."),
}
"""By `Expectation.kind`. What is not in it waits as by `DEFAULT`."""

LONGEST_YES = 3
"""Words of a yes or no that nothing can follow; "yes, but I would" is longer."""
CLOSING = frozenset(
    {"rupee", "rupees", "rs", "dollar", "dollars", "cents", "euro", "euros", "pound", "pounds"}
    | {"month", "monthly", "year", "yearly", "annum", "annually", "week", "weekly"}
    | {"mahina", "mahine", "saal", "रुपये", "रुपए", "महीना", "महीने", "साल"}
)
"""Last words of an amount: a currency, a period."""
_WORD = re.compile(r"[^\s.,;:!?।\"'()]+")


def patience(expects: Expectation) -> Patience:
    """Return how long to wait for the answer to the open question."""
    return PATIENCE.get(expects.get("kind", ""), DEFAULT)


def answered(expects: Expectation, said: str) -> bool:
    """Whether what was said is the whole answer, so that nothing needs to be waited for."""
    words = _WORD.findall(said.casefold())
    kind = expects.get("kind")
    if not words:
        return False
    if kind == "yes_no":
        return len(words) <= LONGEST_YES and isinstance(parse_yes_no(said), Reading)
    if kind in ("choice", "employment", "city"):
        keywords = expects.get("keywords", [])
        return words in [_WORD.findall(keyword.casefold()) for keyword in keywords]
    if kind == "digits" and (most := expects.get("digits")):
        return digits_in(said, most, most) is not None
    return kind == "amount" and len(words) > 1 and words[-1] in CLOSING
