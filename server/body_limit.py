"""No request's body may fill the memory."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 1_000_000
"""Longest body of a request, in bytes."""


class BodyLimit:
    """Answers 413 to a body that says it is too long, and stops reading one that grows too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is read of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > MAX_BYTES:
            await _too_long(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > MAX_BYTES:
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)


_too_long = JSONResponse(
    {"detail": f"The body of a request may have at most {MAX_BYTES} bytes."}, status_code=413
)
