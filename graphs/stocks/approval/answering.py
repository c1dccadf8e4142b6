"""Answers to questions about the picks: from the run's evidence alone, by code, never invented.

A question names a pick (by name, ticker, letters or place) and a topic, or the name of a datum.
What is answered is read off the run: sizes, cuts, odds, votes, claims, data with source and date.
Everything else is answered by saying that the run does not know.
"""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graphs.stocks.approval import words
from graphs.stocks.approval.picks import Pick, name_of, ordered, spelled
from graphs.stocks.opinion import (
    SILENT,
    Abstention,
    Answer,
    NoData,
    Opinion,
    ParseFailure,
)
from tools.data_files import read_data
from tools.market.evidence import Datum

_TOPICS: Final[dict[str, Any]] = read_data(Path(__file__).with_name("topics.yaml"))
_NOTHING: Final = frozenset(_TOPICS.pop("nothing"))
_SAYS: Final = frozenset(_TOPICS.pop("says"))
_ORDINALS: Final[dict[str, int]] = _TOPICS.pop("ordinals")
_KNOWN: Final = frozenset(
    word for names in _TOPICS.values() for name in names for word in name.split()
)
_WORD: Final = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")
MOST_STRANGE: Final = 1
"""Words of a question that may be about nothing the run could know."""
MOST_CLAIMS: Final = 2
MOST_DATA: Final = 3
UNKNOWN: Final = (
    "This run has nothing on that. I can tell the reasons, what is against it, the odds, the "
    "votes, the price, the size, and the data behind them."
)


@dataclass(frozen=True, slots=True)
class Asked:
    """What a question is about."""

    picks: tuple[Pick, ...]
    """Those it names; all that are ordered where it names none."""
    named: bool
    topic: str | None
    data: tuple[Datum, ...]
    """Whose names it has words of."""
    exact: bool = False
    """Whether it has every word of their names."""
    analysts: tuple[str, ...] = ()
    """Whose word it asks for."""


def answer(
    question: str,
    picks: Sequence[Pick],
    *,
    live: bool,
    expires_at: datetime | None = None,
    last: str | None = None,
) -> tuple[str, str | None]:
    """Answer a question about the picks.

    Args:
        question: as it was said or typed.
        picks: of the run.
        live: whether it is about real money.
        expires_at: when the question to the owner lapses.
        last: symbol that was talked of before: "and what is against it?"

    Returns:
        The answer, and the symbol that it was about; None where it was about several.
    """
    asked = understood(question, picks, last)
    about = asked.picks[0].symbol if len(asked.picks) == 1 else None
    if asked.topic == "mode":
        return words.mode(live), about
    if asked.topic == "expiry" and expires_at:
        return f"You can answer until {expires_at:%H:%M} UTC. After that nothing happens.", about
    if asked.analysts:
        return " ".join(_stated(one, asked.picks) for one in asked.analysts), about
    if asked.data and (asked.exact or asked.topic in (None, "source")):
        return " ".join(_datum(one, picks) for one in asked.data[:MOST_DATA]), about
    if asked.topic == "picks" or (asked.topic is None and asked.named):
        return " ".join(_size(pick) for pick in asked.picks), about
    if asked.topic in (None, "strange") or not asked.picks:
        return UNKNOWN, about
    tell = _TELL[str(asked.topic)]
    return " ".join(tell(pick) for pick in asked.picks), about


def understood(question: str, picks: Sequence[Pick], last: str | None = None) -> Asked:
    """Read what a question is about."""
    said = [match[0].lower().replace("’", "'") for match in _WORD.finditer(question)]
    named = _named(said, picks)
    if not named and last and _refers(said):
        named = [pick for pick in picks if pick.symbol == last]
    chosen = named or list(ordered(picks)) or _likeliest(picks)
    own = {word for pick in picks for word in _called(pick)}
    rest = [word for word in said if word not in own and word not in _ORDINALS]
    data = _data(rest, chosen)
    exact = bool(data) and _words(data[0].name) <= set(rest)
    analysts = _analysts(said, picks)
    strange = [word for word in rest if word not in _NOTHING | _KNOWN and not word.isdecimal()]
    topic = _topic(rest) if data or len(strange) <= MOST_STRANGE else "strange"
    if not ordered(picks) and not named and topic in ("for", "picks", "limits", "amount"):
        chosen, topic = list(picks), "amount"  # nothing is bought: why not, of each
    return Asked(tuple(chosen), bool(named), topic, data, exact, analysts)


