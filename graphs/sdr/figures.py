"""Times and dates as callers say them, written in figures: "quarter to four" is 3:45.

What is read of a time afterwards is read of these figures. What can be meant in two ways ("3/12",
"ten to three" without an "at") becomes `UNCLEAR`, so that it is asked and never guessed.
"""

import re
from collections.abc import Callable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final

from graphs.sdr.grounding.numerals import numerals, tokens
from graphs.sdr.intents import load_lexicon
from tools.data_files import read_data

WORDS: Final[Mapping[str, Any]] = load_lexicon("times")
LONGEST: Final = 2_000
"""Characters that are read."""
UNCLEAR: Final = "\ue000"
"""Stands for a day or time that nobody can tell for certain."""
_DATA: Final[Any] = read_data(Path(__file__).parent / "grounding" / "words.yaml")
_MONTHS: Final = {
    name: int(month) for month, names in _DATA["month_names"].items() for name in names
}
WEEKDAYS: Final = {
    name: at for at, names in enumerate(_DATA["weekdays"].values()) for name in names
}
_MONTH: Final = rf"(?P<month>{'|'.join(sorted(_MONTHS, key=len, reverse=True))})"
WEEKDAY: Final = rf"(?:{'|'.join(sorted(WEEKDAYS, key=len, reverse=True))})"
ISO: Final = r"(?<!\d)20[0-9]{2}-[0-9]{2}-[0-9]{2}(?!\d)"
"""A date; each that is none is `UNCLEAR` by then."""
_HOMOGRAPHS: Final[Mapping[str, str]] = WORDS["homographs"]
_DENIED: Final = WORDS["counted"]
_ENDS: Final = rf"(?![\d%]|[.:,]\d|\s?(?:{_DENIED})\b)"
"""Behind a number that counts nothing."""
_HALF: Final = r"(?P<half>\s?[ap]\.?m\b\.?)?"
_AT: Final = r"(?:at|um|à|las|la|gegen|vers)"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


def in_figures(text: str, today: date) -> str:
    """Return a text with its numbers, times and dates in figures."""
    text = _spelt_out(_BAJE.sub(_baje, text[:LONGEST].replace(UNCLEAR, " ")))
    for pattern, figures in _REWRITES:
        text = pattern.sub(figures, text)
    for pattern in _DATES:
        text = pattern.sub(lambda match: _date(match, today), text)
    text = _WEEKS_FROM.sub(lambda match: _weeks_from(match, today), text)
    for pattern, read in _TIMES:
        text = pattern.sub(read, text)
    return text


def _baje(match: re.Match[str]) -> str:
    """Write "saadhe das baje", and "paune" a quarter before it."""
    minutes = int(WORDS["hindi_parts"].get((match["part"] or "").lower(), 0))
    hour, minute = divmod(int(WORDS["hindi_hours"][match["hour"].lower()]) * 60 + minutes, 60)
    return f"{hour or 12}:{minute:02} baje"


def _spelt_out(text: str) -> str:
    """Write numbers in words as figures; of "eleven thirty" a time, first to third stay words."""
    for word in reversed(list(_HOMOGRAPH.finditer(text))):
        text = f"{text[: word.start()]}{_HOMOGRAPHS[word[0].lower()]}{text[word.end() :]}"
    row = tokens(text)
    for number in reversed(numerals(row)):
        start, end = row[number.first].start, row[number.last - 1].end
        words = number.last - number.first
        if row[number.first].figures or number.value > 9999:
            continue
        if number.value < 2 and not number.ordinal:
            continue
        if number.ordinal and number.value < 4 and text[end : end + 4].lower() != " of ":
            continue
        if words > 1 and number.value >= 100 and not number.ordinal:
            continue  # "eleven thirty" is a time where what stands around it tells
        said = f"{number.value:f}" + ("th" if number.ordinal else "")
        text = f"{text[:start]}{said}{text[end:]}"
    return text


