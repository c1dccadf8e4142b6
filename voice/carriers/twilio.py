"""Twilio: TwiML, request signatures and Media Streams.

https://www.twilio.com/docs/voice/media-streams/websocket-messages,
https://www.twilio.com/docs/usage/security#validating-requests
"""

import json
from collections.abc import Mapping
from typing import Any

from pipecat.audio.utils import ulaw_to_pcm
from pipecat.frames.frames import Frame, InputAudioRawFrame
from pipecat.serializers.twilio import TwilioFrameSerializer
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Connect, VoiceResponse

from settings import Settings
from voice.carriers import (
    Answer,
    Carrier,
    StreamStart,
    Webhook,
    marked,
    payload_of,
    pressed,
    read_json,
    register,
)
from voice.frames import HangupFrame, MarkFrame

SAMPLE_RATE = 8000


class TwilioSerializer(TwilioFrameSerializer):
    """Pipecat's Media Streams serializer, with marks both ways and the caller's hang-up.

    What it does not know, or cannot read, it leaves out: a stream never ends over an odd message.
    """

    def __init__(self, start: StreamStart) -> None:
        super().__init__(start.stream_sid, params=self.InputParams(auto_hang_up=False))

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Write a frame as Twilio's JSON."""
        if isinstance(frame, MarkFrame):
            return json.dumps(
                {"event": "mark", "streamSid": self._stream_sid, "mark": {"name": frame.mark}}
            )
        return await super().serialize(frame)

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Read Twilio's JSON."""
        message = read_json(data)
        match message.get("event"):
            case "media":
                return await self._audio(message)
            case "dtmf":
                return pressed(message)
            case "mark":
                return marked(message)
            case "stop":
                return HangupFrame()
        return None

    async def _audio(self, message: Mapping[str, Any]) -> Frame | None:
        payload = payload_of(message)
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
    signature = webhook.headers.get("x-twilio-signature", "")
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


def _read_start(message: Mapping[str, Any]) -> StreamStart | None:
    start = message.get("start")
    if message.get("event") != "start" or not isinstance(start, dict):
        return None
    parameters = start.get("customParameters")
    return StreamStart(
        call_sid=str(start.get("callSid", "")),
        stream_sid=str(start.get("streamSid", "")),
        parameters=parameters if isinstance(parameters, dict) else {},
    )


register(
    Carrier(
        name="twilio",
        sample_rate=SAMPLE_RATE,
        configured=_configured,
        genuine=_genuine,
        connect=_connect,
        refuse=_refuse,
        hang_up=_hang_up,
        read_start=_read_start,
        serializer=TwilioSerializer,
    )
)
