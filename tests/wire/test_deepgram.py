"""Deepgram over the wire: the real client against a local server that speaks its protocol."""

from pipecat.frames.frames import (
    ErrorFrame,
    InterimTranscriptionFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
)

from tests.wire.line import RATE, line, secret, until
from tests.wire.servers import Faults, served, speech
from tests.wire.servers.deepgram import Deepgram
from voice.providers import STT, TTS


async def test_an_utterance_comes_back_as_words_when_the_detector_says_it_ended(configured):
    deepgram = Deepgram(says=["I am salaried."])
    async with (
        served(deepgram.app) as address,
        line(STT["deepgram"].create(configured(address), RATE)) as call,
    ):
        await call.hear_caller(await speech("I am salaried.", RATE))
        heard = await call.get(TranscriptionFrame)
        assert (heard.text, heard.finalized) == ("I am salaried.", True)
        assert call.all(InterimTranscriptionFrame)[0].text == "I"
    (connection,) = deepgram.listened
    assert connection.query["sample_rate"] == "8000"
    assert connection.query["model"] == "nova-3"
    assert len(connection.audio) > RATE * 2
    assert [m for m in connection.messages if m != "KeepAlive"] == ["Finalize", "CloseStream"]


async def test_what_a_question_expects_reaches_deepgram_as_key_terms(configured):
    deepgram = Deepgram(says=["Bengaluru."])
    async with (
        served(deepgram.app) as address,
        line(STT["deepgram"].create(configured(address), RATE)) as call,
    ):
        wanted = STT["deepgram"].listen_for({"kind": "city", "keywords": ["Bengaluru", "Pune"]})
        await call.expect(wanted)
        await call.hear_caller(await speech("Bengaluru.", RATE))
        assert (await call.get(TranscriptionFrame)).text == "Bengaluru."
    assert deepgram.listened[-1].query.getlist("keyterm") == ["Bengaluru", "Pune"]
    assert deepgram.listened[-1].query["language"] == "en"


async def test_hindi_is_heard_with_the_model_that_mixes_languages(configured):
    deepgram = Deepgram(says=["haan"])
    async with (
        served(deepgram.app) as address,
        line(STT["deepgram"].create(configured(address), RATE)) as call,
    ):
        delta = STT["deepgram"].listen_for({"kind": "yes_no", "language": "hi"})
        await call.expect(delta)
        await call.hear_caller(await speech("Han.", RATE))
        await call.get(TranscriptionFrame)
    assert deepgram.listened[-1].query["language"] == "multi"


async def test_the_same_expectation_twice_does_not_reconnect(configured):
    deepgram = Deepgram(says=["Pune."])
    expected = {"kind": "city", "keywords": ["Pune"]}
    async with (
        served(deepgram.app) as address,
        line(STT["deepgram"].create(configured(address), RATE)) as call,
    ):
        for _ in range(3):
            delta = STT["deepgram"].listen_for(expected)
            await call.expect(delta)
        await call.hear_caller(await speech("Pune.", RATE))
        await call.get(TranscriptionFrame)
    assert len(deepgram.listened) == 2


async def test_a_wrong_key_is_reported_and_the_line_goes_on(configured):
    deepgram = Deepgram()
    async with served(deepgram.app) as address:
        settings = configured(address).model_copy(update={"deepgram_api_key": secret("wrong")})
        async with line(STT["deepgram"].create(settings, RATE)) as call:
            assert "401" in await call.error()
            await call.hear_caller(await speech("Hello.", RATE))
            assert not call.all(TranscriptionFrame)
    assert deepgram.listened == []


async def test_a_socket_that_breaks_in_mid_utterance_is_opened_again(configured, monkeypatch):
    monkeypatch.setattr("pipecat.services.deepgram.stt.exponential_backoff_time", lambda _n: 0.01)
    deepgram = Deepgram(says=["I live in Pune."], faults=Faults(drop_after_bytes=[20000]))
    async with (
        served(deepgram.app) as address,
        line(STT["deepgram"].create(configured(address), RATE)) as call,
    ):
        await call.hear_caller(await speech("I live in Pune.", RATE))
        await call.error()
        await until(lambda: len(deepgram.listened) == 2)
        await call.hear_caller(await speech("I live in Pune.", RATE))
        assert (await call.get(TranscriptionFrame)).text == "I live in Pune."


async def test_a_slow_answer_arrives_and_holds_nothing_up(configured):
    deepgram = Deepgram(says=["Yes."], faults=Faults(answer_after_secs=0.5))
    async with (
        served(deepgram.app) as address,
        line(STT["deepgram"].create(configured(address), RATE)) as call,
    ):
        await call.hear_caller(await speech("Yes.", RATE))
        assert (await call.get(TranscriptionFrame)).text == "Yes."
    assert not call.all(ErrorFrame)


async def test_a_reply_is_spoken_at_the_rate_of_the_call(configured):
    deepgram = Deepgram()
    async with (
        served(deepgram.app) as address,
        line(TTS["deepgram"].create(configured(address), RATE)) as call,
    ):
        await call.say("Which city ", "do you live in?")
        stopped = await call.get(TTSStoppedFrame)
        assert call.audio == await speech("Which city do you live in?", RATE)
        assert {frame.sample_rate for frame in call.all(TTSAudioRawFrame)} == {RATE}
        assert call.all(TTSStartedFrame)[0].context_id == stopped.context_id
    assert deepgram.spoken == ["Which city do you live in?"]
    assert deepgram.speak_queries[0]["model"] == "aura-2-thalia-en"
    assert deepgram.speak_messages[-1] == "Close"


async def test_a_barge_in_clears_what_deepgram_still_holds(configured):
    deepgram = Deepgram(faults=Faults(answer_after_secs=0.3))
    async with (
        served(deepgram.app) as address,
        line(TTS["deepgram"].create(configured(address), RATE)) as call,
    ):
        await call.say("This is a long explanation of the product.")
        await call.get(TTSStartedFrame)
        await call.interrupt()
        await until(lambda: "Clear" in deepgram.speak_messages)
        await call.say("Sure.")
        await until(lambda: "Sure." in deepgram.spoken)


async def test_a_voice_that_is_refused_is_reported(configured):
    deepgram = Deepgram(faults=Faults(refuse=[429] * 5))
    async with (
        served(deepgram.app) as address,
        line(TTS["deepgram"].create(configured(address), RATE)) as call,
    ):
        await call.say("Hello.")
        assert "429" in await call.error()
        assert call.audio == b""
