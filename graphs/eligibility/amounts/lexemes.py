"""An utterance as lexemes: words, phrases, figures and signs, each with its place in the text."""

import re
from decimal import Decimal

from graphs.eligibility.amounts.lexicon import LEXICON, ROLE, UNKNOWN, Word, classify, roles

_TOKEN = re.compile(
    r"""
    (?P<dotted>[pP]\.\s?[mMaA]\b\.?|[lL]\.\s?[pP]\.\s?[aA]\b\.?|[rR][sS]\.|[aA]pprox\.)
  | (?P<word>[A-Za-z\u00c0-\u024f\u0900-\u0963\u0971-\u097f\u200c\u200d]+
      (?:['\u2019][A-Za-z]+)?)
  | (?P<other>\d{1,2}[/.\-]\d{1,2}[/.\-](?:19|20)?\d\d(?!\d)  # a date
      | \d{1,2}:\d{2}(?!\d)                                   # a time of day
      | (?:\+?91[\s\-]?)?[6-9]\d{4}[\s\-]?\d{5}(?!\d))        # a mobile number
  | (?P<figures>\d+(?:[.,]\d+)*|(?<![\w.,])\.\d+)
  | (?P<letters>[^\W\d_]+)
  | (?P<slash>/-)
  | (?P<dash>[-\u2010-\u2013\u2212])
  | (?P<stop>[.;!?()\u2014\u0964])
  | (?P<comma>[,:])
  | (?P<sign>[\u20b9$\u20ac\u00a3%+~<>/&])
    """,
    re.VERBOSE,
)
_PLAIN = re.compile(r"\d*\.\d+|\d+")
_GROUPED = re.compile(r"(?![0०])(?:\d{1,3}(?:,\d{3})+|\d{1,2}(?:,\d{2})*,\d{3})(?:\.\d{1,2})?")

_NUMERIC = roles("digits", "number", "scale")
_STOP, _COMMA = Word(ROLE["stop"]), Word(ROLE["comma"])
_OTHER, _MINUS = Word(ROLE["other"]), Word(ROLE["minus"], rule="amount.minus")
_DIGITS = Word(ROLE["digits"], rule="amount.digits")
_CURRENCY = Word(ROLE["currency"], rule="amount.currency")


class Lexeme:
    """A piece of the utterance. `figures` is what was written in digits, separators included."""

    __slots__ = ("end", "figures", "key", "roles", "start", "word")

    def __init__(self, word: Word, key: str, start: int, end: int, figures: str = "") -> None:
        self.word = word
        self.roles = word.roles
        self.key = key
        self.start = start
        self.end = end
        self.figures = figures


def figures_value(figures: str) -> Decimal | None:
    """What figures say, or None when their separators follow no custom.

    >>> figures_value("1,50,000"), figures_value("25,0000")
    (Decimal('150000'), None)
    """
    if "," in figures:
        if not _GROUPED.fullmatch(figures):
            return None
        return Decimal(figures.replace(",", ""))
    if len(figures) > 1 and figures[0] in "0०" and figures[1] != ".":
        return None
    return Decimal(figures) if _PLAIN.fullmatch(figures) else None


def lexemes(text: str) -> list[Lexeme]:
    """The lexemes of an utterance, phrases joined; what carries no meaning here is left out."""
    found: list[Lexeme] = []
    for match in _TOKEN.finditer(text):
        kind = match.lastgroup
        start, end = match.span()
        if kind == "word" or kind == "sign":
            key, word = classify(match.group())
            found.append(Lexeme(word, key, start, end))
        elif kind == "figures":
            found.append(Lexeme(_DIGITS, "", start, end, match.group()))
        elif kind == "comma":
            found.append(Lexeme(_COMMA, ",", start, end))
        elif kind == "stop":
            found.append(Lexeme(_STOP, ".", start, end))
        elif kind == "dash":
            if (dash := _dash(text, found, start, end)) is not None:
                found.append(dash)
        elif kind == "slash":
            found.append(Lexeme(_CURRENCY, "/-", start, end))
        elif kind == "dotted":
            spelt = match.group().replace(" ", "").rstrip(".")
            key, word = classify(spelt)
            found.append(Lexeme(word, key, start, end))
        elif kind == "other":
            found.append(Lexeme(_OTHER, "", start, end))
        else:
            found.append(Lexeme(UNKNOWN, "", start, end))
    return _phrased(found)


def _dash(text: str, found: list[Lexeme], start: int, end: int) -> Lexeme | None:
    """A dash joins words, is a minus before figures, or else stands for "to"."""
    glued = bool(found) and found[-1].end == start
    after = text[end : end + 1]
    if glued and not found[-1].figures and found[-1].key != "k":
        return None if not found[-1].roles & ROLE["currency"] else Lexeme(_MINUS, "-", start, end)
    if glued and (not after or after.isalpha() or after.isspace()):
        return None
    if after.isdigit() and not glued and not (found and _numeric(found[-1])):
        return Lexeme(_MINUS, "-", start, end)
    key, word = classify("-")
    return Lexeme(word, key, start, end)


def _numeric(lexeme: Lexeme) -> bool:
    return bool(lexeme.roles & _NUMERIC)


def _phrased(found: list[Lexeme]) -> list[Lexeme]:
    """Join the lexemes that make a phrase of the vocabulary, the longest first."""
    tree = LEXICON.tree
    joined: list[Lexeme] = []
    index, count = 0, len(found)
    while index < count:
        lexeme, end = found[index], index + 1
        if (node := tree.get(lexeme.key)) is not None:
            phrase, ahead = None, end
            while ahead < count and (node := node.get(found[ahead].key)) is not None:
                ahead += 1
                if None in node:
                    phrase, end = node[None], ahead
            if phrase is not None:
                key = " ".join(part.key for part in found[index:end])
                lexeme = Lexeme(phrase, key, lexeme.start, found[end - 1].end)
        joined.append(lexeme)
        index = end
    return joined
