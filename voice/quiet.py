"""Keeps pipecat's own log, which quotes what is said, out of ours."""

import logging
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message

log = logging.getLogger("pipecat")


def quiet_pipecat() -> None:
    """Send pipecat's warnings to `logging`: where they arose at once, their words at DEBUG only."""
    logger.remove()
    logger.add(_forward, level="WARNING", catch=True)


def _forward(message: "Message") -> None:
    record = message.record
    place = f"{record['name']}:{record['line']}"
    log.log(record["level"].no, "%s in %s", record["level"].name.lower(), place)
    log.debug("%s: %s", place, record["message"])
