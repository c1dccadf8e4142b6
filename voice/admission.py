"""Admission: whether one more call is taken."""

import re
from datetime import UTC, datetime, timedelta

from settings import Settings
from store.calls import Calls

_NUMBER = re.compile(r"\+\d{6,15}")


class CallRefused(Exception):
    """A call is not taken; `phrase` is what the caller is told."""

    def __init__(self, phrase: str) -> None:
        super().__init__(f"The call is refused: {phrase}.")
        self.phrase = phrase


class CallReplayed(Exception):
    """A webhook came again for a call that was taken before."""


async def admit(settings: Settings, calls: Calls, going_on: int, caller: str | None) -> None:
    """Take one more call, or refuse it.

    Args:
        settings: the limits.
        calls: the records.
        going_on: calls of this server that go on or are expected.
        caller: who calls; None where no one's calls are counted.

    Raises:
        CallRefused: too many calls at once, or from this number.
    """
    if going_on >= settings.max_calls:
        raise CallRefused("busy")
    if caller and _NUMBER.fullmatch(caller):
        since = datetime.now(UTC) - timedelta(hours=1)
        if await calls.count_from(caller, since) >= settings.calls_per_hour_per_number:
            raise CallRefused("too_often")
