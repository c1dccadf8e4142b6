"""Intents: orders that were decided, written before the broker hears of them."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

State = Literal[
    "planned",
    "sending",
    "unknown",
    "accepted",
    "partially_filled",
    "filled",
    "canceled",
    "rejected",
    "expired",
]
FINAL: Final = frozenset({"filled", "canceled", "rejected", "expired"})
"""States that nothing follows."""


class Terms(BaseModel):
    """What was decided, and nothing else: what an approval is given to."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    symbol: str = Field(min_length=1)
    side: Literal["buy", "sell"]
    qty: Decimal = Field(gt=0)
    """Shares."""
    limit_price: Decimal = Field(gt=0)
    """USD a share."""
    expires_at: AwareDatetime
    """When the decision is no longer to be carried out."""

    @property
    def digest(self) -> str:
        """SHA-256 over the terms; equal amounts give equal digests however they are written."""
        said = [
            self.symbol,
            self.side,
            format(self.qty.normalize(), "f"),
            format(self.limit_price.normalize(), "f"),
            int(self.expires_at.timestamp() * 1_000_000),
        ]
        return hashlib.sha256(json.dumps(said).encode()).hexdigest()


class Intent(BaseModel):
    """A decision on its way to the broker, and what became of it."""

    id: str
    """Also the broker's `client_order_id`: the same decision can not be placed twice."""
    terms: Terms
    approved_by: str
    """Id of the approval, or of whoever asked."""
    state: State = "planned"
    created_at: AwareDatetime
    updated_at: AwareDatetime
    order_id: str | None = None
    """The broker's."""
    filled_qty: Decimal = Decimal(0)
    average_price: Decimal | None = None
    problem: str | None = None
    """Why it was rejected, or why nobody knows."""

    @property
    def is_final(self) -> bool:
        """Whether nothing more will come of it."""
        return self.state in FINAL


def intent_id(terms: Terms, approved_by: str) -> str:
    """Name a decision: the same terms by the same approval are the same decision."""
    return hashlib.sha256(f"{approved_by}:{terms.digest}".encode()).hexdigest()[:48]


class IntentConflict(ValueError):
    """An intent of that id says something else."""


class _Row(Table):
    __tablename__ = "intents"

    id: Mapped[str] = mapped_column(primary_key=True)
    symbol: Mapped[str] = mapped_column(index=True)
    side: Mapped[str]
    qty: Mapped[str]
    limit_price: Mapped[str]
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    approved_by: Mapped[str] = mapped_column(index=True)
    state: Mapped[str] = mapped_column(index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)
    order_id: Mapped[str | None]
    filled_qty: Mapped[str]
    average_price: Mapped[str | None]
    problem: Mapped[str | None]


class Intents:
    """The intents; a final state is never left again."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def plan(self, terms: Terms, approved_by: str, now: datetime) -> Intent:
        """Write a decision down, or return it as it stands if it was written before."""
        intent = Intent(
            id=intent_id(terms, approved_by),
            terms=terms,
            approved_by=approved_by,
            created_at=now,
            updated_at=now,
        )
        try:
            async with self._session.begin() as session:
                session.add(_Row(**_columns(intent)))
        except IntegrityError:
            known = await self.get(intent.id)
            if known is None or known.terms != terms:
                raise IntentConflict(f"The intent {intent.id} is about something else.") from None
            return known
        return intent

    async def get(self, id_: str) -> Intent | None:
        """Return an intent, or None."""
        async with self._session() as session:
            row = await session.get(_Row, id_)
            return _intent(row) if row else None

    async def claim(self, id_: str, now: datetime) -> bool:
        """Take a planned intent to send it; returns whether it was there to take."""
        query = (
            update(_Row)
            .where(_Row.id == id_, _Row.state == "planned")
            .values(state="sending", updated_at=now)
        )
        async with self._session.begin() as session:
            return bool((await session.execute(query)).rowcount)  # type: ignore[attr-defined]

    async def save(self, intent: Intent) -> Intent:
        """Write what became of an intent; returns it as it then stands.

        A final state stays, and what was filled is never unfilled: news may come late or twice.

        Raises:
            LookupError: there is no such intent.
        """
        while True:
            known = await self.get(intent.id)
            if known is None:
                raise LookupError(f"There is no intent {intent.id}.")
            if known.is_final or intent.filled_qty < known.filled_qty:
                return known
            query = (
                update(_Row)
                .where(
                    _Row.id == intent.id,
                    _Row.state == known.state,
                    _Row.filled_qty == str(known.filled_qty),
                )
                .values(**_columns(intent))
            )
            async with self._session.begin() as session:
                if (await session.execute(query)).rowcount:  # type: ignore[attr-defined]
                    return intent

    async def open(self) -> Sequence[Intent]:
        """Return those of which more may come, the oldest first."""
        query = select(_Row).where(_Row.state.not_in(FINAL)).order_by(_Row.created_at, _Row.id)
        async with self._session() as session:
            return [_intent(row) for row in (await session.scalars(query)).all()]

    async def filled(self) -> dict[str, Decimal]:
        """Return the shares bought less those sold by all intents, by symbol."""
        found: dict[str, Decimal] = {}
        query = select(_Row.symbol, _Row.side, _Row.filled_qty).where(_Row.filled_qty != "0")
        async with self._session() as session:
            for symbol, side, qty in (await session.execute(query)).all():
                signed = Decimal(qty) if side == "buy" else -Decimal(qty)
                found[symbol] = found.get(symbol, Decimal(0)) + signed
        return found

    async def list(self, *, symbol: str | None = None, limit: int = 200) -> Sequence[Intent]:
        """Return the newest first."""
        query = select(_Row).order_by(_Row.created_at.desc(), _Row.id).limit(limit)
        if symbol:
            query = query.where(_Row.symbol == symbol)
        async with self._session() as session:
            return [_intent(row) for row in (await session.scalars(query)).all()]


def _columns(intent: Intent) -> dict[str, object]:
    flat = intent.model_dump(exclude={"terms"}) | intent.terms.model_dump()
    return {k: str(v) if isinstance(v, Decimal) else v for k, v in flat.items()}


def _intent(row: _Row) -> Intent:
    terms = {name: getattr(row, name) for name in Terms.model_fields}
    rest = {name: getattr(row, name) for name in Intent.model_fields if name != "terms"}
    return Intent.model_validate({**rest, "terms": terms})
