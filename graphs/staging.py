"""A checkpointer in which one turn happens: nothing of it is kept until it is committed."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, cast

from langchain_core.messages import BaseMessage
from langchain_core.runnables import RunnableConfig
from langgraph.channels import DeltaChannel
from langgraph.channels.base import BaseChannel
from langgraph.checkpoint.base import (
    WRITES_IDX_MAP,
    BaseCheckpointSaver,
    ChannelVersions,
    Checkpoint,
    CheckpointMetadata,
    CheckpointTuple,
    DeltaChannelHistory,
    copy_checkpoint,
    get_checkpoint_id,
    get_checkpoint_metadata,
)
from langgraph.checkpoint.base.id import uuid6
from langgraph.checkpoint.serde.types import _DeltaSnapshot
from langgraph.types import Interrupt

from store.checkpoints import DELTA_COUNTERS, MESSAGES, Change, needs_history

INTERRUPT, RESUME, ERROR = "__interrupt__", "__resume__", "__error__"
"""LangGraph's channels of questions, of answers to them, and of an answer that was refused."""
_Writes = dict[tuple[str, int], tuple[str, str, Any, str]]
"""What tasks wrote, by task and place: task, channel, value, path of the task."""


@dataclass(slots=True)
class _Staged:
    """A checkpoint of this turn; its writes are kept beside it."""

    checkpoint: Checkpoint
    metadata: CheckpointMetadata
    parent: str | None


@dataclass(slots=True)
class _Namespace:
    """A graph or subgraph: what the turn found, and what it made of it, oldest first."""

    found: CheckpointTuple | None
    staged: dict[str, _Staged] = field(default_factory=dict)


