"""Puts the questions of `recollection` to the language models configured, as a run does."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from graphs.stocks.analysts.asking import Asker
from graphs.stocks.analysts.language import LlmAnalyst, configured, question
from graphs.stocks.leaks.recollection import Case, Recollection, recollection
from graphs.stocks.opinion import Answer
from settings import Settings
from store.analyses import Analyses
from store.database import Database
from tools.data_files import read_data
from tools.market.evidence import Datum
from tools.trading import Trading

LONGEST: Final = timedelta(minutes=30)
"""For all questions together."""
_NAMES: Final = Path(__file__).parents[1] / "names.yaml"


async def recollections(
    trading: Trading, settings: Settings, cases: Sequence[Case], aside: Database, run_id: str
) -> list[Recollection]:
    """Ask every model; what it costs counts in the budget like a run.

    Args:
        trading: its budget.
        settings: the models, and how they are reached.
        cases: the questions.
        aside: other records, for the answers: those to facts that are turned round are no analyses.
        run_id: under which it is charged.
    """
    names = read_data(_NAMES)
    apart = replace(trading, analyses=Analyses(aside))
    horizon, until = settings.stock_horizon_days, datetime.now(UTC) + LONGEST
    found = []
    for analyst in configured(settings):

        async def judge(
            symbol: str, data: Sequence[Datum], analyst: LlmAnalyst = analyst
        ) -> Answer:
            as_of = max(datum.knowable_at for datum in data)
            asker = Asker(apart, settings, run_id, as_of, horizon, until)
            return (await asker.ask(analyst, symbol, question(symbol, data, horizon))).answer

        found.append(
            await recollection(
                analyst.name, analyst.model, judge, cases, lambda symbol: names.get(symbol, ())
            )
        )
    return found
