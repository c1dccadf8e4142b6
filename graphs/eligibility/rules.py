"""The rules as data: thresholds, cities, limits and every sentence, read and checked from YAML."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from decimal import Decimal
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from graphs.eligibility.cities import Cities
from graphs.eligibility.replies import Replies, ReplyError
from graphs.eligibility.state import Interview, Language, Question, Salary
from graphs.eligibility.utterance import Lexicon, load_lexicon

SHIPPED = Path(__file__).parent / "rules.yaml"
"""The rules that come with the project."""


class RulesError(ValueError):
    """A rules file cannot be used; the message names the file, the field and the reason."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=False)


class EmploymentRule(_Part):
    """Which kinds of employment are accepted."""

    id: str
    accepts: list[str] = Field(min_length=1)


class SalaryRule(_Part):
    """What salary is enough, and when a figure is asked about again; all in rupees."""

    id: str
    minimum_monthly: Decimal = Field(gt=0)
    approximate_margin: Decimal = Field(ge=0, lt=1)
    period_asked_from: Decimal = Field(gt=0)


class CityRule(_Part):
    """Which cities are served, and what the places beside them count as."""

    id: str
    served: dict[str, dict[Language, str]] = Field(min_length=1, max_length=8)
    aliases: dict[str, list[str]] = {}
    policies: dict[str, str] = {}

    def name(self, city: str, language: Language) -> str:
        """Return the name of a served city in a language."""
        return self.served[city].get(language) or self.served[city]["en"]

    def gazetteer(self) -> dict[str, Any]:
        """Return the configuration of `Cities`: names from the lexicon, the choice from here.

        Raises:
            ValueError: an alias or a policy is given for a place that is not known.
        """
        known = load_lexicon("cities")
        aside = known["lookalikes"] | {
            id_: {"name": place["name"], "policy": "not_metro", "aliases": place["aliases"]}
            for id_, place in known["accepted"].items()
        }
        if unknown := set(self.policies) - set(aside):
            raise ValueError(f"policies: no place {', '.join(sorted(unknown))} is known")
        if unknown := set(self.aliases) - set(self.served):
            raise ValueError(f"aliases: {', '.join(sorted(unknown))} is not served")
        accepted = {}
        for id_, names in self.served.items():
            place = known["accepted"].get(id_) or aside.get(id_, {})
            own = {id_.replace("_", " "), *names.values(), *self.aliases.get(id_, ())}
            accepted[id_] = {
                "name": names["en"],
                "aliases": sorted({*place.get("aliases", ()), *own}),
                "localities": place.get("localities", []),
            }
        lookalikes = {
            id_: place | {"policy": self.policies.get(id_, place["policy"])}
            for id_, place in aside.items()
            if id_ not in accepted
        }
        regions = {id_: named for id_, named in known["regions"].items() if id_ in accepted}
        return {"accepted": accepted, "lookalikes": lookalikes, "regions": regions}


class Limits(_Part):
    """How long the interview may go on."""

    reasks: int = Field(ge=0, le=5)
    silences: int = Field(ge=0, le=5)
    turns: int = Field(ge=5, le=200)


class _Document(_Part):
    version: str = Field(min_length=1)
    replies: list[str] | None = None
    employment: EmploymentRule
    salary: SalaryRule
    city: CityRule
    limits: Limits


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one rule says of one fact."""

    rule: str
    passed: bool
    reason: str = ""
    """Reason code of a refusal."""


@dataclass(frozen=True)
class Rules:
    """One version of the rules."""

    version: str
    sha256: str
    """Hash over the whole content, replies included; comments and layout do not count."""
    employment: EmploymentRule
    salary: SalaryRule
    city: CityRule
    limits: Limits
    replies: Mapping[Language, Replies]
    cities: Cities
    """Reads a city as the rules want it read."""
    another: Lexicon
    """Finds the phrases that choose another city from the menu."""

    def judge(self, interview: Interview, question: Question) -> Verdict | None:
        """Apply the rule of one question; None while its fact is unknown or not decisive."""
        if question == "employment" and interview.employment is not None:
            accepted = interview.employment in self.employment.accepts
            return Verdict(self.employment.id, accepted, "employment.not_salaried")
        if question == "salary" and interview.salary is not None:
            enough = self.enough(interview.salary)
            if enough is not None:
                return Verdict(self.salary.id, enough, "salary.below_minimum")
        if question == "city" and interview.city is not None:
            return Verdict(self.city.id, interview.city in self.city.served, "city.not_served")
        return None

    def keywords(self, kind: str, language: Language) -> tuple[str, ...]:
        """Words a speech recogniser should favour while a question is open."""
        words = self.replies[language].keywords[kind]
        if kind != "city":
            return words
        return (*(self.city.name(city, language) for city in self.city.served), *words)

    def enough(self, salary: Salary) -> bool | None:
        """Whether a salary reaches the minimum; None when its ends lie on either side of it."""
        if salary.low is not None and salary.low >= self.salary.minimum_monthly:
            return True
        if salary.high is not None and salary.high < self.salary.minimum_monthly:
            return False
        return None


@lru_cache(maxsize=16)
def load_rules(path: Path | None = None) -> Rules:
    """Read and check a rules file; read once a process.

    Args:
        path: the file; the shipped rules when None.

    Raises:
        RulesError: the file is missing, is not YAML, or a field is wrong.
    """
    path = path or SHIPPED
    raw = _read(path)
    try:
        document = _Document.model_validate(raw)
    except ValidationError as error:
        raise RulesError(f"{path}: {_explain(error)}") from None
    if document.replies is None:
        files = sorted((SHIPPED.parent / "replies").glob("*.yaml"))
    else:
        files = [path.parent / name for name in document.replies]
    replies: dict[Language, Replies] = {}
    for file in files:
        try:
            spoken = Replies.from_document(_read(file))
        except ReplyError as error:
            raise RulesError(f"{file}: {error}") from None
        replies[spoken.language] = spoken
    if missing := {"en", "hi"} - set(replies):
        raise RulesError(f"{path}: replies: no file for {', '.join(sorted(missing))}.")
    try:
        gazetteer = document.city.gazetteer()
        cities = Cities.from_config(gazetteer)
    except ValueError as error:
        raise RulesError(f"{path}: city: {error}.") from None
    content = document.model_dump(mode="json", exclude={"replies"}) | {
        "replies": {language: asdict(spoken) for language, spoken in replies.items()},
        "gazetteer": gazetteer,
    }
    canonical = json.dumps(content, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return Rules(
        version=document.version,
        sha256=hashlib.sha256(canonical.encode()).hexdigest(),
        employment=document.employment,
        salary=document.salary,
        city=document.city,
        limits=document.limits,
        replies=replies,
        cities=cities,
        another=Lexicon(
            {
                "menu": {
                    "another": [p for said in replies.values() for p in said.keywords["another"]]
                }
            }
        ),
    )


def _read(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RulesError(f"There is no rules file {path}.") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise RulesError(f"{path} is not YAML: {error}") from None


def _explain(error: ValidationError) -> str:
    reasons = []
    for problem in error.errors():
        field = ".".join(str(part) for part in problem["loc"]) or "the document"
        got = "" if problem["type"] == "missing" else f" (got {problem['input']!r:.80})"
        reasons.append(f"{field}: {problem['msg']}{got}")
    return "; ".join(reasons) + "."
