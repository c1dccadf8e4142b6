"""ElevenLabs, which speaks English and Hindi over one WebSocket a call, word by word."""

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


register_tts("elevenlabs", TextToSpeech(create=speaking, languages=frozenset({"en", "hi"})))
