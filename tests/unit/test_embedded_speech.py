"""The embedded recogniser and voice, with the real models."""

import asyncio
import re

import numpy as np
import pytest
from pipecat.frames.frames import (
    TranscriptionFrame,
    TTSAudioRawFrame,
    TTSSpeakFrame,
    TTSStartedFrame,
    TTSStoppedFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)

from settings import Settings
from tests.wire.line import RATE, line, packets, until
from voice.providers import STT, TTS, load_providers
from voice.providers.embedded_stt import Pause, listen_for
from voice.providers.embedded_tts import LEAD_IN_SECS, Voice, trim_start, voice
from voice.providers.loops import framed, without_loop
from voice.providers.recogniser import engine

load_providers()
SETTINGS = Settings(_env_file=None)
AMOUNT = {"kind": "amount", "keywords": ["lakh", "thousand", "per annum"]}
EMPLOYMENT = {"kind": "employment", "keywords": ["salaried", "self-employed"]}
CITY = {"kind": "city", "keywords": ["Mumbai", "Delhi", "Bengaluru"]}


@pytest.fixture(scope="module", autouse=True)
def warm() -> None:
    STT["embedded"].warm_up(SETTINGS)
    TTS["embedded"].warm_up(SETTINGS)


def through_a_telephone(text: str) -> bytes:
    """Return a text as 8 kHz speech that went through mu-law."""
    x = np.frombuffer(voice().synthesise(text, RATE), np.int16) / 32768
    level = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log1p(255)
    coarse = np.round((level + 1) / 2 * 255) / 255 * 2 - 1
    y = np.sign(coarse) * (np.power(256, np.abs(coarse)) - 1) / 255
    return (y * 32767).astype(np.int16).tobytes()


async def heard(pcm: bytes, expected: dict | None = None) -> str:
    prompt = str(listen_for(expected).prompt) if expected else ""
    return (await engine().submit(pcm, RATE, prompt)).text


@pytest.mark.parametrize(
    "text",
    ["I live in Mumbai.", "No, thank you.", "I lost my job last month.", "Can you repeat that?"],
)
async def test_an_answer_is_heard_word_for_word_through_a_telephone(text):
    assert (await heard(through_a_telephone(text))).lower() == text.lower()


@pytest.mark.parametrize(
    ("text", "expected", "word"),
    [
        ("I'm a salaried employee.", EMPLOYMENT, "salaried"),
        ("Two and a half lakh.", AMOUNT, "lakh"),
        ("One lakh fifty thousand.", AMOUNT, "lakh"),
    ],
)
async def test_what_a_question_expects_is_heard_where_it_was_not_before(text, expected, word):
    said = through_a_telephone(text)
    assert word not in (await heard(said)).lower()
    assert word in (await heard(said, expected)).lower()


def clipped(text: str) -> np.ndarray:
    """Return a text as 8 kHz speech that begins and ends without a fade."""
    said = np.frombuffer(through_a_telephone(text), np.int16)
    loud = np.flatnonzero(np.abs(said) > 0.03 * np.abs(said).max())
    return said[loud[0] : loud[-1] + 1]


LOOPED = ["One lakh.", "Sixty k.", "Who is this?", "Yes, I am salaried.", "Mumbai.", "Sure."]


@pytest.mark.parametrize("after", [0, 0.1])
@pytest.mark.parametrize("before", [0, 1.0, 2.0])
@pytest.mark.parametrize("expected", [None, CITY, AMOUNT, EMPLOYMENT])
async def test_nothing_is_heard_twice_whatever_the_silence_around_it(expected, before, after):
    for text in LOOPED:
        silence = [np.zeros(int(seconds * RATE), np.int16) for seconds in (before, after)]
        pcm = np.concatenate([silence[0], clipped(text), silence[1]]).tobytes()
        words = re.findall(r"[\w'-]+", (await heard(pcm, expected)).lower())
        assert words and len(words) == len(set(words)), (text, words)


async def test_the_silence_before_an_answer_does_not_change_what_is_heard():
    said = clipped("I live in Mumbai.")
    for seconds in (0, 0.3, 1.0, 2.0):
        pcm = np.pad(said, (int(seconds * RATE), 0)).tobytes()
        assert await heard(pcm, CITY) == "I live in Mumbai."


