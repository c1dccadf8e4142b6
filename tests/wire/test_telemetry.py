"""Traces over the wire: a local receiver of OTLP over HTTP, the real exporter, a whole call."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from store.calls import Call, TurnLatency, Utterance
from tests.phone.call_graphs import GREETING, interview
from voice.latency import waterfall
from voice.phonelab.virtual import VirtualCall
from voice.telemetry import Silent, Spans, open_telemetry

CALLER = "+915550142"


@dataclass
class Receiver:
    """What arrived, as it came and as spans."""

    address: str = ""
    bodies: list[bytes] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)

    @property
    def spans(self) -> list[Any]:
        return [
            span
            for body in self.bodies
            for resource in ExportTraceServiceRequest.FromString(body).resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    def named(self, name: str) -> list[Any]:
        return [span for span in self.spans if span.name == name]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    got = Receiver()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            got.paths.append(self.path)
            got.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    got.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield got
    server.shutdown()
    server.server_close()
    thread.join()


def a_call() -> Call:
    """A call with every kind of datum that is nobody's business in it."""
    began = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)
    parts = waterfall(
        0,
        [("endpoint", None, 0.2), ("graph", "ask", 0.25), ("model", "ask", 0.5), ("tts", None, 1)],
    )
    turn = TurnLatency(
        turn=2, at=began + timedelta(seconds=5), total_ms=1000.0, ear_ms=1000.0, parts=parts
    )
    return Call(
        sid="CA1",
        graph="interview",
        thread_id="asha@example.com",
        direction="outbound",
        carrier="twilio",
        status="completed",
        outcome="not_eligible",
        failure="secret failure",
        from_number=CALLER,
        to_number="+915550143",
        started_at=began,
        ended_at=began + timedelta(seconds=20),
        answered_by="human",
        transcript=[Utterance(role="caller", text="My salary is forty thousand", at=began)],
        latency=[turn],
    )


def attributes(span: Any) -> dict[str, Any]:
    return {
        pair.key: getattr(pair.value, pair.value.WhichOneof("value")) for pair in span.attributes
    }


async def export(receiver: Receiver, monkeypatch: pytest.MonkeyPatch, call: Call) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
    async with open_telemetry() as telemetry:
        telemetry.tell(call)


async def test_a_call_its_turns_and_their_parts_are_spans_in_one_another(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await export(receiver, monkeypatch, a_call())
    assert set(receiver.paths) == {"/v1/traces"}
    (call,), (turn,) = receiver.named("conversation"), receiver.named("turn")
    parts = [span for span in receiver.spans if span.parent_span_id == turn.span_id]
    assert turn.parent_span_id == call.span_id
    assert [span.name for span in parts] == ["endpoint", "invoke_agent", "llm", "tts"]
    assert len({span.trace_id for span in receiver.spans}) == 1
    assert call.end_time_unix_nano - call.start_time_unix_nano == 20 * 10**9
    assert turn.start_time_unix_nano - call.start_time_unix_nano == 5 * 10**9
    lasted = [span.end_time_unix_nano - span.start_time_unix_nano for span in parts]
    assert sum(lasted) == turn.end_time_unix_nano - turn.start_time_unix_nano == 10**9
    ends = [turn.start_time_unix_nano, *(span.end_time_unix_nano for span in parts)]
    assert [span.start_time_unix_nano for span in parts] == ends[:-1]


async def test_the_conventions_of_pipecat_and_of_generative_ai_are_kept(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await export(receiver, monkeypatch, a_call())
    (call,), (turn,) = receiver.named("conversation"), receiver.named("turn")
    (model,) = receiver.named("llm")
    assert attributes(call)["gen_ai.conversation.id"] == "CA1"
    assert attributes(call)["dialgraph.answered_by"] == "human"
    assert attributes(turn)["turn.user_bot_latency_seconds"] == 1.0
    assert attributes(model)["gen_ai.operation.name"] == "chat"
    assert attributes(model)["dialgraph.node"] == "ask"


async def test_nothing_personal_leaves_the_machine(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    call = a_call()
    await export(receiver, monkeypatch, call)
    sent = b"".join(receiver.bodies)
    assert b"CA1" in sent
    private = ["salary", CALLER, "5550143", "eligible", "secret", "asha", "example.com"]
    assert [word for word in private if word.encode() in sent] == []


@pytest.mark.parametrize(
    "environment",
    [{}, {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_SDK_DISABLED": "true"}],
)
async def test_nothing_is_exported_unless_an_endpoint_is_named(environment: dict[str, str]) -> None:
    async with open_telemetry(environment) as telemetry:
        assert isinstance(telemetry, Silent)


async def test_a_failed_call_is_an_error_without_its_reason(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    await export(receiver, monkeypatch, a_call().model_copy(update={"status": "failed"}))
    (call,) = receiver.named("conversation")
    assert call.status.code == 2
    assert call.status.message == ""


async def test_a_receiver_that_is_away_fails_no_call(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://127.0.0.1:9/v1/traces")
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1")
    async with open_telemetry() as telemetry:
        assert isinstance(telemetry, Spans)
        telemetry.tell(a_call())


def test_a_telephone_call_is_traced_from_its_record(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    from voice.phonelab.virtual_acts import HangsUp, Says

    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.address)
    result = VirtualCall(interview(), [Says(4.0, "Yes, indeed."), HangsUp(9.0)]).run()
    (turn,) = result.record.latency
    assert [span.name for span in receiver.named("conversation")] == ["conversation"]
    assert len(receiver.spans) == 2 + len(turn.parts)
    sent = b"".join(receiver.bodies)
    assert b"indeed" not in sent
    assert GREETING.encode() not in sent
