"""The JSON of a media stream, the same for the carriers but for the spelling of its keys."""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.frames.frames import Frame, InputDTMFFrame

from voice.carriers import StreamStart
from voice.frames import HangupFrame, MarkPlayedFrame


@dataclass(frozen=True, slots=True)
class Keys:
    """How a carrier spells the keys of its stream."""

    call_sid: str
    stream_sid: str
    parameters: str

    def read_start(self, message: Mapping[str, Any]) -> StreamStart | None:
        """Read the message that begins a stream; None for any other message."""
        start = message.get("start")
        if message.get("event") != "start" or not isinstance(start, dict):
            return None
        parameters = start.get(self.parameters)
        given = parameters.items() if isinstance(parameters, dict) else ()
        return StreamStart(
            call_sid=str(start.get(self.call_sid, "")),
            stream_sid=str(start.get(self.stream_sid) or message.get(self.stream_sid, "")),
            parameters={name: value for name, value in given if isinstance(value, str)},
        )

    def write_mark(self, stream_sid: str, mark: str) -> str:
        """Write the message that is answered when the audio before it was played."""
        return json.dumps({"event": "mark", self.stream_sid: stream_sid, "mark": {"name": mark}})


def read_payload(message: Mapping[str, Any]) -> bytes:
    """Read the audio of a media message; empty when there is none to be read."""
    media = message.get("media")
    try:
        return base64.b64decode(media["payload"], validate=True) if media else b""
    except (binascii.Error, KeyError, TypeError, ValueError):
        return b""


def read_event(message: Mapping[str, Any]) -> Frame | None:
    """Read a key, a mark that was played, or the end of the call; None for all else."""
    match message:
        case {"event": "dtmf", "dtmf": {"digit": str(digit)}} if digit in _DIGITS:
            return InputDTMFFrame(KeypadEntry(digit))
        case {"event": "mark", "mark": {"name": str(name)}}:
            return MarkPlayedFrame(name)
        case {"event": "stop"}:
            return HangupFrame()
    return None


_DIGITS = frozenset(key.value for key in KeypadEntry)
