"""The sentences that code says, by language."""

import re
from collections.abc import Mapping
from datetime import datetime, time
from functools import cache
from pathlib import Path
from typing import Any, Final

from tools.data_files import read_data

DEFAULT = "en"
"""Language of what a language has no sentences of its own for."""


def _texts(file: Path) -> Mapping[str, str]:
    texts: Mapping[str, str] = read_data(file)["replies"]
    return texts


_TEXTS: Final = {file.stem: _texts(file) for file in Path(__file__).parent.glob("*.yaml")}


def spoken_languages() -> tuple[str, ...]:
    """Return the languages there are sentences in, ISO 639-1."""
    return tuple(_TEXTS)


def say(key: str, language: str, /, **values: Any) -> str:
    """Return a sentence with its placeholders filled."""
    return _TEXTS.get(language, _TEXTS[DEFAULT])[key].format_map(values)


def reworded(sentence: str, language: str) -> str:
    """Return a sentence of ours as it is said in another language, with what it was filled with."""
    for texts in _TEXTS.values():
        for key, text in texts.items():
            if (match := _pattern(text).fullmatch(sentence)) is not None:
                return say(key, language, **match.groupdict())
    return sentence


@cache
def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>.+)", re.escape(text)))


def spoken_clock(at: time, language: str) -> str:
    """Return a time of the day as it is said in a language."""
    if language == DEFAULT:
        return f"{at:%I:%M %p}".lstrip("0").replace(":00", "")
    return f"{at:%H:%M}".removeprefix("0")


def spoken_time(start: datetime, language: str) -> str:
    """Return a time, in the zone it is in, as it is said in a language; not in English."""
    weekdays, months = say("weekdays", language).split(), say("months", language).split()
    return say(
        "time",
        language,
        weekday=weekdays[start.weekday()],
        day=start.day,
        month=months[start.month - 1],
        clock=spoken_clock(start.timetz(), language),
    )
