"""Approvals: what a person was asked to agree to, and the one answer that counted.

What follows from one is a job, written in the transaction that it follows from: `OPENED` once it is
there, `SETTLED` once it is answered or its time is over. Nothing else tells a server about it.
"""

import asyncio
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import JSON, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Database, Table, UtcDateTime
from store.intents import Terms
from store.jobs import put_job
from store.secrets import MasterKey

State = Literal["open", "approved", "declined", "expired", "refused"]
Verdict = Literal["approve", "decline"]
Channel = Literal["phone", "chat", "page", "api", "slack", "email"]
MOST_WRONG: Final = 3
"""Wrong codes after which nothing is approved any more."""
CODE_DIGITS: Final = 6
OPENED: Final = "approval_opened"
"""Kind of the job that asks the owner."""
SETTLED: Final = "approval_settled"
"""Kind of the job that carries out what was answered, and tells the run."""


class Approval(BaseModel):
    """A question to the owner: may exactly this be bought and sold?

    It is answered once. Whatever is not a yes, with the right code, in time, and at prices near
    those that were read out, is no trade.
    """

    model_config = ConfigDict(frozen=True)

    id: str
    run_id: str
    """The run that asks; one run asks once."""
    graph: str = ""
    thread_id: str = ""
    """The conversation in which it is asked."""
    live: bool = False
    """Whether it is about real money."""
    briefing: str = ""
    """What the owner is told before."""
    terms: tuple[Terms, ...] = Field(min_length=1)
    prices: Mapping[str, Decimal]
    """What a share cost when it was asked, by symbol, USD."""
    band_pct: Decimal = Field(Decimal(1), ge=0)
    """How far a price may have moved since, in percent."""
    salt: str
    code_hash: str
    """Of the one-time code, bound to the terms; the code itself is kept nowhere, see `code_of`."""
    opened_at: AwareDatetime
    expires_at: AwareDatetime
    state: State = "open"
    answered_at: AwareDatetime | None = None
    channel: Channel | None = None
    answered_by: str | None = None
    wrong_codes: int = 0
    reason: str | None = None
    """Why it came to nothing."""

    @property
    def digest(self) -> str:
        """SHA-256 over all terms, in their order."""
        return _digest(self.terms)

    def answered(
        self,
        verdict: Verdict,
        *,
        code: str,
        channel: Channel,
        by: str,
        now: datetime,
        prices: Mapping[str, Decimal],
        closed: str | None = None,
    ) -> "Approval":
        """Return the approval after an answer; an answer to what is settled changes nothing.

        Args:
            verdict: what was said.
            code: one-time code, digits; a no needs none.
            channel: on which way.
            by: who, for the record: a number, a name.
            now: time of the answer.
            prices: of the shares now; one that is missing prevents the trade.
            closed: why nothing is traded at this time; None where it is.
        """
        if self.state != "open":
            return self
        said = {"channel": channel, "answered_by": by, "answered_at": now}
        if now >= self.expires_at:
            return self.expired(now)
        if verdict == "decline":
            return self._settled("declined", None, said)
        if not hmac.compare_digest(self.code_hash, _code_hash(self.salt, self.digest, code)):
            wrong = self.model_copy(update={"wrong_codes": self.wrong_codes + 1})
            if wrong.wrong_codes < MOST_WRONG:
                return wrong
            return wrong._settled("refused", f"The code was wrong {MOST_WRONG} times.", said)
        if prevented := closed or self._moved(prices):
            return self._settled("refused", prevented, said)
        return self._settled("approved", None, said)

    def expired(self, now: datetime) -> "Approval":
        """Return the approval as it is at a time: expired if nobody has answered by then."""
        if self.state != "open" or now < self.expires_at:
            return self
        return self._settled("expired", "Nobody answered in time.", {"answered_at": now})

    def _settled(self, state: State, reason: str | None, said: Mapping[str, Any]) -> "Approval":
        return self.model_copy(update={"state": state, "reason": reason, **said})

    def _moved(self, now: Mapping[str, Decimal]) -> str | None:
        """Say which price is not near enough to what was read out; None where all are."""
        for symbol, then in self.prices.items():
            if symbol not in now or now[symbol] <= 0:
                return f"{symbol} has no price now."
            moved = abs(now[symbol] / then - 1) * 100
            if moved > self.band_pct:
                return f"{symbol} moved {moved:.2f} %, more than {self.band_pct} %."
        return None


def ask(
    run_id: str,
    terms: Sequence[Terms],
    prices: Mapping[str, Decimal],
    *,
    key: MasterKey,
    now: datetime,
    band_pct: Decimal = Decimal(1),
    graph: str = "",
    thread_id: str = "",
    live: bool = False,
    briefing: str = "",
) -> Approval:
    """Make an approval, whose code (`code_of`) its owner is told on another way; blocks 10 ms.

    Args:
        run_id: the run that asks.
        terms: what is to be approved.
        prices: of the shares now, USD.
        key: makes the code.
        now: time of the question.
        band_pct: how far a price may move until the answer, in percent.
        graph: that asks.
        thread_id: the conversation in which it is asked.
        live: whether it is about real money.
        briefing: what the owner is told before.

    Raises:
        ValueError: there is nothing to approve, or a price is missing.
    """
    if not terms:
        raise ValueError("There is nothing to approve.")
    symbols = {one.symbol for one in terms}
    if missing := sorted(symbols - {s for s, price in prices.items() if price > 0}):
        raise ValueError(f"{', '.join(missing)} has no price, so nobody could say if it moved.")
    together = tuple(terms)
    open_ = Approval(
        id=hashlib.sha256(f"{run_id}:{_digest(together)}".encode()).hexdigest()[:32],
        run_id=run_id,
        graph=graph,
        thread_id=thread_id,
        live=live,
        briefing=briefing,
        terms=together,
        prices={symbol: prices[symbol] for symbol in symbols},
        band_pct=band_pct,
        salt=secrets.token_hex(16),
        code_hash="",
        opened_at=now,
        expires_at=min(one.expires_at for one in terms),
    )
    hashed = _code_hash(open_.salt, open_.digest, code_of(open_, key))
    return open_.model_copy(update={"code_hash": hashed})


