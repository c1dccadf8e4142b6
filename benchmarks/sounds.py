"""What may be heard from a caller while the bot speaks, made here with fixed seeds, at 8 kHz.

Speech is hibari at three pitches and espeak-ng; the rest is made of noise, pulses and sines. No
sound is a recording, so the rates measured with them compare pipelines, not populations.
"""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import Literal

import hibari
import numpy as np
import numpy.typing as npt
import soxr

RATE = 8000
SPEECH_DB = -22.0
"""Level of a caller's speech, RMS of its loud half, in dB of full scale."""
Samples = npt.NDArray[np.float64]
Kind = Literal["interruption", "backchannel", "noise", "side voice", "echo"]

INTERRUPTIONS = (
    "Stop.",
    "Wait a moment.",
    "No, that is wrong.",
    "Hold on, I have a question.",
    "Yes, I am salaried.",
    "Can you repeat that?",
    "I live in Mumbai.",
    "Actually, I want to talk to a person.",
)
BACKCHANNELS = (
    "Mm-hm.",
    "Uh-huh.",
    "Okay.",
    "Right.",
    "Yeah.",
    "Haan.",
    "I see.",
    "Hmm.",
)
ASIDE = ("Did you see the keys anywhere?", "Dinner will be ready at eight.")
VOICES = ("hibari", "hibari low", "hibari high", "us 150", "gb 130", "f 165")
ESPEAK = {
    "us 150": ("en-us", 150),
    "gb 130": ("en-gb", 130),
    "f 165": ("en-us+f3", 165),
    "scotland 145": ("en-gb-scotland", 145),
    "caribbean 140": ("en-029", 140),
    "nyc 155": ("en-us-nyc+m3", 155),
    "rp f 150": ("en-gb-x-rp+f2", 150),
}
PITCH = {
    "hibari": 1.0,
    "hibari low": 0.84,
    "hibari high": 1.12,
    "hibari 0.9": 0.9,
    "hibari 1.06": 1.06,
}


@dataclass(frozen=True)
class Line:
    """What the line does to a call."""

    name: str
    noise: Literal["none", "white", "pink", "hum", "babble"] = "none"
    snr_db: float = 60.0
    """Speech over noise."""
    loss: float = 0.0
    """Share of the caller's frames that never arrive."""
    echo_db: float | None = None
    """The bot's own voice that comes back, against how it was sent; None for none of it."""
    echo_secs: float = 0.0
    """How late it comes back."""
    room: bool = False
    """Whether it comes back through the air: duller, with the room's reverberation."""


@dataclass(frozen=True)
class Clip:
    """One sound and what it is."""

    kind: Kind
    name: str
    audio: Samples
    line: Line


@dataclass(frozen=True)
class Material:
    """What a labelled set is made of."""

    interruptions: tuple[str, ...]
    backchannels: tuple[str, ...]
    aside: tuple[str, ...]
    """What somebody else in the room says."""
    voices: tuple[str, ...]
    noises: dict[str, Callable[[int], Samples]]
    lines: tuple[Line, ...]
    echoes: tuple[Line, ...]
    """Lines on which nobody speaks but the bot."""
    seed: int = 0


@lru_cache
def _hibari() -> hibari.Hibari:
    return hibari.Hibari()


@cache
def spoken(text: str, voice: str) -> Samples:
    """A text in one of the voices, without the silence around it."""
    if voice in ESPEAK:
        name, speed = ESPEAK[voice]
        command = ["espeak-ng", "-v", name, "-s", str(speed), "--stdout", text]
        wav = subprocess.run(command, capture_output=True, check=True).stdout
        samples, rate = np.frombuffer(wav[44:], np.int16) / 32768.0, 22050.0
    else:
        samples, rate = (
            _hibari()(text, seed=1).astype(np.float64),
            hibari.SAMPLE_RATE * PITCH[voice],
        )
    samples = soxr.resample(samples, rate, RATE)
    loud = np.flatnonzero(np.abs(samples) > 0.03 * np.abs(samples).max())
    return at_level(samples[loud[0] : loud[-1] + 1], SPEECH_DB)


