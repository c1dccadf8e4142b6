"""The messages of a thread as they must stand after a turn: pure functions over their list.

What the person did not hear was not said; a call of a tool stands with its answer or not at all.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from langchain_core.messages import AIMessage, BaseMessage, ToolMessage

INTERRUPTED = "interrupted"
"""Key in `additional_kwargs` of a message that the person did not hear to its end."""
UNTOLD = "untold"
"""Key in `additional_kwargs` of the answer of a tool that has changed something, where the person
heard nothing after it in that turn: they do not know of it."""
LATENCY = "latency_secs"
"""Key in `additional_kwargs` of a tool's answer: how long the tool took; missing, not measured."""
NOT_CALLED = "not_called"
"""Key in `additional_kwargs` of a tool's answer: code gave it in its place, nothing was done."""
_WORD = re.compile(r"\S+")
_SENTENCE_END = re.compile(r"(?<=[.?!\u0964])\s+")


def as_written(text: str, heard: str) -> str:
    """Return as much of a text as was heard of it, in whole words and spaced as it is written.

    Args:
        text: of a message.
        heard: its beginning, with whatever spaces.
    """
    letters, end = len("".join(heard.split())), 0
    for word in _WORD.finditer(text):
        letters -= len(word[0])
        if letters < 0:
            break
        end = word.end()
    return text[:end]


def cut(message: AIMessage, heard: str) -> AIMessage:
    """Cut a message to what was heard of it; whole, it is returned as it is."""
    text = str(message.text)
    kept = as_written(text, heard)
    if len(kept) == len(text.rstrip()):
        return message
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
            answers of tools it called. What `acted` and was not told is marked `UNTOLD`.
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
        if final and not str(said.text).strip() and str(originals[key].text).strip():
            calls = {str(call["id"]) for call in said.tool_calls}
            if calls.isdisjoint(acted):
                gone |= calls
                continue
        kept.append(said)
    return _untold(kept, acted) if final else kept


def _untold(messages: list[BaseMessage], acted: Collection[str]) -> list[BaseMessage]:
    """Mark the answers of tools that changed something and after which nothing was heard."""
    told = False
    for at in reversed(range(len(messages))):
        message = messages[at]
        told |= isinstance(message, AIMessage) and bool(str(message.text).strip())
        if isinstance(message, ToolMessage) and message.tool_call_id in acted and not told:
            marks = {**message.additional_kwargs, UNTOLD: True}
            messages[at] = message.model_copy(update={"additional_kwargs": marks})
    return messages


def heard_whole(messages: Sequence[BaseMessage], texts: Mapping[str, str]) -> list[BaseMessage]:
    """Make messages say their whole texts, for they were heard; texts are by message id."""
    return [
        _with_text(message, texts[message.id or ""], interrupted=False)
        if isinstance(message, AIMessage) and message.id in texts
        else message
        for message in messages
    ]


def asks_in(heard: str, question: str) -> bool:
    """Whether the substance of a question is in what was heard: only then a yes is one to it.

    That is all of it but its last sentence, "Is that right?", where it has several, and of a text
    that asks nothing all. A ledger credits a word less than was heard, so one may be missing.
    """
    sentences = _SENTENCE_END.split(question.strip())
    several = len(sentences) > 1 and any("?" in sentence for sentence in sentences)
    substance = " ".join(sentences[:-1] if several else sentences).split()
    return " ".join(substance[:-1]) in " ".join(heard.split())


def was_heard(messages: Sequence[BaseMessage], question: str) -> bool:
    """Whether the substance of a question was heard in one of the messages of a thread."""
    return any(
        asks_in(str(message.text), question)
        for message in messages
        if isinstance(message, AIMessage)
    )


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
