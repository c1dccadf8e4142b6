"""Whom a caller in danger has to ring: no sales agent can send help."""

from pathlib import Path
from typing import Final

from graphs.sdr.turn import Turn
from tools.conversation import country_of
from tools.data_files import read_data

_NUMBERS: Final[dict[str, str]] = {
    country: number
    for number, countries in read_data(Path(__file__).parent / "lexicon" / "emergency.yaml").items()
    for country in countries
}


def send_for_help(turn: Turn) -> str:
    """Return what is said to who is in danger, with the number of the services where they are."""
    country = country_of(turn.caller) if turn.caller else turn.organisation.country
    number = _NUMBERS.get(country or "")
    if number is None:
        return turn.say("emergency.local")
    return turn.say("emergency", number=" ".join(number))