def test_sound_is_given_the_same_silence_before_and_after_it_however_much_there_was():
    sound = np.ones(8000, np.float32)
    for before, after in [(0, 0), (16000, 0), (320, 320), (3200, 48000)]:
        got = framed(np.pad(sound, (before, after)), 16000)
        assert np.array_equal(got, np.pad(sound, (1600, 4800)))
    assert len(framed(np.zeros(16000, np.float32), 16000)) == 16000
    assert len(framed(np.zeros(0, np.float32), 16000)) == 0


@pytest.mark.parametrize(
    ("text", "seconds", "once"),
    [
        ("Yes, I am salaried, yes, I am salaried, yes, I am", 1.5, "Yes, I am salaried"),
        ("60k. 60k. 60k. 60k. 60", 1.2, "60k."),
        ("Around 70,000 rupees, around 70,000 rupees.", 2.0, "Around 70,000 rupees"),
        ("Well, one lakh, one lakh, one lakh.", 1.0, "Well, one lakh"),
        ("I am salaried, I am salaried.", 2.5, "I am salaried, I am salaried."),
        ("No, no, no.", 1.5, "No, no, no."),
        ("I live in Mumbai.", 0.5, "I live in Mumbai."),
        ("", 0.0, ""),
    ],
)
def test_a_phrase_there_was_no_time_to_repeat_is_taken_once(text, seconds, once):
    assert without_loop(text, seconds) == once


@pytest.mark.parametrize("expected", [None, CITY, AMOUNT, EMPLOYMENT])
@pytest.mark.parametrize("kind", ["nothing", "hiss", "hum", "tone", "cough"])
async def test_noise_is_not_taken_for_words(kind, expected):
    assert await heard(noise(kind), expected) == ""


def noise(kind: str) -> bytes:
    t = np.arange(int(1.5 * RATE)) / RATE
    random = np.random.default_rng(1).normal(0, 0.1, t.size)
    made = {
        "nothing": np.zeros(t.size),
        "hiss": random,
        "hum": 0.1 * np.sin(2 * np.pi * 50 * t),
        "tone": 0.1 * np.sin(2 * np.pi * 440 * t),
        "cough": random * (np.abs(t - 0.7) < 0.05),
    }[kind]
    return (made * 32767).clip(-32768, 32767).astype(np.int16).tobytes()


async def test_an_utterance_of_more_than_thirty_seconds_is_heard_to_its_end():
    said = through_a_telephone("I live in Mumbai.")
    text = await heard(said + bytes(RATE * 2 * 30) + said)
    assert text.count("Mumbai") == 2


async def test_calls_at_the_same_time_each_get_their_own_words():
    texts = ["I live in Delhi.", "I am a student.", "No, thank you.", "Forty thousand."]
    got = await asyncio.gather(*(heard(through_a_telephone(text)) for text in texts))
    assert got == ["I live in Delhi.", "I am a student.", "No, thank you.", "40,000."]


async def test_a_pause_that_is_the_end_needs_one_transcription_begun_before_the_detector(submitted):
    async with line(STT["embedded"].create(SETTINGS, RATE)) as call:
        await call.send(*packets(bytes(RATE)), VADUserStartedSpeakingFrame(start_secs=0.2))
        await call.send(*packets(through_a_telephone("I live in Mumbai.") + bytes(2400)))
        await until(lambda: len(submitted) == 1)
        assert not call.all(VADUserStoppedSpeakingFrame)
        await call.send(*packets(bytes(800)), VADUserStoppedSpeakingFrame(stop_secs=0.2))
        assert (await call.get(TranscriptionFrame)).text == "I live in Mumbai."
    assert len(submitted) == 1


async def test_speech_after_a_pause_is_heard_together_with_what_came_before(submitted):
    said = through_a_telephone("No, I am salaried.")
    then = through_a_telephone("I live in Mumbai.")
    async with line(STT["embedded"].create(SETTINGS, RATE)) as call:
        await call.send(*packets(bytes(RATE)), VADUserStartedSpeakingFrame(start_secs=0.2))
        await call.send(*packets(said + bytes(2400)))
        await until(lambda: len(submitted) >= 1)
        await call.send(*packets(then), VADUserStoppedSpeakingFrame(stop_secs=0.2))
        text = (await call.get(TranscriptionFrame)).text
    assert text.startswith("No, I am") and text.endswith("I live in Mumbai.")