class Staging(BaseCheckpointSaver[Any]):
    """Holds the checkpoints of one turn on one thread in memory, above those that are kept.

    LangGraph leaves a `DeltaChannel` out of its checkpoints and computes it from those before.
    Here each checkpoint of the graph holds it, so that those before may go.

    Args:
        kept: where threads are kept.
        thread_id: key of the thread.
        channels: of the graph.
    """

    def __init__(
        self,
        kept: BaseCheckpointSaver[Any],
        thread_id: str,
        channels: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(serde=kept.serde)
        self._kept = kept
        self.thread_id = thread_id
        self._deltas = {
            name: channel
            for name, channel in (channels or {}).items()
            if isinstance(channel, DeltaChannel)
        }
        self._before: CheckpointTuple | None = None
        """The thread as it was."""
        self._namespaces: dict[str, _Namespace] = {}
        self._writes: dict[tuple[str, str], _Writes] = {}

    def get_next_version(self, current: Any, channel: None) -> Any:
        """Return the version after `current`, as the checkpointer below counts."""
        return self._kept.get_next_version(current, channel)

    async def aget_tuple(self, config: RunnableConfig) -> CheckpointTuple | None:
        """Return a checkpoint of this turn, or the one that was kept before it."""
        name, wanted = _namespace(config), get_checkpoint_id(config)
        namespace = await self._namespace(name)
        if wanted and wanted not in namespace.staged:
            found = namespace.found
            if found is None or found.checkpoint["id"] != wanted:
                found = await self._kept.aget_tuple(config)
        elif wanted or namespace.staged:
            found = self._tuple(name, wanted or next(reversed(namespace.staged)))
        else:
            found = namespace.found
        if found is None:
            return None
        # A run counts on in the versions of the checkpoint that it is given.
        own = found._replace(checkpoint=copy_checkpoint(found.checkpoint))
        return self._with_writes(name, own)

    async def alist(
        self,
        config: RunnableConfig | None,
        *,
        filter: dict[str, Any] | None = None,
        before: RunnableConfig | None = None,
        limit: int | None = None,
    ) -> AsyncIterator[CheckpointTuple]:
        """List the checkpoints that were kept before this turn, the newest first."""
        listed = self._kept.alist(config, filter=filter, before=before, limit=limit)
        async for checkpoint in listed:
            yield checkpoint

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Stage a checkpoint."""
        name, parent = _namespace(config), get_checkpoint_id(config)
        namespace = await self._namespace(name)
        metadata = get_checkpoint_metadata(config, metadata)
        namespace.staged[checkpoint["id"]] = _Staged(checkpoint, metadata, parent)
        if missing := self._missing(name, checkpoint):
            where = self._config(name, checkpoint["id"])
            history = await self.aget_delta_channel_history(config=where, channels=missing)
            whole = self._whole(checkpoint, history)
            namespace.staged[checkpoint["id"]] = _Staged(whole, _uncounted(metadata), parent)
        return self._config(name, checkpoint["id"])

    def _missing(self, name: str, checkpoint: Checkpoint) -> list[str]:
        """Return the channels of the graph that a checkpoint has a version but no value of."""
        there, written = checkpoint["channel_values"], checkpoint["channel_versions"]
        return [k for k in self._deltas if not name and k in written and k not in there]

    def _whole(
        self, checkpoint: Checkpoint, history: Mapping[str, DeltaChannelHistory]
    ) -> Checkpoint:
        """Return a checkpoint with the values that follow from its history."""
        values = dict(checkpoint["channel_values"])
        for name, before in history.items():
            empty: BaseChannel[Any, Any, Any] = self._deltas[name]
            channel = self._deltas[name].from_checkpoint(before.get("seed", empty.checkpoint()))
            channel.replay_writes(before["writes"])
            values[name] = _DeltaSnapshot(channel.get())
        return {**checkpoint, "channel_values": values}

    async def aput_writes(
        self,
        config: RunnableConfig,
        writes: Sequence[tuple[str, Any]],
        task_id: str,
        task_path: str = "",
    ) -> None:
        """Stage what a task wrote."""
        at = (_namespace(config), get_checkpoint_id(config) or "")
        staged = self._writes.setdefault(at, {})
        for position, (channel, value) in enumerate(writes):
            place = (task_id, WRITES_IDX_MAP.get(channel, position))
            if place[1] < 0 or place not in staged:
                staged[place] = (task_id, channel, value, task_path)

    @property
    def changed(self) -> bool:
        """Whether the turn has made anything that is not kept."""
        root = self._namespaces.get("")
        return bool(root and root.staged) or bool(self._writes)

    async def turn_id(self) -> str | None:
        """Return the id of the turn that wrote the thread last."""
        newest = await self.aget_tuple(self._config("", None))
        return newest.metadata.get("turn_id") if newest else None  # type: ignore[return-value]

    async def cut_short(self) -> bool:
        """Whether the turn that wrote the thread last was ended before the graph had."""
        newest = await self.aget_tuple(self._config("", None))
        return newest is not None and newest.metadata.get("source") == "update"

    async def messages(self) -> list[BaseMessage]:
        """Return the messages of the thread as they stand."""
        newest = await self.aget_tuple(self._config("", None))
        return list(_messages(newest.checkpoint) or []) if newest else []

    async def open_interrupts(self) -> list[Interrupt]:
        """Return the questions that the thread waits to have answered."""
        newest = await self.aget_tuple(self._config("", None))
        writes = (newest.pending_writes if newest else None) or []
        answered = {
            task for task, channel, _ in writes if channel not in (INTERRUPT, RESUME, ERROR)
        }
        asked = [w for w in writes if w[1] == INTERRUPT and w[0] not in answered]
        return [interrupt for _, _, interrupts in asked for interrupt in interrupts]

    async def change_messages(self, change: Change) -> None:
        """Put other messages in the place of those that stand."""
        root = await self._namespace("")
        newest = next(reversed(root.staged), None)
        if newest is not None:
            changed = self._changed(root.staged[newest].checkpoint, change)
            root.staged[newest] = replace(root.staged[newest], checkpoint=changed)
        elif root.found is not None:
            root.found = root.found._replace(
                checkpoint=self._changed(root.found.checkpoint, change)
            )

    def _changed(self, checkpoint: Checkpoint, change: Change) -> Checkpoint:
        before = _messages(checkpoint)
        after: Any = change(before) if isinstance(before, list) else before
        if after == before:
            return checkpoint
        if isinstance(checkpoint["channel_values"][MESSAGES], _DeltaSnapshot):
            after = _DeltaSnapshot(after)
        version = self.get_next_version(checkpoint["channel_versions"].get(MESSAGES), None)
        return {
            **checkpoint,
            "channel_values": {**checkpoint["channel_values"], MESSAGES: after},
            "channel_versions": {**checkpoint["channel_versions"], MESSAGES: version},
        }

    async def commit(self, change: Change | None = None) -> None:
        """Keep what the turn came to: of each namespace the last checkpoint alone.

        Of a subgraph with a `DeltaChannel` all are kept, for it is computed from them.

        Args:
            change: what is to be kept in the place of the messages; here they stay as they are.
        """
        pauses = any(write[1] == INTERRUPT for write in self._last_writes(""))
        # A subgraph's own state is of use only while the graph above it waits for an answer, but
        # for a subgraph with a memory of its own, whose namespace names no task.
        for name in sorted(self._namespaces, key=len):
            if pauses or ":" not in name:
                await self._keep(name, change)

    async def _keep(self, name: str, change: Change | None) -> None:
        namespace = self._namespaces[name]
        found, staged = namespace.found, namespace.staged
        before = found.checkpoint["channel_versions"] if found else {}
        parent = found.checkpoint["id"] if found else None
        kept = [parent or "", *staged]
        last = kept[-1]
        if not (staged and needs_history(staged[last].metadata)):
            kept = [last]
        for at in kept:
            if at in staged:
                checkpoint, metadata = staged[at].checkpoint, staged[at].metadata
                if change is not None:
                    checkpoint = self._changed(checkpoint, change)
                versions = checkpoint["channel_versions"]
                new = {k: v for k, v in versions.items() if before.get(k) != v or k in self._deltas}
                await self._kept.aput(self._config(name, parent), checkpoint, metadata, new)
                before, parent = versions, at
            await self._keep_writes(name, at)
        if staged:
            namespace.found = self._tuple(name, last)
            namespace.staged = {}

    async def _keep_writes(self, name: str, checkpoint_id: str) -> None:
        tasks: dict[tuple[str, str], list[tuple[str, Any]]] = {}
        for task_id, channel, value, path in self._writes.get((name, checkpoint_id), {}).values():
            tasks.setdefault((task_id, path), []).append((channel, value))
        for (task_id, path), writes in tasks.items():
            await self._kept.aput_writes(self._config(name, checkpoint_id), writes, task_id, path)

    async def undo(self) -> bool:
        """Put the thread back as it was before the commit, if nothing came after it.

        What was before is written anew, for a checkpoint that a task or an open question belongs
        to cannot be: then, too, nothing is done.
        """
        kept, before = await self._kept.aget_tuple(self._config("", None)), self._before
        committed = self._namespaces[""].found
        if not kept or not committed or kept.checkpoint["id"] != committed.checkpoint["id"]:
            return False
        if before is None:
            await self._kept.adelete_thread(self.thread_id)
            return True
        if before.pending_writes or len(self._namespaces) > 1:
            return False
        again: Checkpoint = {**before.checkpoint, "id": str(uuid6()), "ts": kept.checkpoint["ts"]}
        parent = self._config("", kept.checkpoint["id"])
        await self._kept.aput(parent, again, before.metadata, again["channel_versions"])
        return True

    async def _namespace(self, name: str) -> _Namespace:
        if name not in self._namespaces:
            found = await self._kept.aget_tuple(self._config(name, None))
            if found and (missing := self._missing(name, found.checkpoint)):
                found = await self._filled(found, missing)
            if not name:
                self._before = found
            self._namespaces[name] = _Namespace(found)
        return self._namespaces[name]

    async def _filled(self, found: CheckpointTuple, missing: list[str]) -> CheckpointTuple:
        """Write into a checkpoint of LangGraph's own what it would compute from those before."""
        history = await self._kept.aget_delta_channel_history(config=found.config, channels=missing)
        checkpoint = self._whole(found.checkpoint, history)
        versions = dict(checkpoint["channel_versions"])
        # A saver keeps one value of a version: that this one had none.
        versions |= {name: self.get_next_version(versions[name], None) for name in missing}
        return found._replace(
            checkpoint={**checkpoint, "channel_versions": versions},
            metadata=_uncounted(found.metadata),
        )

    def _last_writes(self, name: str) -> list[tuple[str, str, Any, str]]:
        namespace = self._namespaces.get(name)
        if namespace is None:
            return []
        last = next(reversed(namespace.staged), None)
        at = last or (namespace.found.checkpoint["id"] if namespace.found else "")
        return list(self._writes.get((name, at), {}).values())

    def _tuple(self, name: str, checkpoint_id: str) -> CheckpointTuple:
        staged = self._namespaces[name].staged[checkpoint_id]
        return self._with_writes(
            name,
            CheckpointTuple(
                self._config(name, checkpoint_id),
                staged.checkpoint,
                staged.metadata,
                self._config(name, staged.parent) if staged.parent else None,
                [],
            ),
        )

    def _with_writes(self, name: str, found: CheckpointTuple) -> CheckpointTuple:
        staged = self._writes.get((name, found.checkpoint["id"]))
        if not staged:
            return found
        written = {(task_id, channel) for task_id, channel, _, _ in staged.values()}
        before = [w for w in found.pending_writes or [] if (w[0], w[1]) not in written]
        # In the order in which the step applies them, not in that in which its tasks ended.
        places = sorted(staged, key=lambda place: (staged[place][3], *place))
        return found._replace(pending_writes=[*before, *(staged[place][:3] for place in places)])

    def _config(self, name: str, checkpoint_id: str | None) -> RunnableConfig:
        configurable = {"thread_id": self.thread_id, "checkpoint_ns": name}
        if checkpoint_id:
            configurable["checkpoint_id"] = checkpoint_id
        return {"configurable": configurable}


def _namespace(config: RunnableConfig) -> str:
    return str(config["configurable"].get("checkpoint_ns", ""))


def _messages(checkpoint: Checkpoint) -> Any:
    value = checkpoint["channel_values"].get(MESSAGES)
    return value.value if isinstance(value, _DeltaSnapshot) else value


def _uncounted(metadata: CheckpointMetadata) -> CheckpointMetadata:
    """Return the metadata of a checkpoint that needs none before it."""
    kept = {name: value for name, value in metadata.items() if name != DELTA_COUNTERS}
    return cast(CheckpointMetadata, kept)
