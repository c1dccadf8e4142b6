"""ElevenLabs' speech, as far as calls use it: `multi-stream-input`, and a whole text at once.

https://elevenlabs.io/docs/api-reference/text-to-speech/convert
https://elevenlabs.io/docs/api-reference/text-to-speech/v-1-text-to-speech-voice-id-multi-stream-input
"""

import base64
from dataclasses import dataclass, field
from typing import Any, get_args

from elevenlabs.text_to_speech.types import TextToSpeechConvertRequestOutputFormat
from fastapi import FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.datastructures import QueryParams
from fastapi.responses import JSONResponse

from tests.wire.servers import KEY, Faults, speech


@dataclass
class ElevenLabs:
    """The server."""

    faults: Faults = field(default_factory=Faults)
    voices: list[str] = field(default_factory=list)
    queries: list[QueryParams] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    messages: list[dict[str, Any]] = field(default_factory=list)
    instead: list[Response] = field(default_factory=list)
    """What the next whole texts are answered with, in the place of speech."""

    @property
    def app(self) -> FastAPI:
        """The application to serve."""
        app = FastAPI()
        path = "/v1/text-to-speech/{voice_id}/multi-stream-input"
        app.add_api_websocket_route(path, self._stream)
        app.add_api_route("/v1/text-to-speech/{voice_id}", self._convert, methods=["POST"])
        return app

    async def _convert(self, request: Request, voice_id: str) -> Response:
        await self.faults.dawdle()
        status = self.faults.refusal()
        if request.headers.get("xi-api-key") != KEY:
            status = 401
        if status is not None:
            return JSONResponse({"detail": {"status": "refused", "message": "Refused."}}, status)
        if self.instead:
            return self.instead.pop(0)
        form, body = request.query_params["output_format"], await request.json()
        assert form in get_args(get_args(TextToSpeechConvertRequestOutputFormat)[0])
        assert set(body) <= {"text", "model_id", "voice_settings", "language_code", "seed"}
        self.voices.append(voice_id)
        self.queries.append(request.query_params)
        self.spoken.append(body["text"])
        sound = await speech(body["text"], int(form.removeprefix("pcm_")))
        return Response(sound, media_type="audio/pcm")

    async def _stream(self, socket: WebSocket, voice_id: str) -> None:
        status = self.faults.refusal()
        if socket.headers.get("xi-api-key") != KEY:
            status = 401
        if status is not None:
            await socket.send_denial_response(Response("Refused.", status))
            return
        await socket.accept()
        self.voices.append(voice_id)
        self.queries.append(socket.query_params)
        rate = int(socket.query_params["output_format"].removeprefix("pcm_"))
        opened: set[str] = set()
        try:
            while True:
                message = await socket.receive_json()
                self.messages.append(message)
                context = message.get("context_id", "")
                if message.get("close_socket"):
                    await socket.close(1000)
                    return
                if context and context not in opened and "text" in message:
                    opened.add(context)
                    assert message["text"] == " ", "a context opens with a single space"
                elif message.get("text", "").strip() and not await self._say(
                    socket, context, message["text"], rate
                ):
                    return
                if message.get("close_context"):
                    opened.discard(context)
                    await socket.send_json({"isFinal": True, "contextId": context})
        except WebSocketDisconnect:
            return

    async def _say(self, socket: WebSocket, context: str, text: str, rate: int) -> bool:
        """Send the speech of a text with its alignment; False when the connection broke."""
        self.spoken.append(text.strip())
        await self.faults.dawdle()
        pcm = await speech(text, rate)
        if self.faults.drop_after_bytes:
            part = pcm[: self.faults.drop_after_bytes.pop(0)]
            await socket.send_json(_chunk(context, part, text[:4], rate))
            await socket.close(1011)
            return False
        await socket.send_json(_chunk(context, pcm, text, rate))
        return True


def _chunk(context: str, pcm: bytes, text: str, rate: int) -> dict[str, Any]:
    each = int(len(pcm) / 2 / rate * 1000 / max(1, len(text)))
    alignment = {
        "chars": list(text),
        "charStartTimesMs": [i * each for i in range(len(text))],
        "charDurationsMs": [each] * len(text),
    }
    return {
        "audio": base64.b64encode(pcm).decode(),
        "contextId": context,
        "alignment": alignment,
        "normalizedAlignment": alignment,
    }
