"""An agent's own voice and language over the wire, from the first word and in mid-call."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from pipecat.frames.frames import TTSAudioRawFrame, TTSStoppedFrame, TTSUpdateSettingsFrame

from settings import Settings
from store.calls import Call
from tests.wire.line import RATE, line, until
from tests.wire.servers import served
from tests.wire.servers.deepgram import Deepgram
from tests.wire.servers.elevenlabs import ElevenLabs
from voice.providers import TTS, tts_of
from voice.reception import agent_voice

Configured = Callable[[str], Settings]


def call_of(**agent: Any) -> Call:
    return Call(
        sid="CA1",
        graph="sdr",
        thread_id="t",
        direction="outbound",
        carrier="twilio",
        status="in-progress",
        started_at=datetime.now(UTC),
        opening={"agent": agent},
    )


def voices_of(server: ElevenLabs | Deepgram) -> list[str]:
    """The voice of each connection."""
    if isinstance(server, ElevenLabs):
        return server.voices
    return [query["model"] for query in server.speak_queries]


PROVIDERS = pytest.mark.parametrize(
    ("name", "server", "first", "second"),
    [
        ("elevenlabs", ElevenLabs, "voice-of-maya", "voice-of-asha"),
        ("deepgram", Deepgram, "aura-2-apollo-en", "aura-2-athena-en"),
    ],
)


@PROVIDERS
async def test_an_agent_speaks_with_its_own_voice_from_the_first_word(
    configured: Configured, name: str, server: Any, first: str, second: str
) -> None:
    far = server()
    agent = {"language": "hi", "voice": second, "voices": {"hi": first}}
    async with served(far.app) as address:
        settings = configured(address).model_copy(update={"tts": name})
        service = tts_of(settings, agent_voice(call_of(**agent)), RATE)
        async with line(service) as call:
            await call.say("Hello, this is Maya.")
            await call.get(TTSStoppedFrame)
    assert voices_of(far) == [first]
    assert far.spoken == ["Hello, this is Maya."]


@PROVIDERS
async def test_another_voice_speaks_from_the_next_message_on(
    configured: Configured, name: str, server: Any, first: str, second: str
) -> None:
    far = server()
    async with served(far.app) as address:
        settings = configured(address).model_copy(update={"tts": name})
        async with line(tts_of(settings, first, RATE)) as call:
            await call.say("One moment.")
            await call.get(TTSStoppedFrame)
            heard = len(call.audio)
            delta = TTS[name].speak_as(second, "hi")
            assert delta is not None
            await call.send(TTSUpdateSettingsFrame(delta=delta))
            await call.say("Here I am.")
            await until(lambda: "Here I am." in far.spoken)
            await until(lambda: len(call.audio) > heard)
            assert call.all(TTSAudioRawFrame)
    assert voices_of(far) == [first, second]
    assert far.spoken == ["One moment.", "Here I am."]
