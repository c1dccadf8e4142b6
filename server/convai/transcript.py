"""A conversation as ElevenLabs writes it down: what was said, called, looked up, and when."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage

from graphs.contract import PRIVATE, speech_of
from graphs.messages import INTERRUPTED, LATENCY, NOT_CALLED
from graphs.sdr.agent import EVERY_BUILT_IN
from store.calls import Call, TurnLatency, Utterance

_MEDIUM = {"speech": "audio", "keys": "dtmf", "text": "text", "event": None}
_STAGES = {
    "convai_asr_trailing_service_latency": "endpoint_ms",
    "convai_llm_service_ttfb": "graph_ms",
    "convai_tts_service_ttfb": "tts_ms",
    "end_to_end": "ear_ms",
}
"""ElevenLabs' names of the stretches of an answer's wait; `end_to_end` is ours."""


@dataclass(slots=True)
class _Item:
    """One entry, and when it began."""

    entry: dict[str, Any]
    at: datetime


def transcript(
    call: Call, messages: Sequence[BaseMessage], types: Mapping[str, str] | None = None
) -> list[dict[str, Any]]:
    """Write down a conversation.

    The words are the thread's: what was heard. When each was said is from the call's record, as is
    what was said outside the thread: a question asked again, an apology.

    Args:
        call: its record.
        messages: of its thread.
        types: what is known of the kinds of tools, by their names, see `tool_types`.
    """
    times = _Times(call)
    items = [_Item(entry, times.now) for message in messages for entry in _entries(message, times)]
    _tell_of_tools(items, messages, types or {})
    items += [_Item(_said(utterance), utterance.at) for utterance in times.left()]
    items.sort(key=lambda item: item.at)
    _measure(items, call.latency)
    return [
        item.entry | {"time_in_call_secs": max(0, int((item.at - call.started_at).total_seconds()))}
        for item in items
    ]


def tool_types(agent: Mapping[str, Any]) -> dict[str, str]:
    """Return ElevenLabs' word for the kind of each tool that an agent's description names.

    Our own tools (`book_appointment`) are none of them and are missing; of an MCP server's the
    names begin with that of the server, which is given here with its underscore.
    """
    found = dict.fromkeys(EVERY_BUILT_IN, "system")
    for tool in agent.get("tools") or ():
        kind, name = str(tool.get("type") or "webhook"), str(tool.get("name"))
        found[f"{name}_" if kind == "mcp" else name] = kind
    return found


def tool_names(entries: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the names of the tools that were called, each once, in order."""
    names = [call["tool_name"] for entry in entries for call in entry["tool_calls"]]
    return list(dict.fromkeys(names))


