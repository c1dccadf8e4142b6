"""What a failure quotes is in no log: only where it came to pass."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from loguru import logger as loguru_logger
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from server.private_logs import keep_logs_private
from store.database import open_database

WORDS = "I earn forty thousand at Acme"


@pytest.fixture(autouse=True)
def private() -> Iterator[None]:
    before = logging.getLogRecordFactory()
    keep_logs_private()
    yield
    logging.setLogRecordFactory(before)


def test_a_traceback_is_told_without_its_message(caplog: pytest.LogCaptureFixture) -> None:
    """As asyncio tells of a task that nobody awaited, and uvicorn of a request."""
    try:
        raise ValueError(WORDS)
    except ValueError as error:
        logging.getLogger("asyncio").error("Task %s failed", "x", exc_info=error)
        logging.getLogger("anything").exception("Failed.")
    assert "Task x failed ValueError at " in caplog.text
    assert "in test_a_traceback_is_told_without_its_message" in caplog.text
    assert WORDS not in caplog.text


def test_a_library_that_logs_otherwise_is_no_exception() -> None:
    told: list[str] = []
    sink = loguru_logger.add(told.append, format="{message}\n{exception}")
    try:
        raise ValueError(WORDS)
    except ValueError:
        loguru_logger.exception("A processor failed")
    finally:
        loguru_logger.remove(sink)
    assert "A processor failed ValueError at " in told[0]
    assert WORDS not in told[0]


async def test_a_statement_that_fails_does_not_tell_what_it_was_given(tmp_path: Path) -> None:
    async with open_database(tmp_path) as engine, engine.connect() as connection:
        with pytest.raises(SQLAlchemyError) as failed:
            await connection.execute(text("INSERT INTO nowhere VALUES (:words)"), {"words": WORDS})
    assert WORDS not in str(failed.value)
