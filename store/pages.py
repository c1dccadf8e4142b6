"""Pages of a list that stay in order while rows are added: each begins after the last row shown."""

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

Item = TypeVar("Item")
Key = str | int | datetime


class BadCursor(ValueError):
    """A cursor was not made by this server, or for another order."""


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some rows, and where the next ones begin; `cursor` is None after the last."""

    items: Sequence[Item]
    cursor: str | None = None


def encode(key: Key, row_id: str) -> str:
    """Write down a place in a list: the value it is ordered by, and the row's id."""
    value = {"t": key.isoformat()} if isinstance(key, datetime) else key
    return base64.urlsafe_b64encode(json.dumps([value, row_id]).encode()).decode().rstrip("=")


def decode(cursor: str, kind: type[Key]) -> tuple[Key, str]:
    """Read what `encode` wrote.

    Raises:
        BadCursor: it is something else, or of another order.
    """
    try:
        padded = cursor.encode() + b"=" * (-len(cursor) % 4)
        value, row_id = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        key = datetime.fromisoformat(value["t"]) if kind is datetime else value
    except (ValueError, TypeError, KeyError, RecursionError, binascii.Error):
        raise BadCursor("The cursor is not one of this list; leave it out to begin.") from None
    if not (isinstance(key, kind) and isinstance(row_id, str)) or "\0" in f"{key}{row_id}":
        raise BadCursor("The cursor is of a list in another order; leave it out to begin.")
    if isinstance(key, datetime) and key.tzinfo is None:
        raise BadCursor("The cursor is not one of this list; leave it out to begin.")
    return key, row_id
