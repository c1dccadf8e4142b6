"""What turns text into vectors: a model in a package, OpenAI, Ollama, or any of LangChain's."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray
from pydantic import SecretStr

from settings import Settings

Floats = NDArray[np.float32]


class EmbeddingsNotConfigured(ValueError):
    """A setting of the embeddings is missing or names nothing; says which."""


@dataclass(frozen=True, slots=True)
class Embedder:
    """An embedding model and its name, which tells its vectors from those of another."""

    model: str
    embeddings: Embeddings
    local: bool = False
    """It is the one whose tokens weigh passages: here, in microseconds, and never unreachable."""


class WordLlamaEmbeddings(Embeddings):
    """wordllama's 256 dimensions, from the weights in its package: no network, 0.04 ms a query."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a normalised vector for each text."""
        rows: list[list[float]] = self.embed(texts).tolist()
        return rows

    def embed_query(self, text: str) -> list[float]:
        """Return the normalised vector of a question."""
        return self.embed_documents([text])[0]

    def embed(self, texts: Sequence[str]) -> Floats:
        """Return a row for each text."""
        return normalised(_wordllama().embed([text or " " for text in texts]))


def tokens_of(texts: Sequence[str]) -> list[NDArray[np.uint16]]:
    """Return the tokens of texts as wordllama sees them, each at least one."""
    tokenizer, most = _wordllama().tokenizer, len(token_vectors()) - 1
    found = (tokenizer.encode(text or " ", add_special_tokens=False).ids for text in texts)
    return [np.minimum(ids or [0], most).astype(np.uint16) for ids in found]


def token_vectors() -> Floats:
    """Return a row for each token; those of a text, summed, point where the text does."""
    rows: Floats = _wordllama().embedding
    return rows


@cache
def token_lengths() -> Floats:
    """Return the length of each token's row; infinite where it is only a sign."""
    model = _wordllama()
    texts = [model.tokenizer.id_to_token(at) or "" for at in range(len(model.embedding))]
    written = np.array([any(map(str.isalnum, text)) for text in texts])
    lengths = np.linalg.norm(model.embedding, axis=1)
    return np.where(written & (lengths > 0), lengths, np.inf).astype(np.float32)


@cache
def _wordllama() -> Any:
    # At its import it would set up the logging of the whole process, unless that is set up.
    root, handler = logging.getLogger(), logging.NullHandler()
    root.addHandler(handler)
    try:
        import wordllama
    finally:
        root.removeHandler(handler)
    folder = Path(wordllama.__file__).parent
    return wordllama.WordLlama.load(cache_dir=folder, disable_download=True)


def normalised(vectors: Any) -> Floats:
    """Return rows of length 1; a row without length, or with a number that is none, is 0."""
    rows: Floats = np.nan_to_num(np.atleast_2d(np.asarray(vectors, dtype=np.float32)))
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.divide(rows, np.where(length > 0, length, 1), dtype=np.float32)


def likeness(text: str, others: Sequence[str]) -> Floats:
    """Return how near in meaning each of the others is to a text, -1 to 1, by wordllama."""
    rows = WordLlamaEmbeddings().embed([text, *others])
    near: Floats = rows[1:] @ rows[0]
    return near


def packed(vectors: Any) -> list[bytes]:
    """Return vectors as they are stored: normalised, float16."""
    return [row.tobytes() for row in normalised(vectors).astype(np.float16)]


def unpacked(vectors: Sequence[bytes]) -> Floats:
    """Return stored vectors as rows."""
    rows = np.frombuffer(b"".join(vectors), dtype=np.float16).astype(np.float32)
    return rows.reshape(len(vectors), -1)


def open_embedder(settings: Settings) -> Embedder:
    """Return the embedder that the settings name.

    Raises:
        EmbeddingsNotConfigured: they name none, or a key is missing.
    """
    name = settings.embeddings
    if name in _KNOWN:
        return _KNOWN[name](settings)
    module, _, factory = name.partition(":")
    try:
        made = getattr(import_module(module), factory or "embeddings")
        made = made() if callable(made) else made
    except (ImportError, AttributeError) as error:
        raise EmbeddingsNotConfigured(
            f"DIALGRAPH_EMBEDDINGS is {name!r}: expected {', '.join(_KNOWN)}, or "
            f"package.module:NAME of a LangChain Embeddings or of what makes one ({error})."
        ) from None
    if not isinstance(made, Embeddings):
        raise EmbeddingsNotConfigured(f"{name} is no LangChain Embeddings but {type(made)}.")
    return Embedder(f"{name}/{settings.embeddings_model or ''}".rstrip("/"), made)


def _wordllama_embedder(_settings: Settings) -> Embedder:
    return Embedder("wordllama/l2_supercat_256", WordLlamaEmbeddings(), local=True)


def _openai(settings: Settings) -> Embedder:
    if settings.openai_api_key is None:
        raise EmbeddingsNotConfigured(
            "DIALGRAPH_EMBEDDINGS is openai, and OPENAI_API_KEY is missing."
        )
    return _compatible(
        "openai",
        settings.embeddings_model or "text-embedding-3-small",
        settings.openai_base_url,
        settings.openai_api_key.get_secret_value(),
    )


def _ollama(settings: Settings) -> Embedder:
    model = settings.embeddings_model or "nomic-embed-text"
    return _compatible("ollama", model, f"{settings.ollama_url.rstrip('/')}/v1", "ollama")


def _compatible(provider: str, model: str, url: str, key: str) -> Embedder:
    from langchain_openai import OpenAIEmbeddings  # takes a second

    return Embedder(
        f"{provider}/{model}",
        OpenAIEmbeddings(
            model=model,
            openai_api_base=url,
            openai_api_key=SecretStr(key),
            check_embedding_ctx_length=False,  # which would fetch a tokenizer
            request_timeout=20,
            max_retries=2,
        ),
    )


_KNOWN: dict[str, Callable[[Settings], Embedder]] = {
    "wordllama": _wordllama_embedder,
    "openai": _openai,
    "ollama": _ollama,
}
