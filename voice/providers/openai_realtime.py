"""OpenAI realtime transcription: audio streams while the caller speaks, words come back as it goes.

The caller's turns are the pipeline's own: its detector (`vad_confidence`, `vad_stop_secs`) says
when an utterance ends, and the buffer is committed then. OpenAI's detector is switched off, since
two that disagree would cut an answer in half.
"""

from pipecat.services.openai.stt import OpenAIRealtimeSTTService, OpenAIRealtimeSTTSettings

from graphs.threads import Expectation
from settings import Settings
from voice.providers import SpeechToText, register_stt
from voice.providers.hosted import key_of, websocket_address
from voice.providers.openai import prompt_for


def listening(settings: Settings, sample_rate: int) -> OpenAIRealtimeSTTService:
    """Make the service for one call; it resamples to the 24 kHz the protocol asks for."""
    return OpenAIRealtimeSTTService(
        api_key=key_of("OpenAI", "OPENAI_API_KEY", settings.openai_api_key),
        base_url=websocket_address(settings.openai_base_url) + "/realtime",
        sample_rate=sample_rate,
        turn_detection=False,
        settings=OpenAIRealtimeSTTSettings(model=settings.openai_stt_model),
    )


def listen_for(expectation: Expectation) -> OpenAIRealtimeSTTSettings:
    """Hint at the words a question expects, and say which language is spoken."""
    return OpenAIRealtimeSTTSettings(
        prompt=prompt_for(expectation), language=expectation.get("language", "en")
    )


register_stt("openai_realtime", SpeechToText(create=listening, listen_for=listen_for))