def at_level(samples: Samples, db: float) -> Samples:
    """Scale so that the louder half of the sound has this level."""
    frames = samples[: samples.size // 80 * 80].reshape(-1, 80)
    power = np.sort(np.mean(np.square(frames), axis=1))[frames.shape[0] // 2 :]
    return samples * 10 ** (db / 20) / np.sqrt(power.mean())


def band(samples: Samples, low: float, high: float) -> Samples:
    spectrum = np.fft.rfft(samples)
    hertz = np.fft.rfftfreq(samples.size, 1 / RATE)
    spectrum[(hertz < low) | (hertz > high)] = 0
    return np.fft.irfft(spectrum, samples.size)


def seconds_of(seconds: float) -> Samples:
    return np.arange(int(seconds * RATE)) / RATE


def cough(seed: int) -> Samples:
    """A burst, the breath behind it, a short voiced end; twice."""
    chance, parts = np.random.default_rng(seed), []
    for _ in range(2):
        t = seconds_of(0.32)
        burst = band(chance.normal(size=t.size), 400, 3400) * np.exp(-t / 0.035)
        breath = (
            band(chance.normal(size=t.size), 300, 2500) * 0.35 * np.exp(-((t - 0.1) ** 2) / 0.006)
        )
        pitch = chance.uniform(110, 220)
        voiced = np.sign(np.sin(2 * np.pi * pitch * t)) * 0.12 * np.exp(-((t - 0.22) ** 2) / 0.001)
        parts += [burst + breath + band(voiced, 100, 1200), np.zeros(int(0.12 * RATE))]
    return np.concatenate(parts)


def vowel(seconds: float, hertz: float, formants: tuple[float, ...]) -> Samples:
    """A voiced sound: pulses through the resonances of a mouth."""
    t = seconds_of(seconds)
    glide = hertz * (1 - 0.25 * t / seconds)
    pulses = np.maximum(0, np.diff(np.floor(np.cumsum(glide) / RATE), prepend=0.0))
    made = np.zeros(t.size)
    for formant in formants:
        ring = np.exp(-2 * np.pi * 60 * seconds_of(0.05)) * np.sin(
            2 * np.pi * formant * seconds_of(0.05)
        )
        made += np.convolve(pulses, ring)[: t.size]
    return made * np.hanning(t.size) ** 0.5 / np.abs(made).max()


def loud_cough(seed: int) -> Samples:
    """A cough with much voice in it, as detectors take for speech; twice."""
    chance, parts = np.random.default_rng(seed), []
    for _ in range(2):
        burst = cough(int(chance.integers(1000)))[: int(0.09 * RATE)]
        voiced = vowel(0.28, chance.uniform(130, 260), (620, 1150, 2450))
        rough = 1 + 0.4 * chance.normal(size=voiced.size)
        parts += [burst / np.abs(burst).max(), voiced * rough, np.zeros(int(0.15 * RATE))]
    return np.concatenate(parts)


def laugh(seed: int) -> Samples:
    """Five short voiced pushes of breath."""
    chance, parts = np.random.default_rng(seed), []
    for _ in range(5):
        t = seconds_of(0.07)
        breath = band(chance.normal(size=t.size), 500, 3000) * 0.15
        parts += [breath, vowel(0.12, chance.uniform(180, 300), (700, 1250, 2600))]
    return np.concatenate(parts)


def throat(seed: int) -> Samples:
    """A rough, low, pulsed noise of half a second."""
    chance, t = np.random.default_rng(seed), seconds_of(0.5)
    pulses = 0.6 + 0.4 * np.sign(np.sin(2 * np.pi * chance.uniform(28, 45) * t))
    return band(chance.normal(size=t.size), 150, 1800) * pulses * np.hanning(t.size)


def sneeze(seed: int) -> Samples:
    """A drawn breath and a hiss that breaks out."""
    chance, t = np.random.default_rng(seed), seconds_of(0.6)
    rise = np.where(t < 0.3, t / 0.3 * 0.2, np.exp(-(t - 0.3) / 0.09))
    return band(chance.normal(size=t.size), 900, 3700) * rise


def door(seed: int) -> Samples:
    """Three knocks on wood."""
    chance, parts = np.random.default_rng(seed), []
    for _ in range(3):
        t, hertz = seconds_of(0.22), chance.uniform(110, 260)
        knock = sum(
            np.sin(2 * np.pi * hertz * n * t) * np.exp(-t * 40 * n) / n for n in (1, 2.3, 4.1)
        )
        parts.append(knock + chance.normal(size=t.size) * np.exp(-t / 0.003))
    return np.concatenate(parts)


def slam(seed: int) -> Samples:
    """A door that falls shut."""
    chance, t = np.random.default_rng(seed), seconds_of(0.7)
    return band(chance.normal(size=t.size), 40, 900) * np.exp(-t / 0.09)


def music(seed: int) -> Samples:
    """Two seconds of chords with a beat."""
    chance, made = np.random.default_rng(seed), []
    root = chance.uniform(180, 260)
    for step in (0, 5, 7, 0):
        t = seconds_of(0.5)
        chord = np.zeros(t.size)
        for interval in (0, 4, 7):
            hertz = root * 2 ** ((step + interval) / 12)
            chord += sum(np.sin(2 * np.pi * hertz * n * t) / n for n in range(1, 6))
        beat = band(chance.normal(size=t.size), 1500, 3800) * np.exp(-t / 0.02) * 4
        made.append(chord * np.exp(-t / 0.4) + beat)
    return np.concatenate(made)


def tune(seed: int) -> Samples:
    """A single melody line, such as a ring tone."""
    chance, made = np.random.default_rng(seed), []
    for _ in range(8):
        t, hertz = seconds_of(0.2), chance.choice([523.0, 587.0, 659.0, 784.0, 880.0])
        made.append(
            sum(np.sin(2 * np.pi * hertz * n * t) / n**2 for n in (1, 2, 3)) * np.exp(-t / 0.15)
        )
    return np.concatenate(made)


def tone(seed: int) -> Samples:
    """A second of the tones of a telephone."""
    low, high = [(440, 480), (770, 1336), (1000, 1000), (350, 440)][seed % 4]
    t = seconds_of(1.0)
    return np.sin(2 * np.pi * low * t) + np.sin(2 * np.pi * high * t)


def typing(seed: int) -> Samples:
    """Keys of a keyboard."""
    chance, made = np.random.default_rng(seed), np.zeros(int(1.5 * RATE))
    for at in np.cumsum(chance.uniform(0.06, 0.16, 9)):
        t = seconds_of(0.03)
        click = chance.normal(size=t.size) * np.exp(-t / 0.004)
        made[int(at * RATE) : int(at * RATE) + t.size] += click
    return made


def hiss(seed: int) -> Samples:
    """A second and a half of wind in the microphone."""
    chance, t = np.random.default_rng(seed), seconds_of(1.5)
    return band(chance.normal(size=t.size), 60, 1200) * np.hanning(t.size)


def babble(seed: int, seconds: float = 2.0) -> Samples:
    """Many voices at once, far away."""
    chance, made = np.random.default_rng(seed), np.zeros(int(seconds * RATE))
    texts = (*INTERRUPTIONS[3:], *ASIDE)
    for number in range(10):
        voice = spoken(texts[number % len(texts)], VOICES[number % len(VOICES)])
        once = np.tile(voice, 1 + made.size // voice.size)[: made.size]
        made += np.roll(once, int(chance.integers(made.size)))
    return made


NOISES = {
    "cough": cough,
    "loud cough": loud_cough,
    "laugh": laugh,
    "throat": throat,
    "sneeze": sneeze,
    "knock": door,
    "slam": slam,
    "music": music,
    "tune": tune,
    "tone": tone,
    "typing": typing,
    "wind": hiss,
    "babble": babble,
}


def side_voice(text: str, voice: str, db: float, seed: int) -> Samples:
    """Somebody else in the room: softer, duller, with the room's echo."""
    chance = np.random.default_rng(seed)
    t = seconds_of(0.25)
    room = chance.normal(size=t.size) * np.exp(-t / 0.06) * 0.08
    room[0] = 1.0
    wet = np.convolve(spoken(text, voice), room)
    return at_level(band(wet, 200, 2200), SPEECH_DB + db)


def line_noise(line: Line, seed: int) -> Samples:
    """A minute of the line's noise, at its level beside speech; full scale is 1."""
    chance, size = np.random.default_rng(seed), 60 * RATE
    match line.noise:
        case "none":
            return np.zeros(size)
        case "babble":
            made = np.tile(babble(seed, 20), 3)
        case "hum":  # of the mains, and a hiss
            t = seconds_of(60)
            made = sum((np.sin(2 * np.pi * 50 * n * t) / n for n in range(1, 12)), np.zeros(size))
            made += 0.1 * chance.normal(size=size)
        case "pink":
            spectrum = np.fft.rfft(chance.normal(size=size))
            made = np.fft.irfft(spectrum / np.sqrt(np.arange(spectrum.size) + 1.0), size)
        case "white":
            made = chance.normal(size=size)
    return at_level(made, SPEECH_DB - line.snr_db)


@cache
def echo_path(line: Line) -> Samples:
    """What comes back of one sample of ours, `echo_secs` after it was played."""
    if line.echo_db is None:
        return np.zeros(1)
    path = np.ones(1)
    if line.room:
        t = seconds_of(0.15)
        path = np.random.default_rng(1).normal(size=t.size) * np.exp(-t / 0.03) * 0.2
        path[0] = 1.0
        path = band(path, 250, 2600)
        path /= np.sqrt(np.sum(np.square(path)))
    return path * 10 ** (line.echo_db / 20)


CLEAN = Line("clean")
LINES = (
    CLEAN,
    Line("white 20 dB", "white", 20),
    Line("white 10 dB", "white", 10),
    Line("babble 20 dB", "babble", 20),
    Line("babble 12 dB", "babble", 12),
    Line("loss 1 %", loss=0.01),
    Line("loss 3 %", loss=0.03),
    Line("loss 5 %", loss=0.05),
    Line("echo 30 ms -30 dB", echo_db=-30, echo_secs=0.03),
    Line("echo 250 ms -20 dB", echo_db=-20, echo_secs=0.25),
)
ECHOES = tuple(
    Line(f"echo {round(secs * 1000)} ms {db} dB", echo_db=db, echo_secs=secs)
    for secs in (0.02, 0.15, 0.3, 0.5)
    for db in (-6, -12, -20)
)


TUNED = Material(INTERRUPTIONS, BACKCHANNELS, ASIDE, VOICES, NOISES, LINES, ECHOES)
"""The set on which thresholds and word lists were chosen."""


def clips(every: int = 1, of: Material = TUNED) -> list[Clip]:
    """The labelled set; of each kind only every n-th."""
    chance = np.random.default_rng(of.seed)
    made: dict[Kind, list[Clip]] = {}
    for number, text in enumerate(of.interruptions * 4):
        voice = of.voices[(number + number // len(of.interruptions)) % len(of.voices)]
        line = of.lines[number % len(of.lines)]
        made.setdefault("interruption", []).append(
            Clip("interruption", f"{text} ({voice})", spoken(text, voice), line)
        )
    for number, text in enumerate(of.backchannels * 4):
        voice = of.voices[(number + number // len(of.backchannels)) % len(of.voices)]
        level = 10 ** (chance.uniform(-6, 0) / 20)
        line = of.lines[number % len(of.lines)]
        clip = Clip("backchannel", f"{text} ({voice})", spoken(text, voice) * level, line)
        made.setdefault("backchannel", []).append(clip)
    for number, name in enumerate(list(of.noises) * 2):
        audio = at_level(of.noises[name](number), SPEECH_DB + chance.uniform(-10, 2))
        made.setdefault("noise", []).append(Clip("noise", name, audio, of.lines[number % 5]))
    for number in range(8):
        text, voice = of.aside[number % 2], of.voices[number % len(of.voices)]
        audio = side_voice(text, voice, (-15, -20, -25)[number % 3], number)
        made.setdefault("side voice", []).append(
            Clip("side voice", f"{text} ({voice})", audio, of.lines[number % 4])
        )
    made["echo"] = [Clip("echo", line.name, np.zeros(RATE), line) for line in of.echoes]
    return [clip for kind in made.values() for clip in kind[::every]]
