"""OpenTelemetry: a span for each call, each turn, and each part of the wait for an answer.

Made of the record of a call once it is over, so a call is never slower for it. Nothing that anybody
said, no number, no outcome and no state of the graph is in a span. Names follow Pipecat's traces
(`conversation`, `turn`, `stt`, `llm`, `tts`) and OpenTelemetry's conventions for generative AI
(https://opentelemetry.io/docs/specs/semconv/gen-ai/); what neither knows is under `dialgraph.`.
"""

import asyncio
import os
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Final, Protocol

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import SERVICE_NAME, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue

from store.calls import Call, LatencyPart, TurnLatency

ENDPOINTS: Final = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
"""Without one of these variables nothing is exported."""
FLUSH_SECS: Final = 5.0
"""Longest wait for the receiver at the end of the server, in seconds."""
_SPANS: Final = {"model": "llm", "graph": "invoke_agent"}
"""Names of spans that are not the stage's own."""
_OPERATIONS: Final = {"model": "chat", "graph": "invoke_agent", "stt": "stt", "tts": "tts"}


class Telemetry(Protocol):
    """Where calls are told of that are over."""

    def tell(self, call: Call) -> None:
        """Tell of a call."""


class Silent:
    """Tells nobody."""

    def tell(self, call: Call) -> None:
        """Do nothing."""


class Spans:
    """Exports calls in the background while its context lasts.

    Args:
        provider: where the spans go.
    """

    def __init__(self, provider: TracerProvider) -> None:
        self._provider = provider
        self._tracer = provider.get_tracer("dialgraph")

    async def __aenter__(self) -> "Spans":
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await asyncio.to_thread(self._provider.force_flush, int(FLUSH_SECS * 1000))
        await asyncio.to_thread(self._provider.shutdown)

    def tell(self, call: Call) -> None:
        """Write the spans of a call that is over."""
        span = self._tracer.start_span(
            "conversation",
            kind=SpanKind.SERVER,
            start_time=_nanos(call.started_at),
            attributes=_of_call(call),
        )
        if call.status == "failed":
            span.set_status(Status(StatusCode.ERROR))
        for turn in call.latency:
            if turn.at is not None:
                _write_turn(self._tracer, span, call, turn, turn.at)
        span.end(_nanos(call.ended_at or datetime.now(UTC)))


def open_telemetry(
    environment: Mapping[str, str] = os.environ,
) -> AbstractAsyncContextManager[Telemetry]:
    """Export to the OTLP endpoint that the standard variables name; without one, export nothing."""
    wanted = any(environment.get(name) for name in ENDPOINTS)
    if not wanted or environment.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return nullcontext(Silent())
    resource = Resource.create({SERVICE_NAME: environment.get("OTEL_SERVICE_NAME", "dialgraph")})
    provider = TracerProvider(resource=resource)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Spans(provider)


def _of_call(call: Call) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {
        "conversation.id": call.sid,
        "conversation.type": "voice",
        "gen_ai.conversation.id": call.sid,
        "gen_ai.agent.name": call.graph,
        "dialgraph.carrier": call.carrier,
        "dialgraph.direction": call.direction,
        "dialgraph.status": call.status,
    }
    return attributes | ({"dialgraph.answered_by": call.answered_by} if call.answered_by else {})


def _write_turn(
    tracer: Tracer, conversation: Span, call: Call, turn: TurnLatency, at: datetime
) -> None:
    ear_ms = turn.ear_ms or 0.0
    span = tracer.start_span(
        "turn",
        set_span_in_context(conversation),
        start_time=_nanos(at),
        attributes={
            "turn.number": turn.turn,
            "turn.type": "conversation",
            "turn.user_bot_latency_seconds": ear_ms / 1000,
            "conversation.id": call.sid,
        },
    )
    for part in turn.parts:
        begin = at + timedelta(milliseconds=part.start_ms)
        stage = tracer.start_span(
            _SPANS.get(part.stage, part.stage),
            set_span_in_context(span),
            start_time=_nanos(begin),
            attributes=_of_part(call, part),
        )
        stage.end(_nanos(begin + timedelta(milliseconds=part.ms)))
    span.end(_nanos(at + timedelta(milliseconds=ear_ms)))


def _of_part(call: Call, part: LatencyPart) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {"dialgraph.stage": part.stage}
    if operation := _OPERATIONS.get(part.stage):
        attributes["gen_ai.operation.name"] = operation
    if part.stage in ("graph", "model"):
        attributes["gen_ai.agent.name"] = call.graph
    if part.name:
        attributes["dialgraph.node"] = part.name
    return attributes


def _nanos(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since // timedelta(microseconds=1)) * 1000
