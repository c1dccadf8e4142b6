"""The sentences that code says, by language."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import yaml

DEFAULT = "en"
"""Language of what a language has no sentences of its own for."""


def _texts(file: Path) -> Mapping[str, str]:
    document: Any = yaml.safe_load(file.read_text(encoding="utf-8"))
    texts: Mapping[str, str] = document["replies"]
    return texts


_TEXTS: Final = {file.stem: _texts(file) for file in Path(__file__).parent.glob("*.yaml")}


def spoken_languages() -> tuple[str, ...]:
    """Return the languages there are sentences in, ISO 639-1."""
    return tuple(_TEXTS)


def say(key: str, language: str, /, **values: Any) -> str:
    """Return a sentence with its placeholders filled."""
    return _TEXTS.get(language, _TEXTS[DEFAULT])[key].format_map(values)


def spoken_time(start: datetime, language: str) -> str:
    """Return a time, in the zone it is in, as it is said in a language; not in English."""
    weekdays, months = say("weekdays", language).split(), say("months", language).split()
    return say(
        "time",
        language,
        weekday=weekdays[start.weekday()],
        day=start.day,
        month=months[start.month - 1],
        clock=f"{start:%H:%M}".removeprefix("0"),
    )
