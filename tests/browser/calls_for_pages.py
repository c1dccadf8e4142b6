"""Calls that pages show: one that was interrupted and recorded, one that failed."""

import io
import math
import struct
import wave
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from fastapi import HTTPException
from fastapi.responses import Response

from store.calls import Call, Calls, LatencyPart, TurnLatency, Utterance
from ui.backend import Opening, Refused

BEGAN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
SECS = 12.0


def _at(secs: float) -> datetime:
    return BEGAN + timedelta(seconds=secs)


HELD = Call(
    sid="CA-held",
    graph="survey",
    thread_id="t-held",
    direction="inbound",
    carrier="twilio",
    status="completed",
    outcome="eligible",
    from_number="+15550100",
    to_number="+15550199",
    started_at=BEGAN,
    ended_at=_at(SECS),
    recording="CA-held.wav",
    transcript=[
        Utterance(role="bot", text="Hello <b>you</b>, are you", at=_at(1), interrupted=True),
        Utterance(role="caller", text="Yes, I am.", at=_at(4)),
        Utterance(role="bot", text="Thank you. Goodbye.", at=_at(8), message_id="m3"),
    ],
    latency=[
        TurnLatency(
            turn=1,
            total_ms=400,
            ear_ms=450,
            parts=[
                LatencyPart(stage="endpoint", start_ms=0, ms=250),
                LatencyPart(stage="graph", name="ask", start_ms=250, ms=150),
                LatencyPart(stage="carrier", start_ms=400, ms=50),
            ],
        )
    ],
)
FAILED = Call(
    sid="CA-failed",
    graph="survey",
    thread_id="t-failed",
    direction="outbound",
    carrier="twilio",
    status="failed",
    failure="The line was busy.",
    to_number="+15550123",
    agent_id="agent_known",
    started_at=BEGAN - timedelta(days=1),
    ended_at=BEGAN - timedelta(days=1, seconds=-3),
)


class Kept(Calls):
    """Calls that are in no database."""

    def __init__(self) -> None:
        pass

    async def list(self, *, graph: str | None = None, limit: int = 100) -> Sequence[Call]:
        return [HELD, FAILED][:limit]


async def record(sid: str) -> Call:
    for call in (HELD, FAILED):
        if call.sid == sid:
            return call
    raise HTTPException(404)


async def recording(sid: str) -> Response:
    """Answer twelve seconds of a quiet tone."""
    frames = b"".join(
        struct.pack("<h", int(2000 * math.sin(n / 4))) for n in range(int(8000 * SECS))
    )
    sound = io.BytesIO()
    with wave.open(sound, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(frames)
    return Response(sound.getvalue(), media_type="audio/wav", headers={"Accept-Ranges": "bytes"})


async def ask(method: str, path: str, **_: Any) -> Any:
    """Refuse, as a server that has no API."""
    raise Refused(f"There is no {method} {path} here.")


async def opening(agent_id: str, thread_id: str) -> Opening:
    """Know one agent, who takes the survey."""
    if agent_id != "agent_known":
        raise Refused(f"There is no agent {agent_id!r}.")
    return Opening("survey", {})


async def conversation() -> dict[str, Any]:
    """Return the conversation of the call that was held, as the API shows it, in short."""
    nothing: dict[str, Any] = {"tool_calls": [], "tool_results": [], "rag_retrieval_info": None}
    call = {"tool_name": "get_price", "params_as_json": "{}"}
    result = {"tool_name": "get_price", "result_value": "40", "is_error": False}
    looked_up = {
        "retrieval_query": "the price",
        "rag_latency_secs": 0.0015,
        "embedding_model": "wordllama",
        "chunks": [{"document_id": "d1", "chunk_id": "c1", "vector_distance": 0.25}],
    }
    replaced = [{"sentence": "It is free.", "claims": ["free"]}]
    answer = {"id": "m3", "rag_retrieval_info": looked_up, "grounding_replaced": replaced}
    entries = [
        nothing | {"tool_calls": [call]},
        nothing | {"tool_results": [result]},
        nothing | answer,
    ]
    return {"transcript": entries}
