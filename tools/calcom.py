"""Cal.com as the calendar, by its v2 API; each path has a version of its own, in a header.

https://cal.com/docs/api-reference/v2: slots of 2024-09-04, bookings of 2026-02-25.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from store.bookings import Booking, NoBooking, SlotTaken, Whose
from store.claims import Claims
from tools.calendar import CalendarFailed
from tools.organisation import Organisation
from tools.rest import Unanswered, ask

SLOTS_VERSION, BOOKINGS_VERSION = "2024-09-04", "2026-02-25"
SETTLED = timedelta(seconds=60)
"""After this long nobody is still about to book what was claimed."""
_TAKEN = ("already has booking", "not available", "no_available_users", "no available users")


class CalCom:
    """Slots and bookings at Cal.com; see `tools.calendar.Calendar`.

    Cal.com takes no idempotency key: a booking carries ours in its metadata, and one in doubt is
    looked for there before another is made.

    Args:
        key: an API key.
        url: Cal.com's address.
        claims: what was booked.
        organisation: reads an organisation by its name; blocks.
        clock: tells the time, UTC.
    """

    def __init__(
        self,
        key: str,
        url: str,
        claims: Claims,
        organisation: Callable[[str], Organisation],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        headers = {"Authorization": f"Bearer {key}"}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=5, trust_env=False)
        self._claims = claims
        self._organisation = organisation
        self._clock = clock

    async def slots(
        self, organisation: str, first: datetime, last: datetime, minutes: int
    ) -> Sequence[datetime]:
        """Return when an appointment may begin; see `Calendar`."""
        about = await asyncio.to_thread(self._organisation, organisation)
        params = {
            "eventTypeId": about.calendar.calcom_event_type,
            "start": _iso(first),
            "end": _iso(last),
            "timeZone": "UTC",
        }
        if minutes != about.calendar.minutes:
            params["duration"] = minutes
        days = await self._ask("GET", "/v2/slots", SLOTS_VERSION, safe=True, params=params)
        found = [
            datetime.fromisoformat(str(one["start"])).astimezone(UTC)
            for day in days.values()
            for one in day
        ]
        return sorted(start for start in found if first <= start < last)

    async def book(
        self,
        organisation: str,
        start: datetime,
        minutes: int,
        attendee: Mapping[str, str],
        *,
        key: str,
    ) -> Booking:
        """Book an appointment, once for each key; see `Calendar`."""
        if not attendee.get("email"):
            raise CalendarFailed("Cal.com needs an e-mail address; ask for it.")
        about = await asyncio.to_thread(self._organisation, organisation)
        mark = _mark(key)
        key = f"calcom:{key}"
        standing = await self._claims.begin(key, "calcom", attendee["email"], self._clock())
        if standing:
            if found := await self._find(organisation, start, attendee["email"], mark):
                await self._claims.finish(key, {"uid": found.id})
                return found
            if standing.result or self._clock() < standing.at + SETTLED:
                raise CalendarFailed("It was booked before, or is just being booked.")
        told = {"name": attendee["name"], "email": attendee["email"]}
        told["timeZone"] = attendee.get("timezone") or about.timezone
        if attendee.get("phone"):
            told["phoneNumber"] = attendee["phone"]
        body: dict[str, Any] = {
            "eventTypeId": about.calendar.calcom_event_type,
            "start": _iso(start),
            "attendee": told,
            "metadata": {
                "dialgraph_key": mark,
                "dialgraph_conversation": _mark(attendee.get("conversation_id", "")),
            },
        }
        if minutes != about.calendar.minutes:
            body["lengthInMinutes"] = minutes
        made = await self._ask(
            "POST", "/v2/bookings", BOOKINGS_VERSION, safe=False, json=body, key=key
        )
        await self._claims.finish(key, {"uid": made["uid"]})
        return _booking(organisation, made)

    async def upcoming(self, organisation: str, whose: Whose) -> Sequence[Booking]:
        """Return somebody's appointments; see `Calendar`.

        Cal.com looks for attendees by their e-mail address alone, which anybody may claim: of what
        it finds, only what has their number or was booked in their conversation is theirs.
        """
        if not whose.email:
            return []
        params = {"attendeeEmail": whose.email, "afterStart": _iso(self._clock())}
        listed = await self._ask(
            "GET",
            "/v2/bookings",
            BOOKINGS_VERSION,
            safe=True,
            params={**params, "status": "upcoming", "take": 100},
        )
        theirs = [one for one in listed if one["status"] == "accepted" and _belongs(one, whose)]
        found = [_booking(organisation, one) for one in theirs]
        return sorted(found, key=lambda one: one.start)

    async def move(
        self, organisation: str, booking_id: str, whose: Whose, start: datetime, *, key: str
    ) -> Booking:
        """Give an appointment another time, once for each key; see `Calendar`.

        Cal.com makes a new booking of it; one in doubt is looked for at the new time.
        """
        there = await self._changed(organisation, booking_id, whose, "reschedule", start, key)
        if there is not None:
            return there
        path = f"/v2/bookings/{quote(booking_id, safe='')}/reschedule"
        body = {"start": _iso(start)}
        made = await self._ask(
            "POST", path, BOOKINGS_VERSION, safe=False, json=body, key=f"calcom:{key}"
        )
        await self._claims.finish(f"calcom:{key}", {"uid": made["uid"]})
        return _booking(organisation, made)

    async def cancel(self, organisation: str, booking_id: str, whose: Whose, *, key: str) -> None:
        """Cancel an appointment, once for each key; see `Calendar`."""
        if await self._changed(organisation, booking_id, whose, "cancel", None, key) is not None:
            return
        path = f"/v2/bookings/{quote(booking_id, safe='')}/cancel"
        await self._ask("POST", path, BOOKINGS_VERSION, safe=False, json={}, key=f"calcom:{key}")
        await self._claims.finish(f"calcom:{key}", {"uid": booking_id})

    async def _changed(
        self,
        organisation: str,
        booking_id: str,
        whose: Whose,
        what: str,
        start: datetime | None,
        key: str,
    ) -> Booking | None:
        """Claim a change of an appointment; return what there is of it if it was made before.

        Raises:
            NoBooking: they have none of that id.
            CalendarFailed: it is just being made.
        """
        standing = await self._claims.begin(
            f"calcom:{key}", "calcom", f"{what} {booking_id}", self._clock()
        )
        mine = {one.id: one for one in await self.upcoming(organisation, whose)}
        if standing is None:
            if booking_id in mine:
                return None
            await self._claims.give_up(f"calcom:{key}")
            raise NoBooking("There is no such booking.")
        at = next((one for one in mine.values() if one.start == start), None)
        if start is not None and at is not None:
            return at
        if start is None and booking_id not in mine:
            return _gone(organisation, booking_id, self._clock())
        if standing.result or self._clock() < standing.at + SETTLED:
            raise CalendarFailed("It was changed before, or is just being changed.")
        return None

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _find(
        self, organisation: str, start: datetime, email: str, mark: str
    ) -> Booking | None:
        params = {
            "attendeeEmail": email,
            "afterStart": _iso(start - timedelta(minutes=1)),
            "status": "upcoming",
            "take": 100,
        }
        listed = await self._ask("GET", "/v2/bookings", BOOKINGS_VERSION, safe=True, params=params)
        for one in listed:
            if (one.get("metadata") or {}).get("dialgraph_key") == mark:
                return _booking(organisation, one)
        return None

    async def _ask(
        self,
        method: str,
        path: str,
        version: str,
        *,
        safe: bool,
        key: str | None = None,
        **what: Any,
    ) -> Any:
        headers = {"cal-api-version": version}
        try:
            answer = await ask(self._client, method, path, safe=safe, headers=headers, **what)
        except Unanswered as error:
            if key and not error.arrived:
                await self._claims.give_up(key)
            raise CalendarFailed(str(error)) from None
        try:
            body = answer.json()
        except ValueError:
            body = {}
        if answer.is_success and body.get("status") == "success":
            return body["data"]
        if key:  # refused, so certainly not booked
            await self._claims.give_up(key)
        message = str((body.get("error") or {}).get("message") or f"status {answer.status_code}")
        if any(words in message.lower() for words in _TAKEN):
            raise SlotTaken("That time has just been taken.")
        if answer.status_code in (401, 403):
            raise CalendarFailed("Cal.com does not accept the key.")
        raise CalendarFailed(f"Cal.com refused it: {message[:300]}")


def _booking(organisation: str, made: Mapping[str, Any]) -> Booking:
    return Booking(
        id=str(made["uid"]),
        calendar=organisation,
        start=datetime.fromisoformat(str(made["start"])),
        end=datetime.fromisoformat(str(made["end"])),
        title=str(made.get("title") or ""),
        created_at=datetime.fromisoformat(str(made["createdAt"])),
    )


def _mark(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:40]


def _belongs(made: Mapping[str, Any], whose: Whose) -> bool:
    here = (made.get("metadata") or {}).get("dialgraph_conversation")
    phones = {one.get("phoneNumber") for one in made.get("attendees") or ()}
    return here == _mark(whose.conversation_id) or bool(whose.phone and whose.phone in phones)


def _gone(organisation: str, uid: str, now: datetime) -> Booking:
    """Return what is known of a booking that was cancelled: its id."""
    return Booking(id=uid, calendar=organisation, start=now, end=now, title="", created_at=now)


def _iso(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
