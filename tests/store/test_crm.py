"""The embedded CRM: one person is one contact, and organisations see nothing of each other."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from store.crm import ContactExists, ContactNotFound, Contacts
from store.database import open_database

ASHA = {"name": "Asha Rao", "phone": "+919876543210", "email": "asha@example.com"}


@pytest.fixture
async def contacts(data_dir: Path, database_url: str | None) -> AsyncIterator[Contacts]:
    async with open_database(data_dir, database_url) as engine:
        yield Contacts(engine)


async def test_a_contact_is_found_by_number_and_by_address(contacts: Contacts) -> None:
    made = await contacts.create("acme", {**ASHA, "plan": "team"}, key="1")
    assert await contacts.find("acme", phone=ASHA["phone"]) == made
    assert await contacts.find("acme", email=ASHA["email"]) == made
    assert made.properties == {"plan": "team"}
    assert await contacts.find("acme") is None


async def test_twenty_at_once_with_one_key_make_one_contact(contacts: Contacts) -> None:
    made = await asyncio.gather(*(contacts.create("acme", ASHA, key="1") for _ in range(20)))
    assert len({contact.id for contact in made}) == 1


async def test_twenty_at_once_with_keys_of_their_own_make_one_contact(contacts: Contacts) -> None:
    created = (contacts.create("acme", ASHA, key=str(n)) for n in range(20))
    made = await asyncio.gather(*created, return_exceptions=True)
    assert sum(isinstance(one, ContactExists) for one in made) == 19


async def test_an_organisation_sees_nothing_of_another(contacts: Contacts) -> None:
    made = await contacts.create("acme", ASHA, key="1")
    await contacts.add_note("acme", made.id, "Wants a demo.", key="n")
    assert await contacts.find("other", phone=ASHA["phone"]) is None
    assert await contacts.notes("other", made.id) == []
    for act in (
        contacts.get("other", made.id),
        contacts.update("other", made.id, {"name": "Eve"}),
        contacts.add_note("other", made.id, "x", key="m"),
    ):
        with pytest.raises(ContactNotFound):
            await act
    assert not await contacts.delete("other", made.id)
    assert (await contacts.create("other", ASHA, key="1")).id != made.id


async def test_an_update_leaves_what_it_does_not_name(contacts: Contacts) -> None:
    made = await contacts.create("acme", {**ASHA, "plan": "team"}, key="1")
    changed = await contacts.update("acme", made.id, {"company": "Rao & Co", "seats": "5"})
    assert (changed.name, changed.company) == ("Asha Rao", "Rao & Co")
    assert changed.properties == {"plan": "team", "seats": "5"}
    assert await contacts.get("acme", made.id) == changed


async def test_an_update_to_somebody_elses_address_is_refused(contacts: Contacts) -> None:
    await contacts.create("acme", ASHA, key="1")
    ravi = await contacts.create("acme", {"email": "ravi@example.com"}, key="2")
    with pytest.raises(ContactExists):
        await contacts.update("acme", ravi.id, {"email": ASHA["email"]})


async def test_a_note_is_written_once_for_its_key(contacts: Contacts) -> None:
    made = await contacts.create("acme", ASHA, key="1")
    wrote = (contacts.add_note("acme", made.id, "Hello", key="n") for _ in range(10))
    assert len({note.id for note in await asyncio.gather(*wrote)}) == 1
    assert [note.text for note in await contacts.notes("acme", made.id)] == ["Hello"]


async def test_deleting_takes_the_notes_along(contacts: Contacts) -> None:
    made = await contacts.create("acme", ASHA, key="1")
    await contacts.add_note("acme", made.id, "Hello", key="n")
    ((organisation, contact, notes),) = await contacts.of_number(ASHA["phone"])
    assert (organisation, contact, len(notes)) == ("acme", made, 1)
    assert await contacts.delete("acme", made.id)
    assert await contacts.of_number(ASHA["phone"]) == []
    assert await contacts.notes("acme", made.id) == []
