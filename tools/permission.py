"""Whether a number may be called now: one pure function, with a reason for each refusal.

What is law differs by place and is data (`permission_rules.yaml`). What nobody may change by data:
a number on a do-not-call list is never called, and more on the record of a number, be it an
attempt, an entry on a list, a consent withdrawn, never makes a call possible that was not.
"""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Final, Literal
from zoneinfo import ZoneInfo

import phonenumbers
import yaml
from phonenumbers import PhoneNumber, PhoneNumberType
from phonenumbers.timezone import time_zones_for_number
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tools.organisation import DAYS, Day

Purpose = Literal["marketing", "service", "callback", "owner"]
"""Why one calls: to sell; about something the callee has; because the callee asked for it; or about
a trade of whoever runs this, whose number is in the settings."""
Strength = Literal["none", "express", "written"]
Code = Literal[
    "invalid_number",
    "number_type",
    "country_not_allowed",
    "do_not_call",
    "no_consent",
    "consent_too_weak",
    "consent_expired",
    "consent_revoked",
    "zone_unknown",
    "outside_hours",
    "holiday",
    "daily_cap",
    "weekly_cap",
    "cooldown",
    "number_series",
]
TEMPORARY: Final[frozenset[Code]] = frozenset(
    {"outside_hours", "holiday", "daily_cap", "weekly_cap", "cooldown"}
)
"""Reasons that go by themselves."""
SHIPPED: Final = Path(__file__).with_name("permission_rules.yaml")
_STRENGTHS: Final = ("none", "express", "written")
_SATELLITE: Final = frozenset({870, 878, 881, 882, 883, 888, 979})
"""Country codes of no country: satellites, international networks, premium rate (ITU E.164)."""
_TYPES: Final = {
    value: name.lower() for name, value in vars(PhoneNumberType).items() if name.isupper()
}


class RulesError(ValueError):
    """The file of rules cannot be used; says where and why."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Reason(_Frozen):
    """Why a number may not be called now."""

    code: Code
    sentence: str
    advice: str = ""
    """What whoever runs the server can do about it; nothing for a model or a caller to hear."""


class Verdict(_Frozen):
    """Whether a number may be called now, and every reason why not."""

    reasons: tuple[Reason, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether nothing speaks against it."""
        return not self.reasons

    @property
    def temporary(self) -> bool:
        """Whether it is refused for now only: each reason goes by itself."""
        return bool(self.reasons) and all(one.code in TEMPORARY for one in self.reasons)

    @property
    def advised(self) -> "Verdict":
        """The same with the advice in its sentences, for whoever runs the server.

        Nothing is advised that would not help: who is not to be called is not called whatever is
        written down.
        """
        final = any(one.code == "do_not_call" for one in self.reasons)
        told = (
            one.sentence
            if final and one.code != "do_not_call"
            else f"{one.sentence} {one.advice}".strip()
            for one in self.reasons
        )
        return Verdict(
            reasons=tuple(
                one.model_copy(update={"sentence": sentence, "advice": ""})
                for one, sentence in zip(self.reasons, told, strict=True)
            )
        )

    def __str__(self) -> str:
        return " ".join(one.sentence for one in self.reasons) or "It may be called."


class Consent(_Frozen):
    """That somebody agreed to be called."""

    purpose: Purpose
    strength: Literal["express", "written"] = "express"
    proof: str = Field(min_length=1)
    """Where it is to be seen: a form and its time, a recording, a message."""
    given_at: datetime
    expires_at: datetime | None = None
    revoked_at: datetime | None = None


class Listing(_Frozen):
    """An entry on a list of numbers not to be called."""

    source: str
    """`own` for who has told us; else the name of the list that was imported."""
    since: datetime


class Record(_Frozen):
    """What is known of a number."""

    consents: tuple[Consent, ...] = ()
    listings: tuple[Listing, ...] = ()
    attempts: tuple[datetime, ...] = ()
    """When it was called, answered or not."""


class CountryRules(_Frozen):
    """What holds in a country."""

    hours: tuple[time, time]
    days: tuple[Day, ...]
    holidays: tuple[str, ...] = ()
    """Days on which nobody is called: `MM-DD` every year, or `YYYY-MM-DD`."""
    consent: Mapping[Purpose, Strength]
    per_day: int = Field(ge=0)
    """Most attempts in 24 hours."""
    per_week: int = Field(ge=0)
    """Most attempts in seven days."""
    cooldown_hours: float = Field(ge=0)
    """Shortest time between two attempts."""
    series: Mapping[Purpose, tuple[str, ...]] = Field(default_factory=dict)
    """What the caller's own number must begin with, by purpose; none: anything."""
    verified: bool
    source: str
    note: str = ""