def rag_usage(entries: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Return how often something was looked up; None where nothing was."""
    looked_up = [entry["rag_retrieval_info"] for entry in entries if entry["rag_retrieval_info"]]
    if not looked_up:
        return None
    return {"usage_count": len(looked_up), "embedding_model": looked_up[-1]["embedding_model"]}


class _Times:
    """Says when what is on the thread was said, by the record of the call.

    A bot's utterance is found by its message's id; a person's, which has none, is the next one of
    the same words.
    """

    def __init__(self, call: Call) -> None:
        self.now = call.started_at
        self._bot = {u.message_id: u for u in call.transcript if u.role == "bot" and u.message_id}
        self._rest = [u for u in call.transcript if u.role == "bot" and not u.message_id]
        self._person = [u for u in call.transcript if u.role == "caller"]
        self._taken: set[str] = set()

    def of_bot(self, message_id: str | None) -> None:
        if found := self._bot.get(message_id or ""):
            self._taken.add(message_id or "")
            self.now = max(self.now, found.at)

    def of_person(self, text: str) -> Utterance | None:
        for at, utterance in enumerate(self._person):
            if utterance.text == text:
                del self._person[: at + 1]
                self.now = max(self.now, utterance.at)
                return utterance
        return None

    def left(self) -> list[Utterance]:
        """Return what was said outside the thread."""
        others = [u for key, u in self._bot.items() if key not in self._taken and u.text]
        return [*self._rest, *others]


def _entries(message: BaseMessage, times: _Times) -> list[dict[str, Any]]:
    if isinstance(message, HumanMessage):
        utterance = times.of_person(str(message.text))
        medium = _MEDIUM[utterance.source] if utterance else None
        return [_entry("user", str(message.text), id=message.id, source_medium=medium)]
    if isinstance(message, ToolMessage):
        return [_entry("agent", None, tool_results=[_result(message)])]
    if isinstance(message, AIMessage):
        private = speech_of(message) == PRIVATE["speech"]
        text = None if private else str(message.text) or None
        calls = [_call(call) for call in message.tool_calls]
        if text is None and not calls:
            return []
        times.of_bot(message.id)
        return [
            _entry(
                "agent",
                text,
                id=message.id,
                tool_calls=calls,
                rag_retrieval_info=_retrieval(message.additional_kwargs.get("retrieval")),
                **_replaced(message.additional_kwargs.get("grounding")),
                interrupted=bool(message.additional_kwargs.get(INTERRUPTED)),
            )
        ]
    return []


def _said(utterance: Utterance) -> dict[str, Any]:
    role = "agent" if utterance.role == "bot" else "user"
    return _entry(role, utterance.text, interrupted=utterance.interrupted)


def _entry(role: str, message: str | None, **more: Any) -> dict[str, Any]:
    return {
        "role": role,
        "message": message,
        "tool_calls": [],
        "tool_results": [],
        "conversation_turn_metrics": None,
        "rag_retrieval_info": None,
        "interrupted": False,
        **more,
    }


def _call(call: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": None,
        "request_id": str(call["id"]),
        "tool_name": call["name"],
        "params_as_json": json.dumps(call["args"], ensure_ascii=False, default=str),
        "tool_has_been_called": False,
    }


def _result(message: ToolMessage) -> dict[str, Any]:
    return {
        "request_id": message.tool_call_id,
        "tool_name": message.name or "",
        "result_value": str(message.text),
        "is_error": message.status == "error",
        "tool_has_been_called": NOT_CALLED not in message.additional_kwargs,
        "tool_latency_secs": message.additional_kwargs.get(LATENCY),
    }


def _tell_of_tools(
    items: Sequence[_Item], messages: Sequence[BaseMessage], types: Mapping[str, str]
) -> None:
    """Say of each call of a tool what kind of tool it is, and whether it was really called."""
    prefixes = tuple(name for name, kind in types.items() if kind == "mcp")
    answers = [message for message in messages if isinstance(message, ToolMessage)]
    called = {a.tool_call_id for a in answers if NOT_CALLED not in a.additional_kwargs}
    for item in items:
        for call in item.entry["tool_calls"]:
            name = call["tool_name"]
            of_mcp = "mcp" if prefixes and name.startswith(prefixes) else None
            call["type"] = types.get(name, of_mcp)
            call["tool_has_been_called"] = call["request_id"] in called


def _retrieval(written: Any) -> dict[str, Any] | None:
    """Return what was looked up for a message; a score of 1 is a distance of 0."""
    if not isinstance(written, Mapping):
        return None
    return {
        "chunks": [
            {
                "document_id": str(chunk.get("document_id")),
                "chunk_id": str(chunk.get("chunk_id")),
                "vector_distance": round(1.0 - float(chunk.get("score") or 0.0), 6),
            }
            for chunk in written.get("chunks") or ()
        ],
        "embedding_model": str(written.get("embedding_model") or ""),
        "retrieval_query": str(written.get("query") or ""),
        "rag_latency_secs": float(written.get("latency_secs") or 0.0),
    }


def _replaced(written: Any) -> dict[str, Any]:
    """Return the sentences that were not said because nothing shows them, where there are any."""
    replaced = written.get("replaced") if isinstance(written, Mapping) else None
    return {"grounding_replaced": replaced} if replaced else {}


def _measure(items: Sequence[_Item], latency: Sequence[TurnLatency]) -> None:
    """Give each answer the measures of its turn: the first one after the person's last sound."""
    for turn in latency:
        spoken = (i for i in items if i.entry["role"] == "agent" and i.entry["message"])
        answer = next((i for i in spoken if turn.at and i.at >= turn.at), None)
        if answer is None:
            continue
        known = {name: getattr(turn, stage) for name, stage in _STAGES.items()}
        metrics = {n: {"elapsed_time": ms / 1000} for n, ms in known.items() if ms is not None}
        answer.entry["conversation_turn_metrics"] = {"metrics": metrics}
