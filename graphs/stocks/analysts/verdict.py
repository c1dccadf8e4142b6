"""What a language model is to write about a symbol, and what of it counts."""

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphs.stocks.analysts.figures import unfounded
from graphs.stocks.opinion import LEAST, MOST, Abstention, Answer, Claim, Opinion, ParseFailure
from tools.market.evidence import Datum

_FENCE: Final = re.compile(r"^\s*```(?:json)?\s*(.*?)\s*```\s*$", re.DOTALL)
MOST_CASES: Final = 3
"""Claims on each side that a model may make."""
MOST_RAW: Final = 4000
"""What is kept of an answer that could not be understood, in characters."""


class Case(BaseModel):
    """A sentence, and the rows of the evidence that it rests on."""

    model_config = ConfigDict(extra="forbid")

    text: str = Field(min_length=1, max_length=600)
    evidence: list[str]


class Verdict(BaseModel):
    """What a model writes; every field is required, so that it has to say each of them."""

    model_config = ConfigDict(extra="forbid")

    bull: list[Case] = Field(max_length=6)
    bear: list[Case] = Field(max_length=6)
    verdict: Literal["opinion", "abstain"]
    probability_percent: float = Field(ge=0, le=100)
    reason: str = Field(max_length=600)
    would_change: list[str] = Field(max_length=6)


def schema(labels: Sequence[str]) -> dict[str, Any]:
    """Return the JSON schema of a verdict on rows of these labels, as providers take it (strict).

    Cases come first: what is written before the probability is what it is reasoned from.
    """
    label = {"type": "string", "enum": list(labels)} if labels else {"type": "string"}
    pointed = {"type": "array", "items": label, "maxItems": 4}
    case = _object(text={"type": "string"}, evidence=pointed)
    return _object(
        bull={"type": "array", "items": case, "maxItems": MOST_CASES},
        bear={"type": "array", "items": case, "maxItems": MOST_CASES},
        verdict={"type": "string", "enum": ["opinion", "abstain"]},
        probability_percent={"type": "integer"},
        reason={"type": "string"},
        would_change={"type": "array", "items": {"type": "string"}, "maxItems": 2},
    )


def _object(**properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def read(text: str, about: Mapping[str, Any], rows: Mapping[str, Datum], horizon: int) -> Answer:
    """Return what a model's words amount to.

    A claim without data, or with a figure that its data does not have, is taken out. An opinion of
    which nothing is left on its own side is none.

    Args:
        text: what the model wrote.
        about: fields of the answer that are known: analyst, family, symbol, as_of, model, ...
        rows: what it was shown, by label.
        horizon: sessions that it looks ahead.
    """
    fenced = _FENCE.match(text)
    try:
        said = Verdict.model_validate_json(fenced[1] if fenced else text)
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the answer"
        return _failed(about, f"{where}: {first['msg']}", text)
    if said.verdict == "abstain":
        return Abstention(**about, reason=said.reason or "It gives no reason.")
    rejected: list[str] = []
    bull, bear = (_founded(case, rows, horizon, rejected) for case in (said.bull, said.bear))
    probability = said.probability_percent / 100
    own = bull if probability > 0.5 else bear
    if probability != 0.5 and not own:
        side = "for" if probability > 0.5 else "against"
        why = f"; taken out: {'; '.join(rejected)}" if rejected else ""
        return _failed(
            about, f"It states {probability:.0%} and shows nothing {side} it{why}.", text
        )
    return Opinion(
        **about,
        horizon_days=horizon,
        probability=min(max(probability, LEAST), MOST),
        bull=bull,
        bear=bear,
        would_change=tuple(one[:600] for one in said.would_change if one.strip()),
        rejected=tuple(rejected),
    )


def _founded(
    cases: Sequence[Case], rows: Mapping[str, Datum], horizon: int, rejected: list[str]
) -> tuple[Claim, ...]:
    """Return the claims that rest on data; the others are added to `rejected`."""
    found = []
    for case in cases:
        labels = [label.strip("[] ") for label in case.evidence]
        pointed = [rows[label] for label in labels if label in rows]
        if not pointed or len(pointed) < len(labels):
            rejected.append(f"{case.text} (it points at no such data)")
        elif problem := unfounded(case.text, pointed, horizon):
            rejected.append(f"{case.text} ({problem})")
        else:
            found.append(Claim(text=case.text, evidence=tuple(row.id for row in pointed)))
    return tuple(found)


def _failed(about: Mapping[str, Any], problem: str, raw: str) -> ParseFailure:
    return ParseFailure(**about, problem=problem[:1000], raw=raw[:MOST_RAW])


def canonical(data: Any) -> str:
    """Return JSON in one form, for digests."""
    return json.dumps(data, sort_keys=True, separators=(",", ":"), default=_plain)


def _plain(value: Any) -> str:
    if isinstance(value, Decimal | datetime):
        return str(value)
    raise TypeError(f"{type(value).__name__} is not JSON.")
