"""Calls with real speech both ways: who rings, what came of it, and what must hold after each."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeAlias

import httpx
from rapidfuzz.distance import Levenshtein

from graphs.eligibility.certificate import canonical, replay
from graphs.eligibility.rules import load_rules
from tests.phone.media_stream import transcript, words
from voice.phonelab import Faults, LabCall, PhoneLab, ScriptedCaller, Step, Voice, mulaw

TOKEN = "of the lab"
Script: TypeAlias = Sequence[Step | str]
SETTLE_SECS = 1.0
"""Silence after which a caller takes the bot to have finished; a busy machine has gaps."""
MISHEARD = 0.2
"""Words that speech to text may get wrong of what the bot said, as a share."""
TURN_PAUSE = int(1.0 * mulaw.RATE)
"""Silence of the bot that separates two of its turns, in samples."""
SILENCE_AFTER = mulaw.SILENT_FRAME * 50
"""Silence in which speech to text hears that a turn is over."""
_DIGITS = {"1": "one", "2": "two", "3": "three", "4": "four"}
NOT_SPEECH = re.compile(r"[{}\[\]<>_|\\]|\b(null|none|json|tool|http)\b", re.IGNORECASE)
"""What is in data and in errors, and in nothing that is said."""


class EspeakVoice:
    """A second voice, very unlike the embedded one."""

    async def speak(self, text: str) -> bytes:
        made = await asyncio.to_thread(
            subprocess.run,
            ["espeak-ng", "-v", "en-us", "-s", "150", "--stdout", text],
            capture_output=True,
            check=True,
        )
        wav = made.stdout
        # espeak does not know the length when it writes to a pipe
        size = (len(wav) - 44).to_bytes(4, "little")
        return mulaw.trim(mulaw.decode_wav(wav[:40] + size + wav[44:], text), 1200)


@dataclass(frozen=True)
class Talk:
    """A call that is over, as each part of the system has it."""

    caller: ScriptedCaller
    carrier: LabCall
    record: dict[str, Any]
    """Of `GET /api/calls/{sid}`."""
    thread: dict[str, Any]
    """Of `GET /api/threads/eligibility/{thread_id}`."""
    certificate: dict[str, Any]
    """Of `GET /api/eligibility/{thread_id}`."""
    certificate_bytes: bytes
    heard: list[str]
    """What the caller heard of the bot, turn by turn, as speech to text has it."""
    wav: Path
    cleared_at: list[float]
    """When the carrier was told to drop what it had not played, in seconds of the call."""

    @property
    def thread_id(self) -> str:
        return str(self.record["thread_id"])

    @property
    def outcome(self) -> tuple[str, list[str]]:
        return self.certificate["outcome"], self.certificate["reasons"]

    def said(self, role: str) -> list[str]:
        return [u["text"] for u in self.record["transcript"] if u["role"] == role]

    def messages(self, kind: str) -> list[str]:
        return [m["content"] for m in self.thread["messages"] if m["type"] == kind]

    def __str__(self) -> str:
        lines = [f"{u['role']:>7} {u['text']}" for u in self.record["transcript"]]
        return "\n".join([str(self.wav), *lines, f"  heard {' / '.join(self.heard)}"])


@dataclass(frozen=True)
class Rung:
    """A call that was begun."""

    caller: ScriptedCaller
    call: LabCall
    cleared_at: list[float]

    async def answered(self) -> None:
        """Return when all is said of the script and the bot is heard to answer."""
        async with asyncio.timeout(90):
            while self.caller.remaining or self.call.line.ear.turns[-1].answered is None:
                await asyncio.sleep(0.05)


@dataclass
class Telephone:
    """Rings a server through the lab and gathers what came of each call."""

    lab: PhoneLab
    base: str
    folder: Path
    """Where the recordings of the carrier go."""
    rung: int = 0

    def ring(
        self,
        script: Script,
        *,
        voice: Voice | None = None,
        faults: Faults | None = None,
        settle_secs: float = SETTLE_SECS,
    ) -> Rung:
        """Begin a call, from a number of its own."""
        self.rung += 1
        caller = ScriptedCaller(script, voice=voice, settle_secs=settle_secs)
        call = self.lab.ring(
            f"{self.base}/voice/incoming?graph=eligibility",
            caller,
            from_=f"+1555010{self.rung:04}",
            faults=faults,
        )
        cleared_at, clear = list[float](), call.line.playout.clear

        def watched() -> list[str]:
            cleared_at.append(call.line.seconds)
            return clear()

        call.line.playout.clear = watched  # type: ignore[method-assign]
        return Rung(caller, call, cleared_at)

    async def hold(self, name: str, script: Script, **more: Any) -> Talk:
        """Hold a whole call; `more` as for `ring`."""
        rung = self.ring(script, **more)
        await rung.call.wait(120)
        return await self.gather(name, rung)

    async def gather(self, name: str, rung: Rung) -> Talk:
        """Gather what is known of a call that is over."""
        wav = await rung.call.save_wav(self.folder / f"{name.replace(' ', '-')}.wav")
        heard = [await asyncio.to_thread(transcript, turn) for turn in _turns(rung.call)]
        async with httpx.AsyncClient(base_url=self.base, trust_env=False) as api:
            record = await _closed_record(api, rung.call.sid)
            thread = await api.get(f"/api/threads/eligibility/{record['thread_id']}")
            certificate = await api.get(f"/api/eligibility/{record['thread_id']}")
        return Talk(
            rung.caller,
            rung.call,
            record,
            thread.raise_for_status().json(),
            certificate.raise_for_status().json(),
            certificate.content,
            [as_spoken(text) for text in heard if text],
            wav,
            rung.cleared_at,
        )

    async def chat(self, thread_id: str, *said: str) -> dict[str, Any]:
        """Go on by chat and return the last answer."""
        async with httpx.AsyncClient(base_url=self.base, trust_env=False) as api:
            for message in said:
                body = {"graph": "eligibility", "thread_id": thread_id, "message": message}
                answer = await api.post("/api/chat", json=body)
        return dict(answer.raise_for_status().json())


async def _closed_record(api: httpx.AsyncClient, sid: str) -> dict[str, Any]:
    async with asyncio.timeout(20):
        while True:
            answer = await api.get(f"/api/calls/{sid}")
            if answer.is_success and answer.json()["ended_at"]:
                return dict(answer.json())
            await asyncio.sleep(0.1)


def _turns(call: LabCall) -> Iterator[bytes]:
    """Cut what the caller heard where the bot paused."""
    spans = list(call.line.ear.spans)
    while spans:
        began, ended = spans.pop(0)
        while spans and spans[0][0] - ended < TURN_PAUSE:
            ended = spans.pop(0)[1]
        around = mulaw.RATE // 10
        heard = bytes(call.line.recording.bot[max(0, began - around) : ended + around])
        yield heard + SILENCE_AFTER


class Process:
    """`dialgraph serve` as a process of its own, which can be killed.

    Args:
        folder: where its data and its log go.
        token: Twilio's, with which the carrier signs.
    """

    def __init__(self, folder: Path, token: str) -> None:
        self._folder = folder
        self._environment = {"TWILIO_AUTH_TOKEN": token, "DIALGRAPH_DATA_DIR": str(folder)}
        self.base = ""

    async def __aenter__(self) -> "Process":
        command = ["-m", "server.cli", "serve", "--port", "0"]
        with (self._folder / "serve.log").open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                *command,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
                env=os.environ | self._environment,
            )
        assert self._process.stdout
        async with asyncio.timeout(90):
            async for line in self._process.stdout:
                if b"is ready: " in line:
                    self.base = line.decode().rpartition(" ")[2].strip()
                    return self
        raise AssertionError(f"The server did not start; see {self._folder / 'serve.log'}.")

    async def kill(self) -> None:
        """End it as a power cut would."""
        self._process.kill()
        await self._process.wait()

    async def __aexit__(self, *_error: object) -> None:
        if self._process.returncode is None:
            await self.kill()


def assert_promises(talk: Talk) -> None:
    """What holds after every call, whatever happened in it."""
    assert_the_record_is_closed(talk)
    assert_heard_is_true(talk)
    assert_only_speech_was_spoken(talk)
    assert_the_thread_holds_what_was_said(talk)
    assert_the_certificate_is_reproduced(talk)


def assert_the_record_is_closed(talk: Talk) -> None:
    record = talk.record
    assert record["status"] in ("completed", "failed"), talk
    assert record["outcome"] == talk.certificate["outcome"], talk
    times = [record["started_at"], *(u["at"] for u in record["transcript"]), record["ended_at"]]
    moments = [datetime.fromisoformat(time) for time in times]
    assert moments == sorted(moments), talk


def assert_heard_is_true(talk: Talk) -> None:
    """The words on record are those at the ear: none more, and none less in a whole sentence."""
    recorded = as_spoken(" ".join(talk.said("bot"))).split()
    heard = " ".join(talk.heard).split()
    edits = Levenshtein.editops(recorded, heard)
    unheard = sum(edit.tag != "insert" for edit in edits)
    assert unheard <= MISHEARD * len(recorded), talk
    if not any(u["interrupted"] for u in talk.record["transcript"]):
        assert len(edits) <= MISHEARD * len(recorded), talk


def as_spoken(text: str) -> str:
    """Write words as speech to text may hear them: no signs, small numbers in letters."""
    plain = words(re.sub(r"(?<=\d),(?=\d)|['’]", "", re.sub(r"([a-z])([A-Z])", r"\1 \2", text)))
    return " ".join(_DIGITS.get(word, word) for word in plain.split())


def assert_only_speech_was_spoken(talk: Talk) -> None:
    for text in (*talk.said("bot"), *talk.heard):
        assert not NOT_SPEECH.search(text), talk


def assert_the_thread_holds_what_was_said(talk: Talk) -> None:
    assert " ".join(talk.messages("human")) == " ".join(talk.said("caller")), talk
    spoken = iter(u["text"] for u in talk.record["transcript"] if u["role"] == "bot")
    assert all(message in spoken for message in talk.messages("ai")), talk


def assert_the_certificate_is_reproduced(talk: Talk) -> None:
    assert talk.certificate_bytes == canonical(talk.certificate)
    found = replay(talk.certificate, load_rules())
    assert found.reproduced and not found.tampered, talk
    cut = talk.certificate.get("heard", {})
    said = [cut.get(str(e["number"]), e["said"]) for e in talk.certificate["entries"] if e["said"]]
    assert [text for text in said if text] == talk.messages("ai")
