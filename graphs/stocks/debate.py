"""The debate: models that disagree read each other's case and answer once more.

A vote moves only with a record of what it was before and why it moved. Who does not answer with an
opinion the second time keeps the first.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from graphs.stocks.opinion import Answer, Opinion


class Moved(BaseModel):
    """A vote that was put to the question again."""

    model_config = ConfigDict(frozen=True)

    analyst: str
    symbol: str
    before: float
    after: float
    """The same as before where it stood by it."""
    against: tuple[str, ...]
    """Whose case it has read."""
    problem: str | None = None
    """Why the second answer does not count, where it does not."""


def opponents(answer: Answer, answers: Sequence[Answer]) -> list[Opinion]:
    """Return the opinions on the same symbol that are on the other side of even odds."""
    if not isinstance(answer, Opinion):
        return []
    return [
        one
        for one in answers
        if isinstance(one, Opinion)
        and one.symbol == answer.symbol
        and (one.probability - 0.5) * (answer.probability - 0.5) < 0
    ]


def moved(before: Opinion, second: Answer, against: Sequence[Opinion]) -> tuple[Opinion, Moved]:
    """Return the vote that counts after a debate, and the record of it."""
    problem = None
    after = before
    if isinstance(second, Opinion):
        after = second
    else:
        problem = f"The second answer was {second.state.replace('_', ' ')}."
    return after, Moved(
        analyst=before.analyst,
        symbol=before.symbol,
        before=before.probability,
        after=after.probability,
        against=tuple(one.analyst for one in against),
        problem=problem,
    )
