"""Language models of agents: which one, with which key, and how long it may keep a caller waiting.

A model that does not write in time, or fails, raises `ModelFailed`; whoever asked goes on without
it. After two failures in a row a model is left alone for a while, so that a caller does not wait
for it in each turn.
"""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Sequence
from typing import Any, Final, Literal

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessageChunk, BaseMessage
from langchain_core.runnables import Runnable
from langchain_core.tools import BaseTool
from pydantic import BaseModel, ConfigDict, Field, SecretStr

from settings import Settings

PAUSE_SECS: Final = 30.0
"""How long a model is left alone that has failed twice in a row, in seconds."""
MOST_FAILURES: Final = 2
HIDDEN: Final = ["nostream", "private"]
"""Tags of a model whose words are not for the person as it writes them."""


class Llm(BaseModel):
    """The language model of an agent; its key is in the settings or a secret, never here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    provider: Literal["embedded", "openai", "anthropic"] = "embedded"
    """`embedded` answers without a model; `openai` is any OpenAI-compatible address."""
    model: str = ""
    """Name of the model; the one in the settings when empty."""
    base_url: str | None = None
    """Address of the model; None for the one in the settings."""
    api_key_secret: str | None = None
    """Name of the secret that holds the key for `base_url`; the settings' key never goes there."""
    temperature: float = Field(0.0, ge=0, le=2)
    max_tokens: int = Field(300, ge=1, le=4096)
    """Longest answer of a turn."""

    @property
    def key(self) -> str:
        """Tells this model from others; asked with another key it is another, which may work."""
        return f"{self.provider} {self.base_url or ''} {self.model} {self.api_key_secret or ''}"


class ModelFailed(RuntimeError):
    """A model did not answer, or not in time; the message says which of the two."""


def chat_model(llm: Llm, settings: Settings, secret: SecretStr | None = None) -> BaseChatModel:
    """Return a chat model. It does not retry: a caller hears an answer of ours sooner.

    Args:
        llm: which; not the embedded one.
        settings: keys and addresses of those that do not name their own.
        secret: key for an address of the agent's own.

    Raises:
        ModelFailed: there is no key for it.
    """
    base_url = llm.base_url or settings.llm_base_url
    timeout = settings.llm_answer_secs
    if llm.provider == "anthropic":
        from langchain_anthropic import ChatAnthropic  # slow to import, and seldom needed

        key = secret if llm.base_url else secret or settings.anthropic_api_key
        options: dict[str, Any] = {"base_url": base_url} if base_url else {}
        return ChatAnthropic(
            model_name=llm.model or settings.llm_model,
            api_key=_present(key, llm),
            temperature=llm.temperature,
            max_tokens_to_sample=llm.max_tokens,
            timeout=timeout,
            max_retries=0,
            stop=None,
            **options,
        )
    from langchain_openai import ChatOpenAI

    key = secret if llm.base_url else secret or settings.openai_api_key
    elsewhere = base_url is not None and base_url != settings.openai_base_url
    return ChatOpenAI(
        model=llm.model or settings.llm_model,
        api_key=key if key or not elsewhere else SecretStr("none"),
        base_url=base_url or settings.openai_base_url,
        temperature=llm.temperature,
        max_completion_tokens=llm.max_tokens,
        timeout=timeout,
        max_retries=0,
        streaming=True,
        stream_usage=True,
    )


def _present(key: SecretStr | None, llm: Llm) -> SecretStr:
    if key is None:
        raise ModelFailed(f"There is no key for {llm.provider}: set ANTHROPIC_API_KEY.")
    return key


class Failures:
    """Remembers which models have failed; one a process."""

    def __init__(self) -> None:
        self._count: dict[str, int] = {}
        self._until: dict[str, float] = {}

    def paused(self, key: str, now: float) -> bool:
        """Whether a model is left alone now."""
        return now < self._until.get(key, 0.0)

    def failed(self, key: str, now: float) -> None:
        """Note a failure."""
        self._count[key] = self._count.get(key, 0) + 1
        if self._count[key] >= MOST_FAILURES:
            self._until[key] = now + PAUSE_SECS

    def answered(self, key: str) -> None:
        """Note an answer."""
        self._count.pop(key, None)
        self._until.pop(key, None)


async def written(
    model: Runnable[Any, Any],
    messages: Sequence[BaseMessage],
    settings: Settings,
) -> AsyncGenerator[AIMessageChunk]:
    """Yield what a model writes, as long as it writes in time.

    Raises:
        ModelFailed: it has failed, or a deadline of the settings has passed.
    """
    loop = asyncio.get_running_loop()
    last = loop.time() + settings.llm_answer_secs
    wait = settings.llm_first_token_secs
    stream = model.astream(list(messages), config={"tags": HIDDEN})
    try:
        while True:
            try:
                async with asyncio.timeout_at(min(loop.time() + wait, last)):
                    chunk = await anext(stream)
            except StopAsyncIteration:
                return
            except TimeoutError:
                raise ModelFailed("The model did not write in time.") from None
            except Exception as error:  # whatever a provider's client raises
                raise ModelFailed(f"The model failed ({type(error).__name__}).") from error
            if isinstance(chunk, AIMessageChunk):
                if chunk.text or chunk.tool_call_chunks:
                    wait = settings.llm_next_token_secs
                yield chunk
    finally:
        if isinstance(stream, AsyncGenerator):
            with contextlib.suppress(Exception):
                await stream.aclose()


def with_tools(model: BaseChatModel, tools: Sequence[BaseTool]) -> Runnable[Any, Any]:
    """Let a model call tools, one at a time where it can be told so."""
    return model.bind_tools(list(tools)) if tools else model
