"""In which conversation a tool acts: for whom, and with whom."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

import phonenumbers


@dataclass(frozen=True, slots=True)
class Conversation:
    """The conversation that tools are made for; nothing in it comes from the model."""

    id: str
    organisation: str
    agent_id: str = ""
    caller: str | None = None
    """E.164; the other side's number, whichever side has rung. None in a chat, or withheld."""
    direction: Literal["inbound", "outbound", "browser", "text"] = "text"
    language: str = "en"
    variables: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """Dynamic variables, `system__` ones included; no secret."""


def e164(text: str, country: str | None = None) -> str | None:
    """Return a telephone number in E.164, or None for what cannot be one.

    Args:
        text: as it was written or said in figures.
        country: ISO 3166, for a number without a country's code; without it such a number is
            none, for it would have to be guessed.
    """
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_possible_number(number):
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country_of(number: str) -> str | None:
    """Return the country of a number in E.164, ISO 3166; None where it has none of its own."""
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(number)) or None
    except phonenumbers.NumberParseException:
        return None
