"""HubSpot over the wire, against a local server that speaks its v3 objects API."""

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from store.claims import Claims
from store.crm import ContactExists, ContactNotFound
from store.database import open_database
from tests.wire.servers import KEY, served
from tests.wire.servers.hubspot import HubSpot as Server
from tools.conversation import Conversation
from tools.crm import CrmFailed, crm_tools
from tools.hubspot import HubSpot, Ration

ASHA = {"name": "Asha van Rao", "phone": "+12125550142", "email": "asha@example.com"}
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
async def crm(server: Server, tmp_path: Path) -> AsyncIterator[HubSpot]:
    async with open_database(tmp_path) as engine, served(server.app) as address:
        made = HubSpot(KEY, address, Claims(engine), Clock())
        yield made
        await made.aclose()


async def test_a_contact_is_found_by_address_without_a_search_and_by_number_with_one(
    crm: HubSpot, server: Server
) -> None:
    made = await crm.create("acme", ASHA, key="1")
    assert (made.name, made.email, made.phone) == ("Asha van Rao", ASHA["email"], ASHA["phone"])
    assert server.contacts["101"]["properties"]["lastname"] == "van Rao"
    assert await crm.find("acme", email=ASHA["email"]) == made
    assert not [path for _, path in server.requests if path.endswith("search")]
    assert await crm.find("acme", phone=ASHA["phone"]) == made
    assert await crm.find("acme", email="o'neil+x@example.com", phone="+1") is None
    assert await crm.find("acme") is None


async def test_an_address_belongs_to_one_contact(crm: HubSpot) -> None:
    await crm.create("acme", ASHA, key="1")
    with pytest.raises(ContactExists):
        await crm.create("acme", {"email": ASHA["email"]}, key="2")
    other = await crm.create("acme", {"email": "ravi@example.com"}, key="3")
    with pytest.raises(ContactExists):
        await crm.update("acme", other.id, {"email": ASHA["email"]})


async def test_what_was_done_and_not_answered_is_done_once(crm: HubSpot, server: Server) -> None:
    server.lose_answers = 1
    with pytest.raises(CrmFailed):
        await crm.create("acme", ASHA, key="1")
    made = await crm.create("acme", ASHA, key="1")
    assert [made.id] == list(server.contacts)
    assert (await crm.create("acme", ASHA, key="1")).id == made.id
    server.lose_answers = 1
    with pytest.raises(CrmFailed):
        await crm.add_note("acme", made.id, "Wants a demo.", key="n")
    note = await crm.add_note("acme", made.id, "Wants a demo.", key="n")
    assert await crm.add_note("acme", made.id, "Wants a demo.", key="n") == note
    assert [note.id] == list(server.notes)
    assert [(one.text, one.at) for one in await crm.notes("acme", made.id)] == [
        ("Wants a demo.", NOW)
    ]


async def test_while_a_search_may_lag_what_is_in_doubt_is_not_done_again(
    crm: HubSpot, server: Server
) -> None:
    no_address = {"name": "Asha", "phone": ASHA["phone"]}
    server.lose_answers, server.lag = 1, True
    for _ in range(2):
        with pytest.raises(CrmFailed):
            await crm.create("acme", no_address, key="1")
    crm._clock.now = NOW + timedelta(minutes=2)  # type: ignore[attr-defined]
    server.lag = False
    made = await crm.create("acme", no_address, key="1")
    assert [made.id] == list(server.contacts)


async def test_a_contact_that_was_just_made_is_found_before_a_search_finds_it(
    crm: HubSpot, server: Server
) -> None:
    """Saved again a moment later it was made a second time, or could not be changed."""
    server.lag = True
    made = await crm.create("acme", {"name": "Asha", "phone": "+12125550142"}, key="1")
    found = await crm.find("acme", phone="+12125550142")
    assert found is not None and found.id == made.id
    assert await crm.find("acme", phone="+12125550143") is None
    del server.contacts[made.id]
    assert await crm.find("acme", phone="+12125550142") is None


async def test_a_conversation_changes_the_contact_that_it_has_made(
    crm: HubSpot, server: Server
) -> None:
    made_in = {"name": "Asha", "email": "asha@example.com", "conversation_id": "conv_1"}
    await crm.create("acme", made_in, key="1")
    changed = {}
    for conversation_id in ("conv_2", "conv_1"):
        conversation = Conversation(id=conversation_id, organisation="acme", caller=None)
        (save,) = [t for t in crm_tools(crm, conversation) if t.name == "save_contact"]
        save.handle_tool_error = True
        given = {"email": "asha@example.com", "company": "Rao & Co", "key": "k"}
        changed[conversation_id] = str(await save.ainvoke(given))
    assert "not changed in this conversation" in changed["conv_2"]
    assert "Rao & Co" in changed["conv_1"]
    assert server.contacts["101"]["properties"]["company"] == "Rao & Co"


async def test_a_ration_that_is_used_up_is_waited_for(crm: HubSpot, server: Server) -> None:
    server.faults.refuse = [429, 429]
    made = await crm.create("acme", ASHA, key="1")
    assert [made.id] == list(server.contacts)
    assert len(server.requests) == 3


async def test_searches_are_four_a_second() -> None:
    now, slept = 100.0, []

    async def sleep(secs: float) -> None:
        nonlocal now
        slept.append(secs)
        now += secs

    ration = Ration(4, lambda: now, sleep)
    for _ in range(9):
        await ration.turn()
    assert [round(secs) for secs in slept if secs] == [1, 1]


@pytest.mark.parametrize(
    ("values", "why"), [({"email": "a@example.com", "hobby": "chess"}, 'Property "hobby"')]
)
async def test_what_hubspot_refuses_is_told_and_may_be_mended(
    crm: HubSpot, server: Server, values: dict[str, Any], why: str
) -> None:
    with pytest.raises(CrmFailed, match=why):
        await crm.create("acme", values, key="1")
    await crm.create("acme", {"email": "a@example.com"}, key="1")
    assert len(server.contacts) == 1


async def test_an_update_changes_what_it_names(crm: HubSpot) -> None:
    made = await crm.create("acme", ASHA, key="1")
    changed = await crm.update("acme", made.id, {"company": "Rao & Co", "conversation_id": "c"})
    assert (changed.name, changed.company) == ("Asha van Rao", "Rao & Co")
    with pytest.raises(ContactNotFound):
        await crm.update("acme", "999", {"company": "x"})


async def test_a_wrong_token_is_told_as_such(tmp_path: Path, server: Server) -> None:
    async with (
        open_database(tmp_path) as engine,
        served(server.app) as address,
        contextlib.aclosing(HubSpot("wrong", address, Claims(engine))) as crm,
    ):
        with pytest.raises(CrmFailed, match="does not accept the token"):
            await crm.find("acme", email="a@example.com")
