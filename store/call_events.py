"""What follows from the begin, the answer and the end of a call, written in one with its record."""

from datetime import timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncSession

from store.calls import Call, Follow
from store.conversations import AFTER_CALL, conversation_id
from store.jobs import put_job
from store.outbox import Outbox

GRACE: Final = timedelta(seconds=3)
"""Time in which a call whose stream broke is taken up again, before it counts as over."""


def after_call_key(call: Call) -> str:
    """Return the key of what is done after a call; a call that is resumed ends once more."""
    ended = call.ended_at.isoformat() if call.ended_at else ""
    return f"{AFTER_CALL}:{call.sid}:{ended}"


def call_data(call: Call) -> dict[str, Any]:
    """Return what is told of a call while it lives: who and when, nothing that was said."""
    ended, began = call.ended_at, call.started_at
    return {
        "conversation_id": conversation_id(call.thread_id),
        "agent_id": call.agent_id or call.graph,
        "call_sid": call.sid,
        "direction": call.direction,
        "carrier": call.carrier,
        "from_number": call.from_number,
        "to_number": call.to_number,
        "status": call.status,
        "outcome": call.outcome,
        "failure": call.failure,
        "answered_by": call.answered_by,
        "start_time_unix_secs": int(began.timestamp()),
        "end_time_unix_secs": int(ended.timestamp()) if ended else None,
        "call_duration_secs": round((ended - began).total_seconds()) if ended else None,
    }


def call_events(outbox: Outbox) -> Follow:
    """Tell of calls that begin and are answered, and ask for what is done after they end.

    `call.initiated`, `call.started` and who has taken a call are told in the transaction that
    records them. That a call has ended is told by the job, `GRACE` later, unless the call goes on
    by then.
    """

    async def follow(session: AsyncSession, call: Call, before: Call | None) -> None:
        was = before.status if before else None
        if was is None:
            await outbox.put_in(session, "call.initiated", call_data(call), key=call.sid)
        connected = call.status == "in-progress" or (call.status == "completed" and call.transcript)
        if connected and was in (None, "dialling", "ringing"):
            await outbox.put_in(session, "call.started", call_data(call), key=call.sid)
        if call.answered_by and call.answered_by != (before.answered_by if before else None):
            key = f"{call.sid}:{call.answered_by}"
            await outbox.put_in(session, "answering_machine_detection", call_data(call), key=key)
        if call.ended_at and call.ended_at != (before.ended_at if before else None):
            key, due_at = after_call_key(call), call.ended_at + GRACE
            await put_job(session, AFTER_CALL, key, {"sid": call.sid}, due_at=due_at)

    return follow
