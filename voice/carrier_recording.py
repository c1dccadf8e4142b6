"""Fetches a recording from the carrier, and only from the carrier."""

import asyncio
import io
import wave
from typing import Final
from urllib.parse import urlsplit

import httpx
import numpy as np
import soxr

from settings import Settings

MOST_BYTES: Final = 8_000_000
"""Largest recording, in bytes: eight minutes at 8 kHz."""
FETCH_SECS: Final = 10.0
NOT_READY_SECS: Final = (0.0, 0.5, 1.0, 2.0)
"""Waits before each attempt; a recording may come a moment after its webhook."""
RATE: Final = 8000


class NotARecording(ValueError):
    """What was named is no recording of the carrier's, or cannot be had; the text says why."""


def is_carriers(url: str, settings: Settings) -> bool:
    """Whether an address is of the carrier's REST, over TLS unless the setting says otherwise."""
    parts, own = urlsplit(url), urlsplit(settings.twilio_api_url)
    if parts.username or parts.password:
        return False
    if (parts.scheme, parts.netloc) == (own.scheme, own.netloc):
        return True
    host = parts.hostname or ""
    return (
        (own.hostname or "").endswith(".twilio.com")
        and parts.scheme == "https"
        and host.endswith(".twilio.com")
    )


async def fetch_recording(
    url: str, settings: Settings, transport: httpx.AsyncBaseTransport | None = None
) -> bytes:
    """Return a recording as mono PCM16 at `RATE`.

    Raises:
        NotARecording: it is not the carrier's, not there, too large, or not WAV.
    """
    if not is_carriers(url, settings):
        raise NotARecording("The recording is not at the carrier's address.")
    sid, token = settings.twilio_account_sid, settings.twilio_auth_token
    auth = httpx.BasicAuth(sid, token.get_secret_value()) if sid and token else None
    target = url if url.endswith(".wav") else f"{url}.wav"
    async with httpx.AsyncClient(
        trust_env=False, timeout=FETCH_SECS, auth=auth, transport=transport
    ) as client:
        for wait in NOT_READY_SECS:
            await asyncio.sleep(wait)
            try:
                async with asyncio.timeout(FETCH_SECS), client.stream("GET", target) as answer:
                    if answer.status_code == 404:
                        continue
                    if answer.status_code != 200:
                        raise NotARecording(f"The carrier answered {answer.status_code}.")
                    content = bytearray()
                    async for part in answer.aiter_bytes():
                        content += part
                        if len(content) > MOST_BYTES:
                            raise NotARecording(f"It is larger than {MOST_BYTES} bytes.")
                return await asyncio.to_thread(_pcm, bytes(content))
            except (httpx.HTTPError, TimeoutError) as error:
                raise NotARecording(f"It could not be had: {type(error).__name__}.") from error
    raise NotARecording("The carrier does not have it.")


def _pcm(content: bytes) -> bytes:
    try:
        with wave.open(io.BytesIO(content)) as wav:
            channels, width, rate = wav.getnchannels(), wav.getsampwidth(), wav.getframerate()
            frames = wav.readframes(wav.getnframes())
    except (wave.Error, EOFError) as error:
        raise NotARecording(f"It is no WAV file ({error}).") from error
    if width != 2 or not channels or not 4000 <= rate <= 48000:
        raise NotARecording("It is not 16-bit PCM of a usual rate.")
    samples = np.frombuffer(frames[: len(frames) // (2 * channels) * 2 * channels], "<i2")
    mono = samples[::channels]
    return bytes((soxr.resample(mono, rate, RATE) if rate != RATE else mono).tobytes())