def _likeliest(picks: Sequence[Pick]) -> list[Pick]:
    """Return what comes next to being bought, for questions about a run that proposes nothing."""
    known = [pick for pick in picks if pick.sized.probability is not None]
    return sorted(known, key=lambda pick: -(pick.sized.probability or 0))[:1] or list(picks[:1])


def _analysts(said: Sequence[str], picks: Sequence[Pick]) -> tuple[str, ...]:
    """Return the analysts whose word is asked for, as by "What does Claude say?"."""
    if not _SAYS.intersection(said):
        return ()
    text = f" {' '.join(said)} "
    names = dict.fromkeys(one.analyst for pick in picks for one in pick.answers)
    return tuple(
        name
        for name in names
        if f" {' '.join(_WORD.findall(name.lower().replace('_', ' ')))} " in text
    )


def _words(name: str) -> set[str]:
    return {word.lower() for word in _WORD.findall(name)}


def _named(said: Sequence[str], picks: Sequence[Pick]) -> list[Pick]:
    text = " ".join(said)
    found = [
        pick
        for pick in picks
        if any(f" {name} " in f" {text} " for name in _names(pick)) or pick.symbol.lower() in said
    ]
    if found:
        return found
    bought = ordered(picks)
    places = [_ORDINALS[word] for word in said if word in _ORDINALS]
    at = [place - 1 if place > 0 else place for place in places]
    return [bought[place] for place in at if -len(bought) <= place < len(bought)]


def _names(pick: Pick) -> set[str]:
    whole = " ".join(word.lower() for word in _WORD.findall(pick.name))
    letters = spelled(pick.symbol).lower()
    first = whole.split()[0] if whole else ""
    return {whole, letters, first} - {"", *_NOTHING} if len(first) > 2 else {whole, letters}


def _called(pick: Pick) -> set[str]:
    return {pick.symbol.lower(), *(word for name in _names(pick) for word in name.split())}


def _refers(said: Sequence[str]) -> bool:
    return any(word in ("it", "that", "this", "its", "it's") for word in said)


def _topic(said: Sequence[str]) -> str | None:
    text = f" {' '.join(said)} "
    scores = {
        topic: sum(len(one.split()) for one in names if f" {one} " in text)
        for topic, names in _TOPICS.items()
    }
    best = max(scores.values(), default=0)
    return next((topic for topic, score in scores.items() if score == best), None) if best else None


def _data(said: Sequence[str], picks: Iterable[Pick]) -> tuple[Datum, ...]:
    """Return the data whose names the question has most words of, the newest first."""
    asked = {word for word in said if word not in _NOTHING}
    scored = [
        (len(asked & _words(datum.name)), datum.as_of, datum)
        for pick in picks
        for datum in pick.data
    ]
    best = max((score for score, _, _ in scored), default=0)
    if not best:
        return ()
    found = sorted(((at, d) for score, at, d in scored if score == best), key=lambda one: one[0])
    return tuple(datum for _, datum in reversed(found))


# What is told


def _for(pick: Pick) -> str:
    return _case(pick, words.stances(pick)[0], "for it")


def _against(pick: Pick) -> str:
    return _case(pick, words.stances(pick)[1], "against it")


def _case(pick: Pick, opinions: Sequence[Opinion], side: str) -> str:
    claims = [
        claim.text.rstrip(".")
        for one in pick.answers
        if isinstance(one, Opinion)
        for claim in (one.bull if side == "for it" else one.bear)
    ]
    if claims:
        return f"{pick.name}, {side}: {'; '.join(dict.fromkeys(claims[:MOST_CLAIMS]))}."
    if opinions:
        names = ", ".join(words.analyst(one.analyst) for one in opinions)
        return f"{pick.name}, {side}: {names}. They give no further reason."
    return f"{pick.name}: no analyst of this run speaks {side.removesuffix(' it')} it."


def _price(pick: Pick) -> str:
    sized = pick.sized
    closes = [one for one in pick.data if one.name in ("close", "price")]
    told = " ".join(_datum(one, (pick,)) for one in closes[-1:])
    if not sized.shares or sized.limit_price is None:
        return told or f"{pick.name} had no price."
    side, most = ("bought", "most") if sized.side == "buy" else ("sold", "least")
    limit = f"{pick.name} is to be {side} for ${sized.limit_price:,.2f} a share at {most}."
    return f"{limit} {told}".strip()


