"""Who is asked what next, and what is done with the answer."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal

from typing_extensions import TypedDict

from graphs.stocks.analysts import panel
from graphs.stocks.analysts.asking import Asker
from graphs.stocks.analysts.language import LlmAnalyst, configured, question
from graphs.stocks.consensus import MOST_WAITING, agree, is_settled
from graphs.stocks.debate import moved, opponents
from graphs.stocks.ledger import Earned
from graphs.stocks.opinion import ANSWER, Opinion
from graphs.stocks.run import answers_of
from graphs.stocks.state import Asking, Json, State
from settings import Settings
from tools.market.evidence import Datum
from tools.trading import Trading


class Asked(TypedDict):
    """What one analyst is given to answer on one symbol."""

    analyst: str
    symbol: str
    run_id: str
    as_of: str
    until: str
    """Real time after which nobody waits for it, ISO 8601."""
    score: float | None
    """Of an analyst that is code; None where it has none."""
    evidence: list[Json]
    """What is known of the symbol, and of all."""
    answers: list[Json]
    """In a debate: what it has answered, and those who see it differently."""


def next_to_ask(
    state: State,
    models: Sequence[LlmAnalyst],
    known: Earned,
    least_probability: float,
    *,
    debate: bool,
) -> State:
    """Say who is asked next about what; nobody is when `asking` is empty.

    Cheap ones come first: those that are code, then models by their tiers. A symbol that those who
    were not asked yet could not carry over the threshold any more is not asked about.

    Args:
        state: with the answers so far.
        models: analysts that are models, in the order of their tiers.
        known: what analysts have earned.
        least_probability: probability under which nothing is bought.
        debate: whether those who disagree argue at the end.
    """
    asked = list(state.get("asked") or [])
    if not asked:
        return _asking("analyse", panel.NAMES, state["symbols"], asked)
    waiting = [model for model in models if model.name not in asked]
    while waiting:
        tier = [model.name for model in waiting if model.tier == waiting[0].tier]
        open_ = [
            s
            for s in state["symbols"]
            if not _hopeless(s, state, waiting, known, least_probability)
        ]
        if open_:
            return _asking("analyse", tier, open_, asked)
        asked += tier
        waiting = [model for model in waiting if model.name not in tier]
    arguing = []
    if debate and "debate" not in asked:
        answers = answers_of(state)
        names = {model.name for model in models}
        arguing = [
            Asking(node="debate", analyst=one.analyst, symbol=one.symbol)
            for one in answers
            if one.analyst in names and opponents(one, answers)
        ]
    return State(asking=arguing, asked=[*asked, "debate"] if arguing else asked)


def _asking(
    node: Literal["analyse", "debate"],
    names: Sequence[str],
    symbols: Sequence[str],
    asked: Sequence[str],
) -> State:
    asking = [Asking(node=node, analyst=name, symbol=s) for name in names for s in symbols]
    return State(asking=asking, asked=[*asked, *names])


def _hopeless(
    symbol: str, state: State, waiting: Sequence[LlmAnalyst], known: Earned, least: float
) -> bool:
    """Whether no answer of those who wait could bring a symbol over the threshold."""
    answers = [one for one in answers_of(state) if one.symbol == symbol]
    so_far = agree(symbol, answers, known.standings, known.likeness)
    if so_far.probability is None or so_far.probability >= least or len(waiting) > MOST_WAITING:
        return False
    kin = {model.name: model.kin for model in waiting}
    return is_settled(symbol, answers, kin, known.standings, least, known.likeness)


def asked_of(state: State, asking: Asking) -> Asked:
    """Return what an analyst is given."""
    symbol, name = asking["symbol"], asking["analyst"]
    answers: list[Json] = []
    if asking["node"] == "debate":
        mine = next(one for one in answers_of(state) if (one.analyst, one.symbol) == (name, symbol))
        others = opponents(mine, answers_of(state))
        answers = [one.model_dump(mode="json") for one in (mine, *others)]
    return Asked(
        analyst=name,
        symbol=symbol,
        run_id=state["run_id"],
        as_of=state["as_of"],
        until=state["until"],
        score=state["scores"].get(name, {}).get(symbol),
        evidence=[row for row in state["evidence"] if row["symbol"] in (None, symbol)],
        answers=answers,
    )


async def put(asked: Asked, trading: Trading, settings: Settings) -> dict[str, Any]:
    """Put its question to an analyst, and return what that adds to the state."""
    name, symbol, data = asked["analyst"], asked["symbol"], _data(asked)
    horizon = settings.stock_horizon_days
    if name in panel.NAMES:
        as_of = datetime.fromisoformat(asked["as_of"])
        answer = panel.answer(name, symbol, asked["score"], data, as_of, horizon)
        return {"answers": [answer.model_dump(mode="json")]}
    asker = _asker(asked, trading, settings)
    given = await asker.ask(_model(name, settings), symbol, question(symbol, data, horizon))
    older = [given.older.model_dump(mode="json")] if given.older else []
    return {"answers": [given.answer.model_dump(mode="json")], "stale": older}


async def argue(asked: Asked, trading: Trading, settings: Settings) -> dict[str, Any]:
    """Let a model read the other case and answer once more; the record says what moved."""
    mine, *others = (ANSWER.validate_python(row) for row in asked["answers"])
    against = [one for one in others if isinstance(one, Opinion)]
    if not isinstance(mine, Opinion):
        return {}
    symbol, horizon = asked["symbol"], settings.stock_horizon_days
    put_again = question(symbol, _data(asked), horizon, mine, against)
    model = _model(asked["analyst"], settings)
    given = await _asker(asked, trading, settings).ask(model, symbol, put_again)
    after, record = moved(mine, given.answer, against)
    key = f"debate:{asked['run_id']}:{record.analyst}:{record.symbol}"
    body = {"run_id": asked["run_id"], **record.model_dump(mode="json")}
    at = datetime.fromisoformat(asked["as_of"])
    await trading.journal.append("debate", body, key=key, at=at)
    return {
        "answers": [after.model_dump(mode="json")],
        "debate": [record.model_dump(mode="json")],
    }


def _asker(asked: Asked, trading: Trading, settings: Settings) -> Asker:
    as_of = datetime.fromisoformat(asked["as_of"])
    until = datetime.fromisoformat(asked["until"])
    return Asker(trading, settings, asked["run_id"], as_of, settings.stock_horizon_days, until)


def _model(name: str, settings: Settings) -> LlmAnalyst:
    return next(model for model in configured(settings) if model.name == name)


def _data(asked: Asked) -> list[Datum]:
    return [Datum.model_validate(row) for row in asked["evidence"]]
