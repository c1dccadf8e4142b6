"""OpenAI's realtime transcription over the wire, against a local server that speaks it."""

from pipecat.frames.frames import (
    ErrorFrame,
    InterimTranscriptionFrame,
    STTMetadataFrame,
    TranscriptionFrame,
)

from tests.wire.line import RATE, line, secret, until
from tests.wire.servers import Faults, served, speech
from tests.wire.servers.openai import OpenAI
from voice.providers import STT


def _listening(settings):
    return STT["openai_realtime"].create(settings, RATE)


async def test_words_stream_back_and_the_detector_of_the_call_ends_the_utterance(configured):
    server = OpenAI(says=["I am salaried."])
    said = await speech("I am salaried.", RATE)
    async with served(server.app) as address, line(_listening(configured(address))) as call:
        await until(lambda: bool(server.sessions))
        await call.hear_caller(said)
        assert (await call.get(TranscriptionFrame)).text == "I am salaried."
        assert len(call.all(InterimTranscriptionFrame)) == 3
        assert call.all(STTMetadataFrame)[0].user_turn_strategies is None
    assert len(server.committed[0]) > 3 * len(said), "8 kHz is sent at 24 kHz"
    audio = server.sessions[0]["audio"]["input"]
    assert audio["format"] == {"type": "audio/pcm", "rate": 24000}
    assert audio["turn_detection"] is None
    assert audio["transcription"] == {"model": "gpt-4o-mini-transcribe", "language": "en"}


async def test_what_a_question_expects_updates_the_session_without_reconnecting(configured):
    server = OpenAI(says=["Mumbai."])
    wanted = STT["openai_realtime"].listen_for({"keywords": ["Mumbai"], "language": "hi"})
    async with served(server.app) as address, line(_listening(configured(address))) as call:
        await until(lambda: bool(server.sessions))
        await call.hear_caller(await speech("Mumbai.", RATE))
        await call.get(TranscriptionFrame)
        await call.expect(wanted)
        await until(lambda: len(server.sessions) == 2)
    transcription = server.sessions[1]["audio"]["input"]["transcription"]
    assert "Mumbai" in transcription["prompt"]
    assert transcription["language"] == "hi"
    assert server.connections == 1


async def test_a_wrong_key_is_reported_and_the_line_goes_on(configured):
    server = OpenAI()
    async with served(server.app) as address:
        settings = configured(address).model_copy(update={"openai_api_key": secret("wrong")})
        async with line(_listening(settings)) as call:
            assert "401" in await call.error()
            await call.hear_caller(await speech("Hello.", RATE))
    assert server.connections == 0


async def test_a_socket_that_breaks_in_mid_utterance_is_opened_again(configured):
    server = OpenAI(says=["Pune."], faults=Faults(drop_after_bytes=[60000]))
    async with served(server.app) as address, line(_listening(configured(address))) as call:
        await until(lambda: bool(server.sessions))
        await call.hear_caller(await speech("I live in Pune.", RATE))
        await until(lambda: len(server.sessions) == 2)
        await call.hear_caller(await speech("Pune.", RATE))
        assert (await call.get(TranscriptionFrame)).text == "Pune."


async def test_a_slow_answer_arrives_and_holds_nothing_up(configured):
    server = OpenAI(says=["Yes."], faults=Faults(answer_after_secs=0.5))
    async with served(server.app) as address, line(_listening(configured(address))) as call:
        await until(lambda: bool(server.sessions))
        await call.hear_caller(await speech("Yes.", RATE))
        assert (await call.get(TranscriptionFrame)).text == "Yes."
    assert not call.all(ErrorFrame)
