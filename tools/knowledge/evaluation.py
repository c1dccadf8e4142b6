"""How good the search of an organisation is, on questions whose answers somebody wrote down."""

from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from store.knowledge import Chunk
from tools.knowledge.knowledge import Knowledge

AT = (1, 3, 5, 10)
"""Ranks at which recall and hits are counted."""
METHODS = ("search", "fused", "bm25", "vectors")
"""What agents get, RRF without weighing, and the baselines."""


class QuestionsError(ValueError):
    """A file of questions cannot be used; says what was expected."""


class Labelled(BaseModel):
    """A question with what answers it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    question: str = Field(min_length=1)
    answer: str | list[str] | None = None
    """Words that stand in a passage that answers, or several; None: there is no answer."""
    document: str | None = None
    """Name, or the end of the name, of the document in which they stand."""

    @property
    def answers(self) -> list[str]:
        """What is to be found."""
        return [self.answer] if isinstance(self.answer, str) else self.answer or []

    def found_in(self, answer: str, chunk: Chunk, document: str) -> bool:
        """Whether a chunk has an answer; case and white space do not count."""
        right = self.document is None or document.endswith(self.document)
        return right and _plain(answer) in _plain(chunk.full_text)


@dataclass(slots=True)
class Ranked:
    """How one method did, over the questions that have an answer."""

    recall: dict[int, list[float]] = field(default_factory=lambda: {at: [] for at in AT})
    """Share of a question's answers among the first."""
    reciprocal: list[float] = field(default_factory=list)
    """1 / rank of the first chunk that answers; 0 when it is not among the first ten."""

    def count(self, ranks: Sequence[int | None]) -> None:
        """Count a question by the rank of each of its answers, from 1."""
        for at in AT:
            self.recall[at].append(sum(r is not None and r <= at for r in ranks) / len(ranks))
        best = min((rank for rank in ranks if rank is not None), default=None)
        self.reciprocal.append(1 / best if best else 0.0)

    def recall_at(self, at: int) -> float:
        """Return the mean share of the answers among the first."""
        return _mean(self.recall[at])

    def hit_at(self, at: int) -> float:
        """Return the share of the questions with an answer among the first."""
        return _mean([float(share > 0) for share in self.recall[at]])

    @property
    def mrr(self) -> float:
        """The mean reciprocal rank."""
        return _mean(self.reciprocal)


@dataclass(slots=True)
class Report:
    """What came of all questions."""

    methods: dict[str, Ranked] = field(default_factory=lambda: {m: Ranked() for m in METHODS})
    silent_rightly: int = 0
    """Questions without an answer that were found to have none."""
    answered_rightly: int = 0
    """Questions with an answer that were found to have one."""
    false_answers: list[str] = field(default_factory=list)
    """Questions without an answer that were found to have one."""
    false_silences: list[str] = field(default_factory=list)
    """Questions with an answer that were found to have none."""
    missed: list[str] = field(default_factory=list)
    """Questions of which the search has no answer among its first five."""
    latencies: list[float] = field(default_factory=list)
    """Seconds of each search."""

    @property
    def no_answer(self) -> tuple[float, float, float]:
        """Precision and recall of "no answer", and the share of right decisions of both kinds."""
        true, right = self.silent_rightly, self.silent_rightly + self.answered_rightly
        said, everything = true + len(self.false_silences), self.without_answer + self.with_answer
        return (_share(true, said), _share(true, self.without_answer), _share(right, everything))

    @property
    def with_answer(self) -> int:
        """How many questions have an answer."""
        return self.answered_rightly + len(self.false_silences)

    @property
    def without_answer(self) -> int:
        """How many questions have none."""
        return self.silent_rightly + len(self.false_answers)


def read_questions(path: Path) -> list[Labelled]:
    """Read a file of labelled questions.

    Raises:
        QuestionsError: it is no YAML list of `question`, `answer`, `document`.
    """
    try:
        listed = yaml.safe_load(path.read_text(encoding="utf-8"))
        questions = TypeAdapter(list[Labelled]).validate_python(listed)
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise QuestionsError(f"{path} cannot be read: {error}") from None
    except ValidationError as error:
        raise QuestionsError(
            f"{path}: expected a list of question, answer (without one: there is none) and "
            f"document. {'; '.join(map(_told, error.errors()))}."
        ) from None
    if not questions:
        raise QuestionsError(f"{path} holds no questions.")
    return questions


def _told(error: ErrorDetails) -> str:
    """Return what is wrong with which question, counted from 1."""
    at, *names = error["loc"] or ("",)
    where = f"Question {at + 1}" if isinstance(at, int) else "The file"
    return f"{where}: {'.'.join(map(str, names))} {error['msg'].lower()}".replace(":  ", ": ")


async def evaluate(
    knowledge: Knowledge, organisation: str, questions: Sequence[Labelled], report: Report
) -> AsyncIterator[Labelled]:
    """Put questions to an organisation, yielding each when it was counted in the report."""
    names = {document.id: document.name for document in await knowledge.documents(organisation)}
    for question in questions:
        found = await knowledge.search(organisation, question.question)
        report.latencies.append(found.latency_secs)
        _decided(report, question, found.answerable)
        if question.answers:
            ranked = await knowledge.rankings(organisation, question.question, max(AT))
            ranks = {m: _ranks(question, chunks, names) for m, chunks in ranked.items()}
            for method, of_answers in ranks.items():
                report.methods[method].count(of_answers)
            if not any(rank is not None and rank <= 5 for rank in ranks["search"]):
                report.missed.append(question.question)
        yield question


def _decided(report: Report, question: Labelled, answerable: bool) -> None:
    if answerable == bool(question.answers):
        report.answered_rightly += answerable
        report.silent_rightly += not answerable
    else:
        wrong = report.false_answers if answerable else report.false_silences
        wrong.append(question.question)


def _ranks(
    question: Labelled, chunks: Sequence[Chunk], names: Mapping[str, str]
) -> list[int | None]:
    return [
        next(
            (
                rank
                for rank, chunk in enumerate(chunks, 1)
                if question.found_in(answer, chunk, names.get(chunk.document_id, ""))
            ),
            None,
        )
        for answer in question.answers
    ]


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _mean(numbers: Sequence[float]) -> float:
    return sum(numbers) / len(numbers) if numbers else 0.0


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
