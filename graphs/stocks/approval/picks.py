"""What the owner is asked to approve: picks with what is known of them, and the terms of orders."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from graphs.stocks.opinion import ANSWER, Answer
from graphs.stocks.risk import Sized
from store.intents import Terms
from tools.data_files import read_data
from tools.market.evidence import Datum

_NAMES: Final[Mapping[str, str]] = read_data(Path(__file__).with_name("names.yaml"))
_NAMED: Final = frozenset({"name", "company name", "company"})


@dataclass(frozen=True, slots=True)
class Pick:
    """One symbol that may be bought or sold, with everything that the run knows of it."""

    sized: Sized
    name: str
    """What a person calls it; the symbol where nothing says."""
    data: tuple[Datum, ...] = ()
    """The run's evidence on it, in its order."""
    answers: tuple[Answer, ...] = ()
    consensus: Mapping[str, Any] | None = None
    """`Consensus` as JSON: `low`, `high`, `effective_voters`, `dissent`."""

    @property
    def symbol(self) -> str:
        """Its ticker."""
        return self.sized.symbol


def picks_of(state: Mapping[str, Any]) -> tuple[Pick, ...]:
    """Return what a run has sized, orders first, with what it knows of each.

    Args:
        state: of the graph: `sized`, `evidence`, `answers`, `consensus`, as JSON.
    """
    data = [Datum.model_validate(one) for one in state.get("evidence") or ()]
    answers = [ANSWER.validate_python(one) for one in state.get("answers") or ()]
    agreed = _by_symbol(state.get("consensus"))
    sized = [Sized.model_validate(one) for one in state.get("sized") or ()]
    sized += _left_out(agreed, {one.symbol for one in sized}, answers)
    return tuple(
        Pick(
            one,
            company(one.symbol, data),
            tuple(datum for datum in data if datum.symbol == one.symbol),
            tuple(answer for answer in answers if answer.symbol == one.symbol),
            agreed.get(one.symbol),
        )
        for one in sorted(sized, key=lambda one: not one.shares)
    )


def ordered(picks: Iterable[Pick]) -> tuple[Pick, ...]:
    """Return those of which something is to be bought or sold."""
    return tuple(pick for pick in picks if pick.sized.shares > 0 and pick.sized.limit_price)


def terms_of(picks: Sequence[Pick], expires_at: datetime) -> list[Terms]:
    """Return the orders, exactly, in the order in which they are read out."""
    return [
        Terms(
            symbol=pick.symbol,
            side=pick.sized.side,
            qty=pick.sized.shares,
            limit_price=pick.sized.limit_price or Decimal(0),
            expires_at=expires_at,
        )
        for pick in ordered(picks)
    ]


def spelled(symbol: str) -> str:
    """Write a ticker so that it is said letter by letter: `BRK.B` as "B R K dot B"."""
    return " ".join("dot" if letter == "." else letter for letter in symbol)


def name_of(symbol: str, picks: Iterable[Pick] = ()) -> str:
    """Return what a person calls a symbol; its letters where nothing says."""
    found = next((pick.name for pick in picks if pick.symbol == symbol), _NAMES.get(symbol))
    return found if found and found != symbol else spelled(symbol)


def company(symbol: str, data: Iterable[Datum]) -> str:
    """Return a company's name, as the evidence or our own list has it; else the symbol."""
    for datum in data:
        if datum.symbol == symbol and datum.name in _NAMED and isinstance(datum.value, str):
            return datum.value
    return _NAMES.get(symbol, symbol)


def _left_out(
    agreed: Mapping[str, Mapping[str, Any]], sized: Collection[str], answers: Sequence[Answer]
) -> list[Sized]:
    """Return what was looked at and is not believed in enough to be sized: nothing of each."""
    at = {answer.symbol: answer.as_of for answer in answers}
    return [
        Sized(symbol=symbol, side="buy", probability=one.get("probability"), decided_at=at[symbol])
        for symbol, one in agreed.items()
        if symbol not in sized and symbol in at
    ]


def _by_symbol(consensus: Any) -> Mapping[str, Mapping[str, Any]]:
    """Return what was agreed by symbol, however the state holds it."""
    if isinstance(consensus, Mapping):
        return {str(symbol): one for symbol, one in consensus.items() if isinstance(one, Mapping)}
    listed = consensus if isinstance(consensus, Sequence) else ()
    return {str(one["symbol"]): one for one in listed if isinstance(one, Mapping)}
