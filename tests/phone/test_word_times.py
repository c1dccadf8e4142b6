"""A voice that times its words, as that of ElevenLabs does: what was heard is known by them."""

from collections.abc import AsyncGenerator

import pytest
from langchain_core.messages import AIMessage
from pipecat.frames.frames import Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService
from pipecat.transcriptions.language import Language

from tests.phone.test_any_graph import saying, thread
from voice.phonelab import mulaw, virtual_speech
from voice.phonelab.invariants import Known, violations
from voice.phonelab.virtual import Result, VirtualCall
from voice.phonelab.virtual_acts import HangsUp, Says
from voice.phonelab.virtual_speech import SECS_PER_LETTER, spell

ANSWER = (
    "We are open from nine to five. On Saturdays we are open from ten to two. "
    "On Sundays nobody is here at all, but you may leave a message after the tone."
)


class TimedVoice(TTSService):
    """Spells, and tells the time of each word from the beginning of the message on."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            push_text_frames=False,
            push_start_frame=True,
            push_stop_frames=True,
            settings=TTSSettings(model="timed", voice="timed", language=Language.EN),
        )
        self._spoken: dict[str, float] = {}

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame, None]:
        """Yield the audio of a text, and tell of its words."""
        at = self._spoken.get(context_id, 0.0)
        words = []
        for word in text.split():
            words.append((word, at))
            at += (len(word) + 1) * SECS_PER_LETTER
        self._spoken[context_id] = at
        pcm = mulaw.decode(spell(f"{text} ")).tobytes()
        for start in range(0, len(pcm), self.chunk_size):
            chunk = pcm[start : start + self.chunk_size]
            yield TTSAudioRawFrame(chunk, self.sample_rate, 1, context_id=context_id)
            if start == 0:
                await self.add_word_timestamps(words, context_id)


@pytest.fixture(autouse=True)
def timed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(virtual_speech, "ScriptedTTS", TimedVoice)


def heard(result: Result) -> list[str]:
    return " ".join(word.text for word in result.played).split()


def cut(result: Result) -> str:
    (message, *_) = result.messages
    assert isinstance(message, AIMessage)
    return message.text


def test_what_is_heard_out_is_on_the_thread_whole() -> None:
    result = VirtualCall(saying(ANSWER), [HangsUp(16.0)]).run()
    assert thread(result) == [("ai", ANSWER)]
    assert violations(result, Known()) == []


@pytest.mark.parametrize("at", [1.0, 1.9, 3.1, 4.7, 6.3, 8.0])
def test_a_message_that_is_cut_off_is_credited_a_few_words_less_than_was_heard(at: float) -> None:
    result = VirtualCall(saying(ANSWER, "Yes?"), [Says(at, "Stop!", 0.5), HangsUp(at + 4)]).run()
    assert violations(result, Known()) == []
    before = heard(result)[: heard(result).index("Yes?")] if "Yes?" in heard(result) else []
    assert ANSWER.startswith(cut(result))
    assert len(before) - 4 <= len(cut(result).split()) < len(before)
