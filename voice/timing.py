"""Takes the times of a call where they pass: at the processors of its pipeline, in its graph.

Pipecat's observers see every frame between any two processors, 20 ms of audio after 20 ms, each
through a queue: for fifty calls a core that is too dear. Here two processors tell of what they get.
"""

import time
from contextvars import ContextVar
from typing import Any, Protocol
from uuid import UUID

import numpy as np
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.tracers.context import register_configure_hook
from pipecat.frames.frames import (
    AggregatedTextFrame,
    Frame,
    InterruptionFrame,
    OutputAudioRawFrame,
    TranscriptionFrame,
    TTSTextFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.processors.frame_processor import FrameProcessor

from store.calls import TurnLatency
from voice.frames import MarkPlayedFrame, UtteranceFrame
from voice.latency import Run, Stopwatch, Work
from voice.transport import Playback

AUDIBLE = 300
"""Amplitude of a sample, of 32,767, from which it is no silence: -41 dB of full scale."""


class Measured(Protocol):
    """Who is measured, and takes the result."""

    stopwatch: Stopwatch

    def measured(self, latency: TurnLatency | None) -> None:
        """Take the latency of a turn, as far as it is known."""


def take_times(
    call: Measured, playback: Playback, turns: FrameProcessor, output: FrameProcessor
) -> None:
    """Take the times of a call.

    Args:
        call: who is measured.
        playback: what was played so far.
        turns: gets voice activity and the caller's words.
        output: gets the audio, and the marks that the client has played.
    """
    times = _Output(call, playback)

    def listening(_processor: FrameProcessor, frame: Frame) -> None:
        if isinstance(frame, VADUserStoppedSpeakingFrame):
            call.stopwatch.paused(time.monotonic())
        elif isinstance(frame, TranscriptionFrame):
            call.stopwatch.words(time.monotonic())

    turns.add_event_handler("on_before_process_frame", listening)
    output.add_event_handler("on_before_process_frame", times.before)
    output.add_event_handler("on_after_process_frame", times.after)


class _Output:
    """Follows the answer of one turn after the other from text to speech to the client's ear."""

    def __init__(self, call: Measured, playback: Playback) -> None:
        self._call = call
        self._playback = playback
        self._turn = 0
        """The turn whose words come from text to speech now; 0 for other phrases."""
        self._waits: tuple[int, int] | None = None
        """A turn whose first audio is on its way to the ear, and its first sample."""
        self._began = playback.on_first_audio

        playback.on_first_audio = self._first_audio

    def before(self, _processor: FrameProcessor, frame: Frame) -> None:
        """Note what text to speech makes."""
        if isinstance(frame, UtteranceFrame):
            self._turn = frame.turn
        elif isinstance(frame, InterruptionFrame):
            self._turn, self._waits = 0, None
        elif not self._turn:
            return
        elif isinstance(frame, AggregatedTextFrame) and not isinstance(frame, TTSTextFrame):
            self._call.stopwatch.sentence(self._turn, time.monotonic())
        elif isinstance(frame, OutputAudioRawFrame):
            rate = frame.sample_rate * frame.num_channels
            self._call.stopwatch.voice(
                self._turn,
                time.monotonic(),
                len(frame.audio) / 2 / rate,
                lead_secs(frame.audio, rate),
            )

    def after(self, _processor: FrameProcessor, frame: Frame) -> None:
        """Note when the client has played a mark behind the first audio."""
        ledger = self._playback.ledger
        if self._waits and isinstance(frame, MarkPlayedFrame):
            turn, start = self._waits
            if ledger.acknowledged > start:
                played_secs = (ledger.acknowledged - start) / ledger.sample_rate
                self._waits = None
                handed = self._call.stopwatch.handed_at(turn)
                if handed is not None:
                    late = time.monotonic() - handed - played_secs
                    self._call.stopwatch.carried(turn, late)
                    self._call.measured(self._call.stopwatch.latency(turn))

    def _first_audio(self, utterance: UtteranceFrame, at: float) -> None:
        self._began(utterance, at)
        if utterance.turn and self._call.stopwatch.handed_at(utterance.turn) == at:
            self._waits = utterance.turn, self._playback.ledger.written


def lead_secs(pcm: bytes, rate: int) -> float | None:
    """Return the length of the silence in front, in seconds; None when all of it is silent.

    Args:
        pcm: audio, PCM16.
        rate: samples a second.
    """
    loud = np.abs(np.frombuffer(pcm, np.int16).astype(np.int32)) >= AUDIBLE
    return int(loud.argmax()) / rate if loud.any() else None


class _RunTimes(BaseCallbackHandler):
    """Notes when the nodes and models of one run begin and end."""

    run_inline = True
    ignore_agent = ignore_retriever = ignore_custom_event = True

    def __init__(self, run: Run) -> None:
        self._run = run
        self._open: dict[UUID, Work] = {}

    def on_chain_start(self, serialized: Any, inputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a node begins; what runs inside a node is left out."""
        if any(tag.startswith("graph:step:") for tag in kwargs.get("tags") or ()):
            self._begin("graph", run_id, kwargs)

    def on_chat_model_start(
        self, serialized: Any, messages: Any, *, run_id: UUID, **kwargs: Any
    ) -> None:
        """Note that a model begins."""
        self._begin("model", run_id, kwargs)

    def on_llm_start(self, serialized: Any, prompts: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a model begins."""
        self._begin("model", run_id, kwargs)

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a node has ended."""
        self._end(run_id)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a node has failed, or waits for a person."""
        self._end(run_id)

    def on_llm_end(self, response: Any, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a model has ended."""
        self._end(run_id)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **kwargs: Any) -> None:
        """Note that a model has failed."""
        self._end(run_id)

    def _begin(self, stage: Any, run_id: UUID, kwargs: Any) -> None:
        node = (kwargs.get("metadata") or {}).get("langgraph_node")
        self._open[run_id] = self._run.begin(stage, node, time.monotonic())

    def _end(self, run_id: UUID) -> None:
        work = self._open.pop(run_id, None)
        if work:
            work.ended_at = time.monotonic()


_watching: ContextVar[BaseCallbackHandler | None] = ContextVar("run_times", default=None)
register_configure_hook(_watching, inheritable=True)


def watch_run(run: Run) -> None:
    """Note in `run` when the nodes and models begin and end that this task starts from now on."""
    _watching.set(_RunTimes(run))