@pytest.fixture
def submitted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the length of each stretch of audio given to the recogniser, in bytes."""
    lengths: list[int] = []
    submit = engine().submit

    def spy(pcm: bytes, sample_rate: int, prompt: str):
        lengths.append(len(pcm))
        return submit(pcm, sample_rate, prompt)

    monkeypatch.setattr(engine(), "submit", spy)
    return lengths


def test_a_pause_is_measured_against_the_utterance_and_the_room():
    pause, rng = Pause(), np.random.default_rng(2)
    packet = lambda level: rng.normal(0, level, 160).astype(np.int16).tobytes()  # noqa: E731
    for _ in range(40):
        pause.hear(packet(200), RATE, speaking=False)
    pause.start()
    assert pause.hear(packet(5000), RATE, speaking=True) == 0
    assert pause.hear(packet(200), RATE, speaking=True) == pytest.approx(0.02)
    assert pause.hear(packet(200), RATE, speaking=True) == pytest.approx(0.04)
    assert pause.hear(packet(3000), RATE, speaking=True) == 0


async def test_the_voice_speaks_each_sentence_in_one_context_at_the_rate_of_the_call():
    async with line(TTS["embedded"].create(SETTINGS, RATE)) as call:
        await call.say("Thank you. ", "Which city do you live in?")
        stopped = await call.get(TTSStoppedFrame)
        audio = call.all(TTSAudioRawFrame)
        assert {frame.context_id for frame in audio} == {stopped.context_id}
        assert {frame.sample_rate for frame in audio} == {RATE}
        assert call.all(TTSStartedFrame)[0].context_id == stopped.context_id
        assert "which city do you live in?" in (await heard(call.audio)).lower()


async def test_what_is_said_after_a_barge_in_is_only_what_is_new():
    async with line(TTS["embedded"].create(SETTINGS, RATE)) as call:
        await call.send(TTSSpeakFrame("This is a long explanation of the product. " * 5))
        await call.get(TTSAudioRawFrame)
        await call.interrupt()
        await call.say("Goodbye.")
        last = await call.get(TTSStoppedFrame)
        said = b"".join(
            frame.audio
            for frame in call.all(TTSAudioRawFrame)
            if frame.context_id == last.context_id
        )
        assert await heard(said) == "Goodbye."


def test_the_silence_before_the_first_sound_is_cut():
    audio = np.concatenate([np.zeros(6000), 0.5 * np.ones(1000)]).astype(np.float32)
    assert len(trim_start(audio, 24000)) == 1000 + int(LEAD_IN_SECS * 24000)
    assert len(trim_start(np.zeros(100, np.float32), 24000)) == 100


def test_a_sentence_is_synthesised_once_and_remembered_within_bounds():
    one = Voice(cache_bytes=100_000)
    first = one.synthesise("Which city do you live in?", RATE)
    assert one.recall("Which city do you live in?", RATE) == first
    assert one.recall("Which city do you live in?", 16000) is None
    for number in range(8):
        one.synthesise(f"Sentence number {number}.", RATE)
    assert one.recall("Which city do you live in?", RATE) is None
    assert one.recall("Sentence number 7.", RATE) is not None


def test_the_same_sentence_sounds_the_same_on_every_call():
    assert Voice().synthesise("Hello there.", RATE) == voice().synthesise("Hello there.", RATE)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        ("Hello. Are you salaried? Are you sal", "Hello. Are you salaried?"),
        ("yes I am salaried yes I am s", "yes I am salaried"),
        ("my salary is 40, my salary is 40", "my salary is 40, my salary is 40"),
        ("twenty five thousand twenty", "twenty five thousand twenty"),
    ],
)
def test_words_that_break_off_within_a_word_while_they_repeat_are_a_loop(
    heard: str, said: str
) -> None:
    assert without_loop(heard, seconds=20) == said
