"""The speech contract: what of a run is for the person, and in which way it is to be said.

Every `AIMessage` that a run adds to the state's `messages` is for the person; nothing else is: no
answer of a tool, no structured output, no text of a model that stays inside a node. A graph says
otherwise, or more, by LangGraph's own metadata of a node or in a message's `additional_kwargs`:

    builder.add_node("plan", plan, metadata=PRIVATE)
    AIMessage("Your code is 4 5 6.", additional_kwargs=UNINTERRUPTIBLE)

What a model writes in a node is passed on word by word while it writes. Whether that text will be
on the thread is known when the node has ended; before that it is certain only for a node that says
`STREAMS`, or whose texts have all ended there so far. A channel that cannot take words back, such
as a voice, waits for a `Reply` where it is not.
"""

import logging
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage

from faults import places
from graphs.call_actions import CallAction, action_of
from graphs.events import Node, Reply, Token, TurnEvent

log = logging.getLogger(__name__)

PRIVATE: Final = {"speech": "private"}
"""Not for the person, though it is on the thread."""
STREAMS: Final = {"speech": "streams"}
"""Every text a model writes in this node is for the person, from its first word."""
UNINTERRUPTIBLE: Final = {"speech": "uninterruptible"}
"""Said to its end, whatever the person says meanwhile."""

_STRUCTURED: Final = ("{", "[", "```")
"""How a text begins that may be data and not speech."""


def speech_of(message: BaseMessage) -> str | None:
    """Return how a message says it is to be said; None when it does not say."""
    return message.additional_kwargs.get("speech")


def _announced(message: BaseMessage) -> CallAction | None:
    """Return what a message announces to be done; None also where it cannot be read."""
    try:
        return action_of(message)
    except ValueError as error:
        log.error("A message announces what the telephone does not know: %s", places(error))
        return None


class Contract:
    """What is known of the nodes of one graph.

    Args:
        nodes: names of the nodes with what each declares about its speech.
    """

    def __init__(self, nodes: Mapping[str, str | None]) -> None:
        self.nodes = nodes
        self._spoken: set[str] = {name for name, speech in nodes.items() if speech == "streams"}
        self._silent: set[str] = set()

    def certain(self, node: str) -> bool:
        """Whether what a model writes in a node will be on the thread."""
        return node in self._spoken and node not in self._silent

    def internal(self, node: str) -> bool:
        """Whether a model was seen to write in a node what did not come on the thread."""
        return node in self._silent

    def learn(self, node: str, *, spoken: bool) -> None:
        """Note whether a text that a model wrote in a node came on the thread."""
        (self._spoken if spoken else self._silent).add(node)


class Listener:
    """Listens to one run.

    Args:
        contract: of the graph.
        known: messages that are on the thread already.
    """

    def __init__(self, contract: Contract, known: Iterable[BaseMessage]) -> None:
        self._contract = contract
        self._known = {message.id for message in known}
        self._written: dict[str, tuple[str, str, bool]] = {}
        """Node, text so far and certainty of what models write, by message id."""
        self._speech: dict[str | None, str] = {}
        self.replies: dict[str, AIMessage] = {}
        """Messages for the person that are on the thread, by id."""
        self.interrupted = False

    @property
    def unfinished(self) -> dict[str, str]:
        """Texts whose tokens were passed on, and which are not on the thread, by message id."""
        return {
            key: text
            for key, (node, text, _) in self._written.items()
            if key not in self.replies and not self._contract.internal(node)
        }

    def take(self, namespace: Collection[str], mode: str, part: Any) -> list[TurnEvent]:
        """Translate one part of LangGraph's stream (modes messages, updates, values)."""
        if mode == "messages":
            return self._token(namespace, *part)
        if namespace:
            return []
        if mode == "updates":
            self.interrupted |= "__interrupt__" in part
            return [self._ended(name, update) for name, update in part.items() if name[:2] != "__"]
        return self._replies(part)

    def _token(
        self, namespace: Collection[str], message: BaseMessage, metadata: Mapping[str, Any]
    ) -> list[TurnEvent]:
        text = str(message.text)
        tags = metadata.get("tags") or ()
        if not isinstance(message, AIMessageChunk) or not text:
            return []
        if "private" in tags or metadata.get("speech") == "private":
            return []
        key = message.id or ""
        above = [part.partition(":")[0] for part in namespace]
        node = "/".join([*above, metadata["langgraph_node"]])
        if key not in self._written:
            if not text.strip():
                return []
            certain = self._contract.certain(node) and not text.lstrip().startswith(_STRUCTURED)
            self._written[key] = (node, "", certain)
        _, before, certain = self._written[key]
        self._written[key] = (node, before + text, certain)
        if not certain and (namespace or self._contract.internal(node)):
            return []
        return [Token(key, text, certain)]

    def _ended(self, name: str, update: Any) -> Node:
        """Note that a node has ended, and how what it adds is to be said."""
        speech = self._contract.nodes.get(name)
        added = update.get("messages") if isinstance(update, Mapping) else None
        if speech in ("private", "uninterruptible") and added:
            for message in added if isinstance(added, list) else [added]:
                if isinstance(message, AIMessage) and message.id not in self._known:
                    message.additional_kwargs.setdefault("speech", speech)
        return Node(name)

    def _replies(self, values: Any) -> list[TurnEvent]:
        """Find what has come on the thread, and learn which nodes speak."""
        messages = values.get("messages") or [] if isinstance(values, Mapping) else []
        found: list[TurnEvent] = []
        for message in messages:
            if message.id in self._known or not isinstance(message, AIMessage):
                continue
            self._known.add(message.id)
            speech, text = speech_of(message), str(message.text)
            action = _announced(message)
            if speech == "private" or not (text.strip() or action):
                continue
            key = message.id or ""
            self.replies[key] = message
            streamed = self._written.get(key, ("", "", False))[2]
            found.append(Reply(key, text, streamed, speech != "uninterruptible", action))
        for key, (node, _, _) in self._written.items():
            self._contract.learn(node, spoken=key in self._known)
        return found
