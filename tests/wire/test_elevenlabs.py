"""ElevenLabs over the wire: the real client against a local server that speaks its protocol."""

import pytest
from pipecat.frames.frames import (
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    TTSTextFrame,
)

from tests.wire.line import RATE, line, until
from tests.wire.servers import Faults, served, speech
from tests.wire.servers.elevenlabs import ElevenLabs
from voice.providers import TTS


async def test_a_reply_is_spoken_at_the_rate_of_the_call_with_the_time_of_each_word(configured):
    server = ElevenLabs()
    async with (
        served(server.app) as address,
        line(TTS["elevenlabs"].create(configured(address), RATE)) as call,
    ):
        await call.say("Which city ", "do you live in?")
        stopped = await call.get(TTSStoppedFrame)
        assert call.audio == await speech("Which city do you live in?", RATE)
        assert call.all(TTSStartedFrame)[0].context_id == stopped.context_id
        spoken = [frame.text for frame in call.all(TTSTextFrame)]
        assert " ".join(spoken).split() == ["Which", "city", "do", "you", "live", "in?"]
    assert server.voices == ["21m00Tcm4TlvDq8ikWAM"]
    assert server.queries[0]["model_id"] == "eleven_flash_v2_5"
    assert server.queries[0]["output_format"] == "pcm_8000"
    assert server.messages[-1] == {"close_socket": True}


async def test_two_sentences_of_a_turn_share_a_context_and_the_next_turn_has_its_own(configured):
    server = ElevenLabs()
    async with (
        served(server.app) as address,
        line(TTS["elevenlabs"].create(configured(address), RATE)) as call,
    ):
        await call.say("Thank you. ", "Which city?")
        await call.get(TTSStoppedFrame, 1)
        await call.say("Goodbye.")
        await call.get(TTSStoppedFrame, 2)
    assert server.spoken == ["Thank you.", "Which city?", "Goodbye."]
    first, second, third = (m["context_id"] for m in server.messages if m.get("text", "").strip())
    assert first == second != third


async def test_a_barge_in_closes_the_context_and_the_next_reply_is_spoken(configured):
    server = ElevenLabs(faults=Faults(answer_after_secs=0.3))
    async with (
        served(server.app) as address,
        line(TTS["elevenlabs"].create(configured(address), RATE)) as call,
    ):
        await call.say("This is a long explanation of the product.")
        started = await call.get(TTSStartedFrame)
        await call.interrupt()
        await until(lambda: _closed(server, started.context_id))
        await call.say("Sure.")
        await until(lambda: "Sure." in server.spoken)
        await call.get(TTSAudioRawFrame)


@pytest.mark.parametrize("status", [401, 429])
async def test_a_refusal_is_reported_and_the_line_goes_on(configured, status):
    server = ElevenLabs(faults=Faults(refuse=[status] * 2))
    async with (
        served(server.app) as address,
        line(TTS["elevenlabs"].create(configured(address), RATE)) as call,
    ):
        await call.say("Hello.")
        assert str(status) in await call.error()


async def test_a_socket_that_breaks_in_mid_sentence_is_opened_again(configured):
    server = ElevenLabs(faults=Faults(drop_after_bytes=[3200]))
    async with (
        served(server.app) as address,
        line(TTS["elevenlabs"].create(configured(address), RATE)) as call,
    ):
        await call.say("This sentence breaks.")
        await until(lambda: len(server.queries) == 2)
        await call.say("Which city?")
        await until(lambda: "Which city?" in server.spoken)
        await until(lambda: len(call.audio) > 3200)


def _closed(server: ElevenLabs, context: str | None) -> bool:
    return {"context_id": context, "close_context": True} in server.messages
