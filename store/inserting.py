"""Writing a row unless it is there: the same in SQLite and PostgreSQL, in one statement."""

from typing import Any

from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.asyncio import AsyncSession

from store.database import Table


async def insert_new(session: AsyncSession, table: type[Table], **values: Any) -> bool:
    """Insert a row, unless one with the same unique value is there.

    Returns:
        Whether it was inserted: of many that try at once, one is told so.
    """
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    keys = table.__table__.primary_key
    query = dialect.insert(table).values(**values).on_conflict_do_nothing().returning(*keys)
    return bool((await session.execute(query)).all())
