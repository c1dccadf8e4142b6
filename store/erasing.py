"""Deleting what is kept about somebody, and reading it out: in every table, known here or not.

What belongs to a person hangs together: a number leads to calls, a call to its thread, that to its
conversation, its events, their deliveries. So the rows of the tables that are about people are
followed from one to the next by their ids and deleted. A row of any other table that only mentions
the number, such as what an approval was for, keeps all but that.
"""

import json
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from sqlalchemy import (
    JSON,
    ColumnElement,
    MetaData,
    String,
    Text,
    cast,
    delete,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from store.conversations import conversation_id
from store.database import forget_deleted

ABOUT_PEOPLE: Final = frozenset(
    {
        "admissions", "api_requests", "batch_recipients", "booked_cells", "booking_changes",
        "bookings", "call_attempts", "call_backs", "call_news", "callees", "calls",
        "carrier_turns", "claims", "consents", "conversations", "crm_contacts", "crm_notes",
        "dials", "effects", "events",
        "jobs", "secrets", "streams", "transfers",
    }
)  # fmt: skip
"""Tables whose rows are about one person each, and go as a whole."""
KEPT: Final = frozenset(
    {
        "api_keys", "approvals", "audit_trail", "do_not_call", "intents", "journal",
        "knowledge_chunks",
        "knowledge_documents", "knowledge_organisations", "resources", "webhooks",
    }
)  # fmt: skip
"""Tables that are left as they are: without the list somebody would be called again, and what an
operator has configured, such as a number that calls are transferred to, is not about a caller."""
_NOT_RECORDS: Final = ("checkpoint", "sqlite_", "dbos")
"""What tables of others in the same database begin with."""
_NOTES_FIRST: Final = frozenset({"crm_notes"})
"""Tables that refer to another."""
GONE: Final = "[deleted]"
_ID_LENGTH: Final = 16
"""From this length on an id cannot be that of something else."""


async def about(engine: AsyncEngine, wanted: Collection[str]) -> dict[str, list[dict[str, Any]]]:
    """Return every row about somebody, by table.

    Args:
        engine: of the records.
        wanted: what leads to them: a number in E.164, an address, the sid of a call.
    """
    async with engine.connect() as connection:
        found, _ = await _follow(connection, await _tables(connection), set(wanted))
    return {name: list(rows.values()) for name, rows in sorted(found.items()) if rows}


async def erase(engine: AsyncEngine, wanted: Collection[str]) -> dict[str, int]:
    """Delete every row about somebody and every mention elsewhere; returns how many, by table.

    It is one transaction. On SQLite the words stay in the file until `compact`.
    """
    async with engine.begin() as connection:
        tables = await _tables(connection)
        found, ids = await _follow(connection, tables, set(wanted))
        for name in sorted(found, key=_NOTES_FIRST.__contains__, reverse=True):
            for key in found[name]:
                columns = tables[name].primary_key.columns
                where = [column == value for column, value in zip(columns, key, strict=True)]
                await connection.execute(delete(tables[name]).where(*where))
        mentioned = await _scrub(connection, tables, ids)
    counts = {name: len(rows) for name, rows in found.items() if rows}
    return dict(sorted((counts | mentioned).items()))


async def compact(engine: AsyncEngine) -> None:
    """Write the records anew without what was deleted; takes time in proportion to what is left.

    SQLite: the file and its log are rewritten. PostgreSQL: a plain VACUUM, after which the space is
    written over in time; its archives and backups are its administrator's.
    """
    async with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        await connection.execute(text("VACUUM"))
    await forget_deleted(engine)


async def _tables(connection: AsyncConnection) -> dict[str, Any]:
    """Return the tables of the records as the database has them, but for those that are kept."""
    there = MetaData()
    await connection.run_sync(there.reflect)
    return {
        name: table
        for name, table in there.tables.items()
        if name not in KEPT and not name.startswith(_NOT_RECORDS)
    }


_Rows = dict[tuple[Any, ...], dict[str, Any]]


async def _follow(
    connection: AsyncConnection, tables: Mapping[str, Any], ids: set[str]
) -> tuple[dict[str, _Rows], set[str]]:
    """Return the rows that ids lead to, with all ids that were met."""
    found: dict[str, _Rows] = {name: {} for name in sorted(ABOUT_PEOPLE & set(tables))}
    new = set(ids)
    while new:
        met: set[str] = set()
        for name, rows in found.items():
            for row in await _rows(connection, tables[name], new):
                key = tuple(row[column.name] for column in tables[name].primary_key.columns)
                rows[key] = row
                met |= _leads_to(row)
        new = met - ids
        ids |= new
    return found, ids


async def _rows(connection: AsyncConnection, table: Any, ids: set[str]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    ordered = sorted(ids)
    for begin in range(0, len(ordered), 50):
        some = ordered[begin : begin + 50]
        where: list[ColumnElement[bool]] = []
        for column in table.columns:
            if isinstance(column.type, String) and not isinstance(column.type, Text):
                where.append(column.in_(some))
                long = [one for one in some if len(one) >= _ID_LENGTH]
                where += [column.contains(one, autoescape=True) for one in long]
            elif isinstance(column.type, JSON | Text):
                for one in some:
                    where.append(cast(column, Text).contains(_in_json(one), autoescape=True))
        answer = await connection.execute(select(table).where(or_(*where)))
        rows += [dict(row) for row in answer.mappings() if _mentions(row, some)]
    return rows


def _mentions(row: Mapping[Any, Any], ids: Collection[str]) -> bool:
    """Whether a row has one of the ids as a whole, not as the beginning of a longer one."""
    whole = json.dumps([str(v) if not isinstance(v, dict | list) else v for v in row.values()])
    return any(_whole(_in_json(one)).search(whole) for one in ids)


def _whole(one: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w+]){re.escape(one)}(?!\w)")


def _in_json(one: str) -> str:
    return json.dumps(one)[1:-1]


def _leads_to(row: Mapping[str, Any]) -> set[str]:
    """Return the ids in a row that are of nothing else."""
    names = ("id", "sid", "key", "thread_id", "conversation_id", "contact_id", "booking_id")
    ids = {str(row[name]) for name in names if row.get(name) and len(str(row[name])) >= _ID_LENGTH}
    if row.get("thread_id"):
        ids.add(conversation_id(str(row["thread_id"])))
    ids |= {str(row["email"])} if row.get("email") else set()
    return ids


async def _scrub(
    connection: AsyncConnection, tables: Mapping[str, Any], ids: set[str]
) -> dict[str, int]:
    """Take what leads to somebody out of the tables that are about something else."""
    counts: dict[str, int] = {}
    for name in sorted(set(tables) - ABOUT_PEOPLE):
        table = tables[name]
        for row in await _rows(connection, table, ids):
            where = [c == row[c.name] for c in table.primary_key.columns]
            changed = {
                column.name: _without(row[column.name], ids)
                for column in table.columns
                if not column.primary_key and isinstance(column.type, String | JSON)
            }
            await connection.execute(update(table).where(*where).values(**changed))
            counts[name] = counts.get(name, 0) + 1
    return counts


def _without(value: Any, ids: Collection[str]) -> Any:
    if isinstance(value, str):
        for one in ids:
            value = _whole(one).sub(GONE, value)
        return value
    if isinstance(value, list):
        return [_without(item, ids) for item in value]
    if isinstance(value, dict):
        return {key: _without(item, ids) for key, item in value.items()}
    return value
