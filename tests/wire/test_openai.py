"""OpenAI over the wire: the real client against a local server that speaks its protocol."""

import numpy as np
import pytest
from pipecat.frames.frames import (
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)

from tests.wire.line import RATE, line, secret
from tests.wire.servers import Faults, served, speech
from tests.wire.servers.openai import OpenAI
from voice.providers import STT, TTS, openai


async def test_an_utterance_is_sent_as_a_file_and_comes_back_as_words(configured):
    server = OpenAI(says=["I am salaried."])
    said = await speech("I am salaried.", RATE)
    async with (
        served(server.app) as address,
        line(STT["openai"].create(configured(address), RATE)) as call,
    ):
        await call.hear_caller(said)
        assert (await call.get(TranscriptionFrame)).text == "I am salaried."
    (request,) = server.transcribed
    assert request["model"] == "gpt-4o-mini-transcribe"
    assert (request["language"], request["sample_rate"]) == ("en", RATE)
    assert said in request["audio"]


async def test_what_a_question_expects_reaches_openai_as_prompt_and_language(configured):
    server = OpenAI(says=["मुंबई"])
    wanted = STT["openai"].listen_for({"keywords": ["Mumbai", "Pune"], "language": "hi"})
    async with (
        served(server.app) as address,
        line(STT["openai"].create(configured(address), RATE)) as call,
    ):
        await call.expect(wanted)
        await call.hear_caller(await speech("Mumbai.", RATE))
        await call.get(TranscriptionFrame)
    assert "Mumbai, Pune" in server.transcribed[0]["prompt"]
    assert server.transcribed[0]["language"] == "hi"


async def test_an_expectation_without_words_takes_the_last_prompt_back(configured):
    server = OpenAI(says=["yes", "yes"])
    async with (
        served(server.app) as address,
        line(STT["openai"].create(configured(address), RATE)) as call,
    ):
        for nth, keywords in enumerate((["Mumbai"], []), start=1):
            delta = STT["openai"].listen_for({"keywords": keywords})
            await call.expect(delta)
            await call.hear_caller(await speech("Yes.", RATE))
            await call.get(TranscriptionFrame, nth)
    assert ["prompt" in request for request in server.transcribed] == [True, False]


async def test_a_wrong_key_is_reported_and_the_line_goes_on(configured):
    server = OpenAI(says=["lost"])
    async with served(server.app) as address:
        settings = configured(address).model_copy(update={"openai_api_key": secret("wrong")})
        async with line(STT["openai"].create(settings, RATE)) as call:
            await call.hear_caller(await speech("Hello.", RATE))
            assert "Incorrect API key" in await call.error()
    assert server.transcribed == []


async def test_one_refusal_for_the_rate_is_tried_again_and_a_second_is_reported(configured):
    server = OpenAI(says=["Yes.", "No."], faults=Faults(refuse=[429]))
    async with (
        served(server.app) as address,
        line(STT["openai"].create(configured(address), RATE)) as call,
    ):
        await call.hear_caller(await speech("Yes.", RATE))
        assert (await call.get(TranscriptionFrame)).text == "Yes."
        server.faults.refuse = [429, 429]
        await call.hear_caller(await speech("No.", RATE))
        assert "Rate limit" in await call.error()
        await call.hear_caller(await speech("No.", RATE))
        assert (await call.get(TranscriptionFrame, 2)).text == "No."


async def test_an_answer_slower_than_the_deadline_is_given_up(configured, monkeypatch):
    monkeypatch.setattr(openai, "DEADLINE_SECS", 0.2)
    monkeypatch.setattr(openai, "RETRIES", 0)
    server = OpenAI(says=["late"], faults=Faults(answer_after_secs=1.0))
    async with (
        served(server.app) as address,
        line(STT["openai"].create(configured(address), RATE)) as call,
    ):
        await call.hear_caller(await speech("Hello.", RATE))
        assert "timed out" in (await call.error()).lower()


async def test_a_reply_is_spoken_at_the_rate_of_the_call(configured):
    server = OpenAI()
    async with (
        served(server.app) as address,
        line(TTS["openai"].create(configured(address), RATE)) as call,
    ):
        await call.say("Which city ", "do you live in?")
        await call.get(TTSStoppedFrame)
        assert {frame.sample_rate for frame in call.all(TTSAudioRawFrame)} == {RATE}
        assert _alike(call.audio, await speech("Which city do you live in?", RATE))
        assert call.all(TTSStartedFrame)
    (request,) = server.spoken
    assert (request["model"], request["voice"]) == ("gpt-4o-mini-tts", "alloy")


async def test_marks_of_formatting_are_kept_from_the_voice(configured):
    server = OpenAI()
    async with (
        served(server.app) as address,
        line(TTS["openai"].create(configured(address), RATE)) as call,
    ):
        await call.say("Which **city** ", "do you live in?")
        await call.get(TTSStoppedFrame)
    (request,) = server.spoken
    assert request["input"] == "Which city do you live in?"


@pytest.mark.parametrize("status", [429, 500])
async def test_speech_that_is_refused_is_reported_and_the_next_is_spoken(configured, status):
    server = OpenAI(faults=Faults(refuse=[status] * 2))
    async with (
        served(server.app) as address,
        line(TTS["openai"].create(configured(address), RATE)) as call,
    ):
        await call.say("Hello there.")
        assert "OpenAI did not speak" in await call.error()
        await call.say("Which city?")
        await call.get(TTSAudioRawFrame)


async def test_a_wrong_key_silences_the_voice_with_a_reason(configured):
    server = OpenAI()
    async with served(server.app) as address:
        settings = configured(address).model_copy(update={"openai_api_key": secret("wrong")})
        async with line(TTS["openai"].create(settings, RATE)) as call:
            await call.say("Hello there.")
            assert "Incorrect API key" in await call.error()
    assert server.spoken == []


def _alike(heard: bytes, meant: bytes) -> bool:
    """Whether two stretches of audio are the same speech, resampled on different ways."""
    a, b = (np.frombuffer(pcm, np.int16).astype(float) for pcm in (heard, meant))
    length = min(len(a), len(b))
    assert abs(len(a) - len(b)) < 0.01 * len(b)
    return float(np.corrcoef(a[:length], b[:length])[0, 1]) > 0.99
