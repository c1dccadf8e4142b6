"""What the telephone can be told to do: hang up, transfer, send tones, speak otherwise."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

KEY = "call"
"""Among the `additional_kwargs` of the message that announces an action."""


class _Action(BaseModel):
    model_config = ConfigDict(frozen=True)


class HangUp(_Action):
    """End the call."""

    kind: Literal["hang_up"] = "hang_up"


class Transfer(_Action):
    """Connect the caller with a person."""

    kind: Literal["transfer"] = "transfer"
    to: str
    """Number of the person, E.164."""
    warm: bool = False
    """Whether the person is told what it is about before the caller is connected."""
    briefing: str | None = None
    """What the person is told."""


class SendDigits(_Action):
    """Send keypad tones."""

    kind: Literal["send_digits"] = "send_digits"
    digits: str = Field(pattern=r"^[0-9A-D*#w]{1,32}$")
    """Keys in their order; `w` waits half a second."""


class SpeakAs(_Action):
    """Speak with another voice, or in another language, from the next message on."""

    kind: Literal["speak_as"] = "speak_as"
    voice: str | None = None
    """The provider's name of the voice; None keeps it."""
    language: str | None = None
    """ISO 639-1; None keeps it."""


CallAction = Annotated[HangUp | Transfer | SendDigits | SpeakAs, Field(discriminator="kind")]


def action(do: CallAction) -> dict[str, Any]:
    """Return the `additional_kwargs` of a message that announces an action."""
    return {KEY: do.model_dump(mode="json")}
