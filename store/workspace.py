"""Everything made and kept by the API, opened together."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Self

from sqlalchemy.ext.asyncio import AsyncEngine

from store.audit import AuditTrail
from store.conversations import Conversations
from store.database import forget_deleted
from store.keys import Keys
from store.requests import Requests
from store.resources import Resources
from store.secrets import Secrets


@dataclass(frozen=True, slots=True)
class Workspace:
    """The parts, each by its name."""

    agents: Resources
    tools: Resources
    phone_numbers: Resources
    settings: Resources
    keys: Keys
    secrets: Secrets
    conversations: Conversations
    audit: AuditTrail
    requests: Requests
    forget_deleted: Callable[[], Awaitable[None]]
    """Sees that what was deleted of it is in no file any more."""

    @classmethod
    async def open(cls, engine: AsyncEngine, data_dir: Path, secret_key: str | None) -> Self:
        """Open the workspace on the records.

        Args:
            engine: of the records.
            data_dir: holds the file of the key that seals secrets.
            secret_key: that key, where it is not in the file.

        Raises:
            ValueError: there is no such key.
        """
        return cls(
            agents=Resources(engine, "agent"),
            tools=Resources(engine, "tool"),
            phone_numbers=Resources(engine, "phone_number"),
            settings=Resources(engine, "settings"),
            keys=Keys(engine),
            secrets=await Secrets.open(engine, data_dir, secret_key),
            conversations=Conversations(engine),
            audit=AuditTrail(engine),
            requests=Requests(engine),
            forget_deleted=partial(forget_deleted, engine),
        )
