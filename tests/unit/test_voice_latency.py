"""Where the time of an answer goes: the parts sum to the whole, whatever was noted, and when."""

import asyncio
from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from langchain_core.language_models import FakeListChatModel
from langchain_core.messages import AIMessage
from langgraph.graph import END, START, StateGraph

from store.calls import TurnLatency
from tests.phone.call_graphs import State
from voice.latency import Run, Stopwatch, Work, waterfall
from voice.timing import lead_secs, watch_run

SECONDS = st.floats(0, 20, allow_nan=False)
MAYBE = st.none() | SECONDS
WORK = st.builds(Work, st.sampled_from(["graph", "model"]), st.sampled_from("abc"), SECONDS, MAYBE)


def stages(latency: TurnLatency | None) -> dict[str, float]:
    assert latency is not None
    return {part.stage if part.name is None else part.name: part.ms for part in latency.parts}


def answered(stopwatch: Stopwatch, **times: float) -> TurnLatency | None:
    """A turn whose caller fell silent at 10.0, as far as it is the same in the tests here."""
    stopwatch.paused(times.get("paused", 10.2))
    stopwatch.words(times.get("words", 10.3))
    stopwatch.decided(1, 10.0, times.get("decided", 10.35))
    stopwatch.first_words(1, times.get("first_words", 10.75))
    stopwatch.sentence(1, times.get("sentence", 10.75))
    stopwatch.voice(1, 10.85, 0.2, 0.06)
    return stopwatch.first_audio(1, times.get("handed", 10.86))


@given(
    times=st.lists(SECONDS, min_size=4, max_size=4),
    noted=st.tuples(MAYBE, MAYBE, MAYBE, MAYBE, MAYBE),
    lead=st.none() | st.floats(0, 1),
    work=st.lists(WORK, max_size=6),
)
def test_the_parts_follow_one_another_and_sum_to_the_whole(
    times: list[float],
    noted: tuple[float | None, ...],
    lead: float | None,
    work: list[Work],
) -> None:
    spoke, decided, words, handed = sorted(times)
    paused, recognised, sentence, voice, carried = noted
    stopwatch = Stopwatch()
    if paused is not None:
        stopwatch.paused(paused)
    if recognised is not None:
        stopwatch.words(recognised)
    stopwatch.decided(1, spoke, decided)
    stopwatch.run(1).work += work
    stopwatch.first_words(1, words)
    if sentence is not None:
        stopwatch.sentence(1, sentence)
    if voice is not None:
        stopwatch.voice(1, voice, 1.0, lead)
    assert stopwatch.first_audio(1, handed)
    if carried is not None:
        stopwatch.carried(1, carried)
    latency = stopwatch.latency(1)
    assert latency and latency.total_ms is not None
    assert round(sum(part.ms for part in latency.parts), 1) == latency.ear_ms
    before = [part for part in latency.parts if part.stage not in ("carrier", "lead_silence")]
    assert round(sum(part.ms for part in before), 1) == latency.total_ms
    assert all(part.ms > 0 for part in latency.parts)
    starts = [0.0, *(round(part.start_ms + part.ms, 1) for part in latency.parts)]
    assert [part.start_ms for part in latency.parts] == starts[:-1]


def test_a_turn_is_cut_into_what_the_caller_waited_for() -> None:
    stopwatch = Stopwatch()
    run = stopwatch.run(1)
    run.begin("graph", "retrieve", 10.36).ended_at = 10.45
    run.begin("graph", "answer", 10.45).ended_at = 11.5
    run.begin("model", "answer", 10.5).ended_at = 11.4
    stopwatch_latency = answered(stopwatch)
    assert stopwatch_latency is not None
    assert [(p.stage, p.name, p.ms) for p in stopwatch_latency.parts] == [
        ("endpoint", None, 200.0),
        ("stt", None, 100.0),
        ("turn", None, 50.0),
        ("overhead", None, 10.0),
        ("graph", "retrieve", 90.0),
        ("graph", "answer", 50.0),
        ("model", "answer", 250.0),
        ("tts", None, 100.0),
        ("overhead", None, 10.0),
        ("lead_silence", None, 60.0),
    ]
    assert (stopwatch_latency.total_ms, stopwatch_latency.ear_ms) == (860.0, 920.0)
    assert (stopwatch_latency.endpoint_ms, stopwatch_latency.graph_ms) == (350.0, 400.0)


