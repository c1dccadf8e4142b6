"""HubSpot as the CRM, by its v3 objects API.

https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide: contacts are one by e-mail
address, properties are read only if named, a search is rationed and lags behind what was written.
So a contact is looked up by its address where there is one; that neither lags nor counts as search.
One token is one account: every organisation with `crm: hubspot` shares it.
"""

import asyncio
import re
import time
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import httpx

from store.claims import Claims
from store.crm import Contact, ContactExists, ContactNotFound, Note
from tools.crm import CrmFailed
from tools.rest import Unanswered, ask

CONTACTS, NOTES = "/crm/v3/objects/contacts", "/crm/v3/objects/notes"
NOTE_TO_CONTACT = 202
"""HubSpot's type of the association from a note to a contact."""
SEARCHES_A_SECOND = 4
SEARCH_LAG = timedelta(seconds=60)
"""How long something that was written may be missing from a search."""
_READ = ("email", "firstname", "lastname", "phone", "mobilephone", "company")
_CONTACT = "hubspot_contact"
_EXISTING = re.compile(r"Existing ID: (\d+)")


class HubSpot:
    """Contacts and notes at HubSpot; see `tools.crm.Crm`.

    Args:
        token: of a private app.
        url: HubSpot's address.
        claims: keep what has no idempotency key there from being written twice.
        clock: tells the time, UTC.
    """

    def __init__(
        self,
        token: str,
        url: str,
        claims: Claims,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        self._client = httpx.AsyncClient(base_url=url, headers=headers, timeout=5, trust_env=False)
        self._claims = claims
        self._clock = clock
        self._searching = Ration(SEARCHES_A_SECOND)

    async def find(
        self, organisation: str, *, phone: str | None = None, email: str | None = None
    ) -> Contact | None:
        """Return the contact with that number or e-mail address; see `Crm`."""
        if email:
            path = f"{CONTACTS}/{quote(email, safe='')}"
            params = {"idProperty": "email", "properties": ",".join(_READ)}
            answer = await self._ask("GET", path, safe=True, params=params)
            if answer.status_code != 404:
                return await self._ours(_contact(_good(answer)))
        if phone:
            groups = [_equal("phone", phone), _equal("mobilephone", phone)]
            found = await self._search(CONTACTS, groups, _READ, limit=1)
            if found:
                return await self._ours(_contact(found[0]))
            return await self._just_made(phone)
        return None

    async def _just_made(self, phone: str) -> Contact | None:
        """Return a contact that was made here a moment ago, which a search does not find yet."""
        made = await self._claims.latest(_CONTACT, phone)
        if made is None or made.result is None or self._clock() > made.at + 2 * SEARCH_LAG:
            return None
        try:
            return await self._ours(await self._get(str(made.result["id"])))
        except ContactNotFound:
            return None

    async def _ours(self, contact: Contact) -> Contact:
        """Add the conversation in which a contact was made, if it was made here."""
        for subject in filter(None, (contact.phone, contact.email)):
            made = await self._claims.latest(_CONTACT, subject)
            result = (made.result if made else None) or {}
            if result.get("id") == contact.id and result.get("conversation_id"):
                known = {"conversation_id": result["conversation_id"]}
                return contact.model_copy(update={"properties": {**contact.properties, **known}})
        return contact

    async def create(self, organisation: str, values: Mapping[str, Any], *, key: str) -> Contact:
        """Create a contact, once for each key; see `Crm`."""
        key, phone, email = f"hubspot contact:{key}", values.get("phone"), values.get("email")
        subject = str(phone or email or "")
        standing = await self._claims.begin(key, _CONTACT, subject, self._clock())
        if standing and standing.result:
            return await self._get(str(standing.result["id"]))
        if standing and not email:
            if found := await self.find(organisation, phone=phone):
                return found
            if self._clock() < standing.at + SEARCH_LAG:
                raise CrmFailed("HubSpot was asked before; whether it was done is not known yet.")
        body = {"properties": _properties(values)}
        answer = await self._ask("POST", CONTACTS, safe=False, json=body, key=key)
        if answer.status_code == 409:
            existing = _EXISTING.search(str(_json(answer).get("message")))
            if standing and existing:
                return await self._get(existing.group(1))
            await self._claims.give_up(key)
            raise ContactExists("A contact with that e-mail address exists already.")
        made = _contact(await self._good(answer, key))
        about = {"id": made.id, "conversation_id": values.get("conversation_id")}
        await self._claims.finish(key, about)
        return made

    async def update(
        self, organisation: str, contact_id: str, values: Mapping[str, Any]
    ) -> Contact:
        """Change fields of a contact; see `Crm`."""
        body = {"properties": _properties(values)}
        answer = await self._ask("PATCH", f"{CONTACTS}/{contact_id}", safe=True, json=body)
        if answer.status_code == 404:
            raise ContactNotFound(f"HubSpot has no contact {contact_id!r}.")
        if answer.status_code == 409:
            raise ContactExists("Another contact has that e-mail address already.")
        _good(answer)
        return await self._get(contact_id)

    async def add_note(self, organisation: str, contact_id: str, text: str, *, key: str) -> Note:
        """Write a note about a contact, once for each key; see `Crm`."""
        key = f"hubspot note:{key}"
        standing = await self._claims.begin(key, "hubspot_note", contact_id, self._clock())
        at = standing.at if standing else (await self._claimed_at(key))
        stamp = str(int(at.timestamp() * 1000))
        if standing and standing.result:
            return Note(id=str(standing.result["id"]), contact_id=contact_id, text=text, at=at)
        if standing:
            groups = [_equal("associations.contact", contact_id) + _equal("hs_timestamp", stamp)]
            if found := await self._search(NOTES, groups, ("hs_note_body",), limit=1):
                return Note(id=str(found[0]["id"]), contact_id=contact_id, text=text, at=at)
            if self._clock() < standing.at + SEARCH_LAG:
                raise CrmFailed("HubSpot was asked before; whether it was done is not known yet.")
        kind = {"associationCategory": "HUBSPOT_DEFINED", "associationTypeId": NOTE_TO_CONTACT}
        body = {
            "properties": {"hs_timestamp": stamp, "hs_note_body": text},
            "associations": [{"to": {"id": contact_id}, "types": [kind]}],
        }
        answer = await self._ask("POST", NOTES, safe=False, json=body, key=key)
        made = await self._good(answer, key)
        await self._claims.finish(key, {"id": made["id"]})
        return Note(id=str(made["id"]), contact_id=contact_id, text=text, at=at)

    async def notes(self, organisation: str, contact_id: str, *, limit: int = 20) -> Sequence[Note]:
        """Return the notes about a contact, the newest first; see `Crm`."""
        wanted = ("hs_note_body", "hs_timestamp")
        groups = [_equal("associations.contact", contact_id)]
        found = await self._search(NOTES, groups, wanted, limit=limit, sort="hs_timestamp")
        return [
            Note(
                id=str(one["id"]),
                contact_id=contact_id,
                text=str(one["properties"].get("hs_note_body") or ""),
                at=datetime.fromisoformat(one["properties"]["hs_timestamp"]),
            )
            for one in found
        ]

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def _get(self, contact_id: str) -> Contact:
        params = {"properties": ",".join(_READ)}
        answer = await self._ask("GET", f"{CONTACTS}/{contact_id}", safe=True, params=params)
        return _contact(_good(answer))

    async def _search(
        self,
        path: str,
        groups: Sequence[Any],
        properties: Sequence[str],
        *,
        limit: int,
        sort: str | None = None,
    ) -> Sequence[Any]:
        """Search objects; any group of filters is enough, all filters of a group are needed."""
        await self._searching.turn()
        body: dict[str, Any] = {
            "filterGroups": [{"filters": group} for group in groups],
            "properties": list(properties),
            "limit": min(limit, 200),
        }
        if sort:
            body["sorts"] = [{"propertyName": sort, "direction": "DESCENDING"}]
        found = _good(await self._ask("POST", f"{path}/search", safe=True, json=body))
        results: Sequence[Any] = found["results"]
        return results

    async def _ask(
        self, method: str, path: str, *, safe: bool, key: str | None = None, **what: Any
    ) -> httpx.Response:
        try:
            return await ask(self._client, method, path, safe=safe, **what)
        except Unanswered as error:
            if key and not error.arrived:
                await self._claims.give_up(key)
            raise CrmFailed(str(error)) from None

    async def _good(self, answer: httpx.Response, key: str) -> Any:
        try:
            return _good(answer)
        except CrmFailed:  # refused, so certainly not done
            await self._claims.give_up(key)
            raise

    async def _claimed_at(self, key: str) -> datetime:
        claimed = await self._claims.get(key)
        return claimed.at if claimed else self._clock()


class Ration:
    """Lets a number of turns pass a second.

    Args:
        a_second: how many.
        clock: seconds that only go on.
        sleep: waits so many seconds.
    """

    def __init__(
        self,
        a_second: int,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[Any]] = asyncio.sleep,
    ) -> None:
        self._last: deque[float] = deque(maxlen=a_second)
        self._clock = clock
        self._sleep = sleep
        self._queue = asyncio.Lock()

    async def turn(self) -> None:
        """Wait for a turn."""
        async with self._queue:
            if len(self._last) == self._last.maxlen:
                await self._sleep(max(0.0, self._last[0] + 1 - self._clock()))
            self._last.append(self._clock())


