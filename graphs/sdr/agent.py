"""Who speaks: the frozen description of an agent, as it goes into the state of a conversation."""

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphs.models import Llm
from settings import E164
from tools.organisation import Organisation, OrganisationError

__all__ = ["Agent", "FactName", "Llm", "TransferNumber", "agent_of"]

FactName = Literal["need", "team_size", "budget", "authority", "timing"]

EVERY_BUILT_IN: Final = (
    "end_call",
    "transfer_to_number",
    "language_detection",
    "skip_turn",
    "voicemail_detection",
    "play_keypad_touch_tone",
)
"""Names of the built-in tools, as ElevenLabs has them."""


def _every_built_in() -> dict[str, dict[str, Any]]:
    return {name: {} for name in EVERY_BUILT_IN}


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class TransferNumber(_Frozen):
    """A person whom callers can be connected with."""

    to: str = Field(pattern=rf"^{E164}$")
    """E.164."""
    name: str = "a colleague"
    """As the caller is told of them: "a colleague", "our billing desk"."""
    when: str = ""
    """For which wishes; empty for any."""
    warm: bool = False
    """Whether the person is told what it is about before the caller is connected."""


class Agent(_Frozen):
    """An agent with everything resolved: overrides applied, variables put in, no secret inside.

    It is given to the graph as `Begin({"agent": agent.model_dump(mode="json")})`.
    """

    agent_id: str = Field(min_length=1)
    name: str = Field(min_length=1)
    """Name it gives itself."""
    organisation: str = Field(min_length=1)
    """Name of the folder of its organisation, or of one made over the API."""
    company: str = ""
    """Name of the organisation as it is spoken; that in its file when empty, if it has one."""
    first_message: str = ""
    """What it says first, placeholders filled in; empty: a greeting made of its name."""
    prompt: str = ""
    """Instructions for the model, placeholders filled in."""
    language: str = Field("en", pattern=r"^[a-z]{2}$")
    """ISO 639-1; the language it begins in."""
    languages: tuple[str, ...] = ("en", "hi")
    """Languages it may switch to; its own is among them in any case."""
    voice: str | None = None
    """The provider's name of the voice; None for the one in the settings."""
    voices: dict[str, str] = Field(default_factory=dict)
    """Voice by language, where it has one of its own."""
    llm: Llm = Llm()
    disclose_ai: bool = True
    """Whether it says at the start that it is an AI. Asked, it always says so."""
    record_consent: bool = False
    """Whether it asks first if the call may be recorded."""
    built_in: dict[str, dict[str, Any]] = Field(default_factory=_every_built_in)
    """Built-in tools that it has, with their parameters; one that is missing is not used."""
    tools: tuple[dict[str, Any], ...] = ()
    """Webhook and MCP tools."""
    documents: tuple[str, ...] | None = None
    """Ids of the documents it knows; None for all of its organisation."""
    max_chunks: int = Field(3, ge=1, le=20)
    """Most passages retrieved for a turn."""
    variables: dict[str, str | int | float | bool] = Field(default_factory=dict)
    """Dynamic variables; never one whose name begins with `secret__`."""
    qualification: tuple[FactName, ...] = ("need", "team_size", "budget", "authority", "timing")
    """Facts it asks for, in this order; empty for none."""
    transfer_numbers: tuple[TransferNumber, ...] = ()
    """People callers can be connected with, the first for any wish."""
    max_duration_secs: float | None = Field(None, gt=0)
    """Longest conversation, in seconds; None, or more than the server's own limit, for that."""
    max_duration_message: str = ""
    """What is said when that is over; the usual phrase when empty."""
    record_voice: bool = True
    """Whether its calls may be recorded, where the settings say that calls are."""
    silence_secs: float | None = Field(None, gt=0)
    """Silence after a question until it is asked again; None for that of the settings."""

    def model_post_init(self, _: Any) -> None:
        """Refuse what must not enter the state.

        Raises:
            ValueError: a variable is a secret.
        """
        if secret := sorted(name for name in self.variables if name.startswith("secret__")):
            raise ValueError(f"variables: {', '.join(secret)} must not enter the state.")

    def has(self, built_in: str) -> bool:
        """Whether it has a built-in tool."""
        return built_in in self.built_in


def agent_of(organisation: Organisation, name: str, llm: Llm) -> Agent:
    """Make the agent that an organisation's file describes.

    Args:
        organisation: what its file says.
        name: of its folder.
        llm: the model, where the file names none.

    Raises:
        OrganisationError: the file describes an agent that there cannot be.
    """
    described = {
        "agent_id": name,
        "name": "the assistant",
        "llm": llm,
        "company": organisation.name,
        **organisation.agent,
        "organisation": name,
    }
    try:
        return Agent.model_validate(described)
    except ValidationError as error:
        raise OrganisationError(f"{name}/organisation.yaml: agent: {error}") from error
