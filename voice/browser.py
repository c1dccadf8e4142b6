"""The protocol of a browser's voice: PCM16 in binary messages, everything else in JSON."""

import json
from typing import Any

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import (
    AudioRawFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer

from store.calls import Call
from voice.frames import CallEventFrame, HangupFrame, MarkFrame, MarkPlayedFrame

INPUT_RATE = 16000
"""Samples a second of what the page sends."""
OUTPUT_RATE = 24000
"""Samples a second of what the page plays."""


class BrowserSerializer(FrameSerializer):
    """Speaks the browser's protocol; what it cannot read, it leaves out.

    Args:
        call: the conversation.
    """

    def __init__(self, call: Call) -> None:
        super().__init__()
        self._call = call

    def ready(self) -> dict[str, Any]:
        """The message that tells the page to begin."""
        return {
            "type": "ready",
            "graph": self._call.graph,
            "thread_id": self._call.thread_id,
            "input_sample_rate": INPUT_RATE,
            "output_sample_rate": OUTPUT_RATE,
        }

    async def serialize(self, frame: Frame) -> str | bytes | None:
        """Write a frame for the page."""
        if isinstance(frame, AudioRawFrame):
            return frame.audio
        if isinstance(frame, MarkFrame):
            return json.dumps({"type": "mark", "id": frame.mark})
        if isinstance(frame, InterruptionFrame):
            return json.dumps({"type": "clear"})
        if isinstance(frame, CallEventFrame):
            return json.dumps({"type": frame.kind, **frame.data}, default=str, ensure_ascii=False)
        return None

    async def deserialize(self, data: str | bytes) -> Frame | None:
        """Read what the page sends."""
        if isinstance(data, bytes):
            whole = data[: len(data) // 2 * 2]
            return InputAudioRawFrame(whole, INPUT_RATE, 1) if whole else None
        try:
            message = json.loads(data)
        except ValueError:
            return None
        return _frame(message) if isinstance(message, dict) else None


def _frame(message: dict[str, Any]) -> Frame | None:
    match message:
        case {"type": "played", "mark": str(mark)}:
            return MarkPlayedFrame(mark)
        case {"type": "keys", "digit": str(digit)} if digit in {key.value for key in KeypadEntry}:
            return InputDTMFFrame(KeypadEntry(digit))
        case {"type": "hangup"}:
            return HangupFrame()
    return None
