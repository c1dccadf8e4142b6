"""The backtest: the consensus through recorded days, beside plain holding and the index."""

import json
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from plotly.graph_objs import Figure  # type: ignore[attr-defined]
from plotly.subplots import make_subplots

from graphs.stocks.opinion import Opinion
from graphs.stocks.replay.account import Fill, Happened, Order
from graphs.stocks.replay.history import History
from graphs.stocks.replay.measures import (
    Measures,
    falls_of,
    measure,
    returns_of,
    returns_of_the_invested,
)
from graphs.stocks.replay.policies import ByConsensus, Decided, EqualHolding
from graphs.stocks.replay.replay import Replayed, Rules, replay
from graphs.stocks.track_record import Floats

ACCOUNT: Final = "account, earned weights"
EQUAL: Final = "account, equal weights"
INVESTED: Final = "its shares, per dollar in them"
HOLDING: Final = "holding all, equal weights"
INDEX: Final = "the index"

COLUMNS: Final = (
    "way",
    "a year, %",
    "over holding, %",
    "volatility, %",
    "Sharpe",
    "deepest fall, %",
)
"""Of the table; in brackets the 90 % interval."""

NO_CLAIM: Final = (
    "This shows that the code decides and accounts without looking ahead. It does not show that "
    "anything is gained: intervals are wide, the shares were chosen afterwards, and no language "
    "model takes part, as one would remember these years."
)


@dataclass(frozen=True, slots=True)
class Backtest:
    """What came of it.

    Attributes:
        history: what was replayed.
        rules: how.
        account: by earned weights.
        decided: its decisions, in order.
        returns: daily, by way, all of the same sessions.
        measures: by way.
    """

    history: History
    rules: Rules
    account: Replayed
    decided: Sequence[Decided]
    returns: Mapping[str, Floats]
    measures: Mapping[str, Measures]

    def statements(self) -> list[str]:
        """Return what a reader must know beside the figures, a sentence or two each."""
        rules, costs = self.rules, self.rules.costs
        return [
            f"{len(self.history.series)} shares, {self.account.days[0]} to "
            f"{self.account.days[-1]}; decided on a close every {rules.horizon} sessions, filled "
            f"at the {rules.fill_at} of the next one.",
            f"Costs: half a spread of {(costs.half_spread * 100).normalize():f} % and a fee of "
            f"{(costs.fee * 100).normalize():f} % of each amount; "
            f"{self.account.paid:,.0f} USD in all on {rules.cash:,.0f} USD. Cash earns nothing; "
            f"{float((self.account.invested / self.account.equity).mean()):.1%} of the account was "
            "in shares on average, as the risk limits have it.",
            *self.history.notes,
            NO_CLAIM,
        ]


def backtest(
    history: History, rules: Rules, told: Callable[[str, float], None] = lambda way, share: None
) -> Backtest:
    """Replay a history by the consensus and by plain holding, and measure both.

    Args:
        history: what happened.
        rules: how it is replayed, all ways alike.
        told: called with what is replayed, and how much of it is done.

    Raises:
        ValueError: see `replay`.
    """

    def run(way: str, policy: ByConsensus | EqualHolding) -> Replayed:
        return replay(history, policy, rules, told=lambda done, of: told(way, done / of))

    by_record = ByConsensus(rules)
    level = ByConsensus(rules, earned=False, said=by_record.said)
    account, equal = run(ACCOUNT, by_record), run(EQUAL, level)
    holding = run(HOLDING, EqualHolding(rules))
    returns = {
        ACCOUNT: returns_of(account.equity),
        EQUAL: returns_of(equal.equity),
        INVESTED: returns_of_the_invested(account),
        HOLDING: returns_of(holding.equity),
        INDEX: returns_of(history.index[-len(account.days) :]),
    }
    return Backtest(history, rules, account, by_record.decided, returns, measure(returns, HOLDING))