def code_of(approval: Approval, key: MasterKey) -> str:
    """Return the one-time code of an approval: an HMAC of its terms and its salt, six digits.

    So nothing has to hold it between the question and the message that tells it, and whoever reads
    the records without the key cannot answer.
    """
    signed = key.sign(f"approval:{approval.id}:{approval.digest}:{approval.salt}".encode())
    return f"{int.from_bytes(signed) % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def _digest(terms: tuple[Terms, ...]) -> str:
    return hashlib.sha256(":".join(one.digest for one in terms).encode()).hexdigest()


def _code_hash(salt: str, digest: str, code: str) -> str:
    digits = "".join(letter for letter in code if letter.isdecimal())
    return hashlib.scrypt(
        f"{digest}:{digits}".encode(), salt=salt.encode(), n=2**12, r=8, p=1
    ).hex()


class _Row(Table):
    __tablename__ = "approvals"

    id: Mapped[str] = mapped_column(primary_key=True)
    run_id: Mapped[str] = mapped_column(unique=True)
    state: Mapped[str] = mapped_column(index=True)
    version: Mapped[int]
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    body: Mapped[dict[str, Any]] = mapped_column(JSON)


class Approvals:
    """The approvals; the first answer wins, whoever else answers at the same moment."""

    def __init__(self, engine: Database) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def open(self, approval: Approval) -> tuple[Approval, bool]:
        """Write an approval down; returns the run's and whether it is this one, which is new."""
        try:
            async with self._session.begin() as session:
                session.add(
                    _Row(
                        id=approval.id,
                        run_id=approval.run_id,
                        state=approval.state,
                        version=0,
                        opened_at=approval.opened_at,
                        body=approval.model_dump(mode="json"),
                    )
                )
                await put_job(session, OPENED, f"{OPENED}:{approval.id}", {"id": approval.id})
        except IntegrityError:
            known = await self.of_run(approval.run_id)
            if known is None:
                raise
            return known, False
        return approval, True

    async def get(self, id_: str) -> Approval | None:
        """Return an approval, or None."""
        async with self._session() as session:
            row = await session.get(_Row, id_)
            return Approval.model_validate(row.body) if row else None

    async def of_run(self, run_id: str) -> Approval | None:
        """Return the approval of a run, or None."""
        async with self._session() as session:
            row = await session.scalar(select(_Row).where(_Row.run_id == run_id))
            return Approval.model_validate(row.body) if row else None

    async def list(self, state: State | None = None, limit: int = 100) -> Sequence[Approval]:
        """Return the newest first."""
        query = select(_Row).order_by(_Row.opened_at.desc(), _Row.id).limit(limit)
        if state:
            query = query.where(_Row.state == state)
        async with self._session() as session:
            return [Approval.model_validate(r.body) for r in (await session.scalars(query)).all()]

    async def answer(
        self,
        id_: str,
        verdict: Verdict,
        *,
        code: str,
        channel: Channel,
        by: str,
        now: datetime,
        prices: Mapping[str, Decimal],
        closed: str | None = None,
    ) -> Approval:
        """Take an answer, and return the approval as it then stands; see `Approval.answered`.

        Raises:
            LookupError: there is no such approval.
        """
        while True:
            version, known = await self._versioned(id_)
            after = await asyncio.to_thread(  # the hash of a code is slow on purpose
                known.answered,
                verdict,
                code=code,
                channel=channel,
                by=by,
                now=now,
                prices=prices,
                closed=closed,
            )
            if after == known or await self._replace(id_, version, after):
                return after

    async def expire(self, id_: str, now: datetime) -> Approval:
        """Let an approval expire if its time is over, and return it as it stands.

        Raises:
            LookupError: there is no such approval.
        """
        while True:
            version, known = await self._versioned(id_)
            after = known.expired(now)
            if after == known or await self._replace(id_, version, after):
                return after

    async def _versioned(self, id_: str) -> tuple[int, Approval]:
        async with self._session() as session:
            row = await session.get(_Row, id_)
            if row is None:
                raise LookupError(f"There is no approval {id_}.")
            return row.version, Approval.model_validate(row.body)

    async def _replace(self, id_: str, version: int, after: Approval) -> bool:
        query = (
            update(_Row)
            .where(_Row.id == id_, _Row.version == version)
            .values(version=version + 1, state=after.state, body=after.model_dump(mode="json"))
        )
        async with self._session.begin() as session:
            if not (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                return False
            if after.state != "open":
                await put_job(session, SETTLED, f"{SETTLED}:{id_}", {"id": id_})
            return True
