"""An answer as it is written: checked sentence by sentence, and finished without the model."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from typing import Any, Final

from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.language_models.chat_models import agenerate_from_stream
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.outputs import ChatGenerationChunk, ChatResult

from graphs.models import ModelFailed
from graphs.sdr.grounding import Checked, Guard, Sentences, content
from graphs.sdr.grounding.guard import replaced

Write = Callable[[], AsyncIterator[AIMessageChunk]]
_ALIKE: Final = 0.6
"""Share of a sentence's words that were said already at which it is not said again."""
_SAFE: Final = (
    ("promise.human", "safe.human"),
    ("assent", "safe.assent"),
    ("money", "safe.price"),
    ("percent", "safe.price"),
    ("ratio", "safe.price"),
    ("promise.concession", "safe.price"),
    ("promise.discount", "safe.price"),
    ("promise", "safe.promise"),
    ("day", "safe.time"),
    ("date", "safe.time"),
    ("time", "safe.time"),
)
"""What is said in place of a sentence, by the first kind of claim that it has."""


class Speaker(BaseChatModel):
    """Passes on what is written for the person, as LangChain's models do: token by token."""

    write: Any
    """`Write`: what is to be said."""

    @property
    def _llm_type(self) -> str:
        return "checked"

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        return asyncio.run(agenerate_from_stream(self._astream(messages)))

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        async for piece in self.write():
            chunk = ChatGenerationChunk(message=piece)
            if run_manager:
                await run_manager.on_llm_new_token(str(piece.text), chunk=chunk)
            yield chunk


class Answer:
    """One answer: what a model writes, checked, and what is said where it fails.

    Args:
        guard: knows what may be said.
        instead: gives the sentences that answer without a model.
        safe: gives our sentence for a key of `_SAFE`.
    """

    def __init__(
        self, guard: Guard, instead: Callable[[], Sequence[str]], safe: Callable[[str], str]
    ) -> None:
        self._guard = guard
        self._instead = instead
        self._safe = safe
        self._checks: list[Checked] = []
        self._said: list[str] = []
        self._put_right = False
        self.failed: str | None = None
        """Why the model did not finish; None where it did."""
        self.called = False
        """Whether the model calls tools."""

    @property
    def log(self) -> dict[str, Any]:
        """What is kept of the checks, for `additional_kwargs["grounding"]`."""
        log: dict[str, Any] = {
            "checked": len(self._checks),
            "replaced": replaced(self._checks),
        }
        return log | ({"fallback": self.failed} if self.failed else {})

    async def write(self, source: AsyncGenerator[AIMessageChunk]) -> AsyncGenerator[AIMessageChunk]:
        """Yield what may be said of what a model writes, each sentence once it is whole."""
        cutter = Sentences()
        try:
            async for chunk in source:
                if chunk.tool_call_chunks:
                    self.called = True
                    yield AIMessageChunk(content="", tool_call_chunks=chunk.tool_call_chunks)
                for sentence in cutter.feed(str(chunk.text)):
                    for piece in self._passed(sentence):
                        yield AIMessageChunk(content=piece)
                if chunk.usage_metadata:
                    yield AIMessageChunk(content="", usage_metadata=chunk.usage_metadata)
            for piece in self._passed(cutter.flush()):
                yield AIMessageChunk(content=piece)
        except ModelFailed as error:
            self.failed = str(error)
        finally:
            await source.aclose()
        if self.failed or not self._said and not self.called:
            for sentence in self._rest():
                yield AIMessageChunk(content=self._spaced(sentence))

    def _passed(self, sentence: str) -> list[str]:
        """Return a sentence that may be said, or what is said in its place."""
        if not sentence.strip():
            return []
        check = self._guard.check(sentence)
        self._checks.append(check)
        if check.passes:
            return [self._spaced(sentence.strip())]
        if self._put_right:
            return []
        self._put_right = True
        told = [] if _unasked(check) else [s for s in self._instead() if not self.repeats(s)]
        return [self._spaced(one) for one in told or [self._safe(_safe_key(check))]]

    def _rest(self) -> list[str]:
        """Return what finishes the answer: nothing that was said already."""
        return [sentence for sentence in self._instead() if not self.repeats(sentence)]

    def repeats(self, sentence: str) -> bool:
        """Whether a sentence, or nearly the same, was said already."""
        mine = content(sentence)
        return any(len(mine & content(said)) >= _ALIKE * max(1, len(mine)) for said in self._said)

    def _spaced(self, sentence: str) -> str:
        first = not self._said
        self._said.append(sentence)
        return sentence if first else f" {sentence}"


def _unasked(check: Checked) -> bool:
    """Whether what was wrong is no figure, so that no passage puts it right."""
    return not any(kind in ("money", "percent", "number", "duration") for kind in check.kinds) or (
        any(kind.startswith("promise") for kind in check.kinds)
    )


def _safe_key(check: Checked) -> str:
    for kind, key in _SAFE:
        if any(found.startswith(kind) for found in check.kinds):
            return key
    return "safe.other"
