"""What a run of the stocks graph knows; all of it JSON, as it is in the checkpoint."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal

from langchain_core.messages import AnyMessage
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from graphs.events import Expectation
from graphs.stocks.approval.state import Approving

Json = dict[str, Any]


def answered(before: list[Json] | None, more: Sequence[Json] | None) -> list[Json]:
    """Add what analysts say; a second word on the same symbol takes the place of the first.

    None begins anew, as a new run does.
    """
    if more is None:
        return []
    found = {(one["analyst"], one["symbol"]): one for one in [*(before or []), *more]}
    return list(found.values())


class Request(TypedDict):
    """What the person wants."""

    kind: Literal["greeting", "run", "question", "account"]
    """`account` asks about what is held and ordered, and not about a run."""
    symbols: list[str]
    """Those that were named; empty where none was."""
    picks: int | None
    """How many are wanted, where a number was said."""
    text: str


class Asking(TypedDict):
    """An analyst that is asked next."""

    node: Literal["analyse", "debate"]
    analyst: str
    symbol: str


class Input(TypedDict, total=False):
    """What a turn brings."""

    messages: Annotated[list[AnyMessage], add_messages]


class State(Input, Approving, total=False):
    """One thread: a run, and what was asked about it since."""

    request: Request
    run_id: str
    """Of thread and message: a run that is begun again after a crash is the same run."""
    as_of: str
    """Time of the market at which the run began, ISO 8601; nothing later is read."""
    until: str
    """Real time after which no model is waited for, ISO 8601: a turn has its own limit."""
    session: str
    """Last session that was over then, ISO 8601: the closes that forecasts are made on."""
    symbols: list[str]
    """What is looked at."""
    evidence: list[Json]
    """What is known, as `tools.market.evidence.Datum`."""
    sources_failed: list[Json]
    """Market data that did not tell, as `tools.market.provider.SourceFailed`."""
    scores: dict[str, dict[str, float]]
    """Probability by analyst that is code, and symbol; see `graphs.stocks.analysts.quant`."""
    turnover: dict[str, float]
    """Usual turnover of a day by symbol, USD."""
    asking: list[Asking]
    """Who is asked now."""
    asked: list[str]
    """Analysts that were asked so far, in the order of their tiers."""
    answers: Annotated[list[Json], answered]
    """What analysts answered, as `graphs.stocks.opinion.Answer`; the last word of each."""
    debate: Annotated[list[Json], answered]
    """Votes that were put to the question again: `graphs.stocks.debate.Moved`, before and after."""
    consensus: list[Json]
    """What all together say, by symbol, as `graphs.stocks.consensus.Consensus`."""
    standings: dict[str, Json]
    """Weight, graded forecasts and scores of each analyst that was asked."""
    base_rate: float | None
    """Share of all graded forecasts that came true, whatever was said."""
    prices: dict[str, str]
    """What a share cost when it was sized, USD, by symbol: its ask."""
    sized: list[Json]
    """What may be bought, as `graphs.stocks.risk.Sized`: every symbol above the threshold."""
    broker_silent: bool
    """Whether the broker did not tell what the account holds: then nothing is sized."""
    briefing: str
    """What was said of the run."""
    cost_usd: str
    """What the run has cost so far, USD."""
    stale: Annotated[list[Json], answered]
    """Earlier answers of analysts that could not be asked now, as `store.analyses.Analysis`: to be
    shown as old; they count for nothing."""
    outcome: str
    """`nothing_to_buy`, `proposed`, and what came of that: `declined`, `expired`, `refused`, or
    `graphs.stocks.approval.words.Outcome`."""
    expects: Expectation
    done: bool


def forgotten() -> State:
    """Return what makes a thread forget its last run, as a new one begins."""
    empty: Any = {
        **dict.fromkeys(("answers", "debate", "stale")),  # None empties what adds up
        **{key: [] for key in ("evidence", "sources_failed", "asking", "asked", "consensus")},
        **{key: {} for key in ("scores", "turnover", "standings", "prices")},
        "sized": [],
        "base_rate": None,
        "broker_silent": False,
        "briefing": "",
        "approval_id": None,
        "cost_usd": "0",
        "outcome": "",
        "done": False,
    }
    found: State = empty
    return found
