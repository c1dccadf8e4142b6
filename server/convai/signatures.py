"""Signatures that let a client without a key open one conversation with one agent, for a while."""

import base64
import binascii
import hmac
import json
import secrets
import time
from dataclasses import dataclass

from store.secrets import MasterKey

VALID_SECS = 15 * 60
"""How long a signature may be used, in seconds, as with ElevenLabs."""


@dataclass(frozen=True, slots=True)
class Signed:
    """What a signature lets its bearer do."""

    agent_id: str
    thread_id: str | None = None


def sign(key: MasterKey, agent_id: str, thread_id: str | None = None) -> str:
    """Return a signature for an agent, and for the conversation if that has its id already."""
    written = {"a": agent_id, "c": thread_id, "e": int(time.time()) + VALID_SECS}
    body = json.dumps({**written, "n": secrets.token_hex(8)}).encode()
    return f"{_encode(body)}.{_encode(key.sign(body))}"


def read(key: MasterKey, signature: str) -> Signed | None:
    """Return what a signature allows; None when it is forged, damaged or too old."""
    body, _, mac = signature.partition(".")
    try:
        given, written = _decode(mac), _decode(body)
        if not hmac.compare_digest(given, key.sign(written)):
            return None
        said = json.loads(written)
    except (ValueError, binascii.Error):
        return None
    return Signed(said["a"], said["c"]) if time.time() < said["e"] else None


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def _decode(text: str) -> bytes:
    return base64.b64decode(text.encode() + b"=" * (-len(text) % 4), b"-_", validate=True)
