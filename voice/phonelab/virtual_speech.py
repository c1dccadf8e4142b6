"""Speech that spells itself: audio from which the words can be read, for calls in virtual time.

Each letter is a short noise of one loudness whose signs are bits: the letter, over and over. So
what was said and what was heard is read from the audio itself, to the letter, after any network,
any cut and any change of volume; and no model is needed. A space is a silence.

`offered` registers the provider `scripted`: a speech recogniser that reads, a voice that spells,
voice activity by loudness, and an end of turn at every pause but after `...`.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncGenerator, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from pipecat.audio.vad.vad_analyzer import VADAnalyzer, VADParams, VADState
from pipecat.frames.frames import Frame, TranscriptionFrame, TTSAudioRawFrame
from pipecat.services.settings import STTSettings, TTSSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language
from pipecat.utils.time import time_now_iso8601

from settings import Settings
from voice.frames import NoWordsFrame
from voice.phonelab import mulaw
from voice.providers import STT, TTS, SpeechToText, TextToSpeech, register_stt, register_tts
from voice.turns import EndOfTurn, VoiceActivity

NAME = "scripted"
"""Of the providers, in `Settings.stt` and `Settings.tts`."""
SECS_PER_LETTER = 0.06
SYNC = "11100010010"
"""Begins each cell; a Barker code, which is not like itself shifted."""
CELL = 40
"""Samples that carry one letter: `SYNC`, one bit that changes with each letter, its code point in
21 bits, and a check of 7."""
GAP = 0.035
"""Silence between two words, in seconds; a frame that was lost is shorter."""
LEAD_CELLS = 8
"""Cells of silence before a sentence: a little more than `GAP`."""
LOUD, NOISE = 8000, 3000
"""Amplitudes of speech, and of what only sounds like it."""
RECOGNISED_SECS = 0.15
"""End of speech as the detector sees it to the words, in seconds."""
UNFINISHED = ("...", "…")
"""What a turn ends with that is not to be over."""

_CELLS = re.compile(rf"{SYNC}([01])([01]{{21}})([01]{{7}})")
_SIGNS = str.maketrans({"\x00": "0", "\x01": "1", "\x02": "."})


@dataclass(frozen=True, slots=True)
class Letter:
    """One letter in the audio; times are in seconds."""

    text: str
    began: float
    ended: float


@dataclass(frozen=True, slots=True)
class Word:
    """One word, or as much of it as is in the audio; times are in seconds."""

    text: str
    began: float
    ended: float


def spell(text: str, secs: float | None = None) -> bytes:
    """Return mu-law at 8 kHz that spells a text.

    Args:
        text: what is said.
        secs: how long it takes; `SECS_PER_LETTER` a letter or space when missing.
    """
    each = SECS_PER_LETTER if secs is None else secs / max(len(text), 1)
    cells = max(1, round(each * mulaw.RATE / CELL))
    sound = [
        _cell(letter, number % 2) * cells if not letter.isspace() else _silence(cells)
        for number, letter in enumerate(text)
    ]
    return b"".join(sound)


def noise(secs: float) -> bytes:
    """Return mu-law at 8 kHz that sounds like a voice and says nothing: a cough, a mumble."""
    signs = np.tile([1, 1, -1, -1], round(secs * mulaw.RATE / 4))
    return mulaw.encode((signs * NOISE).astype(np.int16))


def read(samples: npt.NDArray[np.int16]) -> list[Letter]:
    """Return the letters in audio at 8 kHz."""
    loud = np.abs(samples.astype(np.int32)) >= mulaw.AUDIBLE
    signs = np.where(loud, samples > 0, 2).astype(np.uint8).tobytes().decode("latin-1")
    letters: list[Letter] = []
    before = None
    for cell in _CELLS.finditer(signs.translate(_SIGNS)):
        code = int(cell[2], 2)
        if int(cell[3], 2) != _check(code) or code > 0x10FFFF:
            continue
        began, ended = cell.start() / mulaw.RATE, cell.end() / mulaw.RATE
        if letters and before == (code, cell[1]) and began - letters[-1].ended < GAP:
            letters[-1] = Letter(letters[-1].text, letters[-1].began, ended)
        else:
            letters.append(Letter(chr(code), began, ended))
        before = code, cell[1]
    return letters


def words(letters: Iterable[Letter]) -> list[Word]:
    """Put letters together to words: a silence ends one."""
    found: list[Word] = []
    for letter in letters:
        if found and letter.began - found[-1].ended < GAP:
            last = found.pop()
            found.append(Word(last.text + letter.text, last.began, letter.ended))
        else:
            found.append(Word(letter.text, letter.began, letter.ended))
    return found


def heard(audio: bytes) -> list[Word]:
    """Return the words in mu-law audio at 8 kHz."""
    return words(read(mulaw.decode(audio)))


def heard_text(pcm: bytes) -> str:
    """Return the words in PCM16 audio at 8 kHz."""
    return " ".join(word.text for word in words(read(np.frombuffer(pcm, np.int16))))


@lru_cache(maxsize=1024)
def _cell(letter: str, turn: int) -> bytes:
    code = ord(letter)
    bits = f"{SYNC}{turn}{code:021b}{_check(code):07b}"
    return mulaw.encode(np.array([LOUD if bit == "1" else -LOUD for bit in bits], np.int16))


def _silence(cells: int) -> bytes:
    return mulaw.SILENT_FRAME[:1] * (cells * CELL)


def _check(code: int) -> int:
    return code * 89 % 127


class SpellingVoice:
    """The voice of a scripted caller."""

    async def speak(self, text: str) -> bytes:
        """Return mu-law at 8 kHz."""
        return spell(text)


class ScriptedSTT(SegmentedSTTService):
    """Reads what is spelled, a fixed time after its end."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            trailing_silence_secs=0,
            ttfs_p99_latency=RECOGNISED_SECS + 0.25,
            settings=STTSettings(model=NAME, language=Language.EN),
        )

    @property
    def wants_wav_segments(self) -> bool:
        """Segments arrive as plain PCM16."""
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame, None]:
        """Read one utterance."""
        await asyncio.sleep(RECOGNISED_SECS)
        if text := heard_text(audio):
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601(), Language.EN)
        else:
            yield NoWordsFrame(final=True)


