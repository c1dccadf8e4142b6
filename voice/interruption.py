"""Whether a sound of the caller over the bot's speech interrupts it; pure, the time is handed in.

In stages, each only as costly as needed:

1. A sound like speech, well over the noise of the line, for a tenth of a second is a suspicion. An
   echo of our own voice and a voice far softer than the caller's are none.
2. On suspicion the bot is held: it falls silent, and what the caller has not heard is kept.
3. The words decide, at the first pause or after `LONG_SECS`. No words, or a backchannel ("mm-hm",
   "haan"), and the bot goes on from the word; all else is the caller's turn.

A backchannel is an answer when the bot is done: one that begins in the last `LAST_MOMENT_SECS` of
its speech, or is decided after it, is the caller's turn.
"""

import re
from dataclasses import dataclass, field
from enum import Enum
from functools import lru_cache
from pathlib import Path
from typing import Any

from rapidfuzz import fuzz

from tools.data_files import read_data
from voice.interruption_echo import SURE

SUSPICION_SECS = 0.1
"""Speech after which the bot is held, in seconds."""
PAUSE_SECS = 0.1
"""Silence after which the words so far are asked for, in seconds."""
LONG_SECS = 0.9
"""Sound without a pause after which the words so far are asked for, in seconds."""
AGAIN_SECS = 0.6
"""Time after which they are asked for again, in seconds."""
WORDLESS_SECS = 1.4
"""Sound without words after which the bot goes on though the sound does, in seconds."""
PATIENCE_SECS = 1.0
"""Longest wait for words after a sound, in seconds; then it was none."""
SPEECH_SECS = 1.6
"""Sound that is taken for speech where no words come while it lasts, in seconds."""
LAST_MOMENT_SECS = 0.8
ECHO_OF_WORDS = 0.25
"""The same for a sound in which the words are those being said."""
ALIKE = 85.0
"""Likeness of texts, in percent, above which they are the same words misheard."""
FAR_DB = 12.0
"""A voice so much softer than the caller's is somebody else in the room."""


class Step(Enum):
    """What is to be done."""

    HOLD = "hold"
    """Let the bot fall silent for now."""
    ASK = "ask"
    """Ask speech to text for the words so far."""
    GO_ON = "go on"
    """It was nothing: the bot goes on, or did not stop."""
    TURN = "turn"
    """It is the caller's turn."""


class Meaning(Enum):
    """What words said over the bot's speech amount to."""

    NOTHING = "nothing"
    BACKCHANNEL = "backchannel"
    SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class Sound:
    """What is known of a sound without its words."""

    echo: float = 0.0
    """Similarity with what we sent, 0 to 1."""
    softer_db: float = 0.0
    """How much softer it is than the caller's voice, in dB; 0 while that is not known."""

    @property
    def ruled_out(self) -> bool:
        """Whether it is not the caller who speaks."""
        return self.echo >= SURE or self.softer_db >= FAR_DB


