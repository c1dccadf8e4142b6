"""What the pages work with; the server hands it over while it runs."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from graphs.threads import Threads
from store.calls import Calls


class Refused(Exception):
    """The server does not do what a page has asked; the message is its own words."""


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that a page sends."""

    name: str
    content: bytes


class Ask(Protocol):
    """Asks the server's own API, as the person at the page may."""

    async def __call__(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, Any] | None = None,
        body: Any = None,
        upload: Upload | None = None,
        key: str | None = None,
    ) -> Any:
        """Return the answer's JSON.

        Args:
            method: of HTTP.
            path: of the API.
            query: what is asked, those that are empty left out.
            body: JSON.
            upload: a file instead of it.
            key: names what is asked for, so that it is done once: the header Idempotency-Key.

        Raises:
            Refused: the answer is an error.
        """


@dataclass(frozen=True, slots=True)
class Opening:
    """What a conversation with an agent begins with."""

    graph: str
    values: Mapping[str, Any]
    """What the graph is to know from the start, by keys of its state."""


@dataclass(frozen=True, slots=True)
class Pages:
    """The parts of the running server that the pages show and use."""

    threads: Threads
    calls: Calls
    ask: Ask
    opening: Callable[[str, str], Awaitable[Opening]]
    """Readies an agent, by its id, for the conversation on a thread; raises `Refused`."""


Backend = Callable[[], Pages]
"""Returns them; called while requests are served, never when a page is made."""
