"""Tools that look people up in the CRM and write down what was learnt about them.

A conversation sees and changes the record of who is on the line, known by the number, and of the
contact that it has made itself. An e-mail address that is said proves nothing: a record that is
found by it and has another number gets notes, and is neither read out nor changed.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from langchain_core.tools import BaseTool, ToolException

from store.crm import Contact, ContactExists, ContactNotFound, Contacts, Note
from tools.conversation import Conversation, e164
from tools.effects import IdempotencyKey, tool

__all__ = ["Contact", "ContactExists", "ContactNotFound", "Contacts", "Crm", "Note", "crm_tools"]

_EMAIL = re.compile(r"[^@\s,;<>]{1,64}@[^@\s,;<>.]+(\.[^@\s,;<>.]+)+")
_OWN = frozenset({"id", "name", "email", "phone", "company", "conversation_id"})
"""Not among the properties a model may set: they have a parameter, or are ours."""
LONGEST_NOTE = 5000


class CrmFailed(ToolException):
    """The CRM did not do it; the message says why, for a person to read."""


class Crm(Protocol):
    """Where contacts are kept; `store.crm.Contacts` is the embedded one."""

    async def find(
        self, organisation: str, *, phone: str | None = None, email: str | None = None
    ) -> Contact | None:
        """Return the contact with that number or e-mail address."""

    async def create(self, organisation: str, values: Mapping[str, Any], *, key: str) -> Contact:
        """Create a contact, once for each key.

        Raises:
            ContactExists: another contact has the number or the e-mail address.
        """

    async def update(
        self, organisation: str, contact_id: str, values: Mapping[str, Any]
    ) -> Contact:
        """Change fields of a contact; doing it twice is doing it once.

        Raises:
            ContactNotFound, ContactExists: see `store.crm`.
        """

    async def add_note(self, organisation: str, contact_id: str, text: str, *, key: str) -> Note:
        """Write a note about a contact, once for each key."""

    async def notes(self, organisation: str, contact_id: str, *, limit: int = 20) -> Sequence[Note]:
        """Return the notes about a contact, the newest first."""


def crm_tools(crm: Crm, conversation: Conversation, country: str | None = None) -> list[BaseTool]:
    """Return the tools by which a conversation uses the CRM.

    Args:
        crm: where contacts are kept.
        conversation: whose record is seen.
        country: of numbers that are said without a country's code.
    """
    organisation, caller = conversation.organisation, conversation.caller

    async def own(email: str | None) -> tuple[Contact | None, bool]:
        """Return a record and whether it is that of who is on the line."""
        if caller and (found := await crm.find(organisation, phone=caller)):
            return found, True
        found = await crm.find(organisation, email=email_address(email)) if email else None
        made_here = found and found.properties.get("conversation_id") == conversation.id
        return found, bool(made_here)

    @tool(effect=False, parse_docstring=True)
    async def look_up_contact(email: str | None = None) -> dict[str, Any]:
        """Look up in the CRM who is on the line, by their number or else by their e-mail address.

        Args:
            email: The e-mail address they have given, if the number is not known.
        """
        contact, is_own = await own(email)
        if contact is None:
            return {"found": False}
        if not is_own:
            return {"found": True, "readable": False}
        recent = await crm.notes(organisation, contact.id, limit=3)
        return {
            "found": True,
            "readable": True,
            **_told(contact),
            "notes": [{"at": note.at.date().isoformat(), "text": note.text} for note in recent],
        }

    @tool(effect=True, parse_docstring=True)
    async def save_contact(
        key: IdempotencyKey,
        name: str | None = None,
        email: str | None = None,
        phone: str | None = None,
        company: str | None = None,
        properties: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Write down in the CRM who is on the line; what is left out stays as it is.

        Args:
            key: Of the effect.
            name: Their full name.
            email: Their e-mail address.
            phone: Their telephone number, if it is not the one they call from.
            company: Where they work.
            properties: Anything else the CRM has a field for, by its name.
        """
        values: dict[str, Any] = {k: v for k, v in (properties or {}).items() if k not in _OWN}
        values |= {k: v.strip() for k, v in (("name", name), ("company", company)) if v}
        if email:
            values["email"] = email_address(email)
        if phone or caller:
            values["phone"] = _phone(phone, country) if phone else caller
        if not values:
            raise ToolException("There is nothing to write down: give at least one field.")
        contact, is_own = await own(email)
        if contact and not is_own:
            raise ToolException(
                "That e-mail address belongs to a contact with another number, which is not "
                "changed in this conversation. Add a note instead."
            )
        try:
            if contact:
                saved = await crm.update(organisation, contact.id, values)
            else:
                values["conversation_id"] = conversation.id
                saved = await crm.create(organisation, values, key=str(key))
        except (ContactExists, ContactNotFound) as error:
            raise ToolException(str(error)) from None
        return {"saved": True, **_told(saved)}

    @tool(effect=True, parse_docstring=True)
    async def add_contact_note(
        text: str, key: IdempotencyKey, email: str | None = None
    ) -> dict[str, Any]:
        """Write a note about who is on the line into the CRM.

        Args:
            key: Of the effect.
            text: What a colleague should know.
            email: Their e-mail address, if the number is not known.
        """
        contact, _ = await own(email)
        if contact is None:
            raise ToolException("There is no such contact yet; save the contact first.")
        if not text.strip() or len(text) > LONGEST_NOTE:
            raise ToolException(f"A note has 1 to {LONGEST_NOTE} characters.")
        await crm.add_note(organisation, contact.id, text.strip(), key=str(key))
        return {"noted": True}

    return [look_up_contact, save_contact, add_contact_note]


def _told(contact: Contact) -> dict[str, Any]:
    told = contact.model_dump(include={"name", "email", "phone", "company"}, exclude_none=True)
    hidden = {"conversation_id"}
    others = {k: v for k, v in contact.properties.items() if k not in hidden and v is not None}
    return told | ({"properties": others} if others else {})


def email_address(text: str) -> str:
    """Return an e-mail address in lower case.

    Raises:
        ToolException: it is none.
    """
    address = text.strip().lower()
    if len(address) > 254 or not _EMAIL.fullmatch(address):
        raise ToolException("That is not an e-mail address; ask for it again, letter by letter.")
    return address


def _phone(text: str, country: str | None) -> str:
    number = e164(text, country)
    if number is None:
        raise ToolException("That is not a telephone number; ask for it with the country's code.")
    return number
