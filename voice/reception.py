"""Who answers which number: what a call, or a message, from outside is led to."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from settings import Settings
from store.calls import Call
from store.conversations import conversation_id
from voice.phrases import phrase


@dataclass(frozen=True, slots=True)
class Inbound:
    """Somebody rings, or writes."""

    called: str
    """Number of ours, E.164."""
    caller: str
    """Number of the person, E.164; as the carrier shows it, which proves nothing."""
    sid: str
    """The carrier's, of the call or message."""
    medium: Literal["voice", "sms"] = "voice"


@dataclass(frozen=True, slots=True)
class Reached:
    """Who is reached."""

    graph: str
    agent_id: str | None = None
    opening: Mapping[str, Any] = field(default_factory=dict)
    """What the graph is given at the start, by keys of its state."""
    thread_id: str | None = None
    """Of the conversation, where it has one already."""


Reception = Callable[[Inbound], Awaitable[Reached | None]]
"""Tells who is reached; None where it knows of nobody, and the settings are to decide."""


def about_the_call(
    thread_id: str, direction: str, person: str | None, ours: str | None
) -> dict[str, Any]:
    """Return what every graph is told at the start, as far as its state has keys for it."""
    return {
        "conversation_id": conversation_id(thread_id),
        "direction": direction,
        "caller": person or "",
        "called": ours or "",
    }


def line_of(call: Call) -> dict[str, str]:
    """Return what a graph may know of the line, see `Threads.begin`."""
    person = call.to_number if call.direction == "outbound" else call.from_number
    channel = "page" if call.direction == "browser" else "phone"
    return {"channel": channel, "person": person or ""}


def agent_language(call: Call) -> str | None:
    """Return the language that the agent of a call begins in; None where there is no agent."""
    language = _agent(call).get("language")
    return str(language) if language else None


def agent_voice(call: Call) -> str | None:
    """Return the provider's name of the voice of a call's agent; None for the usual one."""
    agent = _agent(call)
    voices = agent.get("voices")
    by_language = voices.get(agent.get("language")) if isinstance(voices, dict) else None
    voice = by_language or agent.get("voice")
    return str(voice) if voice else None


def voicemail(call: Call, settings: Settings) -> Settings:
    """Return the settings of a call, with the message that its agent leaves on a machine.

    A call for one person's ears, whose opening says so (`{"voicemail": "hang_up"}`), tells a
    machine nothing.
    """
    if call.opening.get("voicemail") == "hang_up":
        return settings.model_copy(update={"voicemail": "hang_up"})
    built_in = _agent(call).get("built_in")
    rules = built_in.get("voicemail_detection") if isinstance(built_in, dict) else None
    message = rules.get("voicemail_message") if isinstance(rules, dict) else None
    if not message:
        return settings
    told = {"voicemail": "leave_message", "voicemail_message": str(message)}
    return settings.model_copy(update=told)


def limited(call: Call, settings: Settings) -> Settings:
    """Return the settings of a call, with what its agent limits itself to.

    An agent may end its conversations earlier than the server would, never later, and have them
    not recorded, never recorded where the server does not.
    """
    own: dict[str, float | bool] = {}
    if longest := own_longest_secs(call):
        own["max_call_secs"] = min(longest, settings.max_call_secs)
    if silence := _agent(call).get("silence_secs"):
        own["silence_secs"] = float(silence)
    if _agent(call).get("record_voice") is False:
        own |= {"record_calls": False, "record_flights": False}
    return settings.model_copy(update=own) if own else settings


def own_longest_secs(call: Call) -> float | None:
    """Return how long the agent of a call lets it last, in seconds; None for no limit of its."""
    longest = _agent(call).get("max_duration_secs")
    return float(longest) if longest else None


def last_words(call: Call, language: str) -> str:
    """Return what is said when a conversation has lasted as long as it may."""
    return str(_agent(call).get("max_duration_message") or "") or phrase("too_long", language)


def _agent(call: Call) -> Mapping[str, Any]:
    agent = call.opening.get("agent")
    return agent if isinstance(agent, dict) else {}