def markdown(done: Backtest) -> str:
    """Return the table for the documentation, with what a reader must know."""
    lines = [
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    lines += ["| " + " | ".join(cells) + " |" for cells in rows(done)]
    return "\n".join([*lines, "", *(f"- {said}" for said in done.statements())])


def rows(done: Backtest) -> list[list[str]]:
    """Return the table's cells, a row for each way."""
    return [
        [
            way,
            _percent(one.yearly, one.yearly_interval),
            _percent(one.over, one.over_interval),
            f"{one.volatility * 100:.1f}",
            f"{one.sharpe:.2f} ({one.sharpe_interval[0]:.2f} to {one.sharpe_interval[1]:.2f})",
            f"{one.deepest_fall * 100:.1f}",
        ]
        for way, one in done.measures.items()
    ]


def _percent(share: float | None, interval: tuple[float, float] | None) -> str:
    if share is None or interval is None:
        return ""
    return f"{share * 100:+.1f} ({interval[0] * 100:+.1f} to {interval[1] * 100:+.1f})"


def figure(done: Backtest) -> Figure:
    """Return what a dollar became by each way, and how far each was below its highest."""
    picture: Figure = make_subplots(
        rows=2,
        cols=1,
        shared_xaxes=True,
        row_heights=[0.65, 0.35],
        subplot_titles=("What a dollar became", "Below the highest so far"),
        vertical_spacing=0.08,
    )
    colours = ("#1f77b4", "#17becf", "#9467bd", "#ff7f0e", "#7f7f7f")
    days = [str(day) for day in done.account.days]
    for (way, returns), colour in zip(done.returns.items(), colours, strict=True):
        style = {"name": way, "mode": "lines", "line": {"color": colour, "width": 1.3}}
        worth = [1.0, *(1 + returns).cumprod()]
        picture.add_scatter(x=days, y=worth, legendgroup=way, **style, row=1, col=1)
        picture.add_scatter(
            x=days, y=falls_of(returns), legendgroup=way, showlegend=False, **style, row=2, col=1
        )
    picture.update_yaxes(type="log", title="USD", row=1, col=1)
    picture.update_yaxes(tickformat=".0%", row=2, col=1)
    said = "<br>".join(textwrap.wrap(" ".join(done.statements()), 150))
    picture.update_layout(
        title=f"Replay of {len(done.history.series)} shares: no claim of gain",
        legend={"orientation": "h", "y": 1.12},
        margin={"b": 60 + 18 * said.count("<br>"), "t": 120},
        height=860,
        annotations=[
            *picture.layout.annotations,
            {
                "text": said,
                "xref": "paper",
                "yref": "paper",
                "x": 0,
                "y": -0.08,
                "yanchor": "top",
                "showarrow": False,
                "align": "left",
                "font": {"size": 11},
            },
        ],
    )
    return picture


def journal_lines(done: Backtest) -> Iterator[str]:
    """Yield every decision, order, fill, split and dividend as a line of JSON, by its day."""
    fills: dict[str, list[dict[str, Any]]] = {}
    for fill in done.account.fills:
        fills.setdefault(str(fill.day), []).append(_fill(fill))
    for came in done.account.happened:
        fills.setdefault(str(came.day), []).insert(0, _happened(came))
    for one in done.decided:
        fills.setdefault(str(one.day), []).append(_decided(one))
    for day in sorted(fills):
        for line in fills[day]:
            yield json.dumps({"day": day, **line})


def _decided(one: Decided) -> dict[str, Any]:
    return {
        "kind": "decision",
        "weights": {name: round(s.weight, 4) for name, s in one.standings.items()},
        "symbols": {
            symbol: {
                "stated": {
                    said.analyst: round(said.probability, 4)
                    if isinstance(said, Opinion)
                    else said.state
                    for said in one.answers[symbol]
                },
                "probability": _rounded(found.probability),
                "interval": [_rounded(found.low), _rounded(found.high)],
            }
            for symbol, found in one.consensus.items()
        },
        "sized": [
            {
                "symbol": sized.symbol,
                "side": sized.side,
                "shares": str(sized.shares),
                "cuts": [f"{cut.rule}: {cut.why}" for cut in sized.cuts],
            }
            for sized in (*one.sold, *one.sized)
        ],
        "orders": [_order(order) for order in one.orders],
    }


def _order(order: Order) -> dict[str, str]:
    return {"symbol": order.symbol, "side": order.side, "shares": str(order.shares)}


def _fill(fill: Fill) -> dict[str, Any]:
    price = None if fill.price is None else str(_cents(fill.price, "0.0001"))
    return {
        "kind": "fill",
        **_order(fill.order),
        "decided": str(fill.order.decided),
        "filled": str(fill.shares),
        "price": price,
        "fee": str(_cents(fill.fee)),
        "note": fill.note,
    }


def _happened(came: Happened) -> dict[str, Any]:
    ratio = None if came.ratio is None else str(came.ratio)
    return {"kind": came.kind, "symbol": came.symbol, "ratio": ratio, "cash": str(came.cash)}


def _cents(amount: Decimal, places: str = "0.01") -> Decimal:
    return amount.quantize(Decimal(places))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
