"""The index of one organisation: BM25 and vectors over the same chunks, fused by rank.

It is made from one organisation's chunks and holds no other's, and a list of documents is applied
inside both searches: nothing outside of it takes part, so that nothing of it has to be removed.
"""

import logging
import math
import sys
from array import array
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from store.knowledge import Indexed
from tools.knowledge.embeddings import Floats, unpacked
from tools.knowledge.words import words

DEPTH = 50
"""How many each of the two searches contributes."""
RRF_K = 60
"""Cormack, Clarke and Büttcher, SIGIR 2009: a rank r counts 1 / (k + r)."""
EXACT_UP_TO = 20_000
"""More vectors than that are searched by cells, in which a few are missed."""
PROBES = 24
"""Cells that are looked into."""
LISTS = 64
"""Lists of documents, such as agents have, whose rows are kept; 8 bytes a row."""

Rows = NDArray[np.int64]

logging.getLogger("bm25s").setLevel(logging.WARNING)


@cache
def faiss_library() -> Any:
    """FAISS, loaded with the first index: the start of a server does not wait for it."""
    import faiss

    faiss.omp_set_num_threads(1)  # of one question at a time, and speech needs the other cores
    return faiss


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found."""

    row: int
    chunk_id: str
    document_id: str
    fused: float
    """The sum over both searches of 1 / (60 + rank)."""
    bm25: float
    cosine: float
    """0 where the vector search has not found it."""


class Making:
    """An index while it is made, page by page; holds numbers and no text."""

    def __init__(self) -> None:
        self._chunk_ids: list[str] = []
        self._document_ids: list[str] = []
        self._vocabulary: dict[str, int] = {}
        self._words: list[array[int]] = []  # arrays, which the garbage collector does not walk
        self._embedded: list[int] = []
        self._vectors: list[Floats] = []

    def add(self, chunks: Sequence[Indexed]) -> None:
        """Add some chunks."""
        known = self._vocabulary
        first = len(self._chunk_ids)
        self._chunk_ids += [chunk.id for chunk in chunks]
        self._document_ids += [sys.intern(chunk.document_id) for chunk in chunks]
        for chunk in chunks:
            ids = (known.setdefault(word, len(known)) for word in words(chunk.text))
            self._words.append(array("i", ids))
        embedded = [at for at, chunk in enumerate(chunks) if chunk.vector is not None]
        if embedded:
            self._embedded += [first + at for at in embedded]
            self._vectors.append(unpacked([chunks[at].vector or b"" for at in embedded]))

    def made(self, version: int) -> "Index":
        """Return the index.

        Args:
            version: of what the organisation knows, as it was read.
        """
        bm25 = _bm25(self._words, self._vocabulary)
        self._words.clear()  # neither words nor vectors are held while the other half is made
        found = np.vstack(self._vectors) if self._vectors else None
        self._vectors.clear()
        faiss = None if found is None else _faiss(found, np.array(self._embedded))
        return Index(version, self._chunk_ids, self._document_ids, bm25, faiss)


class Index:
    """BM25 and vectors of one organisation's chunks; never changed once made."""

    def __init__(
        self, version: int, chunk_ids: list[str], document_ids: list[str], bm25: Any, vectors: Any
    ) -> None:
        self.version, self.bm25, self.faiss = version, bm25, vectors
        self.chunk_ids, self.document_ids = chunk_ids, document_ids
        self._lists: dict[frozenset[str], Rows] = {}
        self._rows_of: dict[str, list[int]] = {}
        for row, document_id in enumerate(document_ids):
            self._rows_of.setdefault(document_id, []).append(row)

    @classmethod
    def of(cls, chunks: Sequence[Indexed], version: int = 0) -> "Index":
        """Return the index of some chunks."""
        making = Making()
        making.add(chunks)
        return making.made(version)

    def __len__(self) -> int:
        return len(self.chunk_ids)

    def rarity(self, word: str) -> float:
        """Return how rare a stem is: its inverse document frequency as BM25 takes it."""
        having = len(self._having(word))
        return math.log(1 + (len(self) - having + 0.5) / (having + 0.5))

    def knows(self, word: str) -> bool:
        """Whether any chunk has a stem."""
        return self.bm25 is not None and word in self.bm25.vocab_dict

    def spoken(self, rows: Sequence[int], stems: Sequence[str]) -> NDArray[np.bool_]:
        """Return which of the stems each row has."""
        found = np.zeros((len(rows), len(stems)), dtype=bool)
        for column, having in enumerate(map(self._having, stems)):
            if len(having):
                nearest = np.minimum(np.searchsorted(having, rows), len(having) - 1)
                found[:, column] = having[nearest] == rows
        return found

    def _having(self, word: str) -> NDArray[np.int32]:
        """Return the rows that have a stem, in their order."""
        at = None if self.bm25 is None else self.bm25.vocab_dict.get(word)
        if at is None:
            return np.array([], dtype=np.int32)
        starts = self.bm25.scores["indptr"]
        rows: NDArray[np.int32] = self.bm25.scores["indices"][starts[at] : starts[at + 1]]
        return rows

    def search(
        self,
        text: str,
        vector: Floats | None,
        *,
        documents: Collection[str] | None = None,
        limit: int = 3,
    ) -> list[Hit]:
        """Return the best chunks, the best first.

        Args:
            text: the question.
            vector: its embedding, normalised; None searches by words alone.
            documents: where to look; None for everywhere.
            limit: how many to return.
        """
        rows = self._allowed(documents)
        if not self.chunk_ids or (rows is not None and not len(rows)):
            return []
        by_words = self.by_words(text, rows)
        by_vector = self.by_vector(vector, rows) if vector is not None else []
        bm25, cosine = dict(by_words), dict(by_vector)
        fused: dict[int, float] = {}
        for ranked in (by_words, by_vector):
            for rank, (row, _) in enumerate(ranked, 1):
                fused[row] = fused.get(row, 0.0) + 1 / (RRF_K + rank)
        best = sorted(fused, key=lambda row: (-fused[row], row))[:limit]
        return [
            Hit(
                row,
                self.chunk_ids[row],
                self.document_ids[row],
                fused[row],
                bm25.get(row, 0.0),
                cosine.get(row, 0.0),
            )
            for row in best
        ]

    def by_words(self, text: str, rows: Rows | None = None) -> list[tuple[int, float]]:
        """Return the rows that share words with a question, with their BM25, the best first."""
        if self.bm25 is None:
            return []
        known = self.bm25.vocab_dict
        ids = [known[word] for word in dict.fromkeys(words(text)) if word in known]
        if not ids:
            return []
        scores = self.bm25.get_scores_from_ids(ids)
        if rows is not None:
            scores = scores[rows]
        count = min(DEPTH, len(scores))
        top = np.argpartition(scores, -count)[-count:]
        top = top[np.lexsort((top, -scores[top]))]
        top = top[scores[top] > 0]
        at = top if rows is None else rows[top]
        return list(zip(at.tolist(), scores[top].tolist(), strict=True))

    def by_vector(self, vector: Floats, rows: Rows | None = None) -> list[tuple[int, float]]:
        """Return the rows nearest to a question, with the cosine, the nearest first."""
        if self.faiss is None or vector.shape[-1] != self.faiss.d:
            return []
        faiss = faiss_library()
        given: dict[str, Any] = {} if rows is None else {"sel": faiss.IDSelectorBatch(rows)}
        if isinstance(self.faiss, faiss.IndexIVF):
            # of a short list every cell may be looked into: few vectors are compared all the same
            probes = PROBES if rows is None else self.faiss.nlist
            parameters = faiss.SearchParametersIVF(nprobe=probes, **given)
        else:
            parameters = faiss.SearchParameters(**given)
        cosines, found = self.faiss.search(vector.reshape(1, -1), DEPTH, params=parameters)
        pairs = zip(found[0].tolist(), cosines[0].tolist(), strict=True)
        return [(row, cosine) for row, cosine in pairs if row >= 0]

    def _allowed(self, documents: Collection[str] | None) -> Rows | None:
        """Return the rows of some documents, the same array for the same documents."""
        if documents is None:
            return None
        listed = frozenset(documents)
        if (known := self._lists.get(listed)) is None:
            if len(self._lists) >= LISTS:
                self._lists.clear()
            rows = [row for document in listed for row in self._rows_of.get(document, ())]
            known = self._lists[listed] = np.array(sorted(rows), dtype=np.int64)
        return known


