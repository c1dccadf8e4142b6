"""LangGraph checkpoints, wherever they are kept, and what of theirs may be changed."""

from abc import abstractmethod
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, CheckpointMetadata
from langgraph.checkpoint.serde.base import SerializerProtocol
from langgraph.checkpoint.serde.types import _DeltaSnapshot

MESSAGES = "messages"
"""The channel that is amended."""

Change = Callable[[list[BaseMessage]], list[BaseMessage]]
"""Returns the messages as they are to be; sees each list of them that a thread holds."""


class Checkpoints(BaseCheckpointSaver[str]):
    """A LangGraph checkpointer that can do what telephone calls need besides.

    It keeps the newest checkpoint of each namespace of a thread, since each holds all that was
    ever said: kept all, they would grow with the square of the conversation. With a checkpoint of
    the graph go those of its subgraphs' calls that ended before it. The one exception is a graph
    with a `DeltaChannel`, whose state LangGraph computes from its history.
    """

    @abstractmethod
    async def amend(self, config: RunnableConfig, change: Change) -> bool:
        """Change the messages of a thread in place; returns whether they changed.

        What was said and what was heard differ when a caller barges in, and the thread must hold
        what was heard. All that is kept of the thread (the graph's checkpoint, those of its
        subgraphs, what tasks of an unfinished step have written) gets the changed messages and
        keeps all else: id, parent, metadata, versions of the channels, pending writes. So no node
        runs that would not have run, and an open interrupt is still answered by its id.

        It is atomic: as if before or after whatever else happens to the thread meanwhile. When
        `change` raises, nothing has changed.
        """

    @abstractmethod
    async def idle_since(self, moment: datetime) -> Sequence[str]:
        """Return the keys of the threads whose newest checkpoint is older than a moment."""

    @abstractmethod
    async def compact(self) -> None:
        """Write the file anew without what was deleted, where there is a file."""

    async def forget_deleted(self) -> None:
        """See that what was deleted is in no file any more, where that is ours to see to."""
        return None


def amended(value: Any, change: Change, serde: SerializerProtocol) -> Any | None:
    """Return the changed messages, in the form in which they were, or None for no change.

    Args:
        value: what the channel holds, or what a task wrote to it.
        change: applied to the messages in it.
        serde: tells whether they changed, even in place.
    """
    if isinstance(value, _DeltaSnapshot):
        after = amended(value.value, change, serde)
        return None if after is None else _DeltaSnapshot(after)
    messages = [value] if isinstance(value, BaseMessage) else value
    if not isinstance(messages, list) or not messages:
        return None
    if not all(isinstance(message, BaseMessage) for message in messages):
        return None
    before = serde.dumps_typed(messages)
    after = change(list(messages))
    return after if serde.dumps_typed(after) != before else None


DELTA_COUNTERS = "counters_since_delta_snapshot"
"""LangGraph's note that a checkpoint lacks what is computed from those before it."""

PLACE = ("thread_id", "checkpoint_ns", "checkpoint_id")
"""Where a checkpoint is, in the `configurable` of LangGraph's configurations."""


def needs_history(metadata: CheckpointMetadata) -> bool:
    """Whether a checkpoint is worth nothing without those before it."""
    return DELTA_COUNTERS in metadata


def without_parent(config: RunnableConfig) -> RunnableConfig:
    """Return where a checkpoint goes that stands in for the earlier ones."""
    place = {key: value for key, value in config["configurable"].items() if key != PLACE[2]}
    return {**config, "configurable": place}


def first_id_at(moment: datetime) -> str:
    """Return what the id of a checkpoint made at a moment begins with.

    LangGraph's ids are UUIDs of version 6, which sort by the time they were made.
    """
    ticks = int(moment.timestamp() * 10_000_000) + _UUID_EPOCH_TICKS
    high, middle, low = ticks >> 28, ticks >> 12 & 0xFFFF, ticks & 0x0FFF
    return f"{high:08x}-{middle:04x}-6{low:03x}"


_UUID_EPOCH_TICKS = 0x01B21DD213814000
"""Ticks of 100 ns from the epoch of UUIDs, 1582-10-15, to that of Unix (RFC 9562, 5.1)."""
