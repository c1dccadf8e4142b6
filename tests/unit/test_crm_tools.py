"""A conversation sees and changes the record of who is on the line, and nobody else's."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from store.crm import Contacts
from store.database import open_database
from tools.conversation import Conversation, e164
from tools.crm import crm_tools

ASHA = {"name": "Asha Rao", "phone": "+919876543210", "email": "asha@example.com"}


@pytest.fixture
async def crm(tmp_path: Path) -> AsyncIterator[Contacts]:
    async with open_database(tmp_path) as engine:
        yield Contacts(engine)


async def call(
    crm: Contacts, tool_name: str, caller: str | None, key: str = "k", **given: Any
) -> Any:
    talk = Conversation(id=f"talk {caller}", organisation="acme", caller=caller)
    (tool,) = [tool for tool in crm_tools(crm, talk, "IN") if tool.name == tool_name]
    tool.handle_tool_error = True
    return await tool.ainvoke({"type": "tool_call", "name": tool_name, "args": given, "id": key})


async def test_who_calls_is_known_by_the_number(crm: Contacts) -> None:
    await crm.create("acme", {**ASHA, "plan": "team"}, key="1")
    found = await call(crm, "look_up_contact", ASHA["phone"])
    assert '"readable": true' in found.content and '"plan": "team"' in found.content


async def test_a_record_is_not_read_out_to_whoever_knows_the_address(crm: Contacts) -> None:
    await crm.create("acme", ASHA, key="1")
    for stranger in ("+15550100", None):
        found = await call(crm, "look_up_contact", stranger, email="ASHA@example.com")
        assert found.content == '{"found": true, "readable": false}'


async def test_a_record_is_not_changed_by_whoever_knows_the_address(crm: Contacts) -> None:
    made = await crm.create("acme", ASHA, key="1")
    given = {"email": ASHA["email"], "name": "Eve", "phone": "+15550100"}
    refused = await call(crm, "save_contact", None, **given)
    assert refused.status == "error" and "note instead" in refused.content
    assert await crm.get("acme", made.id) == made
    noted = await call(crm, "add_contact_note", None, email=ASHA["email"], text="Rang back.")
    assert noted.content == '{"noted": true}'


async def test_a_new_caller_is_saved_once_and_then_kept_up_to_date(crm: Contacts) -> None:
    for key, given in (
        ("1", {"name": "Ravi"}),
        ("2", {"company": "Acme", "properties": {"a": "b"}}),
    ):
        saved = await call(crm, "save_contact", "+919812345678", key, **given)
        assert saved.status == "success"
    contact = await crm.find("acme", phone="+919812345678")
    assert contact and (contact.name, contact.company) == ("Ravi", "Acme")
    assert "conversation_id" not in saved.content


async def test_a_chat_may_go_on_changing_what_it_has_made(crm: Contacts) -> None:
    mail = "ravi@example.com"
    for key, given in (("1", {"name": "Ravi"}), ("2", {"phone": "98123 45678"})):
        saved = await call(crm, "save_contact", None, key, email=mail, **given)
        assert saved.status == "success"
    contact = await crm.find("acme", email=mail)
    assert contact and contact.phone == "+919812345678"


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "nothing to write"),
        ({"email": "at example.com"}, "not an e-mail"),
        ({"email": "a@b.c" * 60}, "not an e-mail"),
        ({"phone": "12"}, "not a telephone number"),
    ],
)
async def test_what_cannot_be_saved_is_told_in_a_sentence(
    crm: Contacts, given: dict[str, Any], why: str
) -> None:
    told = await call(crm, "save_contact", None, **given)
    assert told.status == "error" and why in told.content


async def test_a_property_is_no_way_around_the_checks(crm: Contacts) -> None:
    await call(crm, "save_contact", "+15550100", properties={"email": "x", "conversation_id": "y"})
    contact = await crm.find("acme", phone="+15550100")
    assert contact and contact.email is None
    assert contact.properties == {"conversation_id": "talk +15550100"}


@pytest.mark.parametrize("text", ["", "  ", "x" * 5001])
async def test_a_note_that_says_nothing_or_too_much_is_refused(crm: Contacts, text: str) -> None:
    await crm.create("acme", ASHA, key="1")
    assert (await call(crm, "add_contact_note", ASHA["phone"], text=text)).status == "error"


def test_a_number_without_a_country_is_not_guessed() -> None:
    assert e164("98765 43210") is None
    assert e164("98765 43210", "IN") == "+919876543210"
    assert e164("+91 98765-43210") == "+919876543210"
    assert e164("x") is None
