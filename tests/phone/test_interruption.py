"""Sounds of the caller over the bot's speech, in whole calls: which stop it, and how it goes on."""

import audioop
from dataclasses import dataclass, field

import numpy as np
import pytest

from benchmarks.sounds import Samples, cough, loud_cough, spoken
from store.calls import Call
from tests.phone.call_graphs import interview
from tests.phone.conftest import Serve
from tests.phone.media_stream import words
from voice.phonelab import LabCall, PhoneLab, mulaw
from voice.phonelab.handset import Handset
from voice.phonelab.virtual_time import virtually
from voice.providers.embedded_tts import voice

QUESTION = (
    "Before we begin I would like to tell you that this call takes about two minutes, "
    "that it costs you nothing, and that you may ask me anything, so are you salaried?"
)
NEXT = "Which city do you live in?"


@dataclass
class Overlay:
    """Lets the bot speak for a while, sounds into it, and hangs up once all is quiet."""

    sound: Samples
    after_secs: float = 1.5
    call: LabCall | None = None
    clears: int = 0
    played: bytearray = field(default_factory=bytearray)
    """What the bot sent, without what was cleared before it was played; mu-law."""

    async def prepare(self) -> None:
        """Nothing to do."""

    async def talk(self, phone: Handset) -> None:
        assert self.call
        line = self.call.line
        put, clear = line.playout.put, line.playout.clear

        def keep(audio: bytes) -> None:
            self.played.extend(audio)
            put(audio)

        def cut() -> list[str]:
            self.clears += 1
            del self.played[len(self.played) - line.playout.pending :]
            return clear()

        line.playout.put, line.playout.clear = keep, cut  # type: ignore[method-assign]
        await line.until(lambda: line.ear.heard_secs(0) > 0, within=20, what="The bot")
        await line.pause(self.after_secs)
        line.speech.put(mulaw.encode_speech(self.sound.astype(np.float32), 8000))
        await line.pause(1.0)
        await line.until(lambda: line.ear.quiet_secs > 2.5, within=40, what="Silence")


async def held(serve: Serve, overlay: Overlay) -> Call:
    """Hold the call and return its record."""
    async with serve(interview((QUESTION, NEXT, "Goodbye."))) as server:
        async with PhoneLab(auth_token=None) as lab:
            overlay.call = lab.ring(f"{server.base}/voice/incoming", overlay)
            await overlay.call.wait(60)
        return await server.record(overlay.call.sid)


def sentence() -> bytes:
    pcm = np.frombuffer(voice().synthesise(QUESTION, 8000), np.int16)
    return audioop.lin2ulaw(pcm[: np.flatnonzero(np.abs(pcm) > 300)[-1]].tobytes(), 2)


def lines(call: Call) -> list[tuple[str, str, bool]]:
    return [(u.role, u.text, u.interrupted) for u in call.transcript]


@pytest.mark.parametrize("text", ["Okay.", "Right."])
@virtually
async def test_a_backchannel_holds_the_bot_and_it_goes_on_at_the_word(
    serve: Serve, text: str
) -> None:
    """Every sample of the question is played, in order, and no more than a word of it twice."""
    overlay = Overlay(spoken(text, "hibari"))
    call = await held(serve, overlay)
    assert lines(call) == [("bot", QUESTION, False)]
    assert overlay.clears >= 1
    played, whole = bytes(overlay.played), sentence()
    first = played.index(whole[:800])
    until = next(n for n in range(len(whole)) if played[first + n] != whole[n])
    again = played.index(whole[until + 800 :])  # from a little later to the end, without a break
    start = until + 800 - (again - first - until)
    assert until - 1.2 * 8000 <= start <= until


@pytest.mark.parametrize("sound", [cough(3), loud_cough(5)], ids=["cough", "loud cough"])
@virtually
async def test_a_cough_does_not_stop_the_bot(serve: Serve, sound: Samples) -> None:
    overlay = Overlay(sound * 0.1 / np.abs(sound).max())
    call = await held(serve, overlay)
    assert lines(call) == [("bot", QUESTION, False)]
    assert sentence()[-4000:] in bytes(overlay.played)


@pytest.mark.parametrize("text", ["Stop!", "Wait a moment."])
@virtually
async def test_a_word_stops_the_bot_and_is_the_callers_turn(serve: Serve, text: str) -> None:
    overlay = Overlay(spoken(text, "hibari"))
    call = await held(serve, overlay)
    (_, heard, interrupted), (role, said, _), (_, answer, _) = lines(call)
    assert interrupted
    assert QUESTION.startswith(heard) and len(heard) < len(QUESTION) / 2
    assert (role, words(said).split()[0]) == ("caller", words(text).split()[0])
    assert answer == NEXT
    assert sentence()[-4000:] not in bytes(overlay.played)


@virtually
async def test_okay_right_after_the_question_is_an_answer(serve: Serve) -> None:
    seconds = len(sentence()) / 8000
    overlay = Overlay(spoken("Okay.", "hibari"), after_secs=seconds + 0.3)
    call = await held(serve, overlay)
    assert lines(call) == [
        ("bot", QUESTION, False),
        ("caller", "Okay.", False),
        ("bot", NEXT, False),
    ]


@virtually
async def test_a_noise_that_was_held_for_leaves_no_silence_prompt_and_no_second_question(
    serve: Serve,
) -> None:
    """The tail is said again, not the message: nothing else is heard of it."""
    overlay = Overlay(spoken("Hmm.", "gb 130"))
    call = await held(serve, overlay)
    assert lines(call) == [("bot", QUESTION, False)]
    assert len(overlay.played) <= len(sentence()) + 1.5 * 8000