def _size(pick: Pick) -> str:
    sized = pick.sized
    if not sized.shares:
        why = sized.why_not or "It is not likely enough to beat the market."
        return f"{pick.name}: nothing. {why}"
    count = f"{sized.shares.normalize():f} share{'' if sized.shares == 1 else 's'}"
    return f"{pick.name}: {sized.side} {count}, ${sized.amount:,.2f}."


def _odds(pick: Pick) -> str:
    if pick.sized.probability is None:
        return f"{pick.name}: there is no probability, for you asked for it."
    agreed = pick.consensus or {}
    said = f"{pick.name}: {pick.sized.probability * 100:.0f} % likely to beat the market"
    if agreed.get("low") is not None and agreed.get("high") is not None:
        said += f", between {agreed['low'] * 100:.0f} % and {agreed['high'] * 100:.0f} %"
    if agreed.get("effective_voters"):
        said += f", by {agreed['effective_voters']:.1f} independent voters"
    return f"{said}. That is an estimate, not a promise."


def _voters(pick: Pick) -> str:
    above, below = words.stances(pick)
    parts = [
        f"{', '.join(map(_vote, side))} {what}"
        for side, what in ((above, "for it"), (below, "against it"))
        if side
    ]
    states = Counter(one.state for one in pick.answers)
    parts += [f"{states[state]} {what}" for state, what in SILENT.items() if states[state]]
    return f"{pick.name}: {'; '.join(parts) or 'no analyst has answered'}."


def _stated(analyst: str, picks: Sequence[Pick]) -> str:
    """Tell what one analyst has said of each: odds and reasons, or why there is nothing."""
    return " ".join(
        f"{words.analyst(analyst)} on {pick.name}: {_word(one)}"
        for pick in picks
        for one in pick.answers
        if one.analyst == analyst
    )


def _word(one: Answer) -> str:
    match one:
        case Opinion():
            claims = [claim.text.rstrip(".") for claim in (*one.bull, *one.bear)][:MOST_CLAIMS]
            return f"{one.probability * 100:.0f} %. {'; '.join(claims) or 'No further reason'}."
        case Abstention():
            return f"it abstained. {one.reason}"
        case NoData():
            return f"it had no data. {one.missing}"
        case ParseFailure():
            return "what it wrote was no opinion that could be used, so it does not count."
    return f"it could not be asked. {one.problem}"


def _vote(opinion: Opinion) -> str:
    return f"{words.analyst(opinion.analyst)} {opinion.probability * 100:.0f} %"


def _limits(pick: Pick) -> str:
    cuts = " ".join(cut.why for cut in pick.sized.cuts)
    return f"{pick.name}: {cuts or 'no limit has made it smaller.'}"


def _change(pick: Pick) -> str:
    would = [
        text.rstrip(".")
        for one in pick.answers
        if isinstance(one, Opinion)
        for text in one.would_change
    ]
    if not would:
        return f"{pick.name}: no analyst has said what would change the verdict."
    return f"{pick.name} would be judged differently if: {'; '.join(would[:MOST_CLAIMS])}."


def _source(pick: Pick) -> str:
    if not pick.data:
        return f"{pick.name}: this run has no data on it."
    sources = ", ".join(sorted({datum.source for datum in pick.data}))
    newest = max(datum.as_of for datum in pick.data)
    return f"{pick.name}: {len(pick.data)} data from {sources}, the newest of {newest:%Y-%m-%d}."


def _datum(datum: Datum, picks: Sequence[Pick]) -> str:
    value = f"{datum.value:f}" if isinstance(datum.value, Decimal) else datum.value
    unit = f" {datum.unit}" if datum.unit else ""
    about = f"{name_of(datum.symbol, picks)}, " if datum.symbol else ""
    return f"{about}{datum.name}: {value}{unit}, {datum.source}, {datum.as_of:%Y-%m-%d}."


_TELL: Final = {
    "for": _for,
    "against": _against,
    "price": _price,
    "amount": _size,
    "odds": _odds,
    "voters": _voters,
    "limits": _limits,
    "change": _change,
    "source": _source,
    "picks": _size,
    "mode": _size,
    "expiry": _size,
}
