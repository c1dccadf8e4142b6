"""Scans of the market while the exchange is open, alerts of what they find, a summary each day.

A scan is a job of its moment: it asks for the scan after it, runs the graph `stocks` on a thread of
its own, and asks for the alerts. An alert is a job of what it tells and where, so that it is told
once through retries, crashes and scans that find the same again.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

from langchain_core.messages import HumanMessage

from graphs.events import Snapshot
from graphs.stocks.memory.remember import look_again
from graphs.stocks.run import last_session
from graphs.threads import Threads
from server.jobs.work import Done, Failed, Outcome, Retry, Work
from server.jobs.workers import utc_now
from settings import Settings
from store.jobs import Job, Jobs
from store.theses import Review
from tools.broker import Refused, Unsure
from tools.exchange.sessions import Sessions, new_york
from tools.messages import InDoubt, Messages, NotSent
from tools.trading import Trading

SCAN: Final = "stock_scan"
ALERT: Final = "stock_alert"
SUMMARY: Final = "stock_summary"
GRAPH: Final = "stocks"
SAID: Final = "What should I buy?"
"""What a scan says to the graph."""
AFTER_CLOSE: Final = timedelta(minutes=15)
"""When the day is summed up: by then the closes are known."""

TradingOf = Callable[[], Awaitable[Trading]]


def next_scan(sessions: Sessions, after: datetime, every: timedelta) -> datetime:
    """Return the first moment after a time at which is scanned.

    That is the opening of a session, and every so often after it while the session lasts.
    """
    opens, closes = sessions.last(after)
    if after < closes:
        following = opens + every * ((after - opens) // every + 1)
        if following < closes:
            return following
    return sessions.next(after)[0]


def next_summary(sessions: Sessions, after: datetime) -> datetime:
    """Return the first moment after a time at which a day is summed up."""
    closes = sessions.last(after)[1] + AFTER_CLOSE
    return closes if closes > after else sessions.next(after)[1] + AFTER_CLOSE


@dataclass(frozen=True, slots=True)
class Alert:
    """Something that its owner is to know, once."""

    key: str
    """The same for what is the same: a pick of a session, a thesis that broke, a halt."""
    subject: str
    text: str


class StockScans:
    """Scans, alerts and summaries.

    Args:
        settings: whether and how often, and to whom is told.
        jobs: where they are asked for.
        threads: run the graph.
        messages: carry the alerts.
        trading: what is traded with, opened at first use.
        now: the clock.
    """

    def __init__(
        self,
        settings: Settings,
        jobs: Jobs,
        threads: Threads,
        messages: Messages,
        trading: TradingOf,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        self._settings = settings
        self._jobs = jobs
        self._threads = threads
        self._messages = messages
        self._trading = trading
        self._now = now

    @property
    def kinds(self) -> Mapping[str, Work]:
        """The kinds of jobs that this does."""
        often = Retry(8, timedelta(seconds=10), timedelta(minutes=10))
        return {
            SCAN: Work(self.scan, Retry(3, timedelta(seconds=20), timedelta(minutes=2)), 600.0),
            ALERT: Work(self.alert, often, 60.0),
            SUMMARY: Work(self.summary, often, 120.0),
        }

    async def begin(self) -> None:
        """Ask for the next scan and the next summary, where scans are wanted; twice is once."""
        if self._settings.stock_scans:
            sessions = await asyncio.to_thread(new_york)
            await self._ask(SCAN, next_scan(sessions, self._now(), self._every))
            await self._ask(SUMMARY, next_summary(sessions, self._now()))

    @property
    def _every(self) -> timedelta:
        return timedelta(minutes=self._settings.stock_scan_minutes)

    async def _ask(self, kind: str, at: datetime) -> None:
        await self._jobs.put(kind, f"{kind}:{at:%Y%m%dT%H%M}", {"at": at.isoformat()}, due_at=at)

    # Scans

    async def scan(self, job: Job) -> Outcome:
        """Scan once, and ask for the next; one that comes too late is left out."""
        if not self._settings.stock_scans:
            return Done({"left_out": "scans are off"})
        at, sessions = datetime.fromisoformat(job.data["at"]), await asyncio.to_thread(new_york)
        await self._ask(SCAN, next_scan(sessions, max(at, self._now()), self._every))
        if self._now() - at >= self._every:
            return Done({"left_out": "it would have come too late"})
        after = await self._run(f"scan-{at:%Y%m%dT%H%M}")
        found = picks(after.values)
        trading = await self._trading()
        if reason := await trading.broker.halted():
            head = await trading.journal.last("halt")
            key = f"halt:{head.seq if head else reason}"
            found.append(Alert(key, "Trading is halted", f"Nothing is bought: {reason}"))
        for alert in found:
            await self._tell(alert)
        return Done({"thread_id": after.thread_id, "alerts": [one.key for one in found]})

    async def _run(self, thread_id: str) -> Snapshot:
        """Run the graph, unless it has run on this thread before a crash."""
        before = await self._threads.snapshot(GRAPH, thread_id)
        if before.values.get("briefing"):
            return before
        said = HumanMessage(SAID, id=thread_id)
        async for event in self._threads.turn(GRAPH, thread_id, said, heard=False):
            if isinstance(event, Snapshot):
                before = event
        return before

    # Alerts

    async def _tell(self, alert: Alert, *channels: str) -> None:
        """Ask for an alert on every channel that is configured, once on each."""
        for channel in channels or ("slack", "email"):
            to = "owner" if channel == "slack" else self._settings.owner_email
            if to and self._messages.can(channel):
                data = {"channel": channel, "to": to, "subject": alert.subject, "text": alert.text}
                key = f"{ALERT}:{alert.key}:{channel}"
                await self._jobs.put(ALERT, key, data, due_at=self._now(), owner=channel)

    async def alert(self, job: Job) -> Outcome:
        """Send an alert; one of which nobody can say whether it was sent is not sent again."""
        data = job.data
        try:
            sent = await self._messages.send(
                data["channel"], data["to"], data["text"], key=job.key, subject=data["subject"]
            )
        except NotSent as error:
            return Failed(str(error))
        except InDoubt as error:
            return Failed(str(error), final=True)
        return Done({"id": sent})

    # The day

    async def summary(self, job: Job) -> Outcome:
        """Look at every thesis again, sum the day up by e-mail, and ask for the next summary."""
        if not self._settings.stock_scans:
            return Done({"left_out": "scans are off"})
        at, sessions = datetime.fromisoformat(job.data["at"]), await asyncio.to_thread(new_york)
        await self._ask(SUMMARY, next_summary(sessions, max(at, self._now())))
        trading = await self._trading()
        as_of = trading.now()
        session = await asyncio.to_thread(last_session, as_of)
        await look_again(trading, as_of, session)
        reviews = [one for one in await trading.theses.reviews(as_of=as_of) if one.day == session]
        for one in reviews:
            if one.standing == "broken":
                text = " ".join(one.reasons)
                await self._tell(Alert(f"thesis:{one.id}", "A thesis is broken", text))
        text = await day_in_words(trading, self._now(), as_of, reviews)
        day = f"{at:%Y-%m-%d}"
        await self._tell(Alert(f"summary:{day}", f"Trading on {day}", text), "email")
        return Done({"reviews": len(reviews)})


def picks(values: Mapping[str, Any]) -> list[Alert]:
    """Return an alert for each symbol that a run would buy, by the session that it is of."""
    found = []
    for one in values.get("sized") or []:
        if Decimal(one["shares"]) > 0:
            symbol, shares = one["symbol"], Decimal(one["shares"])
            chance = f"{one['probability']:.1%}" if one.get("probability") else "unknown"
            text = (
                f"{shares:f} shares of {symbol} at {one['limit_price']} USD at most; it beats the "
                f"index with a probability of {chance}. Nothing is bought without approval."
            )
            found.append(Alert(f"pick:{values.get('session')}:{symbol}", f"Pick: {symbol}", text))
    return found


async def day_in_words(
    trading: Trading, now: datetime, as_of: datetime, reviews: Sequence[Review]
) -> str:
    """Return the summary of a day; what is not known is said to be unknown.

    Args:
        trading: what is traded with.
        now: the time outside, by which models are paid.
        as_of: the time of the market.
        reviews: of the day.
    """
    lines = [f"Time of the market: {as_of.astimezone(UTC):%Y-%m-%d %H:%M} UTC."]
    if trading.recorded:
        lines.append("Prices are recorded ones of the past, and the account is a local one.")
    elif not trading.live:
        lines.append("Paper trading.")
    try:
        account, held = await trading.account.standing(), await trading.account.positions()
    except (Refused, Unsure):
        lines.append("The broker did not tell what the account holds.")
    else:
        change = account.equity - account.last_equity
        lines.append(f"Equity {account.equity:,.2f} USD, {change:+,.2f} since the last close.")
        lines += [
            f"{one.symbol}: {one.qty:f} shares, {one.market_value:,.2f} USD, "
            f"{one.gain:+,.2f} USD ({one.gain_pct:+.2f} %)"
            for one in held
        ] or ["No position is held."]
    if reason := await trading.broker.halted():
        lines.append(f"Trading is halted: {reason}")
    lines += [f"Thesis {one.standing}: {' '.join(one.reasons)}" for one in reviews]
    if not reviews:
        lines.append("No thesis was looked at.")
    return "\n".join(lines)
