"""The audio behind a hold: our echo is told from other sound, and the word is found again."""

import time

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pipecat.frames.frames import InputAudioRawFrame
from pipecat.tests.utils import run_test

from voice.frames import HoldFrame
from voice.interruption_echo import SURE, Echo
from voice.interruption_gate import InterruptionGate
from voice.interruption_tail import Tail
from voice.providers.embedded_tts import voice
from voice.transport import Playback

RATE = 8000
WINDOW = round(0.32 * RATE)
Samples = npt.NDArray[np.int16]


def speech(text: str, rate: int = RATE) -> Samples:
    return np.frombuffer(voice().synthesise(text, rate), np.int16)


OURS = "We look at what you earn each month, and at the city in which you live."
THEIRS = "No, wait, I would like to ask you something about that first."


def played(audio: Samples, rate: int = RATE) -> Echo:
    """Sent in chunks of 40 ms, twice as fast as it is played from time 0 on."""
    echo, chunk = Echo(rate), rate // 25
    for at in range(0, audio.size, chunk):
        echo.played(audio[at : at + chunk].tobytes(), at / rate, at / rate / 2)
    return echo


def with_noise(audio: npt.NDArray[np.float64], db: float) -> bytes:
    noise = np.random.default_rng(0).normal(0, 32767 * 10 ** (db / 20), audio.size)
    return np.clip(audio + noise, -32768, 32767).astype(np.int16).tobytes()


@pytest.mark.parametrize("delay_secs", [0.0, 0.03, 0.25, 0.5, 0.8])
@pytest.mark.parametrize("db", [-3, -12, -26])
def test_our_own_voice_is_recognised_late_and_soft(delay_secs: float, db: float) -> None:
    ours = speech(OURS)
    end = round(1.5 * RATE)
    heard = with_noise(ours[end - WINDOW : end] * 10 ** (db / 20), -70)
    assert played(ours).similarity(heard, RATE, 1.5 + delay_secs) > SURE


@pytest.mark.parametrize("at_secs", [0.5, 1.0, 1.5, 2.0, 2.5])
def test_another_sentence_in_the_same_voice_is_none(at_secs: float) -> None:
    theirs = speech(THEIRS)[round(0.4 * RATE) :][:WINDOW].astype(np.float64)
    assert played(speech(OURS)).similarity(with_noise(theirs, -60), RATE, at_secs) < SURE


def test_a_caller_louder_than_the_echo_is_none() -> None:
    ours, theirs = speech(OURS), speech(THEIRS)
    end = round(1.5 * RATE)
    both = 0.2 * ours[end - WINDOW : end] + theirs[4000 : 4000 + WINDOW]
    assert played(ours).similarity(with_noise(both, -60), RATE, 1.5) < SURE


def test_an_echo_is_recognised_at_the_rates_of_a_browser() -> None:
    ours = speech(OURS, 24000)
    back = speech(OURS, 16000)[round(1.0 * 16000) :][: 2 * WINDOW] * 0.1
    heard = back.astype(np.int16).tobytes()
    assert played(ours, 24000).similarity(heard, 16000, 1.0 + 0.32 + 0.1) > 0.8


