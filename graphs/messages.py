"""The messages of a thread as they must stand after a turn: pure functions over their list.

What the person did not hear was not said; a call of a tool stands with its answer or not at all.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

INTERRUPTED = "interrupted"
"""Key in `additional_kwargs` of a message that the person did not hear to its end."""
_WORD = re.compile(r"\S+")


def cut(message: AIMessage, heard: str) -> AIMessage:
    """Cut a message to what was heard of it, counted in words; whole, it is returned as it is."""
    text = str(message.text)
    words = list(_WORD.finditer(text))
    count = len(heard.split())
    if count >= len(words):
        return message
    kept = text[: words[count - 1].end()] if count else ""
    return _with_text(message, kept, interrupted=True)


def as_heard(
    messages: Sequence[BaseMessage],
    originals: Mapping[str, AIMessage],
    heard: Mapping[str, str],
    *,
    acted: Collection[str] = (),
    final: bool = True,
) -> list[BaseMessage]:
    """Make messages say what was heard.

    Args:
        messages: of the thread.
        originals: the messages that were to be spoken, whole, by id.
        heard: words of each of them that were heard, by id.
        acted: ids of calls of tools that have changed something; they stay, heard or not.
        final: whether no more will be heard; then what was not heard at all goes, and with it the
            answers of tools it called.
    """
    kept: list[BaseMessage] = []
    gone: set[str] = set()
    for message in messages:
        key = message.id or ""
        if isinstance(message, ToolMessage) and message.tool_call_id in gone:
            continue
        if key not in heard or key not in originals:
            kept.append(message)
            continue
        said = cut(originals[key], heard[key])
        if final and not str(said.text).strip():
            calls = {str(call["id"]) for call in said.tool_calls}
            if calls.isdisjoint(acted):
                gone |= calls
                continue
        kept.append(said)
    return kept


def repaired(
    messages: Sequence[BaseMessage], results: Mapping[str, ToolMessage] | None = None
) -> list[BaseMessage]:
    """Take out calls of tools that nobody answered, and answers that nobody asked for.

    Args:
        messages: of a thread whose graph does not run.
        results: answers that came and did not reach the thread, by the call's id.
    """
    results = results or {}
    answered = {m.tool_call_id for m in messages if isinstance(m, ToolMessage)}
    kept: list[BaseMessage] = []
    asked: set[str] = set()
    for message in messages:
        if isinstance(message, ToolMessage):
            if message.tool_call_id in asked:
                kept.append(message)
            continue
        if not isinstance(message, AIMessage) or not (message.tool_calls or not message.text):
            kept.append(message)
            continue
        calls = [c for c in message.tool_calls if c["id"] in answered or c["id"] in results]
        said = message if len(calls) == len(message.tool_calls) else _with_calls(message, calls)
        if not calls and not str(said.text).strip():
            continue
        asked |= {str(call["id"]) for call in calls}
        kept.append(said)
        kept += [results[str(c["id"])] for c in calls if c["id"] not in answered]
    return kept


def unanswered(messages: Sequence[BaseMessage]) -> list[str]:
    """Return the ids of the calls of tools that have no answer."""
    answered = {m.tool_call_id for m in messages if isinstance(m, ToolMessage)}
    called = [c for m in messages if isinstance(m, AIMessage) for c in m.tool_calls]
    return [str(call["id"]) for call in called if call["id"] not in answered]


def _with_text(message: AIMessage, text: str, *, interrupted: bool) -> AIMessage:
    """Give a message another text; blocks that are not text stay."""
    others = _blocks(message, lambda kind: kind != "text")
    content: Any = [*([{"type": "text", "text": text}] if text else []), *others]
    marks = {**message.additional_kwargs, INTERRUPTED: interrupted}
    return message.model_copy(
        update={"content": content if others else text, "additional_kwargs": marks}
    )


def _with_calls(message: AIMessage, calls: list[Any]) -> AIMessage:
    """Leave a message only some of its calls, in every form in which it holds them."""
    ids = {call["id"] for call in calls}
    content: Any = message.content
    if isinstance(content, list):
        content = [
            block
            for block in content
            if not isinstance(block, dict)
            or block.get("type") not in ("tool_use", "tool_call", "function_call")
            or (block.get("id") in ids or block.get("call_id") in ids)
        ]
    extra = dict(message.additional_kwargs)
    if "tool_calls" in extra:
        extra["tool_calls"] = [call for call in extra["tool_calls"] if call.get("id") in ids]
        if not extra["tool_calls"]:
            del extra["tool_calls"]
    return message.model_copy(
        update={"content": content, "tool_calls": calls, "additional_kwargs": extra}
    )


def _blocks(message: AIMessage, wanted: Any) -> list[Any]:
    if isinstance(message.content, str):
        return []
    return [
        block for block in message.content if isinstance(block, dict) and wanted(block.get("type"))
    ]