def _date(match: re.Match[str], today: date) -> str:
    """Write a date, the next one from today on; `UNCLEAR` where it may be another or is none."""
    said = match.groupdict()
    day = int(said["day"]) if said["day"].isdigit() else 1
    named, year = said.get("month"), said.get("year")
    if not named and "m" not in said:
        months = (divmod(today.month - 1 + ahead, 12) for ahead in range(13))
        days = (_on(day, month + 1, today.year + later) for later, month in months)
        return next((_iso(on) for on in days if on and on >= today), match[0])
    month = _MONTHS[named.lower()] if named else int(said["m"])
    orders = {(day, month), (month, day)} if said.get("sep") == "/" else {(day, month)}
    since = int(year) % 100 + 2000 if year else today.year
    found = {on for one, other in orders if (on := _on(one, other, since)) is not None}
    if not year:
        found = {on if on >= today else _on(on.day, on.month, since + 1) or on for on in found}
    if not found and not (named or year):
        return match[0]  # "50/50"
    return _iso(*found) if len(found) == 1 and min(found) >= today else UNCLEAR


def _on(day: int, month: int, year: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


def _iso(on: date) -> str:
    return f" {on.isoformat()} "


def _weeks_from(match: re.Match[str], today: date) -> str:
    """Write "two weeks from Monday"."""
    ahead = (WEEKDAYS[match["weekday"].lower()] - today.weekday()) % 7 or 7
    return _iso(today + timedelta(days=ahead + 7 * int(match["n"])))


def _past(match: re.Match[str]) -> str:
    """Write "quarter to four" and "zehn nach halb drei"."""
    minutes = {"quarter": 15, "viertel": 15, "half": 30}.get(match["m"].lower()) or int(match["m"])
    to, named = match["way"].lower() in ("to", "before", "till", "vor", "of"), match["m"].isalpha()
    certain = named or match["unit"] or match["at"] or not to or minutes in (20, 25)
    if minutes > 59 or not named and minutes % 5 and not match["unit"]:
        return match[0]
    if match["way"].lower() in ("to", "till") and not certain:
        return match[0] if match["from"] else UNCLEAR
    hour = {"noon": 12, "midnight": 0}.get(match["h"].lower())
    at = (int(match["h"]) if hour is None else hour) * 60 - (30 if match["halb"] else 0)
    half = "" if hour is None else " pm" if hour else " am"
    if at > (24 if match["way"].lower() in ("nach", "vor") else 12) * 60:
        return match[0]
    return f"{match['from'] or ''}at {_clock(at + (-minutes if to else minutes), match, half)}"


def _clock(minutes: int, match: re.Match[str], half: str = "") -> str:
    """Write a time of the day; of an hour up to twelve the half of the day stays open."""
    said = match.groupdict().get("half") or half
    hour, minute = divmod(minutes % (24 * 60), 60)
    crosses = said and int(match["h"]) == 12 if match["h"].isdigit() else bool(said)
    if crosses and hour == 11:
        said = " am" if "p" in said.lower() else " pm"
    if hour == 0 and minutes < 24 * 60 and match["h"] not in ("0", "00", "24", "midnight"):
        hour = 12  # "quarter to one" is 12:45
    return f"{hour}:{minute:02}{said}"


def _half(match: re.Match[str]) -> str:
    back = {"halb": 30, "dreiviertel": 15}.get(match["word"].lower(), -30)
    hour = int(match["h"])
    return f"at {_clock(hour * 60 - back, match)}" if 1 <= hour <= 12 else match[0]


def _behind(match: re.Match[str]) -> str:
    """Write "trois heures et demie", "las tres menos cuarto"."""
    word = match["m"].lower()
    named = {"demie": 30, "demi": 30, "media": 30, "quart": 15, "cuarto": 15}.get(word)
    minutes = int(word) if named is None else named
    sign = -1 if match["sign"].lower() in ("moins", "menos") else 1
    return f"at {_clock(int(match['h']) * 60 + sign * minutes, match)}"


_HOUR: Final = r"(?<![\d.:,$€£₹#/-])(?P<h>[01]?\d|2[0-4])"
_TIMES: Final[list[tuple[re.Pattern[str], Callable[[re.Match[str]], str]]]] = [
    (
        _compiled(
            rf"\b(?P<from>(?:from|between)\s+)?(?:(?P<at>{_AT}|by|for|around|about)\s+)?(?:a\s+)?"
            r"(?P<m>quarter|viertel|half|(?<![\d.:$€£])\d{1,2})(?P<unit>\s+min\w*)?\s+"
            r"(?P<way>past|after|to|before|till|of|nach|vor)\s+(?P<halb>halb\s+)?"
            rf"(?P<h>\d{{1,2}}|noon|midnight)\b{_ENDS}{_HALF}"
        ),
        _past,
    ),
    (
        _compiled(rf"\b(?:{_AT}\s+)?(?P<word>halb|half|dreiviertel)\s+{_HOUR}\b{_ENDS}{_HALF}"),
        _half,
    ),
    (
        _compiled(
            rf"(?:\b{_AT}\s+)?{_HOUR}\s?(?:uhr|heures?|h)?\s(?P<sign>et|y|und|moins|menos)\s"
            r"(?:le\s|un\s)?(?P<m>demie?|media|quart|cuarto|(?<=moins )\d\d?|(?<=menos )\d\d?)\b"
            rf"{_HALF}"
        ),
        _behind,
    ),
    (
        _compiled(
            rf"(?<!de )(?<!entre )\blas?\s+{_HOUR}\s(?P<sign>y|menos)\s(?P<m>\d\d?)\b{_ENDS}{_HALF}"
        ),
        _behind,
    ),
    (
        _compiled(rf"{_HOUR}\s?(?:uhr|heures?|h)\s?(?P<m>[0-5]?\d)(?![\d:])"),
        lambda match: f"{match['h']}:{int(match['m']):02}",
    ),
    (
        _compiled(
            rf"\b(?P<at>{_AT}|{WEEKDAY},?|{ISO})\s+(?P<h>[01]?\d|2[0-3])(?P<m>[0-5]\d)\b{_ENDS}"
            r"(?!-)"
        ),
        lambda match: f"{match['at']} {match['h']}:{match['m']}",
    ),
    (
        _compiled(
            r"(?<![\d.:$€£#/-])(?P<h>[01]?\d|2[0-3])(?P<m>[0-5]\d)(?=\s?(?:[ap]\.?m\b|uhr\b))"
        ),
        lambda match: f"{match['h']}:{match['m']}",
    ),
    (
        _compiled(r"^(\W*)(?P<h>[01]?\d|2[0-3])(?P<m>[0-5]\d)(?=\W*$)"),
        lambda match: f"{match[1]}{match['h']}:{match['m']}",
    ),
    (
        re.compile(rf"\b(?P<h>1?\d|2[0-4])(?=\s(?:{'|'.join(WORDS['zone_letters'])})\b)"),
        lambda match: f"{match['h']} o'clock",
    ),
    (
        _compiled(
            rf"(?<!to )(?<!and )(?<!- )(?<!until )(?<!till )(?<!bis )(?<!und )(?<!of )"
            rf"(?<![\d.:$€£/-])\b(?P<h>1?\d|2[0-4])(?=\s(?:on|am(?=\s\w+(?:tag|woch|abend)\b))\s+(?:{WEEKDAY}|{ISO})\b)"
        ),
        lambda match: f"at {match['h']} o'clock",
    ),
    (
        _compiled(
            rf"\b(?P<at>at|um|à|las|gegen|vers)\s+(?P<h>1?\d|2[0-4])\b{_ENDS}(?!\s?(?:[ap]\.?\s?m\b"
            r"|o['’]clock|uhr|heures?|h\b|baje|to\b|or\b|and\b|-|–|et\b|y\b|und\b|bis\b|a\b|à\b|th\b)|/)"
        ),
        lambda match: f"{match['at']} {match['h']} o'clock",
    ),
]
_HOMOGRAPH: Final = _compiled(
    r"(?<=\blas )(?:once|dos)\b|(?<=\bla )una\b|(?<=\bum )(?:elf|eins|ein)\b"
    r"|(?<=\bhalb )(?:elf|eins)\b"
    r"|(?<=\bnach )(?:elf|eins)\b|(?<=\bvor )(?:elf|eins)\b|(?<=\bgegen )(?:elf|eins)\b"
    r"|(?<=\bà )(?:une|sept)(?= heures?\b)|(?<=\bab )(?:elf|eins)\b|(?<=\bbis )(?:elf|eins)\b"
    r"|\b(?:elf|ein|eins)(?= uhr\b)|\bsept(?= heures\b)|\b(?:once|dos|una)(?= (?:y|menos|de la)\b)"
    r"|(?<=\bpast )one\b|(?<=\bto )one(?=\s*(?:$|[.,!?;]|pm\b|am\b|on\b|please\b))"
    r"|(?<=\bat )one(?=\s*(?:$|[.,!?;]|pm\b|am\b|on\b|please\b|in the\b|or\b))"
    r"|\bone(?= (?:pm|am|p\.m|a\.m|o['’]clock)\b)"
)
_BAJE: Final = _compiled(
    rf"(?:(?P<part>{'|'.join(WORDS['hindi_parts'])})\s+)?"
    rf"(?<!\w)(?P<hour>{'|'.join(sorted(WORDS['hindi_hours'], key=len, reverse=True))})"
    r"\s+(?:baje|bajey|बजे)"
)
_REWRITES: Final = [(_compiled(pattern), figures) for pattern, figures in WORDS["rewrites"]]
_BEHIND: Final = r"(?=\s*(?:$|[.,!?;]|(?:at|à|a las?|vers|um|ab|gegen|around|about)\b))"
_YEAR: Final = r"(?:,?\s+(?:de\s+)?(?P<year>20\d\d)(?!\d))?"
_DATES: Final = [
    _compiled(pattern)
    for pattern in (
        r"(?<!\d)(?P<year>20\d\d)-(?P<m>\d{1,2})-(?P<day>\d{1,2})(?!\d)",
        r"(?<![\d./])(?P<day>\d{1,2})(?P<sep>[./])(?P<m>\d{1,2})(?P=sep)(?P<year>(?:20)?\d\d)(?!\d)",
        rf"\b(?P<day>premier|erste[nr]?|primero)\s+(?:de\s+)?{_MONTH}\b{_YEAR}",
        rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th|er|º|\.)?\s+(?:of\s+|de\s+)?{_MONTH}\b{_YEAR}",
        rf"\b{_MONTH}\s+(?:the\s+)?(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?![\d:]|\s?[ap]\.?m\b){_YEAR}",
        r"(?<![\d.:])(?<!\bum )(?<!\bat )(?P<day>\d{1,2})\.\s?(?P<m>\d{1,2})\.(?!\d)",
        r"(?<=\bam )(?P<day>\d{1,2})\.(?P<m>\d{1,2})(?![\d:]|\s*(?:uhr|[ap]\.?m)\b)",
        r"(?<![\d/$])(?!24/7)(?P<day>\d{1,2})(?P<sep>/)(?P<m>\d{1,2})(?![\d/])",
        r"(?:\bthe|\bon)\s+(?P<day>\d{1,2})(?:st|nd|rd|th)\b(?! (?:one|option|slot|time))",
        rf"(?<![\d.])(?P<day>\d{{1,2}})(?:st|nd|rd|th){_BEHIND}",
        r"\b(?:am|den|dem|zum|vom)\s+(?P<day>\d{1,2})\.(?!\d)",
        rf"\b(?:le|el)\s+(?P<day>\d{{1,2}}){_BEHIND}",
    )
]
_WEEKS_FROM: Final = _compiled(
    rf"\b(?P<n>\d{{1,2}})\s+(?:weeks?|wochen?|semaines?|semanas?)\s+(?:on from|from|after|ab"
    rf"|nach)\s+(?:on\s+)?(?P<weekday>{WEEKDAY})\b"
)
