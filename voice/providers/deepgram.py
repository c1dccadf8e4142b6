"""Deepgram, which listens and speaks over WebSockets."""

from pipecat.services.deepgram.stt import DeepgramSTTService, DeepgramSTTSettings
from pipecat.services.deepgram.tts import DeepgramTTSService, DeepgramTTSSettings

from graphs.threads import Expectation
from settings import Settings
from voice.providers import SpeechToText, TextToSpeech, register_stt, register_tts
from voice.providers.hosted import key_of, websocket_address

MOST_KEYTERMS = 50
"""Terms sent to Deepgram, which takes up to 500 tokens of them."""


def _key(settings: Settings) -> str:
    return key_of("Deepgram", "DEEPGRAM_API_KEY", settings.deepgram_api_key)


def listening(settings: Settings, sample_rate: int) -> DeepgramSTTService:
    """Make the service that listens; the local detector tells it when an utterance ends."""
    return DeepgramSTTService(
        api_key=_key(settings),
        base_url=settings.deepgram_url.rstrip("/"),
        sample_rate=sample_rate,
        settings=DeepgramSTTSettings(model=settings.deepgram_stt_model, smart_format=True),
    )


def listen_for(expectation: Expectation) -> DeepgramSTTSettings:
    """Favour the words a question expects, and hear Hindi mixed with English when it is Hindi.

    Deepgram takes both only when it connects, so a change reconnects, while the bot speaks.
    """
    terms = expectation.get("keywords", [])[:MOST_KEYTERMS]
    hindi = expectation.get("language") == "hi"
    return DeepgramSTTSettings(keyterm=terms or None, language="multi" if hindi else "en")


def speaking(settings: Settings, sample_rate: int) -> DeepgramTTSService:
    """Make the service that speaks."""
    return DeepgramTTSService(
        api_key=_key(settings),
        base_url=websocket_address(settings.deepgram_url),
        sample_rate=sample_rate,
        settings=DeepgramTTSSettings(voice=settings.deepgram_voice),
    )


register_stt("deepgram", SpeechToText(create=listening, listen_for=listen_for))


def speak_as(voice: str | None, _language: str | None) -> DeepgramTTSSettings | None:
    """Name another voice; its language is part of its name."""
    return DeepgramTTSSettings(voice=voice) if voice else None


register_tts(
    "deepgram",
    TextToSpeech(
        create=speaking,
        voice_setting="deepgram_voice",
        speak_as=speak_as,
        languages=frozenset({"en"}),
    ),
)
