"""Permission to call, as the rest of the program asks for it: rules, record and clock together."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Literal

from settings import Settings
from store.permissions import OWN, PermissionRecords
from tools.permission import Purpose, Record, Rules, Verdict, load_rules, may_call, next_allowed

Channel = Literal["voice", "sms", "api", "cli", "chat"]


class Permissions:
    """Asks `may_call` of what is on record.

    Args:
        records: what is on record.
        settings: which rules, which countries.
        clock: tells the time, UTC.
    """

    def __init__(
        self,
        records: PermissionRecords,
        settings: Settings,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._records = records
        self._file = settings.permission_rules
        self._countries = frozenset(settings.call_countries.split(",")) - {""}
        self._clock = clock

    async def rules(self) -> Rules:
        """Return the rules.

        Raises:
            RulesError: their file cannot be used.
        """
        return await asyncio.to_thread(load_rules, self._file, self._countries)

    async def check(
        self,
        number: str,
        organisation: str,
        *,
        purpose: Purpose = "marketing",
        from_number: str | None = None,
        at: datetime | None = None,
    ) -> Verdict:
        """Say whether a number may be called, now or at a time; nothing is counted."""
        record = Record.model_validate(await self._records.record(number, organisation))
        asked: dict[str, Any] = {"purpose": purpose, "from_number": from_number}
        asked["organisation"] = organisation
        return may_call(number, at or self._clock(), await self.rules(), record, **asked)

    async def when(
        self,
        number: str,
        organisation: str,
        *,
        purpose: Purpose = "marketing",
        from_number: str | None = None,
        after: datetime | None = None,
    ) -> datetime | None:
        """Return when a number may be called, UTC, from now on or from a time on.

        None for not within eight days.
        """
        record = Record.model_validate(await self._records.record(number, organisation))
        asked: dict[str, Any] = {"purpose": purpose, "from_number": from_number}
        return next_allowed(number, after or self._clock(), await self.rules(), record, **asked)

    async def attempt(
        self,
        number: str,
        organisation: str,
        *,
        key: str,
        purpose: Purpose = "marketing",
        from_number: str | None = None,
    ) -> Verdict:
        """Say whether a number may be called now, and count the attempt if it may.

        To be asked once just before dialling. Of many that ask at once, only as many are allowed
        as the caps allow; who asks again with the same key is not counted twice, but told what
        holds by then: hours pass, and somebody may have opted out.
        """
        rules, now = await self.rules(), self._clock()
        asked: dict[str, Any] = {"purpose": purpose, "from_number": from_number}

        def decide(known: dict[str, Any]) -> Verdict:
            record = Record.model_validate(known)
            return may_call(number, now, rules, record, organisation=organisation, **asked)

        return await self._records.attempt(
            number, organisation, now, decide, lambda made: made.allowed, key=key
        )

    async def allow(
        self,
        number: str,
        organisation: str,
        *,
        purpose: Purpose,
        strength: Literal["express", "written"],
        proof: str,
        expires_at: datetime | None = None,
    ) -> str:
        """Write down that somebody agreed to be called, and return the id of that.

        It does not take a number off a list: who once said no is not called.
        """
        return await self._records.give(
            number,
            organisation,
            purpose=purpose,
            strength=strength,
            proof=proof,
            given_at=self._clock(),
            expires_at=expires_at,
        )

    async def opt_out(self, number: str, channel: Channel) -> bool:
        """Never call a number again, for any organisation, and withdraw its consents.

        Returns:
            Whether it was not on the list before.
        """
        now = self._clock()
        await self._records.revoke(number, now)
        return await self._records.list_number(number, now, OWN, channel)

    async def import_list(self, numbers: Iterable[str], source: str) -> int:
        """Make a list of numbers not to be called what an authority's file says it is.

        Returns:
            How many were not on it before.

        Raises:
            ValueError: the source is our own list.
        """
        return await self._records.replace_list(numbers, self._clock(), source)

    async def forget(self, number: str) -> int:
        """Delete what is on record of a number, but not that it is on a list."""
        return await self._records.forget(number)
