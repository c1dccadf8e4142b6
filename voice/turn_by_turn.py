"""Calls without a media stream: the carrier records, we answer, turn by turn.

    /voice/inbound             says the greeting, then records what the caller says
    /voice/recording-callback  transcribes it, runs a turn of the same thread, says the answer, ...

What is known to be heard: an answer counts as heard when the caller's next words, key or silence
come, for the carrier says it to its end before it listens; after the last words it comes to be told
to hang up. Until then, and after a hang-up in the middle, the thread holds nothing of it. There is
no barge-in.
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

import httpx
from langchain_core.messages import HumanMessage
from pydantic import TypeAdapter
from twilio.twiml.voice_response import Gather, VoiceResponse

from graphs.call_actions import CallAction, HangUp, SendDigits, SpeakAs, Transfer
from graphs.events import Begin, Event
from graphs.messages import heard_whole
from graphs.threads import Threads
from settings import Settings
from store.calls import Call, Calls, Utterance
from store.carrier_turns import CarrierTurn, CarrierTurns
from voice.carrier_recording import RATE, NotARecording, fetch_recording
from voice.carrier_turn import Answered, Once, run_turn
from voice.carriers import Answer
from voice.phrases import phrase
from voice.providers import STT
from voice.reception import last_words, limited, line_of
from voice.speakable import LANGUAGES, language_of, say

log = logging.getLogger(__name__)

ANSWER_SECS: Final = 8.0
"""Longest wait for an answer before the caller is asked to wait; Twilio waits for 15."""
MOST_SECS: Final = 60
"""Longest utterance, in seconds."""
PAUSE_SECS: Final = 2
"""Silence that ends an utterance, in seconds."""
SILENCES: Final = 3
RING_SECS: Final = 25
_ACTION: TypeAdapter[CallAction | None] = TypeAdapter(CallAction | None)
_TAGS: Final = {"en": "en-US", "hi": "hi-IN"}
_TYPED = frozenset({"amount", "digits"})
"""Kinds of questions whose answers are keyed in several digits."""


class TurnByTurn:
    """Holds calls turn by turn.

    Args:
        settings: voice, speech to text.
        threads: where the graphs run.
        calls: where calls are recorded.
        turns: where turns are kept.
        once: does each of them once.
    """

    def __init__(
        self, settings: Settings, threads: Threads, calls: Calls, turns: CarrierTurns, once: Once
    ) -> None:
        self._settings = settings
        self._threads = threads
        self._calls = calls
        self._turns = turns
        self._once = once
        self.transport: httpx.AsyncBaseTransport | None = None
        """Reaches the carrier's recordings; the network when missing."""

    async def answer(
        self, call: Call, number: int, given: Mapping[str, Any], base: str, waited: int = 0
    ) -> Answer:
        """Return what the carrier is to do after a turn, or while it is waited for.

        Args:
            call: the record of the call.
            number: of the turn; 0 is the greeting.
            given: fields of the webhook; of the first that came for the turn.
            base: our address.
            waited: how often the carrier has asked for this answer.
        """
        if call.status not in ("ringing", "in-progress"):
            return _over()
        key = f"call:{call.sid}:{number}"
        kept = {k: v for k, v in given.items() if k in _FIELDS}
        turn = await self._turns.take(key, call.sid, kept)

        async def work(taken: CarrierTurn) -> dict[str, Any]:
            return await self._work(call, number, taken)

        result = await self._once.answer(turn, work, ANSWER_SECS)
        if result is None:
            return _wait(base, number, waited)
        return self._twiml(result, number, base)

    async def _work(self, call: Call, number: int, turn: CarrierTurn) -> dict[str, Any]:
        call = await self._calls.get(call.sid) or call
        if _ends(await self._heard(call, number - 1)):
            await self._calls.end(call.sid, "completed")
            return {"over": True}
        if number and datetime.now(UTC) - call.started_at >= self._longest(call):
            last = await self._answer_of(call, number - 1)
            return {"lines": [last_words(call, _language(last))], "done": True}
        said: HumanMessage | Event | Begin | None
        quiet = 0
        if number == 0:
            said = Begin(call.opening) if call.opening else None
        else:
            try:
                text, source = await self._said(turn)
            except NotARecording as error:
                log.warning("What was said in call %s is lost. %s", call.sid, error)
                return await self._lost(call, number)
            if not text:
                return await self._nothing_said(call, number, turn)
            call.transcript.append(
                Utterance(role="caller", text=text, at=datetime.now(UTC), source=source)
            )
            marks = {"source": source}
            said = HumanMessage(text, id=turn.key, additional_kwargs=marks)
        return await self._run(call, said, quiet)

    async def _run(
        self, call: Call, said: HumanMessage | Event | Begin | None, quiet: int
    ) -> dict[str, Any]:
        answered = await run_turn(
            self._threads,
            call.graph,
            call.thread_id,
            said,
            languages=self._languages,
            heard=False,
            line=line_of(call),
        )
        for key, text in answered.texts.items():
            call.transcript.append(
                Utterance(
                    role="bot", text="", at=datetime.now(UTC), interrupted=True, message_id=key
                )
            )
            log.debug("An answer of %d letters.", len(text))
        call.outcome, call.status = answered.outcome or call.outcome, "in-progress"
        await self._calls.save(call)
        return _kept(answered) | {"quiet": quiet}

    async def _nothing_said(self, call: Call, number: int, turn: CarrierTurn) -> dict[str, Any]:
        last = await self._answer_of(call, number - 1)
        quiet = int(last.get("quiet") or 0) + 1
        language = _language(last)
        if quiet > SILENCES:
            return {"lines": [phrase("silence_end", language)], "done": True}
        if turn.given.get("failed") == "transfer":
            event, words = Event("transfer_failed", turn.given.get("why")), "transfer_failed"
        else:
            event, words = Event("silence"), "silence"
        if self._threads.understands_events(call.graph):
            return await self._run(call, event, quiet)
        expects = last.get("expects") or {}
        return {"lines": [phrase(words, language)], "expects": expects, "quiet": quiet}

    async def _lost(self, call: Call, number: int) -> dict[str, Any]:
        """Ask for what could not be had to be said again: the caller was not silent."""
        last = await self._answer_of(call, number - 1)
        quiet, language = int(last.get("quiet") or 0) + 1, _language(last)
        if quiet > SILENCES:
            return {"lines": [phrase("give_up", language)], "done": True}
        expects = last.get("expects") or {}
        return {"lines": [phrase("apology", language)], "expects": expects, "quiet": quiet}

    async def _answer_of(self, call: Call, number: int) -> Mapping[str, Any]:
        turn = await self._turns.get(f"call:{call.sid}:{number}")
        return (turn.result if turn else None) or {}

    def _longest(self, call: Call) -> timedelta:
        return timedelta(seconds=limited(call, self._settings).max_call_secs)

    async def _said(self, turn: CarrierTurn) -> tuple[str, Any]:
        """Return what the caller said or keyed; empty when it was nothing.

        Raises:
            NotARecording: the carrier has none of what was said.
        """
        given = turn.given
        digits = str(given.get("Digits") or "")
        if digits and digits != "hangup":
            return digits, "keys"
        if speech := str(given.get("SpeechResult") or "").strip():
            return speech, "speech"
        url = str(given.get("RecordingUrl") or "")
        if not url:
            return "", "speech"
        pcm = await fetch_recording(url, self._settings, self.transport)
        transcribe = STT[self._settings.stt].transcribe or STT["embedded"].transcribe
        if transcribe is None:
            raise LookupError("No provider that listens takes recordings.")
        return (await transcribe(self._settings, pcm, RATE)).strip(), "speech"

    async def _heard(self, call: Call, number: int) -> Mapping[str, Any]:
        """Note that the answer of a turn was heard, and return it: the carrier has said it."""
        turn = await self._turns.get(f"call:{call.sid}:{number}") if number >= 0 else None
        result = (turn.result or {}) if turn else {}
        texts = result.get("texts")
        if not texts:
            return result
        await self._threads.amend(
            call.graph, call.thread_id, lambda messages: heard_whole(messages, texts)
        )
        call.transcript = [
            said.model_copy(update={"text": texts[said.message_id], "interrupted": False})
            if said.message_id in texts
            else said
            for said in call.transcript
        ]
        await self._calls.save(call)
        return result

    @property
    def _languages(self) -> frozenset[str]:
        return frozenset(_TAGS)

    def _twiml(self, result: Mapping[str, Any], number: int, base: str) -> Answer:
        """Say an answer, and go on listening or end the call."""
        if result.get("over"):
            return _over()
        response = VoiceResponse()
        if result.get("failed"):
            result = {"lines": [phrase("apology")]}
        expects = result.get("expects") or {}
        do = _ACTION.validate_python(result.get("action"))
        language = str(expects.get("language", "en"))
        if isinstance(do, SpeakAs) and do.language:
            language = do.language
        then = f"{base}/voice/recording-callback?{urlencode({'turn': number + 1})}"
        goes_on = not (isinstance(do, Transfer) or _ends(result))
        gather = goes_on and (
            expects.get("kind") in _TYPED or self._settings.turn_input == "gather"
        )
        talks = Gather(
            input="dtmf speech",
            action=then,
            timeout=5,
            speech_timeout="auto",
            finish_on_key="#",
            language=_TAGS.get(language, language),
            **({"num_digits": expects["digits"]} if expects.get("digits") else {}),
        )
        for line in result.get("lines", ()):
            (talks if gather else response).say(  # type: ignore[no-untyped-call]
                _spoken(str(line), language),
                language=_TAGS.get(language, language),
                **({"voice": self._settings.turn_voice} if self._settings.turn_voice else {}),
            )
        if isinstance(do, SendDigits):
            response.play(digits=do.digits)
        if isinstance(do, Transfer):
            response.dial(do.to, timeout=RING_SECS, action=f"{then}&{urlencode({'after': 'dial'})}")
        elif gather:
            response.append(talks)
        elif goes_on:
            response.record(
                action=then,
                max_length=MOST_SECS,
                timeout=PAUSE_SECS,
                play_beep=False,
                finish_on_key="1234567890*#",
            )
        response.redirect(then, method="POST")
        return Answer(str(response), "application/xml")