@dataclass(slots=True)
class Overlap:
    """One sound of the caller over the bot's speech, from the suspicion to the decision.

    Args:
        began: when it began, in seconds.
        ends_in: seconds of speech that the bot had left then.
    """

    began: float
    ends_in: float
    held: bool = False
    """Whether the bot is silent because of it."""
    verdict: Step | None = None
    """`GO_ON` or `TURN` once it is decided; `GO_ON` stays open while the sound lasts."""
    answered: bool = False
    """Whether speech to text has said something of it."""
    ended: float | None = None
    """When the detector reported its end."""
    settled: bool = False
    """Whether it was a backchannel, whatever the last words of it are."""
    heard: Sound = field(default_factory=Sound)
    """What it sounded like last."""
    _pause: bool = False
    _held_at: float = 0.0
    _looks: int = 0
    _echoes: int = 0
    """Looks at which it was our own voice."""
    _asked: float | None = None
    _asked_in_pause: bool = False

    def sounds(self, now: float, sound: Sound, quiet_secs: float) -> list[Step]:
        """Take what it sounds like now, and for how long it has paused.

        Args:
            now: the time, in seconds.
            sound: of the last moment.
            quiet_secs: silence at its end; 0 while it goes on.
        """
        if self.verdict == Step.TURN:
            return []
        steps = []
        self.heard, self._pause = sound, quiet_secs >= PAUSE_SECS
        if not self._pause:
            self._asked_in_pause = self.settled = False
            self._looks += 1
            self._echoes += sound.echo >= SURE
        if not (self.held or self._pause or self.verdict or sound.ruled_out):
            self.held, self._held_at = True, now
            steps.append(Step.HOLD)
        if self._due(now):
            self._asked, self._asked_in_pause = now, self._pause
            steps.append(Step.ASK)
        lasts = self.held and not self._pause and now - self._held_at >= SPEECH_SECS
        if lasts and not self.answered and self.verdict is None:
            steps.append(self._decide(Step.TURN))
        return steps

    def _due(self, now: float) -> bool:
        if self._pause:
            return not self._asked_in_pause
        if self._asked is None:
            return now - self.began >= LONG_SECS
        return now - self._asked >= AGAIN_SECS

    def words(
        self, now: float, text: str, saying: str, *, bot_done: bool, final: bool = False
    ) -> list[Step]:
        """Take the words so far.

        Args:
            now: the time, in seconds.
            text: the words; empty when there are none.
            saying: what the bot is saying.
            bot_done: whether the bot has nothing more to say.
            final: whether the sound is over.
        """
        if self.verdict == Step.TURN or (final and self.settled):
            return []
        self.answered = True
        meaning = meaning_of(text)
        if self._is_ours(text, saying, bot_done=bot_done):
            meaning = Meaning.NOTHING
        over = final or self._pause or self.ended is not None
        if meaning == Meaning.BACKCHANNEL and over and (bot_done or self.in_last_moment):
            meaning = Meaning.SPEECH
        if meaning == Meaning.SPEECH and self.heard.softer_db < FAR_DB:
            return [self._decide(Step.TURN)]
        self.settled = over and meaning == Meaning.BACKCHANNEL
        wordless = meaning == Meaning.NOTHING and now - self.began >= WORDLESS_SECS
        return self._nothing() if over or wordless else []

    def stops(self, now: float) -> None:
        """Note that the detector reports the end of the sound."""
        self.ended, self._pause = now, True

    def goes_on(self) -> None:
        """Note that the detector reports more of it after its end."""
        self.ended = None

    def waits(self, now: float) -> list[Step]:
        """Note that time passes; words that do not come were none."""
        late = self.ended is not None and now - self.ended >= PATIENCE_SECS
        return self._nothing() if late and self.verdict is None else []

    def fades(self) -> list[Step]:
        """Note that the sound has ended before the detector took it for speech."""
        return self._nothing()

    @property
    def in_last_moment(self) -> bool:
        """Whether it began when the bot had all but finished."""
        return self.ends_in <= LAST_MOMENT_SECS

    @property
    def ours(self) -> bool:
        """Whether most of it was our own voice."""
        return not self.held and self._echoes * 2 >= max(self._looks, 1)

    def _is_ours(self, text: str, saying: str, *, bot_done: bool) -> bool:
        """Whether it is an echo; an answer to a bot that has finished is one by its words only."""
        alike = fuzz.partial_ratio(" ".join(_words(text)), " ".join(_words(saying))) >= ALIKE
        if self.ours:
            return alike or not bot_done
        return alike and self.heard.echo >= ECHO_OF_WORDS

    def _nothing(self) -> list[Step]:
        if self.verdict is not None:
            return []
        return [self._decide(Step.GO_ON)]

    def _decide(self, verdict: Step) -> Step:
        self.verdict = verdict
        return verdict


def meaning_of(text: str) -> Meaning:
    """Return what words amount to: backchannels only, however many, are a backchannel."""
    words = _words(text)
    if not words:
        return Meaning.NOTHING
    known, longest = _backchannels()
    while words:
        size = next((n for n in range(longest, 0, -1) if tuple(words[:n]) in known), 0)
        if not size:
            return Meaning.SPEECH
        words = words[size:]
    return Meaning.BACKCHANNEL


def without_echo(text: str, saying: str) -> str:
    """Return a text without the words at its beginning that are our own, come back over the line.

    Three words or more that follow one another in what is being said are taken for ours.
    """
    words, ours = text.split(), _words(saying)
    for count in range(len(words), 2, -1):
        begin = _words(" ".join(words[:count]))
        runs = (ours[at : at + len(begin)] for at in range(len(ours) - len(begin) + 1))
        if any(_same(begin, run) for run in runs):
            return " ".join(words[count:])
    return text


def _same(one: list[str], other: list[str]) -> bool:
    alike = fuzz.ratio(" ".join(one), " ".join(other)) >= ALIKE
    return bool(one) and alike and fuzz.ratio(one[-1], other[-1]) >= 80


def likely_words() -> str:
    """Return sentences that teach a recogniser what is said over the bot's speech."""
    return str(_lexicon()["likely"])


def _words(text: str) -> list[str]:
    return re.findall(
        r"[^\W_]+(?:[\u0900-\u0903\u093a-\u094f]+[^\W_]*)*", text.lower().replace("'", "")
    )


@lru_cache
def _lexicon() -> dict[str, Any]:
    return dict(read_data(Path(__file__).with_name("backchannels.yaml")))


@lru_cache
def _backchannels() -> tuple[frozenset[tuple[str, ...]], int]:
    known = frozenset(tuple(_words(phrase)) for phrase in _lexicon()["backchannels"])
    return known, max(map(len, known))
