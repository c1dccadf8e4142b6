"""ElevenLabs, which speaks English and Hindi over one WebSocket a call, word by word."""

from typing import Final

import httpx
from pipecat.services.elevenlabs.tts import ElevenLabsTTSService, ElevenLabsTTSSettings

from settings import Settings
from voice.providers import TextToSpeech, register_tts
from voice.providers.hosted import key_of, websocket_address


def speaking(settings: Settings, sample_rate: int) -> ElevenLabsTTSService:
    """Make the service that speaks; the model hears the language from the text."""
    return ElevenLabsTTSService(
        api_key=key_of("ElevenLabs", "ELEVENLABS_API_KEY", settings.elevenlabs_api_key),
        url=websocket_address(settings.elevenlabs_url),
        sample_rate=sample_rate,
        settings=ElevenLabsTTSSettings(
            voice=settings.elevenlabs_voice_id, model=settings.elevenlabs_model
        ),
    )


WHOLE_SECS: Final = 20.0
"""Longest wait for a whole text, in seconds."""


class NoSpeech(RuntimeError):
    """What came is no sound."""


async def synthesise(settings: Settings, text: str, sample_rate: int) -> bytes:
    """Return a whole text as mono PCM16.

    https://elevenlabs.io/docs/api-reference/text-to-speech/convert

    Raises:
        httpx.HTTPError: it was not made.
        NoSpeech: what came is no sound, such as the web page of a gateway.
    """
    key = key_of("ElevenLabs", "ELEVENLABS_API_KEY", settings.elevenlabs_api_key)
    async with httpx.AsyncClient(timeout=WHOLE_SECS) as client:
        answer = await client.post(
            f"{settings.elevenlabs_url}/v1/text-to-speech/{settings.elevenlabs_voice_id}",
            params={"output_format": f"pcm_{sample_rate}"},
            headers={"xi-api-key": key},
            json={"text": text, "model_id": settings.elevenlabs_model},
        )
    kind = answer.raise_for_status().headers.get("content-type", "")
    if kind.startswith(("text/", "application/json")) or not answer.content:
        raise NoSpeech(f"ElevenLabs answered with {kind or 'nothing'} instead of sound.")
    return answer.content[: len(answer.content) // 2 * 2]  # whole samples


def speak_as(voice: str | None, _language: str | None) -> ElevenLabsTTSSettings | None:
    """Name another voice; the model hears the language from the text."""
    return ElevenLabsTTSSettings(voice=voice) if voice else None


register_tts(
    "elevenlabs",
    TextToSpeech(
        create=speaking,
        voice_setting="elevenlabs_voice_id",
        speak_as=speak_as,
        synthesise=synthesise,
        languages=frozenset({"en", "hi"}),
    ),
)