class Rules(_Frozen):
    """The rules, whole."""

    version: str
    refused_types: tuple[str, ...]
    default: CountryRules
    countries: Mapping[str, CountryRules] = Field(default_factory=dict)
    allowed_countries: frozenset[str] = frozenset()
    """ISO 3166; of numbers that may be called at all. None until somebody names them."""

    def of(self, country: str) -> CountryRules:
        """Return what holds in a country."""
        return self.countries.get(country, self.default)


@lru_cache(maxsize=16)
def load_rules(path: Path | None = None, allowed_countries: frozenset[str] = frozenset()) -> Rules:
    """Read the rules, of one's own or as shipped; blocks.

    Raises:
        RulesError: the file is missing, is not YAML, or says what it must not.
    """
    file = path or SHIPPED
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
        return Rules.model_validate({**document, "allowed_countries": allowed_countries})
    except (OSError, yaml.YAMLError, TypeError, ValidationError) as error:
        raise RulesError(f"{file.name}: {error}") from None


def may_call(
    number: str,
    now: datetime,
    rules: Rules,
    record: Record,
    *,
    purpose: Purpose = "marketing",
    from_number: str | None = None,
    organisation: str = "NAME",
) -> Verdict:
    """Decide whether a number may be called now.

    Args:
        number: E.164.
        now: aware.
        rules: what holds where.
        record: what is known of the number.
        purpose: why it is called.
        from_number: the caller's own, E.164; where a country prescribes its series it must be
            known.
        organisation: who calls; for the advice.

    Returns:
        The verdict with every reason against the call, in a fixed order.
    """
    listed = [_do_not_call(listing) for listing in record.listings[:1]]
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        parsed = PhoneNumber()
    if not number.startswith("+") or not (
        phonenumbers.is_valid_number(parsed) or parsed.country_code in _SATELLITE
    ):
        sentence = "It is not a telephone number that exists; expected E.164, as +12125550142."
        return Verdict(reasons=(Reason(code="invalid_number", sentence=sentence), *listed))
    country = phonenumbers.region_code_for_number(parsed) or "001"
    if purpose == "owner":  # who names their own number has agreed, for that country and any hour
        kind = [one for one in _destination(parsed, country, rules) if one.code == "number_type"]
        return Verdict(reasons=(*kind, *listed))
    here = rules.of(country)
    return Verdict(
        reasons=(
            *_destination(parsed, country, rules),
            *listed,
            *_consent(
                record.consents, purpose, here.consent.get(purpose, "written"), now, organisation
            ),
            *_hours(parsed, here, now),
            *_caps(record.attempts, here, now),
            *_series(from_number, here.series.get(purpose, ()), purpose, country),
        )
    )


