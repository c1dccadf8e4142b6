"""Cal.com's v2 API, as far as the calendar uses it; each path wants a version of its own.

https://cal.com/docs/api-reference/v2
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tests.wire.servers import KEY, Faults


@dataclass
class CalCom:
    """The server: half-hours from nine to eleven UTC every day, of one event type."""

    faults: Faults = field(default_factory=Faults)
    lose_answers: int = 0
    """Of so many of the next changes the answer is lost."""
    bookings: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: list[dict[str, Any]] = field(default_factory=list)

    @property
    def app(self) -> FastAPI:
        """The application to serve."""
        app = FastAPI()

        @app.middleware("http")
        async def _(request: Request, forward: Any) -> Any:
            wanted = "2024-09-04" if request.url.path == "/v2/slots" else "2026-02-25"
            if request.headers.get("cal-api-version") != wanted:
                return _error(404, "Cannot find that path in this version.")
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return _error(401, "Invalid API Key")
            if status := self.faults.refusal():
                return _error(status, "ThrottlerException: Too Many Requests")
            return await forward(request)

        app.add_api_route("/v2/slots", self._slots, methods=["GET"])
        app.add_api_route("/v2/bookings", self._list, methods=["GET"])
        app.add_api_route("/v2/bookings", self._book, methods=["POST"])
        app.add_api_route("/v2/bookings/{uid}/reschedule", self._reschedule, methods=["POST"])
        app.add_api_route("/v2/bookings/{uid}/cancel", self._cancel, methods=["POST"])
        return app

    async def _slots(self, eventTypeId: int, start: str, end: str, timeZone: str) -> Any:  # noqa: N803
        if eventTypeId != 42:
            return _error(404, "Event Type not found")
        days: dict[str, list[dict[str, str]]] = {}
        at = datetime.fromisoformat(start).replace(hour=9, minute=0, second=0)
        while at <= datetime.fromisoformat(end):
            for n in range(4):
                slot = at + timedelta(minutes=30 * n)
                if _iso(slot) not in self._taken:
                    days.setdefault(f"{at:%Y-%m-%d}", []).append({"start": _iso(slot)})
            at += timedelta(days=1)
        return {"status": "success", "data": days}

    async def _book(self, request: Request) -> Any:
        body = await request.json()
        self.bodies.append(body)
        if body["start"][-1] != "Z" or not body["attendee"].get("email"):
            return _error(400, "start must be in UTC, attendee.email must be an email")
        start = datetime.fromisoformat(body["start"])
        if _iso(start) in self._taken:
            return _error(400, "User either already has booking at this time or is not available")
        uid = f"uid{len(self.bookings)}"
        made = {
            "id": len(self.bookings) + 1,
            "uid": uid,
            "title": f"Demo between Acme and {body['attendee']['name']}",
            "status": "accepted",
            "start": _iso(start),
            "end": _iso(start + timedelta(minutes=30)),
            "createdAt": "2026-11-23T14:00:00.000Z",
            "attendees": [body["attendee"]],
            "metadata": body.get("metadata", {}),
        }
        self.bookings[uid] = made
        return self._answer(made)

    async def _reschedule(self, uid: str, request: Request) -> Any:
        """Cancel a booking and make another one of it, as Cal.com does."""
        old, body = self.bookings.get(uid), await request.json()
        self.bodies.append(body)
        if old is None:
            return _error(404, f"Booking with uid={uid} was not found in the database")
        if old["status"] != "accepted":
            return _error(400, f"Can't reschedule booking with uid={uid} because it is cancelled")
        start = datetime.fromisoformat(body["start"])
        if _iso(start) in self._taken:
            return _error(400, "User either already has booking at this time or is not available")
        new = {
            **old,
            "id": len(self.bookings) + 1,
            "uid": f"uid{len(self.bookings)}",
            "start": _iso(start),
            "end": _iso(start + timedelta(minutes=30)),
            "rescheduledFromUid": uid,
        }
        old |= {"status": "cancelled", "rescheduledToUid": new["uid"]}
        self.bookings[new["uid"]] = new
        return self._answer(new)

    async def _cancel(self, uid: str, request: Request) -> Any:
        booking = self.bookings.get(uid)
        self.bodies.append(await request.json())
        if booking is None:
            return _error(404, f"Booking with uid={uid} was not found in the database")
        if booking["status"] != "accepted":
            return _error(400, f"Can't cancel booking with uid={uid}: cancelled already")
        booking["status"] = "cancelled"
        return self._answer(booking, 200)

    @property
    def _taken(self) -> set[str]:
        return {one["start"] for one in self.bookings.values() if one["status"] == "accepted"}

    def _answer(self, booking: dict[str, Any], status: int = 201) -> JSONResponse:
        if self.lose_answers:
            self.lose_answers -= 1
            return _error(502, "Bad Gateway")
        return JSONResponse({"status": "success", "data": booking}, status)

    async def _list(self, attendeeEmail: str, afterStart: str) -> Any:  # noqa: N803
        after = datetime.fromisoformat(afterStart)
        found = [
            one
            for one in self.bookings.values()
            if one["attendees"][0]["email"] == attendeeEmail
            and one["status"] == "accepted"  # the calendar asks for status=upcoming
            and datetime.fromisoformat(one["start"]) >= after
        ]
        return {"status": "success", "data": found, "pagination": {"totalItems": len(found)}}


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _error(status: int, message: str) -> JSONResponse:
    error = {"code": "BadRequestException", "message": message, "details": {}}
    headers = {"Retry-After": "0"} if status == 429 else {}
    body = {"status": "error", "timestamp": "t", "path": "/", "error": error}
    return JSONResponse(body, status, headers=headers)
