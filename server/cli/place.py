"""`dialgraph call --agent`: have the running server ring somebody."""

from typing import Any

import httpx
from rich.console import Console
from rich.markup import escape

from settings import Settings

ASK_SECS = 60.0
"""Longest wait for the carrier's answer, in seconds."""


class NotPlaced(Exception):
    """The call was not placed; the text says why."""


def place(agent_id: str, to: str, server: str, settings: Settings, console: Console) -> None:
    """Place a call for an agent through the server's API, and say what became of it.

    Raises:
        NotPlaced: with the reason.
    """
    key = {"xi-api-key": settings.api_key.get_secret_value()} if settings.api_key else {}
    asked = {"agent_id": agent_id, "to_number": to}
    try:
        answer = httpx.post(
            f"{server}/v1/convai/twilio/outbound-call",
            json=asked,
            headers=key,
            timeout=ASK_SECS,
            trust_env=False,
        )
        told: dict[str, Any] = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotPlaced(f"Nothing answers at {server} ({type(error).__name__}).") from error
    if not told.get("success"):
        raise NotPlaced(str(told.get("message") or told.get("detail") or answer.status_code))
    console.print(f"Ringing {escape(to)}: {escape(str(told.get('callSid')))}")
    console.print(f"Conversation: {escape(str(told.get('conversation_id')))}", style="dim")
