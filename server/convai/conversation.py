"""Conversations in ElevenLabs' shapes; what is sent after a call is exactly what is read here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from langchain_core.messages import BaseMessage

from server.convai.transcript import rag_usage, tool_names, tool_types, transcript
from store.calls import TURN_BY_TURN, Call
from store.conversations import Conversation

_STATUS = {
    "dialling": "initiated",
    "ringing": "initiated",
    "in-progress": "in-progress",
    "completed": "done",
    "failed": "failed",
}


def status(conversation: Conversation) -> str:
    """Return ElevenLabs' word for how far a conversation is."""
    if conversation.processing and conversation.call.status == "completed":
        return "processing"
    return _STATUS.get(conversation.call.status, "in-progress")


def summary(conversation: Conversation, agent_name: str | None) -> dict[str, Any]:
    """Return a conversation as lists show it."""
    call, about = conversation.call, conversation.about
    analysis = about.analysis or {}
    said = [utterance for utterance in call.transcript if utterance.text]
    return {
        "agent_id": conversation.agent_id,
        "agent_name": agent_name,
        "conversation_id": conversation.id,
        "start_time_unix_secs": int(call.started_at.timestamp()),
        "call_duration_secs": _duration(call),
        "message_count": len(said),
        "user_message_count": sum(u.role == "caller" for u in said),
        "agent_message_count": sum(u.role == "bot" for u in said),
        "status": status(conversation),
        "termination_reason": _reason(call),
        "call_successful": about.call_successful,
        "transcript_summary": analysis.get("transcript_summary"),
        "call_summary_title": analysis.get("call_summary_title"),
        "conversation_initiation_source": about.source,
        "direction": call.direction if call.direction in ("inbound", "outbound") else None,
        "tool_names": about.tool_names,
    }


def whole(
    conversation: Conversation,
    agent_name: str | None,
    messages: Sequence[BaseMessage],
    values: Mapping[str, Any],
    phone_number_id: str = "",
) -> dict[str, Any]:
    """Return a conversation with its transcript.

    Args:
        conversation: its call and what is known of it.
        agent_name: of the agent that held it.
        messages: of its thread, as heard.
        values: of its thread's state.
        phone_number_id: of our number, where it is one made over the API.
    """
    call, about = conversation.call, conversation.about
    agent = values.get("agent") or call.opening.get("agent") or {}
    entries = transcript(call, messages, tool_types(agent))
    recorded = call.recording is not None
    started = int(call.started_at.timestamp())
    return {
        "agent_id": conversation.agent_id,
        "agent_name": agent_name,
        "conversation_id": conversation.id,
        "status": status(conversation),
        "user_id": about.user_id,
        "transcript": entries,
        "metadata": {
            "start_time_unix_secs": started,
            "accepted_time_unix_secs": started,
            "call_duration_secs": _duration(call),
            "cost": None,
            "deletion_settings": {},
            "feedback": {"likes": 0, "dislikes": 0, **(about.feedback or {})},
            "charging": {},
            "phone_call": _phone_call(call, phone_number_id),
            "termination_reason": _reason(call),
            "error": {"code": 1011, "reason": call.failure} if call.status == "failed" else None,
            "warnings": about.warnings,
            "main_language": values.get("language") or agent.get("language"),
            "rag_usage": rag_usage(entries),
            "text_only": about.text_only,
            "conversation_initiation_source": about.source,
            "timezone": "UTC",
        },
        "analysis": about.analysis,
        "conversation_initiation_client_data": {
            "conversation_config_override": {},
            "custom_llm_extra_body": {},
            "dynamic_variables": {},
            **about.initiation,
        },
        "user_message_count": sum(e["role"] == "user" for e in entries),
        "agent_message_count": sum(e["role"] == "agent" and bool(e["message"]) for e in entries),
        "has_audio": recorded,
        "has_user_audio": recorded,
        "has_response_audio": recorded,
        "has_auxiliary_audio": False,
        "tool_names": tool_names(entries),
        "facts": values.get("facts"),
    }


def _duration(call: Call) -> int:
    ended = call.ended_at or datetime.now(UTC)
    return max(0, round((ended - call.started_at).total_seconds()))


def _reason(call: Call) -> str:
    if call.ended_at is None:
        return ""
    return call.failure or call.outcome or "The conversation has ended."


def _phone_call(call: Call, phone_number_id: str) -> dict[str, Any] | None:
    carrier = "twilio" if call.carrier == TURN_BY_TURN else call.carrier
    if carrier not in ("twilio", "exotel") or call.direction == "browser":
        return None
    outbound = call.direction == "outbound"
    ours, theirs = call.from_number or "", call.to_number or ""
    return {
        "type": carrier,
        "direction": call.direction,
        "phone_number_id": phone_number_id,
        "agent_number": ours if outbound else theirs,
        "external_number": theirs if outbound else ours,
        "stream_sid": "",
        "call_sid": call.sid,
    }
