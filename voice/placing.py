"""Asks the carrier for a call exactly once.

When its answer does not come, its list of calls is read back until the call is found or certainly
is not there.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, Literal

import httpx
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from store.dials import Dial, Dials

log = logging.getLogger(__name__)

READ_BACK_SECS: Final = (0.0, 2.0, 4.0, 8.0)
"""Waits before each look at the carrier's list, when it did not answer, in seconds."""
CLOCKS_DIFFER: Final = timedelta(seconds=30)
"""How far the carrier's clock may be from ours."""
MOST_READ: Final = 50


class DiallingFailed(Exception):
    """The carrier did not place the call; the text says why."""


class Placing:
    """Asks Twilio for calls.

    Args:
        dials: where it is written what became of them.
    """

    def __init__(self, dials: Dials) -> None:
        self._dials = dials

    async def ask(self, client: Client, dial: Dial, asked: Mapping[str, Any]) -> Dial:
        """Ask the carrier for a call, once.

        Args:
            client: of the carrier.
            dial: what is wanted.
            asked: how, beside the numbers.

        Raises:
            DiallingFailed: nobody can say whether it was placed.
        """
        try:
            made = await client.calls.create_async(to=dial.to, from_=dial.from_number, **asked)
        except TwilioRestException as error:
            if error.status < 500:  # it has read the request, and refused it
                return await self._failed(dial, f"Twilio refused the call ({error.code}).")
        except httpx.ConnectError:
            return await self._failed(dial, "Twilio cannot be reached.")
        except httpx.HTTPError:
            pass
        else:
            sid = str(made.sid)
            await self._dials.placed(dial.id, sid)
            return dial.model_copy(update={"sid": sid, "status": "placed"})
        log.warning("Twilio did not say whether it has placed a call; its list is read.")
        return await self.read_back(client, dial, "failed")

    async def read_back(
        self, client: Client, dial: Dial, otherwise: Literal["failed", "lost"]
    ) -> Dial:
        """Find out whether a call was placed about which the carrier did not answer.

        Args:
            client: of the carrier.
            dial: what was asked for.
            otherwise: what becomes of it when the carrier has no such call.

        Raises:
            DiallingFailed: the carrier cannot be asked; it stays as it is.
        """
        read = False
        for wait in READ_BACK_SECS:
            await asyncio.sleep(wait)
            known = await self._dials.get(dial.id)
            if known and known.sid:  # its webhook has come meanwhile
                return known
            try:
                listed = await client.calls.list_async(
                    to=dial.to, from_=dial.from_number, limit=MOST_READ
                )
            except (TwilioRestException, httpx.HTTPError):
                continue
            read = True
            since = dial.began_at - CLOCKS_DIFFER
            for sid in _placed_since(listed, since):
                if await self._dials.placed(dial.id, sid):
                    return dial.model_copy(update={"sid": sid, "status": "placed"})
        if not read:  # it stays open, and is looked at again
            raise DiallingFailed("Twilio cannot be reached, and may have placed the call.")
        failure = "Twilio did not answer, and has no such call."
        return await self._failed(dial, failure, otherwise)

    async def _failed(
        self, dial: Dial, failure: str, status: Literal["failed", "lost"] = "failed"
    ) -> Dial:
        await self._dials.change(dial.id, status, failure=failure)
        return dial.model_copy(update={"status": status, "failure": failure})


def _placed_since(listed: Sequence[Any], since: datetime) -> list[str]:
    """Return the sids of the calls of ours that were made since a moment, oldest first."""
    ours = [made for made in listed if made.direction == "outbound-api" and made.date_created]
    ours.sort(key=lambda made: made.date_created)
    return [str(made.sid) for made in ours if made.date_created >= since]
