"""OpenAI over HTTP: transcription of each utterance, and speech by sentence."""

import io
import wave
from collections.abc import AsyncGenerator

import numpy as np
import numpy.typing as npt
import soxr
from openai import AsyncOpenAI, OpenAIError
from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.openai.stt import OpenAISTTService, OpenAISTTSettings
from pipecat.services.openai.tts import OpenAITTSService, OpenAITTSSettings

from graphs.threads import Expectation
from settings import Settings
from voice.providers import SpeechToText, TextToSpeech, register_stt, register_tts
from voice.providers.hosted import key_of

DEADLINE_SECS = 10.0
"""Longest wait for an answer, in seconds; the library's own is ten minutes."""
RETRIES = 1
"""Times a request is made again after a refusal that may pass, such as 429."""
PCM_RATE = 24000
"""Sample rate of the speech OpenAI sends, in Hz; it has no other."""
CHUNK_BYTES = 4800
"""Speech handed on at once, in bytes at that rate: a tenth of a second."""

Samples = npt.NDArray[np.int16]


class OpenAIListening(OpenAISTTService):
    """Transcribes each utterance, with a deadline that suits a call."""

    def __init__(self, settings: Settings, sample_rate: int) -> None:
        """Make the service for one call; `sample_rate` in Hz."""
        super().__init__(
            api_key=_key(settings),
            base_url=settings.openai_base_url,
            sample_rate=sample_rate,
            settings=OpenAISTTSettings(model=settings.openai_stt_model),
        )
        self._client = self._client.with_options(timeout=DEADLINE_SECS, max_retries=RETRIES)


class OpenAISpeaking(OpenAITTSService):
    """Speaks at the rate of the call, where OpenAI sends 24 kHz only."""

    _settings: OpenAITTSSettings

    def __init__(self, settings: Settings, sample_rate: int) -> None:
        """Make the service for one call; `sample_rate` in Hz."""
        super().__init__(
            api_key=_key(settings),
            base_url=settings.openai_base_url,
            settings=OpenAITTSSettings(
                model=settings.openai_tts_model, voice=settings.openai_voice
            ),
        )
        self._init_sample_rate = sample_rate
        self._client = self._client.with_options(timeout=DEADLINE_SECS, max_retries=RETRIES)

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Yield the audio of a sentence as it arrives, resampled to the rate of the call."""
        request = self._client.audio.speech.with_streaming_response.create(
            input=text,
            model=str(self._settings.model),
            voice=str(self._settings.voice),
            response_format="pcm",
        )
        to_rate = soxr.ResampleStream(PCM_RATE, self.sample_rate, 1, dtype="int16")
        left = b""
        try:
            async with request as response:
                await self.start_tts_usage_metrics(text)
                async for chunk in response.iter_bytes(CHUNK_BYTES):
                    await self.stop_ttfb_metrics()
                    whole = (left + chunk)[: (len(left) + len(chunk)) // 2 * 2]
                    left = (left + chunk)[len(whole) :]
                    yield self._audio(to_rate.resample_chunk(_samples(whole)), context_id)
            yield self._audio(to_rate.resample_chunk(_samples(b""), last=True), context_id)
        except OpenAIError as error:
            yield ErrorFrame(f"OpenAI did not speak: {error}", exception=error)

    def _audio(self, samples: Samples, context_id: str) -> Frame:
        return TTSAudioRawFrame(samples.tobytes(), self.sample_rate, 1, context_id=context_id)


def _samples(pcm: bytes) -> Samples:
    return np.frombuffer(pcm, np.int16)


def _key(settings: Settings) -> str:
    return key_of("OpenAI", "OPENAI_API_KEY", settings.openai_api_key)


def prompt_for(expectation: Expectation) -> str | None:
    """Return a hint for OpenAI's transcription models, or None where nothing is expected."""
    words = expectation.get("keywords")
    return f"The answer may contain: {', '.join(words)}." if words else None


def listen_for(expectation: Expectation) -> OpenAISTTSettings:
    """Hint at the words a question expects, and say which language is spoken."""
    return OpenAISTTSettings(
        prompt=prompt_for(expectation), language=expectation.get("language", "en")
    )


async def transcribe(settings: Settings, pcm: bytes, sample_rate: int) -> str:
    """Return the words of a whole recording."""
    content = io.BytesIO()
    with wave.open(content, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(sample_rate)
        wav.writeframes(pcm)
    async with AsyncOpenAI(
        api_key=_key(settings),
        base_url=settings.openai_base_url,
        timeout=DEADLINE_SECS,
        max_retries=RETRIES,
    ) as client:
        heard = await client.audio.transcriptions.create(
            model=settings.openai_stt_model, file=("said.wav", content.getvalue())
        )
    return heard.text


register_stt(
    "openai",
    SpeechToText(create=OpenAIListening, listen_for=listen_for, transcribe=transcribe),
)


def speak_as(voice: str | None, _language: str | None) -> OpenAITTSSettings | None:
    """Name another voice; the model hears the language from the text."""
    return OpenAITTSSettings(voice=voice) if voice else None


register_tts(
    "openai",
    TextToSpeech(
        create=OpenAISpeaking,
        voice_setting="openai_voice",
        speak_as=speak_as,
        languages=frozenset({"en", "hi"}),
    ),
)
