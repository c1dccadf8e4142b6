"""Exotel: the Voicebot applet, whose stream is JSON with PCM16 in it.

https://support.exotel.com/support/solutions/articles/3000108630-working-with-the-stream-and-voicebot-applet

Exotel signs nothing. The applet is given the https address of a webhook, which answers
`{"url": "wss://..."}`; its credentials go into that address (`https://KEY:TOKEN@host/...`) and
arrive as HTTP basic authentication. A stream's address may carry parameters, which come back in
the message `start`.
"""

import base64
import json
import secrets
from collections.abc import Mapping
from urllib.parse import urlencode

from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.serializers.exotel import ExotelFrameSerializer

from settings import Settings
from voice.carriers import (
    Answer,
    Carrier,
    StreamStart,
    Webhook,
    read_json,
    register,
)
from voice.frames import MarkFrame
from voice.media_stream import Keys, read_event, read_payload

SAMPLE_RATE = 8000
KEYS = Keys("call_sid", "stream_sid", "custom_parameters")


class ExotelSerializer(ExotelFrameSerializer):
    """Pipecat's Exotel serializer, with marks both ways and the caller's hang-up."""

    def __init__(self, start: StreamStart) -> None:
        super().__init__(start.stream_sid, start.call_sid)

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Write a frame as Exotel's JSON."""
        if isinstance(frame, MarkFrame):
            return KEYS.write_mark(self._stream_sid, frame.mark)
        return await super().serialize(frame)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Read Exotel's JSON."""
        message = read_json(data)
        if message.get("event") == "media":
            pcm = read_payload(message)
            pcm = pcm[: len(pcm) // 2 * 2]
            return InputAudioRawFrame(pcm, SAMPLE_RATE, 1) if pcm else None
        return read_event(message)


def _configured(settings: Settings) -> bool:
    return settings.exotel_api_key is not None and settings.exotel_api_token is not None


def _genuine(webhook: Webhook, settings: Settings) -> bool:
    if settings.exotel_api_key is None or settings.exotel_api_token is None:
        return False
    scheme, _, encoded = webhook.headers.get("authorization", "").partition(" ")
    try:
        given = base64.b64decode(encoded, validate=True)
    except ValueError:
        return False
    key, token = settings.exotel_api_key, settings.exotel_api_token
    expected = f"{key.get_secret_value()}:{token.get_secret_value()}".encode()
    return scheme.lower() == "basic" and secrets.compare_digest(given, expected)


def _connect(stream_url: str, parameters: Mapping[str, str], _then: str) -> Answer:
    return Answer(json.dumps({"url": f"{stream_url}?{urlencode(parameters)}"}), "application/json")


register(
    Carrier(
        name="exotel",
        sample_rate=SAMPLE_RATE,
        configured=_configured,
        proof="authorization",
        genuine=_genuine,
        connect=_connect,
        refuse=lambda _sentence: Answer("", "application/json", status=403),
        hang_up=lambda: Answer("", "application/json", status=403),
        read_start=KEYS.read_start,
        serializer=ExotelSerializer,
        sample_bytes=2,
    )
)
