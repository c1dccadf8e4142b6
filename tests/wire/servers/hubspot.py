"""HubSpot's v3 objects API, as far as the CRM tools use it.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
"""

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse

from tests.wire.servers import KEY, Faults

PROPERTIES = {"email", "firstname", "lastname", "phone", "mobilephone", "company", "seats"}


@dataclass
class HubSpot:
    """The server; `lag` hides what was written from searches, as its index does for a while."""

    faults: Faults = field(default_factory=Faults)
    lose_answers: int = 0
    """Of so many of the next requests the work is done and the answer is lost."""
    lag: bool = False
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)
    requests: list[tuple[str, str]] = field(default_factory=list)

    @property
    def app(self) -> FastAPI:
        """The application to serve."""
        app, base = FastAPI(), "/crm/v3/objects"

        @app.middleware("http")
        async def _(request: Request, forward: Any) -> Any:
            self.requests.append((request.method, request.url.path))
            if request.headers.get("authorization") != f"Bearer {KEY}":
                return _error(
                    401, "INVALID_AUTHENTICATION", "Authentication credentials not found."
                )
            if status := self.faults.refusal():
                message = "You have reached your secondly limit."
                body = {"status": "error", "message": message, "errorType": "RATE_LIMIT"}
                return JSONResponse(body, status, headers={"Retry-After": "0"})
            answer = await forward(request)
            if self.lose_answers and request.method == "POST" and "search" not in request.url.path:
                self.lose_answers -= 1
                return JSONResponse({}, 502)
            return answer

        app.add_api_route(f"{base}/contacts", self._create, methods=["POST"])
        app.add_api_route(f"{base}/contacts/search", self._search, methods=["POST"])
        app.add_api_route(f"{base}/contacts/{{key}}", self._read, methods=["GET"])
        app.add_api_route(f"{base}/contacts/{{key}}", self._update, methods=["PATCH"])
        app.add_api_route(f"{base}/notes", self._note, methods=["POST"])
        app.add_api_route(f"{base}/notes/search", self._search_notes, methods=["POST"])
        return app

    async def _create(self, request: Request) -> Any:
        properties = (await request.json())["properties"]
        if refusal := self._unusable(properties):
            return refusal
        made = {"id": str(len(self.contacts) + 101), "properties": properties}
        self.contacts[made["id"]] = made
        return JSONResponse(_shown(made, None), 201)

    async def _update(self, key: str, request: Request) -> Any:
        properties = (await request.json())["properties"]
        if key not in self.contacts:
            return _error(404, "OBJECT_NOT_FOUND", "Object not found.")
        if refusal := self._unusable(properties, own=key):
            return refusal
        self.contacts[key]["properties"] |= properties
        return _shown(self.contacts[key], None)

    async def _read(self, key: str, request: Request) -> Any:
        by = request.query_params.get("idProperty", "id")
        wanted = request.query_params.get("properties", "").split(",")
        for one in self.contacts.values():
            if key == (one["id"] if by == "id" else one["properties"].get(by)):
                return _shown(one, wanted)
        return _error(404, "OBJECT_NOT_FOUND", "Object not found.")

    async def _search(self, request: Request) -> Any:
        body = await request.json()
        if len(body["filterGroups"]) > 5 or body["limit"] > 200:
            return _error(400, "VALIDATION_ERROR", "Too many filter groups, or too high a limit.")
        found = (
            []
            if self.lag
            else [
                _shown(one, body["properties"])
                for one in self.contacts.values()
                if any(_fits(one["properties"], group["filters"]) for group in body["filterGroups"])
            ]
        )
        return {"total": len(found), "results": found[: body["limit"]]}

    async def _note(self, request: Request) -> Any:
        body = await request.json()
        (association,) = body["associations"]
        (kind,) = association["types"]
        known = association["to"]["id"] in self.contacts
        if not known or kind != {
            "associationCategory": "HUBSPOT_DEFINED",
            "associationTypeId": 202,
        }:
            return _error(400, "VALIDATION_ERROR", "The association is not valid.")
        told = body["properties"] | {"associations.contact": association["to"]["id"]}
        made = {"id": str(len(self.notes) + 501), "properties": told}
        self.notes[made["id"]] = made
        return JSONResponse(_shown(made, None), 201)

    async def _search_notes(self, request: Request) -> Any:
        body = await request.json()
        found = (
            []
            if self.lag
            else [
                one
                for one in self.notes.values()
                if any(_fits(one["properties"], group["filters"]) for group in body["filterGroups"])
            ]
        )
        for sort in body.get("sorts", ()):
            found.sort(key=lambda one: one["properties"][sort["propertyName"]], reverse=True)
        shown = [_shown(one, body["properties"]) for one in found[: body["limit"]]]
        for one in shown:
            if stamp := one["properties"].get("hs_timestamp"):
                at = datetime.fromtimestamp(int(stamp) / 1000, UTC)
                one["properties"]["hs_timestamp"] = at.isoformat().replace("+00:00", "Z")
        return {"total": len(found), "results": shown}

    def _unusable(self, properties: dict[str, str], own: str = "") -> JSONResponse | None:
        for name in set(properties) - PROPERTIES:
            return _error(400, "VALIDATION_ERROR", f'Property "{name}" does not exist')
        for one in self.contacts.values():
            email = properties.get("email")
            if email and one["id"] != own and one["properties"].get("email") == email:
                message = f"Contact already exists. Existing ID: {one['id']}"
                return _error(409, "CONFLICT", message)
        return None


def _fits(properties: dict[str, str], filters: list[dict[str, str]]) -> bool:
    return all(
        one["operator"] == "EQ" and properties.get(one["propertyName"]) == one["value"]
        for one in filters
    )


def _shown(one: dict[str, Any], wanted: list[str] | None) -> dict[str, Any]:
    at = "2026-11-24T15:00:00.000Z"
    told = {k: v for k, v in one["properties"].items() if wanted is None or k in wanted}
    return {
        "id": one["id"],
        "properties": told,
        "createdAt": at,
        "updatedAt": at,
        "archived": False,
    }


def _error(status: int, category: str, message: str) -> JSONResponse:
    body = {"status": "error", "message": message, "category": category, "correlationId": "c"}
    return JSONResponse(body, status)
