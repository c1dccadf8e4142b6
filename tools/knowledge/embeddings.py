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
    """It computes here, in microseconds, and cannot be unreachable."""


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


@dataclass(frozen=True, slots=True)
class Tokenised:
    """Sentences as wordllama sees them."""

    sentences: Floats
    """A normalised row for each sentence."""
    tokens: NDArray[np.int32]
    """The different tokens of all of them, signs left out."""


def tokenised(sentences: Sequence[str]) -> Tokenised:
    """Return the vectors of sentences and their tokens."""
    model, (known, written) = _wordllama(), token_vectors()
    rows, every = np.empty((len(sentences), known.shape[1]), dtype=np.float32), []
    for row, text in enumerate(sentences):
        ids = model.tokenizer.encode(text or " ", add_special_tokens=False).ids or [0]
        tokens = np.minimum(np.array(ids, dtype=np.int32), len(known) - 1)
        rows[row] = model.embedding[tokens].sum(0)
        every.append(tokens)
    different = np.unique(np.concatenate(every))
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows))[:, None]
    return Tokenised(rows / np.maximum(length, np.float32(1e-12)), different[written[different]])


@cache
def token_vectors() -> tuple[Floats, NDArray[np.bool_]]:
    """Return a normalised row for each token, and whether it is more than a sign."""
    model = _wordllama()
    texts = [model.tokenizer.id_to_token(at) or "" for at in range(len(model.embedding))]
    return normalised(model.embedding), np.array([any(map(str.isalnum, text)) for text in texts])


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
