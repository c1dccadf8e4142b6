"""Telephone audio: G.711 mu-law, one byte a sample, 8,000 samples a second, mono.

The tables follow ITU-T G.711: a sign bit, three bits of exponent, four of mantissa, all inverted.
"""

import io
import wave
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soxr

RATE = 8000
"""Samples, and bytes, a second."""
FRAME_SECS = 0.02
"""Length of the frames a carrier sends, in seconds."""
FRAME = 160
"""Bytes in such a frame."""
SILENT_FRAME = b"\xff" * FRAME
"""A frame in which nothing is heard."""
AUDIBLE = 330
"""Smallest 16-bit amplitude that counts as heard: about -40 dB of full scale."""

_BIAS, _CLIP = 132, 32635


def _decoding_table() -> npt.NDArray[np.int16]:
    code = ~np.arange(256) & 0xFF
    magnitude = (((code & 0x0F) << 3) + _BIAS) << ((code >> 4) & 7)
    return np.where(code & 0x80, _BIAS - magnitude, magnitude - _BIAS).astype(np.int16)


def _encoding_table() -> npt.NDArray[np.uint8]:
    """One byte for each 16-bit sample, found at `sample + 32768`."""
    sample = np.arange(-32768, 32768)
    magnitude = np.minimum(np.abs(sample), _CLIP) + _BIAS
    exponent = np.log2(magnitude).astype(int) - 7
    mantissa = (magnitude >> (exponent + 3)) & 0x0F
    code: npt.NDArray[np.int64] = np.where(sample < 0, 0x80, 0) | (exponent << 4) | mantissa
    return (~code & 0xFF).astype(np.uint8)


_DECODE = _decoding_table()
_ENCODE = _encoding_table()
_HEARD = bytes((np.abs(_DECODE.astype(int)) >= AUDIBLE).astype(np.uint8))


def decode(audio: bytes) -> npt.NDArray[np.int16]:
    """Return 16-bit samples at 8 kHz."""
    return _DECODE[np.frombuffer(audio, np.uint8)]


def encode(samples: npt.NDArray[np.int16]) -> bytes:
    """Return mu-law bytes of 16-bit samples at 8 kHz."""
    return _ENCODE[samples.astype(np.int32) + 32768].tobytes()


def encode_speech(samples: npt.NDArray[np.float32], rate: int) -> bytes:
    """Return mu-law bytes of samples between -1 and 1 at `rate` Hz."""
    at_8k = soxr.resample(samples, rate, RATE) if rate != RATE else samples
    return encode(np.clip(at_8k * 32767, -32768, 32767).astype(np.int16))


def first_audible(audio: bytes) -> int:
    """Return the place of the first sample that is heard, or -1."""
    return audio.translate(_HEARD).find(1)


def last_audible(audio: bytes) -> int:
    """Return the place of the last sample that is heard, or -1."""
    return audio.translate(_HEARD).rfind(1)


def trim(audio: bytes, keep: int = 0) -> bytes:
    """Return the audio without the silence around it, but for `keep` samples on each side."""
    first = first_audible(audio)
    return audio[max(first - keep, 0) : last_audible(audio) + 1 + keep] if first >= 0 else b""


def read_wav(file: Path) -> bytes:
    """Read a 16-bit PCM WAV of any rate as mu-law; of several channels the first is taken.

    Raises:
        ValueError: the file is not 16-bit PCM WAV.
        OSError: the file cannot be read.
    """
    return decode_wav(file.read_bytes(), str(file))


def decode_wav(content: bytes, name: str) -> bytes:
    """Turn the content of a 16-bit PCM WAV into mu-law; `name` is used in the error.

    Raises:
        ValueError: the content is not 16-bit PCM WAV.
    """
    try:
        with wave.open(io.BytesIO(content)) as wav:
            channels, width, rate = wav.getnchannels(), wav.getsampwidth(), wav.getframerate()
            frames = wav.readframes(wav.getnframes())
    except (wave.Error, EOFError) as error:
        raise ValueError(f"{name} is not a WAV file ({error}); expected 16-bit PCM.") from error
    if width != 2:
        raise ValueError(f"{name} has {8 * width} bits a sample; expected 16-bit PCM.")
    samples = np.frombuffer(frames, "<i2")[::channels]
    return encode_speech(samples.astype(np.float32) / np.float32(32768), rate)


def encode_wav(samples: npt.NDArray[np.int16]) -> bytes:
    """Return a 16-bit WAV at 8 kHz; of several channels each is a column."""
    content = io.BytesIO()
    with wave.open(content, "wb") as wav:
        wav.setnchannels(samples.shape[1] if samples.ndim > 1 else 1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(samples.astype("<i2").tobytes())
    return content.getvalue()