def _bm25(texts: list["array[int]"], vocabulary: dict[str, int]) -> Any:
    if not vocabulary:
        return None
    import bm25s  # brings a compiler along: with the first index, as FAISS

    index: Any = bm25s.BM25()
    index.index((texts, vocabulary), create_empty_token=False, show_progress=False)
    _in_order(index.scores)
    return index


def _in_order(scores: dict[str, Any]) -> None:
    """See to it that the rows of each word stand in their order, which bm25s does not promise."""
    rows, starts = scores["indices"], scores["indptr"]
    falls = np.flatnonzero(rows[1:] < rows[:-1]) + 1
    if not np.isin(falls, starts).all():
        words_of = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
        order = np.lexsort((rows, words_of))
        scores["indices"], scores["data"] = rows[order], scores["data"][order]


def _faiss(vectors: Floats, rows: Rows) -> Any:
    faiss, dimensions = faiss_library(), vectors.shape[1]
    if len(vectors) <= EXACT_UP_TO:
        index = faiss.IndexIDMap2(faiss.IndexFlatIP(dimensions))
    else:
        cells = int(4 * np.sqrt(len(vectors)))
        coarse = faiss.IndexFlatIP(dimensions)
        index = faiss.IndexIVFScalarQuantizer(
            coarse,
            dimensions,
            cells,
            faiss.ScalarQuantizer.QT_fp16,
            faiss.METRIC_INNER_PRODUCT,
        )
        index.own_fields = True
        coarse.this.disown()
        index.cp.niter = 8
        index.train(vectors)
    index.add_with_ids(vectors, rows)
    return index
