"""What a graph has the telephone do: hang up, transfer, send tones, speak otherwise.

A graph puts an action on the message with which it announces it; the channel carries it out when
the turn is committed and the message was heard. A turn that is withdrawn leaves none. A channel
that can not do it (a chat) shows it.

    AIMessage("I will put you through.", additional_kwargs=action(Transfer(to="+15550100")))
"""

from collections.abc import Mapping

from langchain_core.messages import BaseMessage
from pydantic import TypeAdapter

from tools.call_actions import KEY, CallAction, HangUp, SendDigits, SpeakAs, Transfer, action

__all__ = [
    "CallAction",
    "HangUp",
    "SendDigits",
    "SpeakAs",
    "Transfer",
    "action",
    "action_of",
    "shown",
]

_ACTION: TypeAdapter[CallAction] = TypeAdapter(CallAction)


def action_of(message: BaseMessage) -> CallAction | None:
    """Return what a message announces; None where it announces nothing.

    Raises:
        pydantic.ValidationError: the graph wrote something else there.
    """
    written = message.additional_kwargs.get(KEY)
    return _ACTION.validate_python(written) if isinstance(written, Mapping) else None


def shown(do: CallAction) -> str:
    """Say what the telephone would do, for a channel that can only show it."""
    match do:
        case HangUp():
            return "would hang up"
        case Transfer(to=to, warm=warm):
            return f"would transfer to {to}" + (", with a briefing" if warm else "")
        case SendDigits(digits=digits):
            return f"would press {digits}"
        case SpeakAs(voice=voice, language=language):
            return f"would speak as {voice or 'before'}, in {language or 'the same language'}"