def _equal(name: str, value: str) -> list[dict[str, str]]:
    return [{"propertyName": name, "operator": "EQ", "value": value}]


def _properties(values: Mapping[str, Any]) -> dict[str, str]:
    """Return HubSpot's properties for a contact's fields; a name is split after its first word."""
    written = {k: str(v) for k, v in values.items() if k not in ("name", "conversation_id") and v}
    if name := str(values.get("name") or "").split():
        written["firstname"], written["lastname"] = name[0], " ".join(name[1:])
    return written


def _contact(found: Mapping[str, Any]) -> Contact:
    told = {name: value or None for name, value in found.get("properties", {}).items()}
    name = " ".join(filter(None, (told.get("firstname"), told.get("lastname"))))
    return Contact(
        id=str(found["id"]),
        name=name or None,
        phone=told.get("phone") or told.get("mobilephone"),
        email=told.get("email"),
        company=told.get("company"),
        created_at=found.get("createdAt"),
        updated_at=found.get("updatedAt"),
    )


def _good(answer: httpx.Response) -> Any:
    body = _json(answer)
    if answer.is_success:
        return body
    if answer.status_code in (401, 403):
        raise CrmFailed("HubSpot does not accept the token, or it lacks a scope.")
    if answer.status_code == 404:
        raise ContactNotFound("HubSpot has no such record.")
    category = body.get("category") or f"status {answer.status_code}"
    raise CrmFailed(f"HubSpot refused it: {category}. {str(body.get('message') or '')[:300]}")


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}
