"""The held-out sounds: nothing of this was looked at while thresholds and word lists were chosen.

Other sentences, other voices, other noises, other lines, and echoes that come back through a room.
"""

import numpy as np

from benchmarks.sounds import RATE, Line, Material, Samples, band, seconds_of, vowel


def bark(seed: int) -> Samples:
    """A dog, twice."""
    chance, parts = np.random.default_rng(seed), []
    for _ in range(2):
        voiced = vowel(0.16, chance.uniform(350, 600), (800, 1500, 2800))
        rough = band(chance.normal(size=voiced.size), 400, 3000) * np.hanning(voiced.size)
        parts += [voiced + 0.2 * rough, np.zeros(int(0.25 * RATE))]
    return np.concatenate(parts)


def cry(seed: int) -> Samples:
    """A baby, once, long."""
    chance = np.random.default_rng(seed)
    return vowel(1.1, chance.uniform(420, 520), (1100, 2400, 3300))


def keys(seed: int) -> Samples:
    """A bunch of keys."""
    chance, made = np.random.default_rng(seed), np.zeros(int(1.2 * RATE))
    for at in chance.uniform(0, 1.0, 25):
        t = seconds_of(0.08)
        ring = sum(np.sin(2 * np.pi * chance.uniform(2000, 3800) * t) for _ in range(3))
        begin = int(at * RATE)
        made[begin : begin + t.size] += ring * np.exp(-t / 0.015)
    return made


def vacuum(seed: int) -> Samples:
    """A vacuum cleaner that is switched on for two seconds."""
    chance, t = np.random.default_rng(seed), seconds_of(2.0)
    motor = sum(np.sin(2 * np.pi * 190 * n * t) / n for n in range(1, 6))
    return (motor + band(chance.normal(size=t.size), 200, 3600)) * np.minimum(1, t / 0.4)


def horn(seed: int) -> Samples:
    """A car outside."""
    t = seconds_of(0.7)
    low = 400 + 20 * (seed % 3)
    return sum(
        np.sin(2 * np.pi * hertz * n * t) / n for hertz in (low, low * 1.26) for n in range(1, 7)
    ) * np.minimum(1, (0.7 - t) / 0.05)


def clink(seed: int) -> Samples:
    """A cup that is put down, twice."""
    chance, parts = np.random.default_rng(seed), []
    for _ in range(2):
        t = seconds_of(0.3)
        hertz = chance.uniform(1400, 2600)
        made = sum(np.sin(2 * np.pi * hertz * n * t) * np.exp(-t * 18 * n) for n in (1, 1.5, 2.1))
        parts.append(made + 0.4 * chance.normal(size=t.size) * np.exp(-t / 0.004))
    return np.concatenate(parts)


def paper(seed: int) -> Samples:
    """Paper that is turned over."""
    chance, t = np.random.default_rng(seed), seconds_of(1.0)
    crackle = (chance.random(t.size) < 0.02) * chance.normal(size=t.size) * 4
    return band(crackle + 0.3 * chance.normal(size=t.size), 1000, 3900) * np.hanning(t.size)


def chair(seed: int) -> Samples:
    """A chair that is pulled over a floor."""
    chance, t = np.random.default_rng(seed), seconds_of(0.8)
    judder = np.maximum(0, np.diff(np.floor(t * chance.uniform(60, 110)), prepend=0.0))
    ring = np.exp(-seconds_of(0.03) / 0.006) * np.sin(2 * np.pi * 480 * seconds_of(0.03))
    return np.convolve(judder, ring)[: t.size] + 0.05 * chance.normal(size=t.size)


def sigh(seed: int) -> Samples:
    """A long breath into the microphone."""
    chance, t = np.random.default_rng(seed), seconds_of(1.0)
    return band(chance.normal(size=t.size), 300, 2800) * np.hanning(t.size) ** 2


def sniff(seed: int) -> Samples:
    """Two short breaths through the nose."""
    chance, t = np.random.default_rng(seed), seconds_of(0.25)
    breath = band(chance.normal(size=t.size), 800, 3600) * np.hanning(t.size)
    return np.concatenate([breath, np.zeros(int(0.15 * RATE)), breath])


def applause(seed: int) -> Samples:
    """Many hands, on a television."""
    chance, made = np.random.default_rng(seed), np.zeros(int(1.8 * RATE))
    for at in chance.uniform(0, 1.7, 150):
        t = seconds_of(0.02)
        begin = int(at * RATE)
        made[begin : begin + t.size] += chance.normal(size=t.size) * np.exp(-t / 0.005)
    return made


def siren(seed: int) -> Samples:
    """A siren that passes."""
    t = seconds_of(1.6)
    glide = 700 + 300 * np.sin(2 * np.pi * (0.6 + 0.1 * (seed % 3)) * t)
    phase = 2 * np.pi * np.cumsum(glide) / RATE
    return (np.sin(phase) + 0.4 * np.sin(2 * phase)) * np.hanning(t.size) ** 0.5


LINES = (
    Line("clean"),
    Line("pink 18 dB", "pink", 18),
    Line("pink 8 dB", "pink", 8),
    Line("hum 15 dB", "hum", 15),
    Line("babble 16 dB", "babble", 16),
    Line("loss 2 %", loss=0.02),
    Line("loss 4 %", loss=0.04),
    Line("white 14 dB", "white", 14),
    Line("room echo 90 ms -26 dB", echo_db=-26, echo_secs=0.09, room=True),
    Line("echo 400 ms -16 dB", echo_db=-16, echo_secs=0.4),
)
ECHOES = tuple(
    Line(f"room echo {round(secs * 1000)} ms {db} dB", echo_db=db, echo_secs=secs, room=True)
    for secs in (0.06, 0.22, 0.4, 0.7)
    for db in (-9, -15, -26)
)
HELD_OUT = Material(
    interruptions=(
        "Excuse me.",
        "Sorry, what was that?",
        "One second, please.",
        "I already told you that.",
        "How much does it cost?",
        "No thanks, not today.",
        "Who is calling?",
        "My name is David.",
    ),
    backchannels=(
        "Mm.",
        "Yep.",
        "Sure.",
        "All right.",
        "Got it.",
        "Aha.",
        "Oh, okay.",
        "Yes, yes.",
    ),
    aside=("Can you turn the music down?", "I am going to the shop now."),
    voices=("hibari 0.9", "hibari 1.06", "scotland 145", "caribbean 140", "nyc 155", "rp f 150"),
    noises={
        "bark": bark,
        "cry": cry,
        "keys": keys,
        "vacuum": vacuum,
        "horn": horn,
        "clink": clink,
        "paper": paper,
        "chair": chair,
        "sigh": sigh,
        "sniff": sniff,
        "applause": applause,
        "siren": siren,
    },
    lines=LINES,
    echoes=ECHOES,
    seed=1,
)
