"""An agent made over the API speaks for itself, and for nobody it was not told of."""

from pathlib import Path
from typing import Any

from server.convai.config import ClientData
from server.convai.mapping import prepared
from settings import Settings
from tests.sdr import Conversation, conversation


def opening(**part: Any) -> dict[str, Any]:
    """What the graph is given of an agent whose JSON says so."""
    document = {"conversation_config": {"agent": part}}
    settings = Settings(_env_file=None)
    made = prepared("agent_1", "Ada", document, {}, ClientData(), {}, settings, ["sdr"])
    return made.opening("conv_1", "text", None)


async def everything(talk: Conversation, *said: str, **part: Any) -> str:
    return " ".join([await talk.open(**opening(**part)), *[await talk.say(text) for text in said]])


async def test_it_asks_nothing_of_the_shipped_organisation_and_names_no_folder(
    tmp_path: Path,
) -> None:
    """A newcomer's receptionist asked for the size of the team and spoke "of workspace"."""
    async with conversation(tmp_path) as talk:
        said = await everything(
            talk, "Hello.", "Are you a robot?", "What does it cost?", "Yes.", "We are ten people."
        )
        assert "this is Ada, an AI assistant." in said
        assert "I am Ada, an AI assistant, not a person." in said
        for foreign in ("workspace", "agent_1", "Lanternfield", "people", "decide", "meeting"):
            assert foreign not in said


async def test_it_speaks_for_the_company_and_asks_the_facts_that_it_names(tmp_path: Path) -> None:
    async with conversation(tmp_path) as talk:
        said = await everything(talk, "Hello.", company="Bluebird", qualification=["team_size"])
        assert "an AI assistant of Bluebird." in said
        assert "How many people" in said


async def test_a_first_message_without_a_full_stop_does_not_run_into_the_disclosure(
    tmp_path: Path,
) -> None:
    async with conversation(tmp_path) as talk:
        said = await talk.open(**opening(first_message="Hi there ", record_consent=True))
        assert said.startswith("Hi there. I am an AI assistant. May this call be recorded?")
    async with conversation(tmp_path / "b") as talk:
        said = await talk.open(**opening(first_message="Hi from your AI", record_consent=True))
        assert said.startswith("Hi from your AI. May this call be recorded?")
