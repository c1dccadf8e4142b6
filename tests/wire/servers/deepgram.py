"""Deepgram's streaming `listen` and `speak` protocols, as far as a call uses them.

https://developers.deepgram.com/reference/speech-to-text/listen-streaming
https://developers.deepgram.com/reference/text-to-speech/speak-streaming
"""

import json
from dataclasses import dataclass, field

from fastapi import FastAPI, Response, WebSocket, WebSocketDisconnect
from fastapi.datastructures import QueryParams

from tests.wire.servers import KEY, Faults, speech


@dataclass
class Listened:
    """One connection to `/v1/listen`."""

    query: QueryParams
    audio: bytearray = field(default_factory=bytearray)
    messages: list[str] = field(default_factory=list)


@dataclass
class Deepgram:
    """The server; `says` is what it hears next, an utterance an item."""

    says: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    listened: list[Listened] = field(default_factory=list)
    speak_queries: list[QueryParams] = field(default_factory=list)
    spoken: list[str] = field(default_factory=list)
    speak_messages: list[str] = field(default_factory=list)

    @property
    def app(self) -> FastAPI:
        """The application to serve."""
        app = FastAPI()
        app.add_api_websocket_route("/v1/listen", self._listen)
        app.add_api_websocket_route("/v1/speak", self._speak)
        return app

    async def _admitted(self, socket: WebSocket) -> bool:
        status = self.faults.refusal()
        if socket.headers.get("authorization", "").lower() != f"token {KEY}":
            status = 401
        if status is None:
            await socket.accept()
            return True
        reason = "Invalid credentials." if status == 401 else "Too many requests."
        await socket.send_denial_response(Response(reason, status, headers={"dg-error": reason}))
        return False

    async def _listen(self, socket: WebSocket) -> None:
        heard = Listened(socket.query_params)
        if heard.query.get("encoding") != "linear16" or "sample_rate" not in heard.query:
            await socket.send_denial_response(Response("Bad encoding.", 400))
            return
        if not await self._admitted(socket):
            return
        self.listened.append(heard)
        dropped = self.faults.drop_after_bytes.pop(0) if self.faults.drop_after_bytes else None
        interim = False
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is not None:
                heard.audio += message["bytes"]
                if dropped is not None and len(heard.audio) >= dropped:
                    await socket.close(1011, "Deepgram did not receive audio data in time.")
                    return
                if not interim and self.says and len(heard.audio) > 8000:
                    interim = True
                    await socket.send_json(_results(self.says[0].split()[0], final=False))
                continue
            kind = json.loads(message["text"])["type"]
            heard.messages.append(kind)
            if kind == "CloseStream":
                await socket.close(1000)
                return
            if kind == "Finalize":
                await self.faults.dawdle()
                interim = False
                said = self.says.pop(0) if self.says else ""
                await socket.send_json(_results(said, final=True))

    async def _speak(self, socket: WebSocket) -> None:
        query = socket.query_params
        if not await self._admitted(socket):
            return
        self.speak_queries.append(query)
        await socket.send_json({"type": "Metadata", "request_id": "r", "model_name": "aura"})
        waiting = ""
        try:
            while True:
                message = await socket.receive_json()
                self.speak_messages.append(message["type"])
                if message["type"] == "Speak":
                    waiting += message["text"]
                elif message["type"] == "Flush":
                    self.spoken.append(waiting.strip())
                    await self._say(socket, waiting, int(query["sample_rate"]))
                    waiting = ""
                elif message["type"] == "Clear":
                    waiting = ""
                    await socket.send_json({"type": "Cleared", "sequence_id": 0})
                elif message["type"] == "Close":
                    await socket.close(1000)
                    return
        except WebSocketDisconnect:
            return

    async def _say(self, socket: WebSocket, text: str, sample_rate: int) -> None:
        await self.faults.dawdle()
        pcm = await speech(text, sample_rate)
        dropped = self.faults.drop_after_bytes.pop(0) if self.faults.drop_after_bytes else len(pcm)
        for at in range(0, min(dropped, len(pcm)), 3200):
            await socket.send_bytes(pcm[at : at + 3200])
        if dropped < len(pcm):
            await socket.close(1011)
            return
        await socket.send_json({"type": "Flushed", "sequence_id": 0})


def _results(transcript: str, *, final: bool) -> dict[str, object]:
    return {
        "type": "Results",
        "channel_index": [0, 1],
        "duration": 1.0,
        "start": 0.0,
        "is_final": final,
        "speech_final": final,
        "from_finalize": final,
        "channel": {"alternatives": [{"transcript": transcript, "confidence": 0.99, "words": []}]},
        "metadata": {
            "request_id": "r",
            "model_info": {"name": "nova-3", "version": "1", "arch": "nova-3"},
            "model_uuid": "m",
        },
    }
