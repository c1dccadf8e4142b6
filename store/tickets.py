"""Stream tickets: what lets one media stream of a call in, once, at any server on these records.

A carrier that is told to open a stream is given a token with its address. The token itself is kept
nowhere, only its digest. A carrier that asks again, because it had no answer, is given one more
token for the same stream: whichever comes first lets it in, and none of them does so twice.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from pydantic import BaseModel, ConfigDict
from sqlalchemy import JSON, ColumnElement, and_, delete, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime, alone
from store.inserting import insert_new

TICKET_SECS = 60.0
"""Time a carrier has to open the stream it was offered, in seconds."""
MOST_TOKENS = 8
"""Tokens of one stream that are good at once; the oldest goes."""
LONGEST_CALL = timedelta(days=1)
"""After this a stream of which no end was noted has none any more: its server died."""


class TicketRefused(Exception):
    """A stream has no valid ticket: unknown, for another call, expired or used before."""


@dataclass(frozen=True, slots=True)
class Ticket:
    """Lets one media stream of a call in."""

    sid: str
    token: str


class Stream(BaseModel):
    """The last media stream of a call: awaited, going on, or over."""

    model_config = ConfigDict(frozen=True, from_attributes=True)

    number: int
    """Which stream of its call it is: more than one when a stream has broken."""
    expires_at: datetime
    taken_at: datetime | None
    """When it came; None while it is awaited."""
    reason: str | None
    """Why it ended; None before that, and when its server died."""

    @property
    def awaited(self) -> bool:
        """Whether it may still come."""
        return self.taken_at is None and datetime.now(UTC) < self.expires_at


class _StreamRow(Table):
    __tablename__ = "streams"

    sid: Mapped[str] = mapped_column(primary_key=True)
    server: Mapped[str] = mapped_column(index=True)
    number: Mapped[int]
    digests: Mapped[list[str]] = mapped_column(JSON)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    taken_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    reason: Mapped[str | None]


class Tickets:
    """The tickets of every call that is expected, goes on, or was over a while ago.

    Args:
        engine: of the records.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)
        self._server = str(uuid4())

    async def stream(self, sid: str) -> Stream | None:
        """Return the last stream of a call, or None."""
        async with self._session() as session:
            row = await session.get(_StreamRow, sid)
            return Stream.model_validate(row) if row else None

    async def issue(self, sid: str, number: int = 1) -> Ticket | None:
        """Return a ticket for a stream of a call.

        Args:
            sid: the call.
            number: which of its streams; the one awaited stays the one awaited.

        Returns:
            None when that stream has come before, or did not come in time.
        """
        ticket, now = Ticket(sid, secrets.token_urlsafe(32)), datetime.now(UTC)
        expires_at = now + timedelta(seconds=TICKET_SECS)
        digest = _digest(ticket.token)
        async with self._session.begin() as session:
            await alone(session)
            fresh = {"server": self._server, "number": number, "digests": [digest]}
            if await insert_new(session, _StreamRow, sid=sid, expires_at=expires_at, **fresh):
                return ticket
            row = await _locked(session, sid)
            if row.taken_at is None and now < row.expires_at:
                row.digests = [*row.digests, digest][-MOST_TOKENS:]
            elif row.number < number:
                row.server, row.number, row.digests = self._server, number, [digest]
                row.taken_at = row.reason = None
            else:
                return None
            row.expires_at = expires_at
            return ticket

    async def take(self, sid: str, token: str) -> None:
        """Use up the tickets of a stream.

        Raises:
            TicketRefused: unknown, for another call, expired or used before.
        """
        now = datetime.now(UTC)
        async with self._session.begin() as session:
            await alone(session)
            row = await session.get(_StreamRow, sid, with_for_update=True)
            if row is None or _digest(token) not in row.digests:
                raise TicketRefused("The stream has no valid token.")
            if row.taken_at or now >= row.expires_at:
                raise TicketRefused("The token of the stream has been used or has expired.")
            row.taken_at = now

    async def withdraw(self, sid: str) -> None:
        """Take back the tickets of a call that is not taken after all."""
        query = delete(_StreamRow).where(_StreamRow.sid == sid, _StreamRow.taken_at.is_(None))
        async with self._session.begin() as session:
            await session.execute(query)

    async def over(self, sid: str, reason: str) -> None:
        """Note why a stream ended; the carrier asks for this a moment later, at any server."""
        query = update(_StreamRow).where(_StreamRow.sid == sid)
        async with self._session.begin() as session:
            await session.execute(query.values(reason=reason, expires_at=datetime.now(UTC)))

    async def awaited(self) -> int:
        """Count the streams that may still come of calls that this server has accepted."""
        query = select(func.count()).select_from(_StreamRow)
        mine = query.where(_StreamRow.server == self._server, _awaited())
        async with self._session() as session:
            return (await session.scalar(mine)) or 0

    async def missed(self) -> Sequence[str]:
        """Return the calls, of all servers, whose stream did not come in time."""
        query = select(_StreamRow.sid).where(
            _StreamRow.taken_at.is_(None), _StreamRow.expires_at <= datetime.now(UTC)
        )
        async with self._session() as session:
            return list((await session.scalars(query)).all())

    async def give_up(self, sid: str) -> None:
        """Wait no longer for a stream that did not come."""
        now = datetime.now(UTC)
        query = update(_StreamRow).where(
            _StreamRow.sid == sid, _StreamRow.taken_at.is_(None), _StreamRow.expires_at <= now
        )
        async with self._session.begin() as session:
            await session.execute(query.values(taken_at=now, reason="missed"))

    async def forget(self) -> None:
        """Delete what is of no more use: of streams that were over a while ago."""
        now = datetime.now(UTC)
        long_over = _StreamRow.expires_at < now - timedelta(seconds=10 * TICKET_SECS)
        query = delete(_StreamRow).where(
            or_(
                _StreamRow.reason.is_not(None) & long_over,
                _StreamRow.taken_at < now - LONGEST_CALL,
            )
        )
        async with self._session.begin() as session:
            await session.execute(query)


async def awaits_stream(session: AsyncSession, sid: str) -> bool:
    """Whether a stream of a call may still come, to whichever server."""
    query = select(_StreamRow.sid).where(_StreamRow.sid == sid, _awaited())
    return (await session.scalar(query)) is not None


def _awaited() -> ColumnElement[bool]:
    return and_(_StreamRow.taken_at.is_(None), _StreamRow.expires_at > datetime.now(UTC))


async def _locked(session: AsyncSession, sid: str) -> _StreamRow:
    return await session.get_one(_StreamRow, sid, with_for_update=True)


def _digest(token: str) -> str:
    """The digest of a token. A token is 256 bits of chance: no salt, and no slow digest, is due."""
    return sha256(token.encode(errors="surrogatepass")).hexdigest()