def test_words_that_came_before_the_pause_was_found_took_no_time() -> None:
    assert "stt" not in stages(answered(Stopwatch(), words=10.1))


def test_what_the_model_writes_before_a_sentence_is_whole_counts_for_the_model() -> None:
    stopwatch = Stopwatch()
    stopwatch.run(1).begin("model", "answer", 10.35)
    latency = answered(stopwatch, sentence=10.8)
    assert stages(latency)["answer"] == 450.0
    assert stages(latency)["tts"] == 50.0


def test_a_graph_that_had_begun_before_the_turn_was_decided_is_counted_from_then() -> None:
    stopwatch = Stopwatch()
    stopwatch.run(1).begin("graph", "ask", 10.25).ended_at = 10.7
    assert stages(answered(stopwatch))["ask"] == 350.0


def test_a_turn_after_an_unfinished_one_has_its_own_times() -> None:
    stopwatch = Stopwatch()
    stopwatch.decided(1, 1.0, 1.4)
    stopwatch.forget(1)
    stopwatch.decided(2, 5.0, 5.5)
    stopwatch.first_words(2, 5.6)
    latency = stopwatch.first_audio(2, 5.7)
    assert latency is not None and latency.total_ms == 700.0


def test_only_the_first_audio_of_a_turn_is_measured() -> None:
    stopwatch = Stopwatch()
    assert answered(stopwatch)
    assert stopwatch.first_audio(1, 12.0) is None
    latency = stopwatch.latency(1)
    assert latency is not None and latency.total_ms == 860.0


def test_how_the_client_lags_is_added_and_a_lag_that_cannot_be_is_not() -> None:
    stopwatch = Stopwatch()
    answered(stopwatch)
    stopwatch.carried(1, -0.4)
    assert "carrier" not in stages(stopwatch.latency(1))
    stopwatch.carried(1, 0.12)
    stopwatch.carried(1, 9.0)
    assert stages(stopwatch.latency(1))["carrier"] == 120.0


def test_an_opening_that_answers_nobody_has_no_latency() -> None:
    stopwatch = Stopwatch()
    stopwatch.decided(1, None, 0.0)
    stopwatch.first_words(1, 1.0)
    assert stopwatch.first_audio(1, 2.0) is None


def test_a_waterfall_of_nothing_is_empty() -> None:
    assert waterfall(3.0, []) == []


def test_silence_before_the_first_sound_is_found_across_chunks() -> None:
    quiet = np.full(800, 100, np.int16).tobytes()
    loud = np.concatenate([np.zeros(80, np.int16), np.full(80, 9000, np.int16)]).tobytes()
    assert lead_secs(quiet, 8000) is None
    assert lead_secs(loud, 8000) == 0.01
    assert lead_secs(b"", 8000) is None
    stopwatch = Stopwatch()
    stopwatch.decided(1, 0.0, 1.0)
    stopwatch.voice(1, 2.0, 0.1, None)
    stopwatch.voice(1, 2.1, 0.1, 0.01)
    stopwatch.voice(1, 2.2, 0.1, 0.05)
    stopwatch.first_words(1, 1.5)
    assert stages(stopwatch.first_audio(1, 2.3))["lead_silence"] == 110.0


async def test_nodes_and_models_are_timed_where_they_run_and_nothing_inside_them() -> None:
    model = FakeListChatModel(responses=["Good."], sleep=0.05)

    async def look(_state: State) -> State:
        await asyncio.sleep(0.02)
        return {}

    async def answer(state: State) -> State:
        return {"messages": [AIMessage(str((await model.ainvoke("Hello")).text))]}

    builder = StateGraph(State)
    for name, node in (("look", look), ("answer", answer)):
        builder.add_node(name, node)
    builder.add_edge(START, "look")
    builder.add_edge("look", "answer")
    builder.add_edge("answer", END)
    run = Run()

    async def turn() -> None:
        watch_run(run)
        await builder.compile().ainvoke({"messages": []})

    await asyncio.create_task(turn())
    assert [(work.stage, work.name) for work in run.work] == [
        ("graph", "look"),
        ("graph", "answer"),
        ("model", "answer"),
    ]
    assert all(work.ended_at and work.ended_at > work.began_at for work in run.work)
    assert all(a.began_at <= b.began_at for a, b in pairwise(run.work))
    await builder.compile().ainvoke({"messages": []})
    assert len(run.work) == 3
