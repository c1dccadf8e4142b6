"""Time as the phone lab sees it: one small object, so that a test may bring its own."""

import asyncio
import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Where every moment and every wait of the lab comes from."""

    def now(self) -> float:
        """Return a time that never goes back, in seconds."""
        ...

    def utc(self) -> datetime:
        """Return the time of day, aware, UTC."""
        ...

    async def sleep_until(self, moment: float) -> None:
        """Return at `moment` of `now()`, or at the next turn of the event loop when it is past."""
        ...


class RealClock:
    """The time of this machine."""

    def now(self) -> float:
        """Return the monotonic time, in seconds."""
        return time.monotonic()

    def utc(self) -> datetime:
        """Return the time of day, aware, UTC."""
        return datetime.now(UTC)

    async def sleep_until(self, moment: float) -> None:
        """Return at `moment` of `now()`, or at the next turn of the event loop when it is past."""
        await asyncio.sleep(max(0.0, moment - time.monotonic()))
