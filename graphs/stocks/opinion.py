"""What an analyst answers: an opinion, or why there is none. The five states stay apart.

An opinion is a probability: that the symbol's return over the horizon exceeds the benchmark's.
Who abstains, who could not be understood, who had no data and who could not be asked says nothing;
none of it is a "hold".
"""

from decimal import Decimal
from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter

LEAST, MOST = 0.01, 0.99
"""Probabilities are kept away from certainty, which no analyst has and no record can correct."""


SILENT: Final[dict[Literal["no_data", "abstention", "parse_failure", "failure"], str]] = {
    "no_data": "had no data",
    "abstention": "abstained",
    "parse_failure": "could not be understood",
    "failure": "could not be asked",
}
"""The states that are no opinion, as they are said."""


class Claim(BaseModel):
    """A sentence of a case, with the data that it rests on."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(min_length=1, max_length=600)
    evidence: tuple[str, ...] = ()
    """Ids of data; every figure in the text occurs in one of them."""


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    analyst: str = Field(min_length=1)
    """Name under which its record is kept."""
    family: str = Field(min_length=1)
    """Those of one family, such as one model under two names, are likely to err together."""
    symbol: str = Field(min_length=1)
    as_of: AwareDatetime
    """Nothing that could be known only later was read."""
    model: str | None = None
    """Exact model, as its provider names it; None for code."""
    prompt_hash: str | None = None
    """Digest of what the model was asked; None for code."""
    cost_usd: Decimal = Decimal(0)
    """What the provider charged."""


class Opinion(_Answer):
    """A forecast with its two cases."""

    state: Literal["opinion"] = "opinion"
    horizon_days: int = Field(ge=1, le=260)
    """Sessions of the exchange."""
    probability: float = Field(ge=LEAST, le=MOST)
    bull: tuple[Claim, ...] = ()
    bear: tuple[Claim, ...] = ()
    would_change: tuple[str, ...] = ()
    """What would change the verdict."""
    rejected: tuple[str, ...] = ()
    """Claims that were taken out, each with the reason; they are no part of the case."""


class Abstention(_Answer):
    """The analyst had the data and has no opinion."""

    state: Literal["abstention"] = "abstention"
    reason: str


class ParseFailure(_Answer):
    """The model answered something that is no opinion."""

    state: Literal["parse_failure"] = "parse_failure"
    problem: str
    raw: str = ""
    """What it wrote, for whoever mends it; never read for a verdict."""


class NoData(_Answer):
    """What the analyst needs was not there."""

    state: Literal["no_data"] = "no_data"
    missing: str


class Failure(_Answer):
    """The analyst could not be asked: a time-out, a refusal of its provider, no budget."""

    state: Literal["failure"] = "failure"
    problem: str


Answer = Annotated[
    Opinion | Abstention | ParseFailure | NoData | Failure, Field(discriminator="state")
]
ANSWER: TypeAdapter[Answer] = TypeAdapter(Answer)
