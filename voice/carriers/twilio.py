"""Twilio: TwiML, request signatures and Media Streams.

https://www.twilio.com/docs/voice/media-streams/websocket-messages,
https://www.twilio.com/docs/usage/security#validating-requests
"""

from collections.abc import Mapping
from typing import Any

from pipecat.audio.utils import ulaw_to_pcm
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.serializers.twilio import TwilioFrameSerializer
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

from settings import Settings
from store.calls import AnsweredBy
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
SIGNATURE = "x-twilio-signature"
ANSWERED_BY: Mapping[str, tuple[AnsweredBy, bool]] = {
    "human": ("human", False),
    "machine_start": ("machine", False),
    "machine_end_beep": ("machine", True),
    "machine_end_silence": ("machine", True),
    "machine_end_other": ("machine", True),
    "fax": ("fax", False),
    "unknown": ("unknown", False),
}
"""Who has taken a call and whether a greeting is over, by `AnsweredBy`:
https://www.twilio.com/docs/voice/answering-machine-detection"""
KEYS = Keys("callSid", "streamSid", "customParameters")


class TwilioSerializer(TwilioFrameSerializer):
    """Pipecat's Media Streams serializer, with marks both ways and the caller's hang-up.

    What it does not know, or cannot read, it leaves out: a stream never ends over an odd message.
    """

    def __init__(self, start: StreamStart) -> None:
        super().__init__(start.stream_sid, params=self.InputParams(auto_hang_up=False))

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Write a frame as Twilio's JSON."""
        if isinstance(frame, MarkFrame):
            return KEYS.write_mark(self._stream_sid, frame.mark)
        return await super().serialize(frame)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Read Twilio's JSON."""
        message = read_json(data)
        if message.get("event") == "media":
            return await self._audio(message)
        return read_event(message)

    async def _audio(self, message: Mapping[str, Any]) -> Frame | None:
        payload = read_payload(message)
        if not payload:
            return None
        pcm = await ulaw_to_pcm(payload, SAMPLE_RATE, self._sample_rate, self._input_resampler)
        return InputAudioRawFrame(pcm, self._sample_rate, 1) if pcm else None


def _configured(settings: Settings) -> bool:
    return settings.twilio_auth_token is not None


def _genuine(webhook: Webhook, settings: Settings) -> bool:
    if settings.twilio_auth_token is None:
        return False
    validator = RequestValidator(settings.twilio_auth_token.get_secret_value())
    signature = webhook.headers.get(SIGNATURE, "")
    return bool(signature and validator.validate(webhook.url, dict(webhook.fields), signature))


def _twiml(response: VoiceResponse) -> Answer:
    return Answer(str(response), "application/xml")


def _connect(stream_url: str, parameters: Mapping[str, str], then: str) -> Answer:
    response, connect = VoiceResponse(), Connect()
    stream = connect.stream(url=stream_url)
    for name, value in parameters.items():
        stream.parameter(name=name, value=value)
    response.append(connect)
    response.redirect(then, method="POST")
    return _twiml(response)


def _refuse(sentence: str) -> Answer:
    response = VoiceResponse()
    response.say(sentence)
    response.hangup()
    return _twiml(response)


def _hang_up() -> Answer:
    response = VoiceResponse()
    response.hangup()
    return _twiml(response)


register(
    Carrier(
        name="twilio",
        sample_rate=SAMPLE_RATE,
        configured=_configured,
        proof=SIGNATURE,
        genuine=_genuine,
        connect=_connect,
        refuse=_refuse,
        hang_up=_hang_up,
        read_start=KEYS.read_start,
        serializer=TwilioSerializer,
    )
)
