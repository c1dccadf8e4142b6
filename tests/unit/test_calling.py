"""Tools that act on the call itself."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage

from graphs.call_actions import HangUp, SendDigits, SpeakAs, Transfer, action_of
from settings import Settings
from store.callbacks import CallBacks
from store.database import open_database
from store.permissions import PermissionRecords
from tools.calling import call_back_tools, call_tools, people
from tools.conversation import Conversation
from tools.organisation import Organisation
from tools.permissions import Permissions

ALL = dict.fromkeys(
    ["end_call", "transfer_to_number", "play_keypad_touch_tone", "language_detection"], {}
)
PEOPLE = people({}, [{"to": "+15550100142", "name": "our sales team", "warm": True}])
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)


async def call(made: list[Any], name: str, **arguments: Any) -> Any:
    (tool,) = [one for one in made if one.name == name]
    tool.handle_tool_error = True
    return await tool.ainvoke({"type": "tool_call", "name": name, "args": arguments, "id": "1"})


@pytest.mark.parametrize(
    ("name", "arguments", "do"),
    [
        ("end_call", {"reason": "done"}, HangUp()),
        (
            "transfer_to_number",
            {"transfer_number": "+1 555 010 0142", "agent_message": "Asha wants a demo."},
            Transfer(to="+15550100142", warm=True, briefing="Asha wants a demo."),
        ),
        ("play_keypad_touch_tone", {"dtmf_tones": "1 W 2#"}, SendDigits(digits="1w2#")),
        ("language_detection", {"language": "hi"}, SpeakAs(language="hi")),
    ],
)
async def test_the_artifact_is_what_the_announcing_message_carries(
    name: str, arguments: dict[str, Any], do: Any
) -> None:
    told = await call(call_tools(ALL, PEOPLE, ["en", "hi"]), name, **arguments)
    assert action_of(AIMessage("Goodbye.", additional_kwargs=told.artifact)) == do


@pytest.mark.parametrize(
    ("name", "arguments", "why"),
    [
        ("transfer_to_number", {"transfer_number": "+19005550142"}, "our sales team"),
        ("transfer_to_number", {"transfer_number": "the police"}, "our sales team"),
        ("play_keypad_touch_tone", {"dtmf_tones": "call me"}, "Expected"),
        ("play_keypad_touch_tone", {"dtmf_tones": ""}, "Expected"),
        ("language_detection", {"language": "fr"}, "en, hi"),
    ],
)
async def test_what_may_not_be_done_is_told_in_a_sentence(
    name: str, arguments: dict[str, Any], why: str
) -> None:
    told = await call(call_tools(ALL, PEOPLE, ["en", "hi"]), name, **arguments)
    assert told.status == "error" and why in told.content and told.artifact is None


def test_an_agent_has_the_tools_it_is_given_and_can_use() -> None:
    def names(*built_in: str, connects: Any = PEOPLE) -> set[str]:
        return {one.name for one in call_tools(dict.fromkeys(built_in, {}), connects, ["en"])}

    assert names() == set()
    assert names("end_call", "transfer_to_number") == {"end_call", "transfer_to_number"}
    assert names("transfer_to_number", "language_detection", connects=[]) == set()


def test_elevenlabs_transfer_rules_name_people_too() -> None:
    rules = {
        "params": {
            "transfers": [
                {"transfer_destination": {"type": "phone", "phone_number": "+15550100143"},
                 "condition": "billing", "transfer_type": "conference"},
                {"phone_number": "+15550100144", "condition": ""},
                {"transfer_destination": {"type": "sip_uri", "sip_uri": "sip:a@b"}},
            ]
        }
    }  # fmt: skip
    found = people(rules, PEOPLE)
    assert [(one.to, one.when, one.warm) for one in found] == [
        ("+15550100142", "", True), ("+15550100143", "billing", True), ("+15550100144", "", False),
    ]  # fmt: skip


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[tuple[CallBacks, Permissions]]:
    async with open_database(tmp_path) as engine:
        permissions = Permissions(
            PermissionRecords(engine), Settings(call_countries="US,IN"), lambda: NOW
        )
        yield CallBacks(engine), permissions


async def promise(desk: Any, caller: str | None = "+12125550142", **arguments: Any) -> Any:
    backs, permissions = desk
    talk = Conversation(id="c1", organisation="acme", agent_id="a1", caller=caller)
    about = Organisation(name="Acme", timezone="America/New_York", country="US")
    _, made = call_back_tools(backs, permissions, talk, about, lambda: NOW)
    given = {"at": "2026-11-25T14:00", "about": "The demo."} | arguments
    return await call([made], "call_back_later", **given)


async def test_a_call_back_is_a_row_with_a_time_and_a_number(desk: Any) -> None:
    for _ in range(3):
        told = await promise(desk)
    assert "Wednesday 25 November at 2 PM" in told.content
    (row,) = await desk[0].due(NOW.replace(day=26))
    assert (row.number, row.due_at) == ("+12125550142", NOW.replace(day=25, hour=19))
    assert (row.agent_id, row.conversation_id, row.about) == ("a1", "c1", "The demo.")


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"at": "2026-11-25T23:00"}, "Wednesday 23:00"),
        ({"at": "2026-11-24T09:00"}, "next 60 days"),
        ({"at": "2027-11-24T09:00"}, "next 60 days"),
        ({"at": "soon"}, "is not a time"),
        ({"phone": "+442079460018"}, "Numbers of GB are not called"),
        ({"phone": "+881612345678"}, "toll fraud"),
        ({"phone": "1"}, "Ask for the number"),
        ({"caller": None}, "Ask for the number"),
    ],
)
async def test_a_call_back_that_could_not_be_made_is_not_promised(
    desk: Any, arguments: dict[str, Any], why: str
) -> None:
    told = await promise(desk, **arguments)
    assert told.status == "error" and why in told.content
    assert await desk[0].due(NOW.replace(year=2028)) == []


async def test_who_is_on_the_list_is_promised_no_call(desk: Any) -> None:
    await desk[1].opt_out("+12125550142", "voice")
    assert "list of numbers not to be called" in (await promise(desk)).content
