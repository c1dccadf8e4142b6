"""Between the bridge and the voice: tokens become sentences, and each is given as it is said."""

from pipecat.frames.frames import (
    Frame,
    InterruptionFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor

from voice.frames import SentenceFrame, SilentTextFrame
from voice.speakable import LANGUAGES, Sentence, Speakable, language_of, say

for _language in LANGUAGES:
    say("1", _language)  # compiles what the greeting of the first call would wait for


class Sentences(FrameProcessor):
    """Cuts the text of each message into `SentenceFrame`s, each as soon as it is complete.

    The frames hold what is written, for the ledger; `speech` turns that into what is said, inside
    text to speech. The type of their text is their language.
    """

    def __init__(self) -> None:
        super().__init__()
        self._message = Speakable()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        """Take the text of messages, and pass the rest on."""
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMTextFrame):
            await self._push(self._message.feed(frame.text))
            return
        if isinstance(frame, LLMFullResponseEndFrame):
            await self._push(self._message.flush())
        if isinstance(
            frame, (LLMFullResponseStartFrame, LLMFullResponseEndFrame, InterruptionFrame)
        ):
            self._message = Speakable()
        await self.push_frame(frame, direction)

    async def _push(self, sentences: list[Sentence]) -> None:
        for sentence in sentences:
            await self.push_frame(_frame(sentence))


def _frame(sentence: Sentence) -> Frame:
    if not sentence.spoken:
        return SilentTextFrame(sentence)
    text = sentence.text.strip()
    return SentenceFrame(text, sentence.language, raw_text=text, sentence=sentence)


async def speech(text: str, text_type: str) -> str:
    """Return what a voice says for a written text: the transform of every voice, whoever makes it.

    Args:
        text: as written.
        text_type: its language; by its letters when it is none.
    """
    return say(text, text_type if text_type in LANGUAGES else language_of(text)).text
