"""Frames that only this project has, between the processors of one call."""

from dataclasses import dataclass, field
from typing import Any, Literal

from pipecat.frames.frames import AggregatedTextFrame, DataFrame, SystemFrame

from graphs.threads import Expectation
from voice.speakable import Sentence


@dataclass
class CallerTurnFrame(SystemFrame):
    """The caller has finished a turn.

    A system frame, so that an interruption never drops what was said.

    Parameters:
        text: what was understood; empty when it was a noise.
        spoke_from: when the caller's first sound was, `time.monotonic()` seconds.
        spoke_until: when the caller's last sound was, `time.monotonic()` seconds.
        typed: whether it was written, beside a conversation that is spoken.
    """

    text: str
    spoke_until: float | None = None
    typed: bool = False
    spoke_from: float | None = None


@dataclass
class SupposedTurnFrame(SystemFrame):
    """What the caller has said so far, who pauses and may go on.

    Parameters:
        text: all that was understood of the turn.
    """

    text: str


@dataclass
class UtteranceFrame(DataFrame):
    """The words that follow belong to this message of the graph.

    Parameters:
        utterance_id: key of the utterance in the call record and the ledger.
        text: the whole message.
        turn: number of the turn it answers.
    """

    utterance_id: str
    text: str
    turn: int = 0


@dataclass
class SentenceFrame(AggregatedTextFrame):
    """A sentence on its way to text to speech; the voice passes it on ahead of its audio.

    `text` is the sentence as written, without the space around it.

    Parameters:
        sentence: the exact stretch of the message, and what is said of it.
    """

    sentence: Sentence = field(kw_only=True)


@dataclass
class SilentTextFrame(DataFrame):
    """The end of a message that has no words to say: heard with what comes before it.

    Parameters:
        sentence: the exact stretch of the message.
    """

    sentence: Sentence


@dataclass
class MarkFrame(DataFrame):
    """Asks the client to say when playback has reached this point."""

    mark: str


@dataclass
class MarkPlayedFrame(SystemFrame):
    """The client says that playback has reached a mark, or that the mark was cleared."""

    mark: str


@dataclass
class HangupFrame(SystemFrame):
    """The caller has hung up."""


@dataclass
class CallEventFrame(SystemFrame):
    """Something the page shows live, as the browser protocol words it.

    Parameters:
        kind: `transcript`, `speaking`, `latency`, `node`, `state`, `action`, `ended` or `error`.
        data: the other fields of the message.
    """

    kind: Literal["transcript", "speaking", "latency", "node", "state", "action", "ended", "error"]
    data: dict[str, Any] = field(default_factory=dict)


@dataclass
class ExpectationFrame(SystemFrame):
    """What the open question expects; goes upstream, to whoever decides about turns."""

    expects: Expectation


@dataclass
class AnsweredFrame(SystemFrame):
    """It is known who has taken a call that we placed.

    Parameters:
        who: a person, with whom the conversation begins, or what is left to itself.
        message: what a machine is told before the call is ended; empty for nothing.
    """

    who: Literal["human", "machine", "menu"]
    message: str = ""


@dataclass
class HoldFrame(SystemFrame):
    """The caller may want to speak: the client falls silent, and what it has not played is kept."""


@dataclass
class ResumeFrame(SystemFrame):
    """It was nothing: what was held goes on, from the word at which the client fell silent."""


@dataclass
class DraftFrame(SystemFrame):
    """Asks speech to text, upstream, for the words so far of somebody who is still speaking.

    The answer is an `InterimTranscriptionFrame` or a `NoWordsFrame`; a provider that sends
    interim words by itself need not answer.

    Parameters:
        seconds: how far back the sound reaches.
        likely: sentences of words that are likely.
    """

    seconds: float
    likely: str


@dataclass
class NoWordsFrame(DataFrame):
    """Speech to text has found no words in what it heard.

    Parameters:
        final: whether the sound is over; else it was a draft.
    """

    final: bool