class ScriptedTTS(TTSService):
    """Spells each sentence, `SECS_PER_LETTER` a letter."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model=NAME, voice=NAME, language=Language.EN),
        )

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Yield the audio of a text, parted from others by silence before and behind it."""
        pcm = mulaw.decode(_silence(LEAD_CELLS) + spell(f"{text} ")).tobytes()
        for at in range(0, len(pcm), self.chunk_size):
            chunk = pcm[at : at + self.chunk_size]
            yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)


class Loudness(VoiceActivity):
    """Voice activity wherever it is loud, decided at once and on the spot."""

    tells_echo = False  # two voices that spell are alike to a correlation

    def __init__(self, params: VADParams) -> None:
        VADAnalyzer.__init__(self, params=params)

    def num_frames_required(self) -> int:
        """Return the samples of one decision: 20 ms."""
        return int(self.sample_rate * mulaw.FRAME_SECS)

    def voice_confidence(self, buffer: bytes) -> float:
        """Return 1 when something in it is loud, else 0."""
        return float(np.abs(np.frombuffer(buffer, np.int16).astype(np.int32)).max() > NOISE / 2)

    def _get_smoothed_volume(self, audio: bytes) -> float:
        return 1.0

    async def analyze_audio(self, buffer: bytes) -> VADState:
        """Decide without a thread."""
        return self._run_analyzer(buffer)

    def end_of_turn(self) -> EndOfTurn:
        """Make what decides about the end of this call's turns."""
        return Unfinished(self.silent_secs, self.params.stop_secs)


class Unfinished(EndOfTurn):
    """Takes every pause for the end of a turn, but one after `...`."""

    def _load(self) -> None:
        """Nothing: it reads."""

    def _predict_endpoint(self, audio_array: npt.NDArray[np.float32]) -> dict[str, Any]:
        text = heard_text((audio_array * 32767).astype(np.int16).tobytes())
        over = not text.endswith(UNFINISHED)
        return {"prediction": int(over), "probability": float(over)}


async def _read(_settings: Settings, pcm: bytes, _sample_rate: int) -> str:
    return heard_text(pcm)


def _loudness(settings: Settings) -> Loudness:
    return Loudness(
        VADParams(
            confidence=0.5, start_secs=settings.vad_start_secs, stop_secs=settings.vad_stop_secs
        )
    )


@contextlib.contextmanager
def offered() -> Iterator[None]:
    """Offer the provider `scripted` while the context lasts."""
    register_stt(
        NAME,
        SpeechToText(
            create=lambda _settings, rate: ScriptedSTT(rate),
            transcribe=_read,
            voice_activity=_loudness,
        ),
    )
    register_tts(
        NAME,
        TextToSpeech(
            create=lambda _settings, rate: ScriptedTTS(rate), languages=frozenset({"en", "hi"})
        ),
    )
    try:
        yield
    finally:
        del STT[NAME], TTS[NAME]
