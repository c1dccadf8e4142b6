"""What the resources share: who may see them, errors, pages, as ElevenLabs has them."""

from datetime import datetime
from typing import Annotated, NoReturn

from fastapi import Depends, HTTPException, Path, Query, Request

from server.convai.config import Text

ACCESS = {
    "is_creator": True,
    "creator_name": "workspace",
    "creator_email": "workspace@localhost",
    "role": "admin",
}
"""Everybody who has a key owns everything: there is one workspace."""

Id = Annotated[Text, Path(max_length=128)]
PageSize = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[Annotated[Text, Query(max_length=2000)] | None, Query()]
Search = Annotated[Annotated[Text, Query(max_length=500)] | None, Query()]
Filter = Annotated[Annotated[Text, Query(max_length=500)] | None, Query()]


def refuse(status: int, code: str, message: str) -> NoReturn:
    """Answer an error in ElevenLabs' shape.

    Raises:
        HTTPException: always.
    """
    raise HTTPException(status, {"status": code, "message": message})


def wrong(where: list[str | int], message: str, kind: str = "value_error") -> NoReturn:
    """Answer that something sent is wrong, in FastAPI's and ElevenLabs' shape.

    Raises:
        HTTPException: always.
    """
    raise HTTPException(422, [{"loc": where, "msg": message, "type": kind}])


def missing(kind: str, resource_id: str) -> NoReturn:
    """Answer that there is no such thing.

    Raises:
        HTTPException: always.
    """
    refuse(404, f"{kind}_not_found", f"There is no {kind.replace('_', ' ')} {resource_id!r}.")


def unix(moment: datetime) -> int:
    """Return a time as whole seconds since 1970."""
    return int(moment.timestamp())


async def _actor(request: Request) -> str:
    return str(getattr(request.state, "actor", "local"))


Actor = Annotated[str, Depends(_actor)]
"""Who is asking, for the audit trail: see `server.security`."""
