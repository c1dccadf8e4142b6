"""OpenAI's transcription, speech and realtime transcription, as far as a call uses them.

https://platform.openai.com/docs/api-reference/audio
https://platform.openai.com/docs/guides/realtime-transcription
"""

import base64
import io
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse, StreamingResponse

from tests.wire.servers import KEY, Faults, speech

REASONS = {401: "Incorrect API key provided.", 429: "Rate limit reached.", 500: "Server error."}


@dataclass
class OpenAI:
    """The server; `says` is what it hears next, an utterance an item."""

    says: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    transcribed: list[dict[str, Any]] = field(default_factory=list)
    """Each request to transcribe: its fields, with `audio` and `sample_rate` of the file."""
    spoken: list[dict[str, Any]] = field(default_factory=list)
    sessions: list[dict[str, Any]] = field(default_factory=list)
    """Each `session.update` of the realtime protocol."""
    committed: list[bytes] = field(default_factory=list)
    """The audio of each realtime utterance, PCM16 at 24 kHz."""
    connections: int = 0

    @property
    def app(self) -> FastAPI:
        """The application to serve; its base URL ends in `/v1`."""
        app = FastAPI()
        app.add_api_route("/v1/audio/transcriptions", self._transcribe, methods=["POST"])
        app.add_api_route("/v1/audio/speech", self._speak, methods=["POST"])
        app.add_api_websocket_route("/v1/realtime", self._realtime)
        return app

    def _refusal(self, authorization: str | None) -> Response | None:
        status = self.faults.refusal()
        if authorization != f"Bearer {KEY}":
            status = 401
        if status is None:
            return None
        error = {"message": REASONS[status], "type": "error", "param": None, "code": str(status)}
        return JSONResponse({"error": error}, status, headers={"retry-after-ms": "10"})

    async def _transcribe(self, request: Request) -> Response:
        refusal = self._refusal(request.headers.get("authorization"))
        if refusal is not None:
            return refusal
        form = await request.form()
        fields: dict[str, Any] = {k: v for k, v in form.items() if isinstance(v, str)}
        upload = form["file"]
        assert not isinstance(upload, str)
        with wave.open(io.BytesIO(await upload.read())) as file:
            assert (file.getnchannels(), file.getsampwidth()) == (1, 2)
            fields["sample_rate"] = file.getframerate()
            fields["audio"] = file.readframes(file.getnframes())
        self.transcribed.append(fields)
        await self.faults.dawdle()
        return JSONResponse({"text": self.says.pop(0) if self.says else ""})

    async def _speak(self, request: Request) -> Response:
        refusal = self._refusal(request.headers.get("authorization"))
        if refusal is not None:
            return refusal
        asked = await request.json()
        self.spoken.append(asked)
        assert asked["response_format"] == "pcm"
        await self.faults.dawdle()
        pcm = await speech(asked["input"], 24000)

        async def body() -> AsyncIterator[bytes]:
            for at in range(0, len(pcm), 4801):
                yield pcm[at : at + 4801]

        return StreamingResponse(body(), media_type="audio/pcm")

    async def _realtime(self, socket: WebSocket) -> None:
        refusal = self._refusal(socket.headers.get("authorization"))
        if socket.query_params.get("intent") != "transcription":
            refusal = Response("Only transcription is offered.", 400)
        if refusal is not None:
            await socket.send_denial_response(refusal)
            return
        await socket.accept()
        self.connections += 1
        await socket.send_json({"type": "session.created", "session": {"type": "transcription"}})
        dropped = self.faults.drop_after_bytes.pop(0) if self.faults.drop_after_bytes else None
        heard = bytearray()
        try:
            while True:
                event = await socket.receive_json()
                match event["type"]:
                    case "session.update":
                        self.sessions.append(event["session"])
                        await socket.send_json(
                            {"type": "session.updated", "session": event["session"]}
                        )
                    case "input_audio_buffer.append":
                        heard += base64.b64decode(event["audio"], validate=True)
                        if dropped is not None and len(heard) >= dropped:
                            await socket.close(1011)
                            return
                    case "input_audio_buffer.commit":
                        self.committed.append(bytes(heard))
                        heard.clear()
                        await self._transcript(socket, f"item_{len(self.committed)}")
        except WebSocketDisconnect:
            return

    async def _transcript(self, socket: WebSocket, item: str) -> None:
        await socket.send_json({"type": "input_audio_buffer.committed", "item_id": item})
        await self.faults.dawdle()
        said = self.says.pop(0) if self.says else ""
        kind = "conversation.item.input_audio_transcription"
        for word in said.split():
            await socket.send_json(
                {"type": f"{kind}.delta", "item_id": item, "content_index": 0, "delta": word + " "}
            )
        await socket.send_json(
            {"type": f"{kind}.completed", "item_id": item, "content_index": 0, "transcript": said}
        )
