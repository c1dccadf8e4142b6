"""What an agent's settings want to know of a conversation, and what is known of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from store.calls import Call

Result = Literal["success", "failure", "unknown"]


class Rule(BaseModel):
    """A goal that code can decide; every part that is given must hold."""

    model_config = ConfigDict(extra="forbid")

    outcome: list[str] | None = None
    """The graph's named result is one of these."""
    tool: str | None = None
    """This tool was called, and did not fail."""
    fact: str | None = None
    """This fact was gathered."""
    min_secs: float | None = None
    max_secs: float | None = None
    """How long the call took at least, and at most."""


class Criterion(BaseModel):
    """A goal of the conversation."""

    model_config = ConfigDict(extra="ignore")

    id: str
    name: str = ""
    conversation_goal_prompt: str = ""
    """Decided by a model."""
    rule: Rule | None = None
    """Decided by code; an addition to ElevenLabs'."""


class Datum(BaseModel):
    """Something to be found out."""

    model_config = ConfigDict(extra="allow")

    type: Literal["boolean", "string", "integer", "number"] = "string"
    description: str = ""
    enum: list[Any] | None = None

    def takes(self, value: Any) -> bool:
        """Whether a value is of the type, and one of those allowed."""
        kinds = {"boolean": bool, "string": str, "integer": int, "number": (int, float)}
        fits = isinstance(value, kinds[self.type]) and (  # type: ignore[arg-type]
            self.type == "boolean" or not isinstance(value, bool)
        )
        return fits and (self.enum is None or value in self.enum)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be found out."""

    criteria: tuple[Criterion, ...] = ()
    data: Mapping[str, Datum] = field(default_factory=dict)
    kept: Callable[[Mapping[str, Any]], dict[str, Any]] = dict
    """What of an analysis may be kept: personal data may have to be left out."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A conversation that is over."""

    call: Call
    values: Mapping[str, Any] = field(default_factory=dict)
    """The state of its thread."""
    tools: Mapping[str, bool] = field(default_factory=dict)
    """Tools that were called, by name: whether one of the calls did not fail."""

    @property
    def lines(self) -> list[tuple[str, str]]:
        """What was said, by whom; only what was heard."""
        names = {"caller": "Caller", "bot": "Agent"}
        return [(names[u.role], u.text.strip()) for u in self.call.transcript if u.text.strip()]

    def fact(self, name: str) -> Any:
        """Return what the graph gathered under a name; None where there is nothing."""
        facts = self.values.get("facts")
        for place in (facts, self.values):
            if isinstance(place, BaseModel):
                place = place.model_dump(mode="json")
            if isinstance(place, Mapping) and name in place:
                found = place[name]
                return found.get("value") if isinstance(found, Mapping) else found
        return None


def wanted_of(platform_settings: Mapping[str, Any]) -> Wanted:
    """Read what is wanted from `platform_settings`; what cannot be read is not wanted."""
    evaluation = platform_settings.get("evaluation") or {}
    criteria = [_read(Criterion, given) for given in evaluation.get("criteria") or []]
    collection = platform_settings.get("data_collection") or {}
    data = {str(name): _read(Datum, given) for name, given in collection.items()}
    return Wanted(
        tuple(one for one in criteria if one),
        {name: one for name, one in data.items() if one},
    )


def _read(kind: Any, given: Any) -> Any:
    try:
        return kind.model_validate(given)
    except ValidationError:
        return None


class Judged(BaseModel):
    """How a goal was met."""

    result: Result
    rationale: str


class Found(BaseModel):
    """A datum, with where it comes from; `value` is None where nobody said it."""

    value: Any = None
    rationale: str


class Analysis(BaseModel):
    """What was found out."""

    title: str
    summary: str
    criteria: dict[str, Judged] = Field(default_factory=dict)
    data: dict[str, Found] = Field(default_factory=dict)

    @property
    def successful(self) -> Result:
        """Success when every goal was met, failure when one was not, else unknown."""
        results = {judged.result for judged in self.criteria.values()}
        if "failure" in results:
            return "failure"
        return "success" if results == {"success"} else "unknown"

    def shown(self, wanted: Wanted) -> dict[str, Any]:
        """Return it in ElevenLabs' shape."""
        criteria = {
            name: {"criteria_id": name, **judged.model_dump()}
            for name, judged in self.criteria.items()
        }
        data = {
            name: {
                "data_collection_id": name,
                "value": found.value,
                "json_schema": _schema(wanted.data[name]),
                "rationale": found.rationale,
            }
            for name, found in self.data.items()
        }
        return {
            "evaluation_criteria_results": criteria,
            "data_collection_results": data,
            "evaluation_criteria_results_list": list(criteria.values()),
            "data_collection_results_list": list(data.values()),
            "call_successful": self.successful,
            "transcript_summary": self.summary,
            "call_summary_title": self.title,
        }


def _schema(datum: Datum) -> dict[str, Any]:
    schema = {"type": datum.type, "description": datum.description}
    return schema | ({"enum": datum.enum} if datum.enum else {})
