"""The media streams of the carriers, message by message."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pipecat.frames.frames import (
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
)
from pipecat.serializers.base_serializer import FrameSerializer

from voice.carriers import CARRIERS, StreamStart, load_carriers
from voice.frames import CallEventFrame, HangupFrame, MarkFrame, MarkPlayedFrame

load_carriers()
START = StreamStart("CA1", "MZ1")
BOTH = pytest.mark.parametrize("carrier", ["twilio", "exotel"])


def serializer(carrier: str) -> FrameSerializer:
    made = CARRIERS[carrier].serializer(START)
    made._sample_rate = 8000  # type: ignore[attr-defined]  # what `setup` takes from the pipeline
    return made


async def read(carrier: str, message: Any) -> Frame | None:
    return await serializer(carrier).deserialize(json.dumps(message))


@BOTH
async def test_a_mark_names_the_point_in_the_stream(carrier: str) -> None:
    sent = json.loads(str(await serializer(carrier).serialize(MarkFrame("m7"))))
    assert (sent["event"], sent["mark"]) == ("mark", {"name": "m7"})
    assert "MZ1" in sent.values()


@BOTH
async def test_a_mark_that_comes_back_says_what_was_played(carrier: str) -> None:
    frame = await read(carrier, {"event": "mark", "mark": {"name": "m7"}})
    assert isinstance(frame, MarkPlayedFrame)
    assert frame.mark == "m7"


@BOTH
async def test_an_interruption_clears_what_the_carrier_holds(carrier: str) -> None:
    sent = json.loads(str(await serializer(carrier).serialize(InterruptionFrame())))
    assert sent["event"] == "clear"


@BOTH
async def test_a_stop_is_a_hang_up(carrier: str) -> None:
    assert isinstance(await read(carrier, {"event": "stop", "stop": {}}), HangupFrame)


@BOTH
async def test_a_key_is_read(carrier: str) -> None:
    frame = await read(carrier, {"event": "dtmf", "dtmf": {"digit": "#"}})
    assert isinstance(frame, InputDTMFFrame)
    assert frame.button.value == "#"


@BOTH
async def test_what_only_the_page_shows_is_not_sent_to_a_carrier(carrier: str) -> None:
    assert await serializer(carrier).serialize(CallEventFrame("state", {"values": {}})) is None


@pytest.mark.parametrize(("carrier", "width"), [("twilio", 1), ("exotel", 2)])
async def test_20_ms_of_sound_pass_both_ways_at_8_khz(carrier: str, width: int) -> None:
    payload = base64.b64encode(b"\x7f" * 160 * width).decode()
    heard = await read(carrier, {"event": "media", "media": {"payload": payload}})
    assert isinstance(heard, InputAudioRawFrame)
    assert (len(heard.audio), heard.sample_rate) == (320, 8000)
    sent = json.loads(
        str(await serializer(carrier).serialize(TTSAudioRawFrame(bytes(320), 8000, 1)))
    )
    assert len(base64.b64decode(sent["media"]["payload"])) == 160 * width


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)


@BOTH
@given(
    event=st.sampled_from(["media", "dtmf", "mark", "start", "connected", "clear", "other"]),
    body=JSON,
)
async def test_no_message_of_a_carrier_is_too_odd_to_read(
    carrier: str, event: str, body: Any
) -> None:
    await read(carrier, {"event": event, event: body})
    await read(carrier, body)


def test_the_start_of_a_stream_is_told_from_other_messages() -> None:
    twilio = {
        "event": "start",
        "start": {"callSid": "CA1", "streamSid": "MZ1", "customParameters": {"token": "t"}},
    }
    exotel = {
        "event": "start",
        "stream_sid": "MZ1",
        "start": {"call_sid": "CA1", "custom_parameters": {"token": "t"}},
    }
    expected = StreamStart("CA1", "MZ1", {"token": "t"})
    assert CARRIERS["twilio"].read_start(twilio) == expected
    assert CARRIERS["exotel"].read_start(exotel) == expected
    for carrier in CARRIERS.values():
        assert carrier.read_start({"event": "connected"}) is None
        assert carrier.read_start({"event": "start", "start": 5}) is None
