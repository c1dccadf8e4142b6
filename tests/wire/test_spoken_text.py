"""Sentences in front of real voices: what is written goes on, what is said goes out."""

import pytest
from pipecat.frames.frames import LLMFullResponseEndFrame, TTSStoppedFrame, TTSTextFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.services.tts_service import TTSService

from settings import Settings
from tests.unit.test_embedded_speech import AMOUNT, heard
from tests.wire.line import RATE, line
from tests.wire.servers import served
from tests.wire.servers.elevenlabs import ElevenLabs
from voice.frames import SentenceFrame, SilentTextFrame
from voice.providers import TTS, load_providers
from voice.sentences import Sentences, speech

load_providers()
MESSAGE = ["**Hel", "lo.**", " It is", " ₹1,5", "0,000 now", "."]


def with_sentences(voice: TTSService) -> Pipeline:
    voice.add_text_transformer(speech)
    return Pipeline([Sentences(), voice])


async def test_a_voice_says_the_words_and_passes_on_what_is_written():
    voice = TTS["embedded"].create(Settings(_env_file=None), RATE)
    async with line(with_sentences(voice)) as call:
        await call.say(*MESSAGE)
        await call.get(TTSStoppedFrame)
        sentences = call.all(SentenceFrame)
        assert [frame.text for frame in sentences] == ["**Hello.**", "It is ₹1,50,000 now."]
        assert [frame.sentence.text for frame in sentences] == [
            "**Hello.** ",
            "It is ₹1,50,000 now.",
        ]
        assert [frame.text for frame in call.all(TTSTextFrame)] == [f.text for f in sentences]
        said = (await heard(call.audio, AMOUNT)).lower()
    assert "hello" in said and "lakh" in said and "rupees" in said


async def test_a_voice_that_times_its_words_times_them_as_written(configured):
    server = ElevenLabs()
    async with (
        served(server.app) as address,
        line(with_sentences(TTS["elevenlabs"].create(configured(address), RATE))) as call,
    ):
        await call.say(*MESSAGE)
        await call.get(TTSStoppedFrame)
        written = [frame.raw_text for frame in call.all(TTSTextFrame) if frame.raw_text]
    assert server.spoken == ["Hello.", "It is one lakh fifty thousand rupees now."]
    assert " ".join(written).split() == ["**Hello.**", "It", "is", "₹1,50,000", "now."]


@pytest.mark.parametrize("message", ['{"eligible": true}', "```json\n[1]\n```"])
async def test_structured_output_makes_no_sound(configured, message):
    server = ElevenLabs()
    async with (
        served(server.app) as address,
        line(with_sentences(TTS["elevenlabs"].create(configured(address), RATE))) as call,
    ):
        await call.say(*message)
        await call.get(LLMFullResponseEndFrame, 2)
        assert [frame.sentence.text for frame in call.all(SilentTextFrame)] == [message]
        assert not call.audio
    assert server.spoken == []


async def test_the_end_of_a_barge_in_leaves_nothing_of_the_message_before():
    voice = TTS["embedded"].create(Settings(_env_file=None), RATE)
    async with line(with_sentences(voice)) as call:
        await call.say("One. Two is not comp")
        await call.get(TTSStoppedFrame)
        await call.interrupt()
        await call.say("```no", "t code", "``` it is.")
        await call.get(TTSStoppedFrame, 2)
        assert call.all(SentenceFrame)[-1].sentence.start == 0