def next_allowed(
    number: str,
    now: datetime,
    rules: Rules,
    record: Record,
    *,
    purpose: Purpose = "marketing",
    from_number: str | None = None,
    days: int = 8,
) -> datetime | None:
    """Return when a number may be called, from now on by quarters of an hour; None for not soon."""
    at = now
    while at <= now + timedelta(days=days):
        verdict = may_call(number, at, rules, record, purpose=purpose, from_number=from_number)
        if verdict.allowed:
            return at
        if not verdict.temporary:
            return None
        at = datetime.fromtimestamp((at.timestamp() // 900 + 1) * 900, tz=at.tzinfo)
    return None


def _destination(parsed: PhoneNumber, country: str, rules: Rules) -> Sequence[Reason]:
    kind = _TYPES.get(phonenumbers.number_type(parsed), "unknown")
    kind = "satellite" if parsed.country_code in _SATELLITE else kind
    reasons = []
    if kind in rules.refused_types:
        spoken = kind.replace("_", " ")
        sentence = f"It is a number of the kind {spoken}, which is not called: toll fraud."
        reasons.append(Reason(code="number_type", sentence=sentence))
    if country not in rules.allowed_countries:
        sentence = f"Numbers of {country} are not called from here."
        advice = f"To allow them, name {country} in DIALGRAPH_CALL_COUNTRIES."
        reasons.append(Reason(code="country_not_allowed", sentence=sentence, advice=advice))
    return reasons


def _do_not_call(listing: Listing) -> Reason:
    own = listing.source == "own"
    whose = "our own list" if own else f"the list {listing.source}"
    sentence = f"It is on {whose} of numbers not to be called, since {listing.since:%Y-%m-%d}."
    advice = (
        "Nothing takes a number off it: a later consent does not lift an opt-out."
        if own
        else "It comes off with a newer file of that list that lacks it: "
        f"dialgraph permission import FILE --list {listing.source}"
    )
    return Reason(code="do_not_call", sentence=sentence, advice=advice)


def _consent(
    consents: Collection[Consent],
    purpose: Purpose,
    wanted: Strength,
    now: datetime,
    organisation: str,
) -> Sequence[Reason]:
    if wanted == "none":
        return ()
    given = [one for one in consents if one.purpose == purpose and one.given_at <= now]
    standing = [one for one in given if one.revoked_at is None or one.revoked_at > now]
    lasting = [one for one in standing if one.expires_at is None or one.expires_at > now]
    enough = _STRENGTHS.index(wanted)
    if any(_STRENGTHS.index(one.strength) >= enough for one in lasting):
        return ()
    code: Code
    if lasting:
        code, why = "consent_too_weak", f"is not {wanted}, as it has to be"
    elif standing:
        code, why = "consent_expired", "has expired"
    elif given:
        code, why = "consent_revoked", "was withdrawn"
    else:
        code, why = "no_consent", "is not on record"
    written = " --written" if wanted == "written" else ""
    advice = (
        f"Where they have agreed: dialgraph permission allow NUMBER --organisation {organisation} "
        f'--purpose {purpose}{written} --proof "..."'
    )
    return (Reason(code=code, sentence=f"Consent to {purpose} calls {why}.", advice=advice),)


def _hours(parsed: PhoneNumber, here: CountryRules, now: datetime) -> Sequence[Reason]:
    zones = time_zones_for_number(parsed)
    if not zones or "Etc/Unknown" in zones:
        sentence = "It is not known what time it is where the number is."
        return (Reason(code="zone_unknown", sentence=sentence),)
    reasons: dict[str, Reason] = {}
    for zone in zones:
        there = now.astimezone(ZoneInfo(zone))
        opens, closes = here.hours
        if not opens <= there.time() < closes or DAYS[there.weekday()] not in here.days:
            sentence = (
                f"It is {there:%A %H:%M} in {zone}; calls are allowed from {opens:%H:%M} to "
                f"{closes:%H:%M}, {_listed(here.days)}."
            )
            reasons.setdefault("outside", Reason(code="outside_hours", sentence=sentence))
        if {f"{there:%m-%d}", f"{there:%Y-%m-%d}"} & set(here.holidays):
            sentence = f"It is {there:%d %B} in {zone}, a day on which nobody is called."
            reasons.setdefault("holiday", Reason(code="holiday", sentence=sentence))
    return tuple(reasons.values())


def _listed(days: Sequence[str]) -> str:
    return "every day" if len(days) == len(DAYS) else ", ".join(days)


def _caps(attempts: Collection[datetime], here: CountryRules, now: datetime) -> Sequence[Reason]:
    reasons = []
    caps: tuple[tuple[Code, int, int, str], ...] = (
        ("daily_cap", 1, here.per_day, "24 hours"),
        ("weekly_cap", 7, here.per_week, "seven days"),
    )
    for code, days, most, spoken in caps:
        made = sum(at > now - timedelta(days=days) for at in attempts)
        if made >= most:
            sentence = f"It was called {made} times in {spoken}; {most} are allowed."
            reasons.append(Reason(code=code, sentence=sentence))
    rest = timedelta(hours=here.cooldown_hours)
    if any(at > now - rest for at in attempts):
        sentence = f"It was called less than {here.cooldown_hours:g} hours ago."
        reasons.append(Reason(code="cooldown", sentence=sentence))
    return reasons


def _series(
    from_number: str | None, series: Sequence[str], purpose: Purpose, country: str
) -> Sequence[Reason]:
    if not series or any((from_number or "").startswith(prefix) for prefix in series):
        return ()
    sentence = (
        f"In {country} {purpose} calls come from numbers that begin with {' or '.join(series)}; "
        f"the caller's is {from_number or 'not known'}."
    )
    return (Reason(code="number_series", sentence=sentence),)
