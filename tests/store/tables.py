"""What the tables of the checkpoints hold."""

from store.checkpoints import Checkpoints
from store.postgres_checkpoints import PostgresCheckpoints
from store.sqlite import SqliteCheckpoints


async def rows(saver: Checkpoints) -> list[int]:
    """How many rows the tables of the checkpoints have."""
    if isinstance(saver, SqliteCheckpoints):
        tables = ("checkpoints", "writes")
        with saver.cursor() as cursor:
            return [cursor.execute(f"SELECT count(*) FROM {t}").fetchone()[0] for t in tables]  # noqa: S608
    assert isinstance(saver, PostgresCheckpoints)
    counts = []
    async with saver._cursor() as cursor:
        for table in ("checkpoints", "checkpoint_blobs", "checkpoint_writes"):
            await cursor.execute(f"SELECT count(*) AS rows FROM {table}")  # noqa: S608
            counts += [row["rows"] for row in await cursor.fetchall()]
    return counts
