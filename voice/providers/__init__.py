"""Speech providers: one file each, registering itself here under the name used in `Settings`."""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.utils.text.transforms.strip_markdown import strip_markdown

from graphs.threads import Expectation
from settings import Settings

if TYPE_CHECKING:
    from voice.turns import VoiceActivity


class ProviderNotConfigured(ValueError):
    """The provider chosen in the settings lacks something it needs, such as its key."""


@dataclass(frozen=True, slots=True)
class SpeechToText:
    """A provider that listens."""

    create: Callable[[Settings, int], STTService]
    """Makes the service for one call; takes the settings and the sample rate in Hz."""
    listen_for: Callable[[Expectation], STTSettings | None] = lambda _expectation: None
    """Settings that favour what a question expects; None where the provider has no such means."""
    warm_up: Callable[[Settings], None] = lambda _settings: None
    """Loads models before the first call; blocks, so call it off the event loop."""
    transcribe: Callable[[Settings, bytes, int], Awaitable[str]] | None = None
    """Returns the words of a whole recording, mono PCM16 of a rate in Hz."""
    voice_activity: "Callable[[Settings], VoiceActivity] | None" = None
    """Makes a detector of its own for one call; None leaves that to Silero and Smart Turn."""


@dataclass(frozen=True, slots=True)
class TextToSpeech:
    """A provider that speaks."""

    create: Callable[[Settings, int], TTSService]
    """Makes the service for one call; takes the settings and the sample rate in Hz."""
    voice_setting: str | None = None
    """Name of the setting that names its voice; None where it has but one."""
    speak_as: Callable[[str | None, str | None], TTSSettings | None] = lambda _voice, _language: (
        None
    )
    """Settings of another voice, language, or both; None where nothing is to be changed."""
    synthesise: Callable[[Settings, str, int], Awaitable[bytes]] | None = None
    """Returns a whole text as mono PCM16 of a rate in Hz."""
    languages: frozenset[str] = frozenset({"en"})
    """Languages it can speak; a graph is asked to stay within them."""
    warm_up: Callable[[Settings], None] = lambda _settings: None
    """Loads models before the first call; blocks, so call it off the event loop."""


_HTML_TAG = re.compile(r"</?[A-Za-z][^<>]*>")

STT: dict[str, SpeechToText] = {}
TTS: dict[str, TextToSpeech] = {}


def register_stt(name: str, provider: SpeechToText) -> None:
    """Offer a provider that listens under a name."""
    STT[name] = provider


def register_tts(name: str, provider: TextToSpeech) -> None:
    """Offer a provider that speaks under a name; marks of formatting are not read aloud."""

    def create(settings: Settings, sample_rate: int) -> TTSService:
        service = provider.create(settings, sample_rate)
        service.add_text_transformer(without_markup)
        return service

    TTS[name] = replace(provider, create=create)


async def without_markup(text: str, text_type: str) -> str:
    """Return what is to be said of a sentence, without the marks of Markdown and HTML."""
    return _HTML_TAG.sub(" ", await strip_markdown(text, text_type))


def tts_of(settings: Settings, voice: str | None, sample_rate: int) -> TTSService:
    """Make the service that speaks for one call.

    Args:
        settings: which provider.
        voice: the provider's name of a voice; the one in the settings when missing.
        sample_rate: in Hz.
    """
    provider = TTS[settings.tts]
    if voice and provider.voice_setting:
        settings = settings.model_copy(update={provider.voice_setting: voice})
    return provider.create(settings, sample_rate)


def load_providers(*names: str) -> None:
    """Import the files of some providers, or of all, so that each registers itself.

    Args:
        names: providers wanted; a provider's files begin with its name. All when none is given.
    """
    for module in iter_modules(__path__):
        if module.name.startswith(names or ""):
            import_module(f"{__name__}.{module.name}")
