"""What was done while the caller broke in, and is told first in the next turn."""

import json
from collections.abc import Mapping
from typing import Any, Final

from langchain_core.messages import AIMessage, ToolMessage

from graphs.messages import INTERRUPTED, asks_in
from graphs.sdr.report import report
from graphs.sdr.turn import Turn

_DOES: Final = frozenset(
    {"book_appointment", "move_appointment", "cancel_appointment", "call_back_later"}
    | {"send_sms", "send_email"}
)


def untold(turn: Turn) -> tuple[str, ...]:
    """Return a sentence for each thing that was done and of which nothing was heard to its end.

    An answer that was heard whole has told what was done before it.
    """
    told: list[str] = []
    heard: list[str] = []
    for message in reversed(turn.state.get("messages") or []):
        if isinstance(message, AIMessage) and str(message.text).strip():
            if not message.additional_kwargs.get(INTERRUPTED):
                break
            heard.append(str(message.text))
        if isinstance(message, ToolMessage) and message.name in _DOES:
            sentence = _sentence(turn, message)
            if sentence and not any(asks_in(text, sentence) for text in heard):
                told.insert(0, sentence)
    return tuple(told)


def _sentence(turn: Turn, message: ToolMessage) -> str:
    try:
        result: Any = json.loads(str(message.text))
    except ValueError:
        result = None
    if message.status == "error" or not isinstance(result, Mapping):
        return ""
    state = turn.state
    plan = report(turn, str(message.name), {}, result, state.get("facts") or {}, state)
    asks_first = (plan.update.get("pending") or {}).get("tool") == message.name
    return plan.says[0] if plan.says and not plan.calls and not asks_first else ""
