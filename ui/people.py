"""People to be called, from a CSV file as spreadsheets write it."""

import csv
import io
from typing import Any, Final

from tools.conversation import e164

NUMBER: Final = "phone_number"
"""The column with the number; the others are dynamic variables."""


MOST_TOLD: Final = 3
"""Lines that are named as wrong."""


class NoPeople(ValueError):
    """The file names nobody who could be called; says why."""


def people(content: bytes) -> list[dict[str, Any]]:
    """Return recipients in the API's shape, one a line.

    Args:
        content: UTF-8, with a line of names of columns; separated by commas, semicolons or tabs.

    Raises:
        NoPeople: it is no such file, or has lines without a telephone number, which are named.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise NoPeople("The file is not UTF-8; save it as CSV UTF-8.") from None
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    reader = csv.DictReader(io.StringIO(text, newline=""), delimiter=separator)
    try:
        columns = [name.strip() for name in reader.fieldnames or []]
        reader.fieldnames = columns
        rows = [(reader.line_num, row) for row in reader if any(row.values())]
    except csv.Error as error:
        raise NoPeople(f"The file is no CSV: {error}.") from None
    if NUMBER not in columns:
        has = ", ".join(columns) or "none"
        raise NoPeople(f"The file has no column {NUMBER}; it has {has}.")
    if not rows:
        raise NoPeople("The file names nobody.")
    if wrong := [
        (line, row[NUMBER] or "") for line, row in rows if e164(row[NUMBER] or "") is None
    ]:
        named = "; ".join(
            f"line {line}: {text.strip() or 'none'}" for line, text in wrong[:MOST_TOLD]
        )
        more = f"; and {len(wrong) - MOST_TOLD} more" if len(wrong) > MOST_TOLD else ""
        raise NoPeople(f"A telephone number with + and country code is wanted: {named}{more}.")
    return [_recipient(row) for _, row in rows]


def _recipient(row: dict[str, Any]) -> dict[str, Any]:
    variables = {name: value for name, value in row.items() if name and value and name != NUMBER}
    return {
        "phone_number": str(row[NUMBER] or "").strip(),
        "conversation_initiation_client_data": {"dynamic_variables": variables},
    }
