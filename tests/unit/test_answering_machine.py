"""Who has taken an outbound call: greetings in English and Hindi, their timing, and tones."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from voice.answering_machine import (
    DEADLINE_SECS,
    GREETING_OVER_SECS,
    NOBODY_SPEAKS_SECS,
    TONE_SECS,
    Answerer,
    read,
)
from voice.tone import Tone

MACHINES = [
    "Hi, this is Asha. I can't come to the phone right now, please leave a message after the tone.",
    "You have reached the voicemail box of 5 5 5 0 1 9 9. At the tone, please record your message.",
    "The person you are calling is not available. Please leave your message after the beep.",
    "The number you have dialed has a mailbox that is full.",
    "Your call has been forwarded to an automatic voice message system.",
    "Hello, Asha speaking. I am away from my desk. Leave me a short message.",
    "जिस व्यक्ति को आप कॉल कर रहे हैं वह अभी उपलब्ध नहीं है।",
    "कृपया बीप के बाद अपना संदेश रिकॉर्ड करें।",
    "Namaste, main abhi phone nahi utha sakti, beep ke baad sandesh chhod dijiye.",
]
MENUS = [
    "Thank you for calling Sharma Clinic. For appointments, press 1. For billing, press 2.",
    "Please listen carefully as our menu options have changed.",
    "Welcome. For English press one.",
    "हिंदी के लिए एक दबाएं।",
    "Hindi ke liye ek dabaiye, English ke liye do dabaiye.",
]
PEOPLE = [
    "Hello?",
    "Yes?",
    "Hello, this is Asha speaking, who is this?",
    "Asha here.",
    "Good morning, Sharma Dental Clinic, my name is Asha, how may I help you today?",
    "He is not available right now, who is calling?",
    "She can't come to the phone, can I take a message?",
    "He is out. Would you like to leave a message?",
    "You've reached Sharma and Sons, what can I do for you?",
    "Hello, hello, can you hear me, I am on the train and the line is bad.",
    "I'm driving, call me back later please.",
    "Haan ji, boliye.",
    "हेलो, कौन बोल रहा है?",
    "हाँ जी, बताइए।",
    "Asha bol rahi hoon, aap kaun?",
]


def greeted(words: str, seconds: float, pause: float = 5.0) -> Answerer:
    """Somebody says words from 0.5 s on, which are recognised 0.4 s after their end."""
    answerer, end = Answerer(0.0), 0.5 + seconds
    answerer.speaks(0.5)
    answerer.falls_silent(end)
    answerer.says(words, end + 0.4)
    for tenth in range(int(pause * 10)):
        answerer.passes(end + 0.4 + tenth / 10)
    return answerer


@pytest.mark.parametrize("words", MACHINES)
def test_a_recorded_greeting_is_a_machine(words: str) -> None:
    assert greeted(words, len(words) / 15).who == "machine"


@pytest.mark.parametrize("words", MENUS)
def test_a_system_that_asks_for_keys_is_a_menu(words: str) -> None:
    assert greeted(words, len(words) / 15).who == "menu"


@pytest.mark.parametrize("words", PEOPLE)
@pytest.mark.parametrize("seconds", [0.4, 2.0, 3.0, 6.0])
def test_a_person_is_never_taken_for_a_machine(words: str, seconds: float) -> None:
    assert greeted(words, seconds).who == "human"


def test_a_person_who_asks_is_answered_as_soon_as_the_words_are_known() -> None:
    assert greeted("Who is this?", 0.8, pause=0).who == "human"


def test_a_person_who_says_hello_is_answered_within_a_second() -> None:
    assert greeted("Hello", 0.4, pause=0.4).who == "human"


def test_weak_words_count_only_when_the_speech_was_long() -> None:
    assert greeted("You've reached Asha.", 1.2).who == "human"
    assert greeted("You've reached Asha. Leave a message.", 3.5).who == "machine"


def test_after_words_with_which_a_recording_may_begin_it_is_waited_longer() -> None:
    assert greeted("You have reached Asha.", 1.2, pause=1.5).who is None
    assert greeted("You have reached Asha.", 1.2, pause=2.0).who == "human"
    assert greeted("Asha.", 1.2, pause=0.5).who == "human"


def test_who_talks_very_long_without_a_pause_and_without_known_words_is_a_machine() -> None:
    assert greeted("Dobrý den, dovolali jste se na číslo", 9.0).who == "machine"
    assert greeted("Dobrý den, dovolali jste se na číslo", 5.0).who == "human"


def test_silence_is_a_person_who_waits() -> None:
    answerer = Answerer(100.0)
    answerer.passes(100.0 + NOBODY_SPEAKS_SECS - 0.1)
    assert answerer.who is None
    answerer.passes(100.0 + NOBODY_SPEAKS_SECS)
    assert answerer.who == "human"


def test_words_that_are_still_to_come_are_waited_for() -> None:
    answerer = Answerer(0.0)
    answerer.speaks(0.5)
    answerer.falls_silent(5.0)
    answerer.passes(6.0)
    assert answerer.who is None
    answerer.says(MACHINES[0], 6.2)
    assert answerer.who == "machine"


def test_a_recording_that_pauses_after_hello_is_recognised_later_by_its_words() -> None:
    answerer = greeted("Hello.", 0.5)
    assert answerer.who == "human"
    answerer.says("Please leave a message after the tone.", 8.0)
    assert answerer.who == "machine"


def test_in_the_middle_of_a_conversation_the_same_words_are_a_person_s() -> None:
    answerer = greeted("Hello.", 0.5)
    answerer.says("Should I leave it after the beep, on his voicemail?", 40.0)
    assert answerer.who == "human"


def test_a_machine_is_spoken_to_after_its_tone_or_a_silence_or_at_the_deadline() -> None:
    answerer = greeted(MACHINES[0], 5.0, pause=0)
    assert not answerer.may_speak
    answerer.tone(7.0)
    assert answerer.may_speak
    silent = greeted(MACHINES[0], 5.0, pause=0)
    silent.passes(5.9 + GREETING_OVER_SECS - 0.1)
    assert not silent.may_speak
    silent.passes(5.9 + GREETING_OVER_SECS)
    assert silent.may_speak
    talking = greeted(MACHINES[0], 5.0, pause=0)
    talking.speaks(6.0)
    talking.passes(20.0)
    assert not talking.may_speak
    talking.passes(5.9 + TONE_SECS)
    assert talking.may_speak


def test_a_tone_in_a_call_with_a_person_means_nothing() -> None:
    answerer = greeted("Hello?", 0.5)
    answerer.tone(7.0)
    assert (answerer.who, answerer.may_speak) == ("human", False)


def test_the_carrier_is_believed_before_it_is_decided_and_early_in_the_call() -> None:
    answerer = Answerer(0.0)
    answerer.carrier_says("machine", 4.0, records=True)
    assert (answerer.who, answerer.may_speak) == ("machine", True)
    person = greeted("Hello?", 0.5)
    person.carrier_says("machine", 60.0, records=True)
    assert (person.who, person.may_speak) == ("human", False)


STEPS = st.sampled_from(["speaks", "silent", "words", "weak", "nothing"])


@given(st.lists(st.tuples(STEPS, st.floats(0.05, 3)), max_size=40))
def test_it_is_always_decided_in_time_and_without_a_recording_s_words_for_a_person(
    steps: list[tuple[str, float]],
) -> None:
    """Whoever speaks for less than `LONGEST_SECS` at a time and says nothing typical is human."""
    answerer, now = Answerer(0.0), 0.0
    for step, wait in steps:
        now += wait
        if step == "speaks":
            answerer.speaks(now)
        elif step == "silent":
            answerer.speaks(now - 0.3)
            answerer.falls_silent(now)
        elif step == "words":
            answerer.says("Hello, yes, good evening.", now)
        answerer.passes(now)
        if answerer._longest < 8:
            assert answerer.who in (None, "human")
    answerer.passes(max(now, DEADLINE_SECS))
    assert answerer.who is not None


def test_what_the_words_say_is_read_whole() -> None:
    assert read("Hello.") == read("")
    assert read(MACHINES[0]).machine
    assert read("Press 1").menu


RATE = 8000


def sine(hertz: float, seconds: float, amplitude: float = 0.3) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(int(seconds * RATE)) / RATE)


def tones(*parts: np.ndarray, chunk: int = 160, noise: float = 0.0) -> int:
    """How many tones are found in what is heard chunk by chunk."""
    wave = np.concatenate([*parts, np.zeros(RATE // 2)])
    wave = wave + noise * np.random.default_rng(1).standard_normal(len(wave))
    pcm = (np.clip(wave, -1, 1) * 32767).astype(np.int16)
    tone = Tone(RATE)
    return sum(tone.ended(pcm[at : at + chunk].tobytes()) for at in range(0, len(pcm), chunk))


@pytest.mark.parametrize("hertz", [440, 500, 800, 1000, 1400, 2000])
@pytest.mark.parametrize("seconds", [0.25, 0.5, 1.2])
@pytest.mark.parametrize("chunk", [160, 333])
def test_the_tone_of_a_machine_is_found_once_at_its_end(
    hertz: float, seconds: float, chunk: int
) -> None:
    assert tones(sine(hertz, seconds), chunk=chunk, noise=0.005) == 1


def test_ring_tones_keys_speech_and_noise_are_no_tone() -> None:
    pairs = [(440, 480), (770, 1336), (941, 1477), (480, 620)]
    for low, high in pairs:
        assert tones(sine(low, 1.0) + sine(high, 1.0)) == 0
    assert tones(sine(400, 1.0)) == 0
    assert tones(sine(1000, 0.1)) == 0
    assert tones(np.random.default_rng(2).standard_normal(RATE) * 0.2) == 0
    vowel = sum(sine(180 * n, 1.0, 0.3 / n) for n in range(1, 9))
    assert tones(vowel) == 0
    slide = 0.3 * np.sin(2 * np.pi * np.cumsum(np.linspace(500, 1900, RATE)) / RATE)
    assert tones(slide) == 0


def test_the_voice_of_the_embedded_speech_is_no_tone() -> None:
    import asyncio

    from voice.phonelab import mulaw
    from voice.phonelab.voices import EmbeddedVoice

    audio = asyncio.run(EmbeddedVoice().speak("Hello, who is this? Oooh, no, noon, moon, see."))
    pcm = mulaw.decode(audio)
    tone = Tone(RATE)
    assert not any(tone.ended(pcm[at : at + 160].tobytes()) for at in range(0, len(pcm), 160))
