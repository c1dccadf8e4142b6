"""Whether everything said beside an amount is understood: only then is it the caller's salary.

A closed world. Whose money it is, since when and whether at all can be said in more ways than any
list holds ("my uncle earns", "they promised me", "my flat costs"), so nothing is looked for that
speaks against an amount. Each word must speak for it or be known to mean nothing: words of a
statement of salary (`words.yaml`), names where one works or lives, and what the other parsers
read in the same sentence. One word besides, and the amount is read back instead of taken.
"""

from collections.abc import Collection, Iterator, Sequence

from graphs.eligibility.amounts.lexicon import ASIDES, ROLE, normal, roles
from graphs.eligibility.amounts.numeral import Numeral
from graphs.eligibility.amounts.row import Row
from graphs.eligibility.utterance import Lexicon, load_lexicon, span, words

_PLAIN = roles(
    *("number", "article", "oh", "and", "comma", "stop", "but", "to", "or", "sau"),
    *("currency", "month", "year", "ctc", "lpa", "package", "hedge", "restate", "correct", "no"),
    *("income", "filler", "frame", "now"),
)
_COUNTS, _DOES = roles("counted", "span"), roles("income", "digits", "number")
_BREAK = roles("comma", "stop", "and", "but")
_DOUBTFUL, _PLACED = ROLE["doubtful"], roles("apart", "closing", "vocative")
_INTRODUCES, _INTRODUCED = ROLE["introduces"], ROLE["introduced"]
_PAUSE, _ASKS = roles("comma", "stop"), ROLE["asks"]
_SKIPPED = roles("filler", "hedge", "currency")
_NAME = roles("word", "article", "filler", "frame")
_NAME_END = _BREAK | roles("income", "identifier")
_NAME_WORDS = 6
"""Most words of a name: "a nurse at the Apollo hospital"."""
_MINE = frozenset(map(normal, ("my", "mera", "meri", "mere", "मेरा", "मेरी", "मेरे")))
_OF = frozenset(map(normal, ("ka", "ki", "ke", "ko", "ne", "का", "की", "के", "को", "ने")))
_SELF = _MINE | {"i", "i'm", "im", "main", "mai", normal("मैं")}
_BEGINS_QUESTION = ("is", "do")
"""What begins a question though no other word tells: "is 40 thousand okay"."""
_OF_PERSONS = ("speaker", "address")
"""What is idle beside other answers, and not beside an amount: "I have", "my friend"."""


def is_understood(
    text: str, row: Row, said: Sequence[Numeral], meant: Sequence[Numeral], spent: int
) -> bool:
    """Whether nothing stands beside the amount that could make it another's or another thing's.

    Args:
        text: the utterance.
        row: its lexemes.
        said: every number in it.
        meant: those of them that are the amount.
        spent: roles that have done their work already: the "not" of a correction, a bound.
    """
    plain = _PLAIN | spent
    amounts = {at for numeral in said for at in range(numeral.first, numeral.last)}
    left = {
        at
        for at, lexeme in enumerate(row.lexemes)
        if (not lexeme.roles & plain or lexeme.roles & _DOUBTFUL) and at not in amounts
    }
    if row[0].key in _BEGINS_QUESTION and 0 not in amounts:
        left.add(0)
    if left:
        left -= {at for at in left if row[at].roles & _PLACED and _in_place(row, at, meant)}
        left.difference_update(_counted(row, said, meant))
    if left:
        left.difference_update(_names(row, amounts), _question(row, meant))
    return not left or _answers(text, row, left)


def _in_place(row: Row, at: int, meant: Sequence[Numeral]) -> bool:
    """Whether a word that is harmless only in its place stands there."""
    here, following = row[at].roles, at + 1
    before = row[at - 1].key if at else ""
    after = row[following].key if following < row.size else ""
    if here & ROLE["apart"]:
        while row.roles(following) & _SKIPPED:
            following += 1
        return all(following != numeral.first for numeral in meant)
    if here & ROLE["closing"]:
        return following == row.size or bool(row.roles(following) & _BREAK)
    return before not in _MINE and after not in _OF and not row.roles(following) & ROLE["income"]