_FIELDS = frozenset({"RecordingUrl", "RecordingSid", "Digits", "SpeechResult", "failed", "why"})


def _language(result: Mapping[str, Any]) -> str:
    """Return the language that an answer was in."""
    return str((result.get("expects") or {}).get("language", "en"))


def _ends(result: Mapping[str, Any]) -> bool:
    """Whether the call ends after an answer."""
    return bool(result.get("done")) or isinstance(
        _ACTION.validate_python(result.get("action")), HangUp
    )


def _over() -> Answer:
    response = VoiceResponse()
    response.hangup()
    return Answer(str(response), "application/xml")


def _wait(base: str, number: int, waited: int) -> Answer:
    response = VoiceResponse()
    if waited == 0:
        response.say(phrase("one_moment"))
    response.pause(length=1)
    query = urlencode({"turn": number, "waited": waited + 1})
    response.redirect(f"{base}/voice/recording-callback?{query}", method="POST")
    return Answer(str(response), "application/xml")


def _kept(answered: Answered) -> dict[str, Any]:
    return {
        "texts": dict(answered.texts),
        "lines": answered.lines,
        "done": answered.done,
        "expects": dict(answered.expects),
        "action": answered.action.model_dump(mode="json") if answered.action else None,
    }


def _spoken(text: str, language: str) -> str:
    return say(text, language if language in LANGUAGES else language_of(text)).text
