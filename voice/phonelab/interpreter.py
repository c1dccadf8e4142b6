"""Carries TwiML out: one document after the other, until a call has none left."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin, urlsplit

import numpy as np

from voice.phonelab import mulaw
from voice.phonelab.calls import LabCall, new_sid
from voice.phonelab.faults import Faults
from voice.phonelab.keypad import Keypad
from voice.phonelab.line import Waited
from voice.phonelab.media import Connect, MediaStream, StreamIdentity, over_the_network
from voice.phonelab.notices import LAB_FAILED, CarrierError, Notice
from voice.phonelab.twiml import SCHEMA_WARNING, Document, Verb, parse
from voice.phonelab.voices import Voice
from voice.phonelab.webhooks import Webhooks

MOST_DOCUMENTS = 100
"""Documents fetched for one call; more is a loop."""
MOST_KEYS = 10_000
KEY_PAUSE = mulaw.SILENT_FRAME * 10
BEEP = mulaw.encode_speech(
    (0.3 * np.sin(2 * np.pi * 1000 * np.arange(2400) / mulaw.RATE)).astype(np.float32), mulaw.RATE
)


@dataclass(frozen=True, slots=True)
class Fetch:
    """The document that comes next."""

    url: str
    method: str = "POST"
    fields: Mapping[str, str] | None = None


class HungUp(Exception):
    """The document asks to end the call."""


class Interpreter:
    """Carries out the documents of one call.

    Args:
        call: whose line is played to.
        webhooks: how documents are fetched.
        voice: what `<Say>` sounds like.
        faults: of the media streams.
        recordings_url: address under which what `<Record>` kept is served.
        connect: opens the sockets of media streams.
        dial: carries out `<Dial>`; returns what its `action` is told.
    """

    def __init__(
        self,
        call: LabCall,
        webhooks: Webhooks,
        voice: Voice,
        faults: Faults,
        recordings_url: str,
        connect: Connect = over_the_network,
        dial: Callable[[Verb, str], Awaitable[Mapping[str, str]]] | None = None,
    ) -> None:
        self._dial_verb = dial
        self._call = call
        self._webhooks = webhooks
        self._voice = voice
        self._faults = faults
        self._recordings_url = recordings_url
        self._connect_socket = connect
        self._fetched = 0
        self._here = ""
        self._verbs: dict[str, Callable[[Verb], Awaitable[Fetch | None]]] = {
            "Connect": self._connect,
            "Dial": self._dial,
            "Gather": self._gather,
            "Hangup": self._hang_up,
            "Pause": self._pause,
            "Play": self._play,
            "Record": self._record,
            "Redirect": self._redirect,
            "Reject": self._reject,
            "Say": self._say,
        }

    async def fetch(self, wanted: Fetch) -> Document:
        """Get a document.

        Raises:
            CarrierError: it cannot be had, is not TwiML, or is one too many.
        """
        self._fetched += 1
        if self._fetched > MOST_DOCUMENTS:
            raise CarrierError(
                LAB_FAILED, f"{MOST_DOCUMENTS} documents were fetched: the TwiML loops."
            )
        self._here = urljoin(self._here, wanted.url)
        fields = self._call.fields() | dict(wanted.fields or {})
        return parse(await self._webhooks.send(self._here, fields, wanted.method))

    async def run(self, document: Document, here: str = "") -> bool:
        """Carry out a document and those it leads to; returns when the call is to end.

        Returns:
            Whether the documents came to their end, and none of them has hung up.

        Args:
            document: where to begin.
            here: address that relative addresses start from, when it was not fetched.

        Raises:
            CarrierError: the call cannot go on.
            LineClosed: the call ended in the middle.
        """
        self._here = here or self._here
        following: Document | None = document
        try:
            while following:
                for notice in following.notices:
                    self._call.note(notice)
                fetch = await self._carry_out(following.verbs)
                following = await self.fetch(fetch) if fetch else None
        except HungUp:
            return False
        return True

    async def _carry_out(self, verbs: tuple[Verb, ...]) -> Fetch | None:
        for verb in verbs:
            self._call.verbs.append(verb.name)
            self._call.tell("verb", verb.name)
            if verb.name not in self._verbs:
                raise CarrierError(SCHEMA_WARNING, f"<{verb.name}> is not for a call.")
            if fetch := await self._verbs[verb.name](verb):
                return fetch
        return None

    async def _connect(self, verb: Verb) -> Fetch | None:
        for stream in verb.children:
            await self._stream(stream)
        return _action(verb, {}) if "action" in verb.attributes else None

    async def _dial(self, verb: Verb) -> Fetch | None:
        if self._dial_verb is None:
            raise CarrierError(LAB_FAILED, "This call has no exchange that could dial.")
        outcome = await self._dial_verb(verb, self._here)
        return _action(verb, outcome) if "action" in verb.attributes else None

    async def _stream(self, verb: Verb) -> None:
        call, url = self._call, _socket_address(urljoin(self._here, verb.attributes["url"]))
        if urlsplit(url).query:
            url = url.partition("?")[0]
            call.note(
                Notice(
                    SCHEMA_WARNING,
                    "warning",
                    "The url of <Stream> has a query string, which is not passed on; "
                    "use <Parameter>.",
                )
            )
        sid = new_sid("MZ")
        parameters = {
            child.attributes["name"]: child.attributes["value"] for child in verb.children
        }
        identity = StreamIdentity(sid, call.sid, call.account_sid, parameters)
        faults = self._faults.of_stream(len(call.streams))
        stream = MediaStream(
            identity, call.line, call.clock, faults, call.note, self._connect_socket
        )
        call.streams.append(sid)
        call.tell("stream", url)
        await stream.run(self._webhooks.destination(url, {}))

    async def _say(self, verb: Verb) -> None:
        audio = await self._voice.speak(verb.text)
        for _ in range(_times(verb)):
            await self._call.line.play(audio)

    async def _play(self, verb: Verb) -> None:
        if digits := verb.attributes.get("digits"):
            self._call.line.digits_sent += digits.replace("w", "")
            await self._call.line.play(KEY_PAUSE * len(digits))
        if verb.text:
            url = urljoin(self._here, verb.text)
            audio = await self._webhooks.download(url)
            try:
                sound = mulaw.decode_wav(audio, url)
            except ValueError as error:
                raise CarrierError(12300, f"<Play>: {error}") from error
            for _ in range(_times(verb)):
                await self._call.line.play(sound)

    async def _pause(self, verb: Verb) -> None:
        await self._call.line.pause(verb.seconds("length", 1))

    async def _hang_up(self, _verb: Verb) -> None:
        raise HungUp

    async def _reject(self, _verb: Verb) -> None:
        self._call.note(
            Notice(SCHEMA_WARNING, "warning", "<Reject> after the answer only hangs up.")
        )
        raise HungUp

    async def _redirect(self, verb: Verb) -> Fetch:
        return Fetch(verb.text, verb.attributes.get("method", "POST"))

    async def _gather(self, verb: Verb) -> Fetch | None:
        if "speech" in verb.attributes.get("input", "dtmf"):
            self._call.note(
                Notice(SCHEMA_WARNING, "warning", "The lab's <Gather> hears keys, not speech.")
            )
        most = verb.seconds("numDigits", 0) or MOST_KEYS
        line = self._call.line
        with Keypad(line, verb.attributes.get("finishOnKey", "#")) as keys:
            await _until_first(self._carry_out(verb.children), keys.touched.wait())
            if keys.touched.is_set():
                line.playout.clear()
            await keys.collect(most, verb.seconds("timeout", 5))
        if keys.pressed or verb.attributes.get("actionOnEmptyResult") == "true":
            return _action(verb, {"Digits": keys.pressed, "FinishedOnKey": keys.finished})
        return None

    async def _record(self, verb: Verb) -> Fetch | None:
        line, ear = self._call.line, self._call.line.recording
        if verb.attributes.get("playBeep", "true") == "true":
            await line.play(BEEP)
        began, limit = len(ear.caller), verb.seconds("maxLength", 3600)
        silence = verb.seconds("timeout", 5) * mulaw.RATE
        keys = Keypad(line, verb.attributes.get("finishOnKey", "1234567890*#"))

        def finished() -> bool:
            tail = bytes(ear.caller[max(began, len(ear.caller) - silence) :])
            quiet = len(tail) >= silence and mulaw.first_audible(tail) < 0
            return bool(keys.finished) or quiet

        with keys, contextlib.suppress(Waited):
            await line.until(finished, within=limit, what="The end of the recording")
        audio, sid = bytes(ear.caller[began:]), new_sid("RE")
        if mulaw.first_audible(audio) < 0:
            return None
        self._call.recordings[sid] = audio
        return _action(
            verb,
            {
                "RecordingSid": sid,
                "RecordingUrl": f"{self._recordings_url}/{sid}",
                "RecordingDuration": str(round(len(audio) / mulaw.RATE)),
                "Digits": keys.finished or "hangup",
            },
        )


async def _until_first(*coroutines: Coroutine[Any, Any, Any]) -> None:
    """Return when the first is done, with its error; the others are cancelled."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _action(verb: Verb, fields: Mapping[str, str]) -> Fetch:
    """Where a verb goes on; without `action` that is the document it stands in."""
    return Fetch(verb.attributes.get("action", ""), verb.attributes.get("method", "POST"), fields)


def _times(verb: Verb) -> int:
    """How often to repeat; 0 means for ever, which the lab takes as a thousand times."""
    return verb.seconds("loop", 1) or 1000


def _socket_address(url: str) -> str:
    """Return the address with the scheme of a web socket, as relative ones have that of a page."""
    return url.replace("http", "ws", 1) if url.startswith("http") else url
