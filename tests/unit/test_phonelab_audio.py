"""Telephone audio, the recording, and what a listener notices."""

import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.phonelab import mulaw
from voice.phonelab.ear import Ear
from voice.phonelab.mulaw import FRAME, RATE, SILENT_FRAME
from voice.phonelab.recording import Recording

LOUD = mulaw.encode(np.full(FRAME, 8000, np.int16))


@given(st.integers(-32768, 32767))
def test_mulaw_keeps_each_sample_within_its_quantisation_step(sample):
    back = int(mulaw.decode(mulaw.encode(np.array([sample], np.int16)))[0])
    assert abs(back - sample) <= (abs(sample) + 132) / 32


@given(st.integers(0, 255))
def test_every_mulaw_byte_survives_decoding_and_encoding(code):
    decoded = mulaw.decode(bytes([code]))
    again = mulaw.decode(mulaw.encode(decoded))
    assert decoded == again


def test_the_code_words_of_g711_are_the_standard_ones():
    samples = np.array([0, 32635, -32635, 1000, -1000], np.int16)
    assert mulaw.encode(samples) == bytes([0xFF, 0x80, 0x00, 0xCE, 0x4E])


def test_silence_around_speech_is_trimmed():
    assert mulaw.trim(SILENT_FRAME * 3 + LOUD + SILENT_FRAME) == LOUD
    assert mulaw.trim(SILENT_FRAME) == b""


def test_a_recording_of_another_rate_is_brought_to_8_khz(tmp_path):
    file = tmp_path / "said.wav"
    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(16000)
        wav.writeframes(b"\0\0" * 16000)
    assert len(mulaw.read_wav(file)) == RATE


def test_a_file_that_is_not_wav_is_named(tmp_path):
    file = tmp_path / "song.mp3"
    file.write_bytes(b"ID3 not a wav")
    with pytest.raises(ValueError, match=r"song\.mp3 is not a WAV file"):
        mulaw.read_wav(file)


def test_the_recording_has_the_caller_on_the_left_and_the_bot_on_the_right(tmp_path):
    recording = Recording()
    recording.add(LOUD, SILENT_FRAME)
    recording.add(SILENT_FRAME, LOUD)
    with wave.open(str(recording.save(tmp_path / "calls" / "call.wav"))) as wav:
        assert (wav.getnchannels(), wav.getframerate(), wav.getnframes()) == (2, 8000, 320)
        both = np.frombuffer(wav.readframes(320), "<i2").reshape(-1, 2)
    assert both[:160, 0].min() > 7000 and not both[:160, 1].any()
    assert both[160:, 1].min() > 7000 and not both[160:, 0].any()


def test_the_sides_of_a_recording_cannot_come_apart():
    with pytest.raises(ValueError, match="160 bytes of the caller beside 80"):
        Recording().add(SILENT_FRAME, LOUD[:80])


def _hear(ear: Ear, *frames: bytes) -> None:
    for frame in frames:
        ear.hear(frame)


def test_latency_runs_from_the_callers_last_sound_to_the_bots_first():
    ear = Ear()
    _hear(ear, *[LOUD] * 10, *[SILENT_FRAME] * 20)
    ear.expect("yes", LOUD + SILENT_FRAME, ear.position)
    _hear(ear, *[SILENT_FRAME] * 30, LOUD)
    assert ear.turns[0].latency_ms == pytest.approx((30 * FRAME - (FRAME - 1)) * 1000 / RATE)


def test_the_rest_of_a_sentence_the_caller_broke_into_is_no_answer():
    ear = Ear()
    _hear(ear, *[LOUD] * 10)
    ear.expect("wait", LOUD * 5, ear.position)
    _hear(ear, *[LOUD] * 10)
    assert ear.turns[0].answered is None
    assert not ear.spoke_since(ear.turns[0].ended)
    _hear(ear, *[SILENT_FRAME] * 15, LOUD)
    assert ear.turns[0].answered == 35 * FRAME
    assert ear.spoke_since(ear.turns[0].ended)


def test_silent_audio_of_the_bot_is_not_an_answer():
    ear = Ear()
    ear.expect("yes", LOUD, 0)
    _hear(ear, SILENT_FRAME, b"\x7f" * FRAME)
    assert ear.turns[0].answered is None
    assert ear.quiet_secs == pytest.approx(0.04)
