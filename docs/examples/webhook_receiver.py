"""Verifies what Dialgraph delivers; give it the raw bytes of the body, before any parsing."""

import hashlib
import hmac
import json
import time
from typing import Any

TOLERANCE_SECS = 30 * 60


def verified(body: bytes, signature: str, secret: str) -> dict[str, Any]:
    """Return the event, or raise ValueError when it is not genuine, or is too old."""
    fields = dict(part.split("=", 1) for part in signature.split(","))
    stamp = fields["t"]
    expected = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256)
    if not hmac.compare_digest(expected.hexdigest(), fields["v0"]):
        raise ValueError("The signature is not of this body and secret.")
    if abs(time.time() - int(stamp)) > TOLERANCE_SECS:
        raise ValueError("The delivery is too old, or from the future.")
    event: dict[str, Any] = json.loads(body)
    return event
