"""Asking a language model, once for each question and within the budget.

An answer is written down as soon as it is there, so a run that is begun again after a crash finds
it and does not pay again. What it costs is set aside before, and settled by what the provider says
it charged; who says nothing, or does not answer, has cost what was set aside.
"""

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from weakref import WeakKeyDictionary

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable

from faults import places
from graphs.models import HIDDEN, Llm, ModelFailed, chat_model
from graphs.stocks.analysts.language import LlmAnalyst, Question
from graphs.stocks.analysts.verdict import canonical, read
from graphs.stocks.opinion import ANSWER, Answer, Failure, NoData
from settings import Settings
from store.analyses import Analysis
from store.spending import BudgetExceeded
from tools.exchange.sessions import new_york
from tools.trading import Trading

log = logging.getLogger(__name__)

FRESH: Final = timedelta(minutes=30)
"""How long an answer counts as new, if the exchange has neither opened nor closed since."""
BUSY_SECS: Final = 1.0
"""Wait after a 429 that does not say how long; then it is asked once more."""
LEAST_SECS: Final = 0.1
"""Time under which a model is not asked any more."""
_ANSWER: Final = "answer"


@dataclass(frozen=True, slots=True)
class Given:
    """An answer, what it has cost in this run, and an older one to show where there is no new one.

    Attributes:
        answer: what counts.
        usd: what was spent on it now; 0 where it was known.
        older: the analyst's last answer, of which only a page may tell; it counts for nothing.
    """

    answer: Answer
    usd: Decimal = Decimal(0)
    older: Analysis | None = None


@dataclass(frozen=True, slots=True)
class Asker:
    """Asks the language models of one run.

    Attributes:
        trading: where answers and money are kept.
        settings: keys, addresses and deadlines.
        run_id: the run.
        as_of: its time.
        horizon: sessions to look ahead.
        until: real time after which nobody waits any more, UTC.
    """

    trading: Trading
    settings: Settings
    run_id: str
    as_of: datetime
    horizon: int
    until: datetime

    async def ask(self, analyst: LlmAnalyst, symbol: str, asked: Question) -> Given:
        """Return an analyst's answer to a question, that of before if there is one and it is new.

        Never raises for what a provider does: that is a state of the answer.
        """
        about = {
            "analyst": analyst.name,
            "family": analyst.kin,
            "symbol": symbol,
            "as_of": self.as_of,
            "model": analyst.model,
            "prompt_hash": asked.prompt_hash,
        }
        if not any(row.symbol == symbol for row in asked.rows.values()):
            return Given(NoData(**about, missing="Nothing of it is known."))
        key = asked.key(analyst)
        known = await self.trading.analyses.get(key)
        if known and (known.run_id == self.run_id or await self._counts(known)):
            answer = ANSWER.validate_python(known.answer)
            return Given(answer.model_copy(update={"as_of": self.as_of}))
        try:
            answer = await self._paid(analyst, asked, about)
        except _NotAnswered as error:
            older = await self.trading.analyses.last(analyst.name, symbol, self.as_of)
            return Given(Failure(**about, problem=str(error), cost_usd=error.usd), error.usd, older)
        await self.trading.analyses.keep(
            key,
            analyst.name,
            symbol,
            self.run_id,
            self.as_of,
            answer.model_dump(mode="json"),
        )
        return Given(answer, answer.cost_usd)

    async def _counts(self, known: Analysis) -> bool:
        """Whether an answer of an earlier run is as good as a new one."""
        good = known.answer["state"] in ("opinion", "abstention")
        return good and await asyncio.to_thread(is_fresh, known.made_at, self.as_of)

    async def _paid(self, analyst: LlmAnalyst, asked: Question, about: Mapping[str, Any]) -> Answer:
        budget = self.trading.budget
        if self._wait() < LEAST_SECS:
            raise _NotAnswered("There was no time left to ask it in this run.")
        try:
            charge = await self.trading.spending.reserve(
                self.run_id,
                analyst.name,
                analyst.model,
                analyst.most_usd,
                now=datetime.now(UTC),
                per_run=budget.run,
                per_day=budget.day,
                per_week=budget.week,
                per_month=budget.month,
            )
        except BudgetExceeded as error:
            raise _NotAnswered(str(error)) from error
        try:
            try:
                written = await self._written(analyst, asked)
            except _Busy as busy:
                if busy.secs + LEAST_SECS > self._wait():
                    raise
                await asyncio.sleep(busy.secs)
                written = await self._written(analyst, asked)
        except _NotCharged as error:
            await self.trading.spending.settle(charge.id, Decimal(0), now=datetime.now(UTC))
            raise _NotAnswered(str(error)) from error
        except ModelFailed as error:
            raise _NotAnswered(str(error), charge.reserved_usd) from error
        usd = cost_of(written, analyst)
        if usd is not None:
            await self.trading.spending.settle(charge.id, usd, now=datetime.now(UTC))
        about = {**about, "cost_usd": charge.reserved_usd if usd is None else usd}
        return read(_text(written), about, asked.rows, self.horizon)

    async def _written(self, analyst: LlmAnalyst, asked: Question) -> AIMessage:
        """Return what a model writes.

        Raises:
            _NotCharged: its provider has refused.
            ModelFailed: nobody knows what it has charged.
        """
        wait = self._wait()
        try:
            loop = asyncio.get_running_loop()
            model = await asyncio.to_thread(_model, analyst, self.settings, asked.schema, loop)
            async with asyncio.timeout(wait):
                written = await model.ainvoke(list(asked.messages), config={"tags": HIDDEN})
        except TimeoutError:
            raise ModelFailed(f"It did not answer within {wait:.3g} seconds.") from None
        except ModelFailed as error:  # there is no key for it
            raise _NotCharged(str(error)) from error
        except Exception as error:  # whatever a provider's client raises
            log.warning("The analyst %s failed: %s", analyst.name, places(error))
            raise _told(error) from error
        if not isinstance(written, AIMessage):
            raise ModelFailed("It wrote nothing.")
        return written

    def _wait(self) -> float:
        """Return how long an answer may take now, in seconds."""
        left = (self.until - datetime.now(UTC)).total_seconds()
        return min(self.settings.stock_analyst_secs, left)


