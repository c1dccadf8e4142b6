"""No request's body may fill the memory."""

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BYTES = 1_000_000
"""Longest body of a request, in bytes."""
DOCUMENTS = "/v1/convai/knowledge-base"
MAX_DOCUMENT_BYTES = 21_000_000
"""Longest body that brings a document, in bytes: ElevenLabs takes files of 20 MB."""


class BodyLimit:
    """Answers 413 to a body that says it is too long, and stops reading one that grows too long."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, counting what is read of its body."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_DOCUMENT_BYTES if scope["path"].startswith(DOCUMENTS) else MAX_BYTES
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or int(declared) > most:
            detail = f"The body of a request may have at most {most} bytes."
            await JSONResponse({"detail": detail}, 413)(scope, receive, send)
            return
        read = 0

        async def counted() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            if read > most:
                return {"type": "http.disconnect"}
            return message

        await self._app(scope, counted, send)
