"""A line that is never quiet, and both talking at once: whole calls in virtual time."""

import numpy as np
import pytest

from benchmarks.sounds import Samples, spoken
from graphs.threads import Graph
from tests.phone.call_graphs import SECOND, interview
from tests.phone.conftest import Serve
from tests.phone.test_interruption import NEXT, QUESTION, Overlay, held, lines
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import Act, Coughs, Says
from voice.phonelab.virtual_time import virtually

LONG = " ".join(f"word{number}" for number in range(40))
RATE = 8000


def over(*script: Act, graph: Graph | None = None) -> Result:
    return VirtualCall(graph or interview((LONG, SECOND, "Goodbye.")), script).run()


def silences(result: Result) -> list[float]:
    """Pauses between two words of the bot's, in seconds."""
    return [
        later.began - word.ended
        for word, later in zip(result.played, result.played[1:], strict=False)
    ]


@pytest.mark.parametrize("at", [2.0, 4.0, 7.0])
def test_of_two_who_talk_at_once_the_caller_wins_and_only_what_was_played_counts(
    at: float,
) -> None:
    result = over(Says(at, "Wait, I have a question about that."))
    bot, caller, answer, *_ = result.record.transcript
    assert bot.interrupted and caller.text == "Wait, I have a question about that."
    assert answer.text == SECOND
    heard = [word.text for word in result.played if word.ended <= at + 1.0]
    credited = bot.text.split()
    assert credited == LONG.split()[: len(credited)]
    assert 0 < len(credited) <= len(heard)
    assert result.messages[0].text == bot.text


def test_who_talks_as_long_as_the_bot_would_is_heard_to_the_end() -> None:
    said = " ".join(["I"] + ["really"] * 20 + ["mean it."])
    result = over(Says(2.0, said))
    assert [u.text for u in result.record.transcript if u.role == "caller"] == [said]
    during = [word for word in result.played if 3.0 < word.began < 2.0 + 0.06 * len(said)]
    assert during == []


@pytest.mark.parametrize("seconds", [1.0, 2.0, 6.0])
def test_a_noise_silences_the_bot_for_as_long_as_it_lasts_and_half_a_second(seconds: float) -> None:
    """Nothing of what it says is lost, and nobody is answered who said nothing."""
    result = over(Coughs(2.0, seconds))
    assert max(silences(result)[: len(LONG.split()) - 1]) < seconds + 0.5
    assert [(u.role, u.text) for u in result.record.transcript][0] == ("bot", LONG)
    assert not any(u.interrupted for u in result.record.transcript)
    assert not any(u.role == "caller" for u in result.record.transcript)


def test_noise_after_noise_lets_the_bot_come_to_its_end() -> None:
    result = over(*(Coughs(1.5 + 1.5 * number, 0.4) for number in range(6)))
    assert result.record.transcript[0].text == LONG
    assert not any(u.role == "caller" for u in result.record.transcript)


def hiss(db: float, secs: float) -> Samples:
    """White noise, dB of full scale."""
    chance = np.random.default_rng(1)
    return (chance.normal(0, 10 ** (db / 20), round(secs * RATE))).astype(np.float32)


@pytest.mark.parametrize("db", [-50, -35, -25])
@virtually
async def test_the_noise_of_a_line_alone_neither_stops_nor_answers_the_bot(
    serve: Serve, db: float
) -> None:
    call = await held(serve, Overlay(hiss(db, 12.0), after_secs=0.5))
    assert lines(call)[0] == ("bot", QUESTION, False)
    assert not [said for role, said, _ in lines(call) if role == "caller"]


@virtually
async def test_a_caller_on_a_noisy_line_still_wins(serve: Serve) -> None:
    noise = hiss(-40, 10.0)
    words = spoken("Wait a moment.", "hibari")
    noise[2 * RATE : 2 * RATE + words.size] += words
    call = await held(serve, Overlay(noise, after_secs=0.5))
    (_, heard, interrupted), (role, said, _), (_, answer, _) = lines(call)[:3]
    assert interrupted and QUESTION.startswith(heard) and len(heard) < len(QUESTION)
    assert role == "caller" and "wait" in said.lower()
    assert answer == NEXT