def _counted(row: Row, said: Sequence[Numeral], meant: Sequence[Numeral]) -> Iterator[int]:
    """What the other numbers count, and what they are numbers of: "2 kids", "age 30"."""
    for numeral in said:
        if any(numeral is amount for amount in meant):
            continue
        if row.roles(numeral.last) & _COUNTS:
            does = row.roles(numeral.last + 1) & _DOES
            if not does or row[numeral.last].word.roles & ROLE["span"]:  # not "2 sons earn"
                yield numeral.last
        at = numeral.first - 1
        while row.roles(at) & ROLE["filler"] and not row.roles(at) & ROLE["identifier"]:
            at -= 1
        if row.roles(at) & ROLE["identifier"]:
            yield at


def _names(row: Row, amounts: Collection[int]) -> Iterator[int]:
    """Names of places, employers and trades, in "I work at ... and", "... mein kaam"."""
    if not row.seen & (_INTRODUCES | _INTRODUCED):
        return
    for at, lexeme in enumerate(row.lexemes):
        if lexeme.roles & (_INTRODUCES | _INTRODUCED):
            step = 1 if lexeme.roles & _INTRODUCES else -1
            end = at + step
            while row.roles(end) & _NAME and end not in amounts and row[end].key not in _SELF:
                end += step
            whole = not row.roles(end) or row.roles(end) & _NAME_END
            if 1 < abs(end - at) <= _NAME_WORDS + 1 and (whole or row[end].key in _SELF):
                yield from range(at, end, step)


def _question(row: Row, meant: Sequence[Numeral]) -> range:
    """A question after a whole statement: "my salary is 40 thousand, is it enough"."""
    if not row.seen & _ASKS:
        return range(0)
    first = last = meant[-1].last
    while last < row.size and not row[last].roles & _PAUSE:
        last += 1
    while first and not row[first - 1].roles & _BREAK:
        first -= 1
    stated = any(row[at].roles & ROLE["income"] for at in range(first, last))
    return range(last, row.size) if stated and row.roles(last + 1) & _ASKS else range(0)


def _other_answers() -> Lexicon:
    """What the other parsers read, and what says nothing, as one vocabulary of three kinds."""
    jobs, yes_no = load_lexicon("employment"), load_lexicon("yes_no")
    cities, places = load_lexicon("cities"), load_lexicon("places")
    idle, requests = load_lexicon("transparent")["transparent"], load_lexicon("requests")
    alone = requests["alone"]
    said = [
        *jobs["values"]["salaried"].values(),
        *requests["phrases"].values(),
        *(yes_no["yes"][id_] for id_ in ("yes", "correct", "haan")),
        yes_no["yes_mild"]["okay"],
        *([phrase for phrase in alone[id_] if " " in phrase] for id_ in ("repeat", "wait")),
        *(phrases for id_, phrases in idle.items() if id_ not in _OF_PERSONS),
    ]
    named = [places["states"]]
    for entry in (*cities["accepted"].values(), *cities["lookalikes"].values()):
        named += [entry["aliases"], entry.get("localities", ())]
    for state in places["cities"].values():
        named += [(city, *aliases) for city, aliases in state.items()]
    names = {name.lower() for phrases in named for name in phrases}
    beside = [*ASIDES, *jobs["vague"]["works"], *(phrase for phrases in said for phrase in phrases)]
    return Lexicon(
        {
            "said": {"beside": beside},
            "place": {"beside": sorted(names.difference(places["common_words"]))},
            "trade": {"beside": jobs["vague"]["profession"]},
        }
    )


_OTHER_ANSWERS = _other_answers()


def _answers(text: str, row: Row, left: Collection[int]) -> bool:
    """Whether all that is left is part of another answer in the sentence."""
    heard = words(text)
    for match in _OTHER_ANSWERS.scan(heard):
        after = heard[match.last].text if match.last < len(heard) else ""
        if match.kind == "place" and after in _OF:  # "Rohini ki salary"
            continue
        if match.kind == "trade" and after != "hoon":  # "driver ko"
            continue
        start, end = span(heard, match.first, match.last)
        left = {at for at in left if not start <= row[at].start < end}
    return not left
