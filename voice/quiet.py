"""Keeps pipecat's own log, which quotes what is said, out of ours."""

import contextlib
import logging
from functools import cache
from typing import TYPE_CHECKING

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message

log = logging.getLogger("pipecat")

LOGURU_OWN = 0
"""The sink that loguru opens by itself, on the standard error output."""


@cache
def quiet_pipecat() -> None:
    """Send pipecat's warnings to `logging`: where they arose, and never their words.

    What an application that embeds this has set up with loguru stays as it is.
    """
    with contextlib.suppress(ValueError):  # the application has removed it
        logger.remove(LOGURU_OWN)
    logger.add(_forward, level="WARNING", filter="pipecat", catch=True)


def _forward(message: "Message") -> None:
    record = message.record
    level = record["level"]
    log.log(level.no, "%s in %s:%d", level.name.lower(), record["name"], record["line"])
