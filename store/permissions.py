"""Who may be called, as it is on record: consent, numbers not to be called, attempts."""

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import uuid4

from sqlalchemy import Index, delete, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker
from sqlalchemy.orm import Mapped, mapped_column

from store.database import Table, UtcDateTime

OWN = "own"
"""The list of those who told us not to call them; nothing is ever taken off it."""
T = TypeVar("T")


class _ConsentRow(Table):
    __tablename__ = "consents"

    id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(index=True)
    organisation: Mapped[str]
    purpose: Mapped[str]
    strength: Mapped[str]
    proof: Mapped[str]
    given_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class _ListingRow(Table):
    __tablename__ = "do_not_call"

    number: Mapped[str] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    channel: Mapped[str]


class _AttemptRow(Table):
    __tablename__ = "call_attempts"
    __table_args__ = (Index("call_attempts_of_number", "number", "at"),)

    key: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[str]
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class _CalleeRow(Table):
    """One row a number, which is locked while an attempt is decided on."""

    __tablename__ = "callees"

    number: Mapped[str] = mapped_column(primary_key=True)
    asked: Mapped[int] = mapped_column(default=0)


class PermissionRecords:
    """What is on record about numbers.

    Consent is given to one organisation; who does not want to be called is called by none.
    """

    def __init__(self, engine: AsyncEngine) -> None:
        self._session = async_sessionmaker(engine, expire_on_commit=False)

    async def record(self, number: str, organisation: str) -> dict[str, Any]:
        """Return the fields of `tools.permission.Record` for a number."""
        async with self._session() as session:
            return await _record(session, number, organisation)

    async def attempt(
        self,
        number: str,
        organisation: str,
        at: datetime,
        decide: Callable[[dict[str, Any]], T],
        allowed: Callable[[T], bool],
        *,
        key: str,
    ) -> T:
        """Decide on an attempt and count it, with no other attempt in between.

        Args:
            number: E.164.
            organisation: for which it is called.
            at: when.
            decide: makes the decision of the record.
            allowed: whether a decision allows the call; only then it is counted.
            key: what makes it the same attempt when it is asked for again: it is decided on anew,
                as time has passed, but does not count against itself, nor twice.
        """
        while True:
            await self._make_callee(number)
            async with self._session.begin() as session:
                touched = update(_CalleeRow).where(_CalleeRow.number == number)
                locked = await session.execute(touched.values(asked=_CalleeRow.asked + 1))
                if not locked.rowcount:  # type: ignore[attr-defined]
                    continue  # housekeeping was quicker: nobody would be kept out meanwhile
                return await self._decided(session, number, organisation, at, decide, allowed, key)

    async def _decided(
        self,
        session: AsyncSession,
        number: str,
        organisation: str,
        at: datetime,
        decide: Callable[[dict[str, Any]], T],
        allowed: Callable[[T], bool],
        key: str,
    ) -> T:
        counted = await session.get(_AttemptRow, key)
        decision = decide(await _record(session, number, organisation, but=key))
        if allowed(decision) and not counted:
            session.add(_AttemptRow(key=key, number=number, at=at))
        return decision

    async def _make_callee(self, number: str) -> None:
        async with self._session() as session:
            if await session.get(_CalleeRow, number):
                return
        try:
            async with self._session.begin() as session:
                session.add(_CalleeRow(number=number, asked=0))
        except IntegrityError:
            return

    async def give(
        self,
        number: str,
        organisation: str,
        *,
        purpose: str,
        strength: str,
        proof: str,
        given_at: datetime,
        expires_at: datetime | None = None,
    ) -> str:
        """Write down that somebody agreed to be called, and return the id of that."""
        row = _ConsentRow(
            id=uuid4().hex,
            number=number,
            organisation=organisation,
            purpose=purpose,
            strength=strength,
            proof=proof,
            given_at=given_at,
            expires_at=expires_at,
            revoked_at=None,
        )
        async with self._session.begin() as session:
            session.add(row)
        return row.id

    async def revoke(self, number: str, at: datetime, organisation: str | None = None) -> int:
        """Withdraw the consents of a number, of one organisation or all; returns how many."""
        query = update(_ConsentRow).where(
            _ConsentRow.number == number, _ConsentRow.revoked_at.is_(None)
        )
        if organisation is not None:
            query = query.where(_ConsentRow.organisation == organisation)
        async with self._session.begin() as session:
            gone = await session.scalars(query.values(revoked_at=at).returning(_ConsentRow.id))
            return len(gone.all())

    async def list_number(self, number: str, at: datetime, source: str, channel: str) -> bool:
        """Put a number on a list; returns whether it was not on it before."""
        return await self.list_numbers([number], at, source, channel) == 1

    async def list_numbers(
        self, numbers: Iterable[str], at: datetime, source: str, channel: str
    ) -> int:
        """Put numbers on a list and return how many were not on it before."""
        added, wanted = 0, list(dict.fromkeys(numbers))
        for begin in range(0, len(wanted), 500):
            some = wanted[begin : begin + 500]
            query = select(_ListingRow.number).where(
                _ListingRow.number.in_(some), _ListingRow.source == source
            )
            async with self._session.begin() as session:
                known = set((await session.scalars(query)).all())
                for number in some:
                    if number not in known:
                        row = _ListingRow(number=number, source=source, since=at, channel=channel)
                        await session.merge(row)
                        added += 1
        return added

    async def replace_list(self, numbers: Iterable[str], at: datetime, source: str) -> int:
        """Put numbers on an imported list and take off it those that are no more among them.

        Raises:
            ValueError: the list is our own, from which nothing is taken.
        """
        if source == OWN:
            raise ValueError("Nothing is taken off the own list.")
        wanted = list(numbers)
        added = await self.list_numbers(wanted, at, source, "import")
        kept = set(wanted)
        query = select(_ListingRow.number).where(_ListingRow.source == source)
        async with self._session() as session:
            gone = [n for n in (await session.scalars(query)).all() if n not in kept]
        for begin in range(0, len(gone), 500):
            old = delete(_ListingRow).where(
                _ListingRow.source == source, _ListingRow.number.in_(gone[begin : begin + 500])
            )
            async with self._session.begin() as session:
                await session.execute(old)
        return added

    async def delete_attempts_before(self, moment: datetime) -> None:
        """Forget attempts from before a moment; lists and consents stay.

        Args:
            moment: longer ago than any cap on attempts looks back.
        """
        left = select(_AttemptRow.number)
        async with self._session.begin() as session:
            await session.execute(delete(_AttemptRow).where(_AttemptRow.at < moment))
            await session.execute(delete(_CalleeRow).where(_CalleeRow.number.not_in(left)))

    async def forget(self, number: str) -> int:
        """Delete consents and attempts of a number; it stays on the lists it is on."""
        count = 0
        async with self._session.begin() as session:
            for table in (_ConsentRow, _AttemptRow, _CalleeRow):
                gone = await session.execute(delete(table).where(table.number == number))
                count += int(gone.rowcount)  # type: ignore[attr-defined]
        return count


async def _record(
    session: AsyncSession, number: str, organisation: str, but: str | None = None
) -> dict[str, Any]:
    async def rows(table: type[Table], *where: Any) -> Sequence[Any]:
        return (await session.scalars(select(table).where(*where))).all()

    own = _ConsentRow.organisation == organisation
    consents = await rows(_ConsentRow, _ConsentRow.number == number, own)
    listings = await rows(_ListingRow, _ListingRow.number == number)
    attempts = await rows(_AttemptRow, _AttemptRow.number == number)
    told = ("purpose", "strength", "proof", "given_at", "expires_at", "revoked_at")
    first_own = sorted(listings, key=lambda row: (row.source != OWN, row.since))
    return {
        "consents": [{name: getattr(row, name) for name in told} for row in consents],
        "listings": [{"source": row.source, "since": row.since} for row in first_own],
        "attempts": [row.at for row in attempts if row.key != but],
    }
