"""A spoken conversation over ElevenLabs' socket: the protocol of its sound and its events.

Sound goes both ways as PCM16 of 16 kHz in base64. Nothing in the protocol tells what a client has
played, so what was heard is reckoned by the clock.
"""

import base64
import binascii
from typing import Any, Final

from pipecat.frames.frames import AudioRawFrame, Frame, InputAudioRawFrame, InterruptionFrame
from pipecat.serializers.base_serializer import FrameSerializer

from server.convai.client_events import ClientEvents
from server.convai.event_socket import CutOff, EventSocket
from store.calls import Call
from voice.frames import CallerTurnFrame, CallEventFrame, HangupFrame

RATE: Final = 16000
"""Samples a second, both ways."""
FORMAT: Final = "pcm_16000"


class SpokenChat(FrameSerializer):
    """Speaks ElevenLabs' events in the pipeline of a call.

    Args:
        socket: the client.
        call: the conversation; its transcript says what was heard.
        events: takes what is neither sound nor words.
    """

    def __init__(self, socket: EventSocket, call: Call, events: ClientEvents) -> None:
        super().__init__()
        self._socket = socket
        self._call = call
        self._events = events
        self._said: dict[str, str] = {}
        self._correcting = False

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Write a frame as an event."""
        match frame:
            case AudioRawFrame():
                sound = base64.b64encode(frame.audio).decode()
                about = {"audio_base_64": sound, "event_id": self._socket.next_event()}
                return self._socket.written("audio", audio_event=about)
            case InterruptionFrame():  # the client drops what has this number or less
                self._correcting = True
                event_id = {"event_id": self._socket.last_event}
                return self._socket.written("interruption", interruption_event=event_id)
            case CallEventFrame(kind="transcript", data=said):
                return self._transcript(said)
            case CallEventFrame(kind="speaking") if self._correcting:
                return self._correction()
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Read what the client sends; one that goes on sending what is no event is cut off."""
        try:
            event = await self._socket.read(data)
            if event is None:
                return None
            if "user_audio_chunk" in event:
                return await self._sound(event["user_audio_chunk"])
            if event.get("type") == "user_message":
                text = await self._events.words(event)
                return CallerTurnFrame(text, typed=True) if text else None
            await self._events.take(event)
        except CutOff:
            return HangupFrame()
        return None

    async def _sound(self, given: Any) -> Frame | None:
        try:
            sound = base64.b64decode(given, validate=True)
        except (binascii.Error, TypeError, ValueError):
            await self._socket.complain("user_audio_chunk: expected PCM16 of 16 kHz in base64.")
            return None
        whole = sound[: len(sound) // 2 * 2]
        return InputAudioRawFrame(whole, RATE, 1) if whole else None

    def _transcript(self, said: dict[str, Any]) -> str | None:
        text = str(said.get("text") or "")
        if not said.get("final") or not text:
            return None
        about = {"event_id": self._socket.next_event()}
        if said.get("role") == "caller":
            heard = {"user_transcript": text, **about}
            return self._socket.written("user_transcript", user_transcription_event=heard)
        self._said[str(said.get("id"))] = text
        response = {"agent_response": text, **about}
        return self._socket.written("agent_response", agent_response_event=response)

    def _correction(self) -> str | None:
        """Tell what was heard of what was told as said, once that is known."""
        self._correcting = False
        for one in reversed(self._call.transcript):
            said = self._said.get(one.message_id or "")
            if one.role == "bot" and one.interrupted and said is not None and said != one.text:
                self._said[one.message_id or ""] = one.text
                about = {
                    "original_agent_response": said,
                    "corrected_agent_response": one.text,
                    "event_id": self._socket.next_event(),
                }
                kind = "agent_response_correction"
                return self._socket.written(kind, agent_response_correction_event=about)
        return None
