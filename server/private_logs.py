"""No personal datum in a log: whatever is logged goes through `redact` before it is written.

Of an exception only its type and its way are, for its message may quote a caller.
"""

import logging
from typing import Any

from loguru import logger as loguru_logger

from faults import places
from tools.privacy import redact

_MARK = "dialgraph_redacts"


def keep_logs_private() -> None:
    """Redact every record of the process's logs, Python's own and loguru's, from now on."""
    before = logging.getLogRecordFactory()
    if getattr(before, _MARK, False):
        return

    def redacting(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = before(*args, **kwargs)
        record.msg = _redacted(record.msg)
        if isinstance(record.args, tuple):
            record.args = tuple(_redacted(one) for one in record.args)
        elif record.args:
            record.args = {name: _redacted(one) for name, one in record.args.items()}
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage()} {places(record.exc_info[1])}", ()
            record.exc_info = None
        return record

    setattr(redacting, _MARK, True)
    logging.setLogRecordFactory(redacting)
    loguru_logger.configure(patcher=_patch)


def _redacted(value: Any) -> Any:
    """Return what may be logged of a value: numbers and the like as they are."""
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, BaseException | dict | list | tuple | set):
        return redact(str(value))
    return value


def _patch(record: Any) -> None:
    record["message"] = redact(record["message"])
    if record["exception"] and record["exception"].value:
        record["message"] += f" {places(record['exception'].value)}"
        record["exception"] = None