class _NotAnswered(Exception):
    """There is no answer; `usd` is what that has cost, as far as is known."""

    def __init__(self, problem: str, usd: Decimal = Decimal(0)) -> None:
        super().__init__(problem)
        self.usd = usd


class _NotCharged(Exception):
    """The provider has refused before it did anything."""


class _Busy(_NotCharged):
    """It takes no more now; `secs` is when it does, in seconds."""

    def __init__(self, problem: str, secs: float) -> None:
        super().__init__(problem)
        self.secs = secs


def _told(error: Exception) -> Exception:
    """Return what an error of a provider's client tells about the answer, and about money.

    Whoever refuses with the JSON of its API has charged nothing. A web page with a status of 500
    and more is of somebody in between: nobody knows what the provider has done.
    """
    status, answer = getattr(error, "status_code", None), getattr(error, "response", None)
    if status is None and isinstance(error, LookupError | ValueError | TypeError | AttributeError):
        return ModelFailed("What came is no answer of a model, perhaps a web page in its place.")
    if status is None:
        return ModelFailed(f"It failed ({type(error).__name__}).")
    refused = f"Its provider refused ({status})."
    if status == 429 and answer is not None:
        told = str(answer.headers.get("retry-after", ""))
        return _Busy(refused, float(told) if told.isdecimal() else BUSY_SECS)
    if status < 500 or isinstance(getattr(error, "body", None), dict):
        return _NotCharged(refused)
    return ModelFailed(f"Its provider failed ({status}), and may have charged.")


def is_fresh(made_at: datetime, now: datetime) -> bool:
    """Whether an answer still counts as new: within `FRESH`, and no bell has rung since; blocks."""
    if not timedelta(0) <= now - made_at < FRESH:
        return False
    sessions = new_york()
    return sessions.last(made_at) == sessions.last(now) and sessions.is_open(
        made_at
    ) == sessions.is_open(now)


def cost_of(written: AIMessage, analyst: LlmAnalyst) -> Decimal | None:
    """Return what an answer has cost, USD: as its provider says, else by its price; else None."""
    usage = written.response_metadata.get("token_usage") or {}
    if isinstance(told := usage.get("cost"), int | float | str):
        return Decimal(str(told))
    counted, price = written.usage_metadata, analyst.usd_per_million
    if counted is None or price is None or not {"input", "output"} <= set(price):
        return None
    tokens = counted["input_tokens"] * price["input"] + counted["output_tokens"] * price["output"]
    return tokens / 1_000_000


_MADE: Final = WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, str], BaseChatModel]]()
"""Clients of models, which take 50 ms to make, by who they are for and how they are configured."""


def _model(
    analyst: LlmAnalyst,
    settings: Settings,
    schema: Mapping[str, Any],
    loop: asyncio.AbstractEventLoop,
) -> Runnable[Any, Any]:
    """Return a model that writes JSON of a schema; its client takes a second to import."""
    key = (analyst.model_dump_json(), str(id(settings)))
    known = _MADE.setdefault(loop, {})
    if key not in known:
        known[key] = _client(analyst, settings)
    if analyst.provider == "anthropic":
        tool = {"name": _ANSWER, "description": "Your answer.", "input_schema": dict(schema)}
        return known[key].bind_tools([tool], tool_choice=_ANSWER)
    form = {"name": "verdict", "strict": True, "schema": dict(schema)}
    return known[key].bind(response_format={"type": "json_schema", "json_schema": form})


def _client(analyst: LlmAnalyst, settings: Settings) -> BaseChatModel:
    settings = settings.model_copy(
        update={"llm_answer_secs": settings.stock_analyst_secs, "llm_base_url": None}
    )
    base_url, secret = analyst.base_url, None
    if analyst.provider == "openrouter":
        base_url, secret = base_url or settings.openrouter_url, settings.openrouter_api_key
        if secret is None:
            raise ModelFailed("There is no key for OpenRouter: set OPENROUTER_API_KEY.")
    llm = Llm(
        provider="anthropic" if analyst.provider == "anthropic" else "openai",
        model=analyst.model,
        base_url=base_url,
        temperature=analyst.temperature,
        max_tokens=analyst.max_tokens,
    )
    return chat_model(llm, settings, secret).model_copy(update={"streaming": False})


def _text(written: AIMessage) -> str:
    """Return the JSON a model has written, as text or as the arguments of its answer."""
    for call in written.tool_calls:
        if call["name"] == _ANSWER:
            return canonical(call["args"])
    return str(written.text)
