"""The pipeline of one call, the same for a telephone and for a browser.

transport -> voice activity -> speech to text -> interruption gate -> turns -> bridge ->
sentences -> text to speech -> transport
"""

import asyncio
import contextlib
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import WebSocket
from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.audio.vad_processor import VADProcessor
from pipecat.serializers.base_serializer import FrameSerializer
from pipecat.workers.runner import WorkerRunner

from graphs.threads import Threads
from settings import Settings
from store.calls import AnsweredBy
from store.transfers import TransferRecord
from voice.answering_gate import AnsweringGate
from voice.bridge import Bridge
from voice.flight import FlightRecorder
from voice.interruption_gate import InterruptionGate
from voice.providers import STT, tts_of
from voice.reception import agent_voice, voicemail
from voice.record import CallLog
from voice.recorder import Recorder
from voice.sentences import Sentences, speech
from voice.timing import take_times
from voice.transferring import Transferring
from voice.transport import CallTransport, NotTaken, Playback
from voice.turns import CallerTurns, voice_activity

log = logging.getLogger(__name__)

LEAST_SECS = 1.0
GOODBYE_SECS = 20.0
"""Longest last phrase after the time is up, in seconds."""
TEARDOWN_SECS = 10.0
"""Longest wait for the pipeline to come apart, in seconds."""


class Conversation:
    """One caller on one media stream.

    Args:
        websocket: the accepted connection.
        serializer: the client's protocol.
        call_log: the record; names graph and thread.
        threads: where the graph runs.
        settings: providers, limits.
        input_rate: samples a second of what the client says.
        output_rate: samples a second of what the client plays.
        recording: file for a stereo WAV, or None.
        flight: the flight recorder, or None.
        transferring: connects callers with people; None where that cannot be.
        came_back: the transfer that has failed, of a caller who comes back from it.
    """

    def __init__(
        self,
        websocket: WebSocket,
        serializer: FrameSerializer,
        call_log: CallLog,
        threads: Threads,
        settings: Settings,
        *,
        input_rate: int,
        output_rate: int,
        recording: Path | None = None,
        flight: FlightRecorder | None = None,
        transferring: Transferring | None = None,
        came_back: TransferRecord | None = None,
    ) -> None:
        self.over = asyncio.Event()
        """Set when the call has let go of its stream and its record is written."""
        self._flight = flight
        if flight:
            websocket = flight.tap(websocket)
        self._settings = settings
        self._log = call_log
        self._playback = Playback(output_rate)
        self._recorder = Recorder(recording, input_rate, output_rate) if recording else None
        if self._recorder:
            self._playback.on_audio_in = self._recorder.caller
            self._playback.on_audio_out = self._recorder.bot
            self._playback.on_audio_dropped = self._recorder.bot_dropped
        transport = CallTransport(websocket, serializer, self._playback)
        self._output = transport.output()
        self._stt = STT[settings.stt].create(settings, input_rate)
        self._tts = tts_of(settings, agent_voice(call_log.call), output_rate)
        self._tts.add_text_transformer(speech)
        vad = voice_activity(settings)
        self._gate: AnsweringGate | None = None
        outbound = call_log.call.direction == "outbound"
        left = voicemail(call_log.call, settings)
        if outbound and left.voicemail and not came_back:
            self._gate = AnsweringGate(call_log, left, input_rate)
        self._bridge = Bridge(
            threads,
            call_log,
            self._playback,
            settings,
            announce=bool(recording or flight),
            gated=self._gate is not None,
            transferring=transferring,
            came_back=came_back,
        )
        turns = CallerTurns(vad)
        take_times(self._bridge, self._playback, turns, self._output)
        self._worker = PipelineWorker(
            Pipeline(
                [
                    transport.input(),
                    VADProcessor(vad_analyzer=vad),
                    self._stt,
                    InterruptionGate(vad, self._playback),
                    turns,
                    *([self._gate] if self._gate else []),
                    self._bridge,
                    Sentences(),
                    self._tts,
                    transport.output(),
                ]
            ),
            params=PipelineParams(
                audio_in_sample_rate=input_rate, audio_out_sample_rate=output_rate
            ),
            enable_rtvi=False,
            enable_turn_tracking=False,
            idle_timeout_secs=None,
            observers=[flight] if flight else [],
        )

        transport.add_event_handler("on_client_disconnected", self._gone)
        self._worker.add_event_handler("on_pipeline_error", self._failed)

    def end(self, reason: str) -> None:
        """End the call at once, because of what happened outside it."""
        self._bridge.end(reason)

    def answered_by(self, who: AnsweredBy, *, records: bool) -> None:
        """Take the carrier's word for who has taken the call, where that is asked."""
        if self._flight:
            self._flight.carrier_says(who, records=records)
        if self._gate:
            self._gate.carrier_says(who, records=records)

    async def run(self) -> str:
        """Hold the conversation and return why it ended.

        Returns:
            `done`, `hangup`, `silence`, `failed`, `too_long`, `machine`, `transfer`,
            `cancelled` or `shutdown`.
        """
        nothing = contextlib.nullcontext()
        async with self._recorder or nothing, self._flight or nothing:
            return await self._converse()

    async def _converse(self) -> str:
        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(self._worker)
        running = asyncio.create_task(runner.run(), name="pipeline")
        try:
            if not await self._ended_within(self._secs_left(), running):
                await self._bridge.time_is_up()
                await self._ended_within(GOODBYE_SECS, running)
        finally:
            self._bridge.end("failed" if running.done() else "too_long")
            await self._bridge.tell_end()
            await self._take_apart(running)
        return self._bridge.ended.result()

    def _secs_left(self) -> float:
        """Return how long the call may go on: a stream that was broken begins no new call."""
        gone = (datetime.now(UTC) - self._log.call.started_at).total_seconds()
        return max(self._settings.max_call_secs - gone, LEAST_SECS)

    async def _ended_within(self, seconds: float, running: "asyncio.Task[None]") -> bool:
        either: set[asyncio.Future[Any]] = {self._bridge.ended, running}
        done, _ = await asyncio.wait(either, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        return bool(done)

    async def _take_apart(self, running: "asyncio.Task[None]") -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TEARDOWN_SECS):
                await self._worker.cancel()
                await running
        if not running.done():
            running.cancel()
            log.error("A pipeline did not come apart within %g seconds.", TEARDOWN_SECS)
        await self._bridge.settle()

    async def _gone(self, _transport: CallTransport, _websocket: WebSocket) -> None:
        self._bridge.end("hangup")

    async def _failed(self, _worker: PipelineWorker, frame: ErrorFrame) -> None:
        error, sid = frame.exception, self._log.call.sid
        why = error if isinstance(error, NotTaken) else type(error or frame).__name__
        log.warning("An error in call %s, from %s: %s", sid, frame.processor, why)
        if frame.processor is self._stt:
            await self._bridge.report_error("Speech to text failed.", listening=True)
        elif frame.processor is self._output:  # nobody takes what we send
            if isinstance(error, NotTaken):
                self._log.failed(str(error))
            self._bridge.end("hangup")
        elif frame.processor is self._tts:
            await self._bridge.report_error("Text to speech failed.", listening=False)