@pytest.mark.parametrize("end_secs", [1.2, 2.4])
def test_an_echo_with_gaps_in_it_is_recognised(end_secs: float) -> None:
    """The client ran dry: what it played is not where we think it is."""
    ours, end = speech(OURS), round(end_secs * RATE)
    parts = np.split(ours[end - WINDOW : end], [WINDOW // 4, WINDOW // 2])
    dry = np.zeros(RATE // 10)
    heard = np.concatenate([parts[0], dry, parts[1], dry, parts[2]])[:WINDOW]
    assert played(ours).similarity(with_noise(0.2 * heard, -70), RATE, end_secs + 0.2) > SURE


def blurred(audio: Samples) -> npt.NDArray[np.float64]:
    """Through a room that answers with more than was said in it."""
    secs = np.arange(RATE // 8) / RATE
    room = np.random.default_rng(3).normal(size=secs.size) * np.exp(-secs / 0.04) * 0.16
    room[0] = 1.0
    return np.convolve(audio, room)[: audio.size]


def test_an_echo_blurred_by_a_room_is_recognised_where_one_came_before() -> None:
    ours = speech(OURS)
    room, echo = 0.1 * blurred(ours), played(ours)
    ends = [round(secs * RATE) for secs in np.arange(0.8, 3.0, 0.1)]

    def looks() -> list[float]:
        parts = [room[end - WINDOW : end] for end in ends]
        return [
            echo.similarity(with_noise(part, -75), RATE, end / RATE + 0.2)
            for part, end in zip(parts, ends, strict=True)
        ]

    first, later = looks(), looks()
    assert sum(look >= SURE for look in later) >= 0.9 * len(later)
    assert sum(look >= SURE for look in later) > sum(look >= SURE for look in first[:3])


@pytest.mark.parametrize("at_secs", [1.0, 1.5, 2.0, 2.5])
def test_a_caller_is_none_where_an_echo_came_before(at_secs: float) -> None:
    ours, end = speech(OURS), round(1.5 * RATE)
    echo = played(ours)
    assert echo.similarity(ours[end - WINDOW : end].tobytes(), RATE, 1.7) > SURE
    theirs = speech(THEIRS)[round(0.4 * RATE) :][:WINDOW].astype(np.float64)
    assert echo.similarity(with_noise(theirs, -60), RATE, at_secs) < SURE


def test_what_was_dropped_before_it_was_played_leaves_no_echo() -> None:
    ours = speech(OURS)
    echo = played(ours)
    echo.cut(0.1)
    assert echo.similarity(ours[round(1.2 * RATE) :][:WINDOW].tobytes(), RATE, 1.5) < SURE


def test_silence_and_a_bot_that_said_nothing_are_like_nothing() -> None:
    assert Echo(RATE).similarity(speech(THEIRS)[:WINDOW].tobytes(), RATE, 1.0) == 0.0
    assert played(speech(OURS)).similarity(bytes(2 * WINDOW), RATE, 1.0) == 0.0


def test_a_word_begins_behind_the_pause_before_it() -> None:
    tail = Tail(RATE)
    word = (8000 * np.sin(np.arange(RATE // 2) * 0.4)).astype(np.int16).tobytes()
    tail.keep(word + bytes(RATE // 10 * 2) + word)  # half a second, a pause of 0.1, half a second
    start = tail.word_start(round(0.85 * RATE))
    assert 0.56 * RATE <= start <= 0.6 * RATE


def test_a_position_within_the_pause_goes_on_with_the_next_word() -> None:
    tail = Tail(RATE)
    word = (8000 * np.sin(np.arange(RATE // 2) * 0.4)).astype(np.int16).tobytes()
    tail.keep(word + bytes(RATE // 5 * 2) + word)
    assert 0.5 * RATE <= tail.word_start(round(0.65 * RATE)) <= 0.65 * RATE


@settings(deadline=None)
@given(st.lists(st.integers(1, 3000), max_size=20), st.integers(0, 40000), st.integers(0, 40000))
def test_the_tail_gives_back_what_it_was_given_and_never_skips_what_was_not_heard(
    sizes: list[int], heard: int, position: int
) -> None:
    tail, all_of = Tail(RATE), np.zeros(0, np.int16)
    chance = np.random.default_rng(len(sizes))
    for size in sizes:
        chunk = chance.integers(-9000, 9000, size, np.int16)
        all_of = np.concatenate([all_of, chunk])
        tail.keep(chunk.tobytes())
    heard = min(heard, all_of.size)
    tail.forget(heard)
    assert tail.end == all_of.size
    start = tail.word_start(heard)
    assert heard - 0.61 * RATE <= start <= heard
    assert tail.take(start, all_of.size) == all_of[start:].tobytes()
    tail.reset(position)
    assert (tail.end, tail.take(position, 100)) == (position, b"")


class Detector:
    """Reports speech from the first frame on."""

    pause_secs, level_db, tells_echo = 0.0, -30.0, True
    _frames = 0

    @property
    def speech_secs(self) -> float:
        self._frames += 1
        return self._frames * 0.02


@pytest.mark.parametrize(("waited_secs", "held"), [(0.0, True), (2.5, False)])
async def test_an_echo_that_waited_on_a_busy_machine_is_compared_with_what_was_sent_then(
    waited_secs: float, held: bool
) -> None:
    """Else every echo stops the bot as soon as there is more to do than the machine can do."""
    playback, ours, now = Playback(RATE), speech(OURS), time.monotonic()
    for at in range(0, ours.size, 320):
        playback.echo.played(ours[at : at + 320].tobytes(), now - 3.5 + at / RATE, now)
    playback.ledger.begin("a", OURS)
    playback.ledger.write(10 * RATE, now)
    heard = [
        InputAudioRawFrame(ours[at : at + 160].tobytes(), RATE, 1)
        for at in range(RATE - WINDOW, RATE, 160)
    ]
    for number, frame in enumerate(heard, 1 - len(heard)):
        frame.pts = round((now - waited_secs + number * 0.02) * 1e9)
    gate = InterruptionGate(Detector(), playback)  # type: ignore[arg-type]
    down, _ = await run_test(gate, frames_to_send=heard)
    assert any(isinstance(frame, HoldFrame) for frame in down) is held
