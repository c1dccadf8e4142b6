"""The classic form of a call: speech is played from files, keys are gathered, turn by turn.

For carriers, and accounts, without media streams. What the speech is made of is told by a `Step`;
this only speaks it, gathers, and takes each webhook once, however often the carrier sends it.
"""

import asyncio
import contextlib
import io
import logging
import re
import secrets
import time
import wave
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from twilio.twiml.voice_response import Gather, VoiceResponse

from faults import places
from settings import Settings
from store.carrier_turns import CarrierTurn, CarrierTurns
from voice.carrier_turn import Once
from voice.carriers import Answer
from voice.phrases import phrase
from voice.providers import TTS, load_providers
from voice.speakable import say

log = logging.getLogger(__name__)

RATE: Final = 8000
"""Samples a second of the files: the telephone plays no more."""
FILE: Final = re.compile(r"[0-9a-f]{8,64}-[0-9a-f]{32}\.wav")
"""How the files are named: whose they are, and what nobody can guess."""
KEPT_SECS: Final = 3600.0
"""Age at which a file is deleted whose call did not end as it should, in seconds."""
ANSWER_SECS: Final = 8.0
"""Longest wait for an answer before the carrier is asked to wait; Twilio waits for 15."""
GATHER_SECS: Final = 8
"""Longest wait for a key, in seconds."""


@dataclass(frozen=True, slots=True)
class Step:
    """What is said next, and how many keys are then gathered.

    Attributes:
        text: what is said.
        keys: how many keys answer it; 0 ends the call.
        kept: what the next step has to know, as JSON.
    """

    text: str
    keys: int = 0
    kept: Mapping[str, Any] | None = None


Next = Callable[[str, Mapping[str, Any]], Awaitable[Step]]
"""Decides what is said next, of the keys that were pressed and what the last step has kept."""


class Classic:
    """Holds such calls.

    Args:
        settings: which voice.
        turns: where turns are kept.
        once: does each of them once.
        folder: where the files are.
    """

    def __init__(self, settings: Settings, turns: CarrierTurns, once: Once, folder: Path) -> None:
        self._settings = settings
        self._turns = turns
        self._once = once
        self._folder = folder
        load_providers(settings.tts, "embedded")

    async def answer(
        self, sid: str, owner: str, number: int, digits: str, step: Next, base: str, waited: int = 0
    ) -> Answer:
        """Return what the carrier is to do after a turn, or while it is waited for.

        Args:
            sid: the call.
            owner: whose call it is, hexadecimal; its files begin with it.
            number: of the turn; 0 is the beginning.
            digits: the keys that were pressed.
            step: decides what follows.
            base: our address.
            waited: how often the carrier has asked for this answer.
        """
        turn = await self._turns.take(f"classic:{sid}:{number}", sid, {"digits": digits})

        async def work(taken: CarrierTurn) -> dict[str, Any]:
            before = await self._turns.get(f"classic:{sid}:{number - 1}") if number else None
            kept = ((before.result or {}) if before else {}).get("kept") or {}
            found = await step(str(taken.given.get("digits") or ""), kept)
            return {**asdict(found), "file": await self._file(owner, found.text)}

        result = await self._once.answer(turn, work, ANSWER_SECS)
        if result is None:
            return _wait(base, owner, number, waited)
        return _twiml(result, base, owner, number)

    async def _file(self, owner: str, text: str) -> str | None:
        """Make a file of a text and return its name; None where no voice makes it."""
        spoken = say(text, "en").text
        made = TTS[self._settings.tts].synthesise or TTS["embedded"].synthesise
        if made is None:
            return None
        try:
            pcm = await made(self._settings, spoken, RATE)
        except Exception as error:  # whatever a provider raises: the carrier has a voice as well
            log.warning("No speech was made: %s", places(error))
            return None
        name = f"{owner}-{secrets.token_hex(16)}.wav"
        await asyncio.to_thread(self._write, name, pcm)
        return name

    def _write(self, name: str, pcm: bytes) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        made = io.BytesIO()
        with wave.open(made, "wb") as file:
            file.setnchannels(1)
            file.setsampwidth(2)
            file.setframerate(RATE)
            file.writeframes(pcm)
        (self._folder / name).write_bytes(made.getvalue())

    def file(self, name: str) -> Path | None:
        """Return where a file of that name is; None where there can be none; blocks."""
        path = self._folder / name
        return path if FILE.fullmatch(name) and path.is_file() else None

    async def forget(self, owner: str) -> None:
        """Delete the files of a call that is over."""
        await asyncio.to_thread(self._delete, f"{owner}-*.wav")

    async def clean_up(self) -> None:
        """Delete what was left of calls that did not end as they should."""
        await asyncio.to_thread(self._delete, "*.wav", KEPT_SECS)

    def _delete(self, pattern: str, age_secs: float | None = None) -> None:
        if not self._folder.is_dir():
            return
        for path in self._folder.glob(pattern):
            with contextlib.suppress(FileNotFoundError):  # another has deleted it meanwhile
                if age_secs is None or path.stat().st_mtime <= time.time() - age_secs:
                    path.unlink()


def _twiml(result: Mapping[str, Any], base: str, owner: str, number: int) -> Answer:
    response = VoiceResponse()
    if result.get("failed"):
        response.say(phrase("apology"))
        response.hangup()
        return Answer(str(response), "application/xml")
    keys = int(result.get("keys") or 0)
    then = f"{base}/gather?{urlencode({'request': owner, 'turn': number + 1})}"
    at: Any = response
    if keys:
        at = Gather(
            input="dtmf", num_digits=keys, timeout=GATHER_SECS, action=then, finish_on_key="#"
        )
        response.append(at)
    if result.get("file"):
        at.play(f"{base}/audio/{result['file']}")
    else:
        at.say(say(str(result["text"]), "en").text)
    if keys:
        response.redirect(then, method="POST")
    else:
        response.hangup()
    return Answer(str(response), "application/xml")


def _wait(base: str, owner: str, number: int, waited: int) -> Answer:
    response = VoiceResponse()
    if waited == 0:
        response.say(phrase("one_moment"))
    response.pause(length=1)
    query = urlencode({"request": owner, "turn": number, "waited": waited + 1})
    response.redirect(f"{base}/gather?{query}", method="POST")
    return Answer(str(response), "application/xml")
