"""A run that has proposed something, the graph of its approval alone, and what it acts with."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from langgraph.graph import START, StateGraph

from graphs.stocks.approval.nodes import add_approval
from graphs.stocks.opinion import Claim, Opinion
from graphs.stocks.risk import Cut, Sized
from graphs.stocks.state import State
from graphs.turn import Graph
from store.secrets import MasterKey
from tests.stocks.conftest import MORNING
from tools.market.evidence import Datum

BRIEFING = "Two orders: Apple and Microsoft."
KEY = MasterKey(b"k" * 32)


def datum(symbol: str, name: str, value: str, unit: str | None = "%") -> Datum:
    return Datum(
        symbol=symbol,
        kind="statistic",
        name=name,
        value=Decimal(value),
        unit=unit,
        source="recorded",
        as_of=MORNING - timedelta(days=1),
        knowable_at=MORNING - timedelta(hours=12),
    )


def sized(symbol: str, shares: str, limit: str, probability: float = 0.57) -> Sized:
    return Sized(
        symbol=symbol,
        side="buy",
        shares=Decimal(shares),
        limit_price=Decimal(limit),
        probability=probability,
        cuts=(
            (Cut(rule="per_name", before=Decimal(5000), after=Decimal(2000), why="At most 2000."),)
            if symbol == "AAPL"
            else ()
        ),
        decided_at=MORNING,
    )


def opinion(analyst: str, symbol: str, probability: float, **more: Any) -> Opinion:
    return Opinion(
        analyst=analyst,
        family="code",
        symbol=symbol,
        as_of=MORNING,
        horizon_days=21,
        probability=probability,
        **more,
    )


def proposed(run_id: str = "run-1", limit: str = "101.00") -> dict[str, Any]:
    """The state of a run that proposes two orders and has kept a third away."""
    growth = datum("AAPL", "return over 12 months", "23.4")
    nothing = sized("XOM", "0", "90").model_copy(
        update={"cuts": (Cut(rule="illiquid", before=Decimal(9), after=Decimal(0), why="Thin."),)}
    )
    answers = [
        opinion(
            "momentum",
            "AAPL",
            0.61,
            bull=(Claim(text="It rose 23.4 % in a year", evidence=(growth.id,)),),
            would_change=("It falls below its low of a month",),
        ),
        opinion("low_volatility", "AAPL", 0.44, bear=(Claim(text="It swings a lot"),)),
        opinion("momentum", "MSFT", 0.55),
    ]
    return {
        "run_id": run_id,
        "briefing": BRIEFING,
        "sized": [
            nothing.model_dump(mode="json"),
            sized("AAPL", "12", limit).model_dump(mode="json"),
            sized("MSFT", "5", "50.50", 0.54).model_dump(mode="json"),
        ],
        "evidence": [
            growth.model_dump(mode="json"),
            datum("AAPL", "volatility", "31.2").model_dump(mode="json"),
            datum("MSFT", "return over 12 months", "8.1").model_dump(mode="json"),
        ],
        "answers": [one.model_dump(mode="json") for one in answers],
        "consensus": [
            {
                "symbol": "AAPL",
                "probability": 0.57,
                "low": 0.51,
                "high": 0.63,
                "effective_voters": 1.6,
                "dissent": [
                    {
                        "analyst": "low_volatility",
                        "probability": 0.44,
                        "argument": "It swings a lot",
                        "would_change": [],
                    }
                ],
            }
        ],
    }


def alone() -> Graph:
    """The approval by itself, from the briefing on."""
    builder = StateGraph(State)
    add_approval(builder)
    builder.add_edge(START, "propose")
    return builder.compile(name="approval")
