"""Digits, symbols and abbreviations as they are said, in the order in which they are looked for."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache

import phonenumbers

from voice.speakable.language import Clock, Language, is_indian

Reader = Callable[[re.Match[str], Language], str | None]

_NUMBER = r"(?:\d{1,3}(?:,\d{2,3})*,\d{3}|\d+)(?:\.\d+)?(?!\d)"
_DASH = r"\s?[-–—]\s?"
_END = r"(?![\w\u0900-\u0963])"
"""No letter follows; `\\b` will not do, since to `re` a vowel sign of Devanagari is none."""
_START = r"(?<![\w\u0900-\u0963])"
_AFTER_DIGIT = r"(?:(?<=\d)|(?<=\d\s))"
_BEGINNING = r"(?:(?=[\d₹$€£+−\-–—~#&=×*/<>≤≥→⇒|\\^{}_©®™†‡•·▪●◦])|(?<![\w\u0900-\u0963])(?=\w))"
"""Where anything is looked for at all: digits, signs and the first letter of a word."""
_CURRENCIES = {
    "₹": "INR", "rs.": "INR", "rs": "INR", "inr": "INR", "रु.": "INR", "रु": "INR", "$": "USD",
    "us$": "USD", "usd": "USD", "€": "EUR", "eur": "EUR", "£": "GBP", "gbp": "GBP",
}  # fmt: skip
_BEFORE = r"(?:₹|(?:US)?\$|€|£|(?<!\w)(?:(?:Rs|रु)\.?|INR|USD|EUR|GBP))"
_AFTER = r"(?:₹|€|£|\$|(?:INR|USD|EUR|GBP)\b)"
_MONTHS = (
    r"(?:Jan(?:uary)?|Feb(?:ruary)?|Mar(?:ch)?|Apr(?:il)?|May|June?|July?|Aug(?:ust)?"
    r"|Sept?(?:ember)?|Oct(?:ober)?|Nov(?:ember)?|Dec(?:ember)?)\b\.?"
    r"|(?:जनवरी|फ़रवरी|फरवरी|मार्च|अप्रैल|मई|जून|जुलाई|अगस्त|सितंबर|सितम्बर|अक्टूबर|अक्तूबर|नवंबर|नवम्बर|दिसंबर|दिसम्बर)"
)
_MONTH_STARTS = {
    "jan": 1, "feb": 2, "mar": 3, "apr": 4, "may": 5, "jun": 6, "jul": 7, "aug": 8, "sep": 9,
    "oct": 10, "nov": 11, "dec": 12, "जन": 1, "फ़": 2, "फर": 2, "मार्": 3, "अप": 4, "मई": 5,
    "जून": 6, "जुल": 7, "अग": 8, "सि": 9, "अक": 10, "नव": 11, "दि": 12,
}  # fmt: skip
_HALF = r"(?P<half>[AaPp])\.?\s?[Mm]\b(?:\.(?!\s+[A-Z]))?"  # a full stop before a sentence stays
_SPELLED = re.compile(
    r"(?:\b(?:OTP|PIN|pin\s?code|CVV|code|passcode|password|ID|extension|ext|account|a/c|acct"
    r"|reference|ref|ticket|order|number|no|room|flat|digits)\b|ओटीपी|पिन|कोड|नंबर|संख्या)"
    r"\.?(?:\s+(?:number|no\.|code|is|was|in|ending|with|है))*\s*[:#-]?\s*$",
    re.I,
)
"""What stands before digits that name something and count nothing."""


def _month(written: str) -> int:
    return next(n for start, n in _MONTH_STARTS.items() if written.lower().startswith(start))


def _host(match: re.Match[str], language: Language) -> str:
    address = match[0].partition("://")[2] or match[0]
    host = re.split(r"[/?#]", address, maxsplit=1)[0].rpartition("@")[2]
    return _address(host.removeprefix("www."), language)


def _address(text: str, language: Language) -> str:
    names = {".": "dot", "@": "at", "-": "dash", "_": "underscore", "+": "plus", ":": "dash"}
    said = "".join(f" {language.words[names[c]]} " if c in names else c for c in text)
    return " ".join(language.spell(said).split())


def _iso(match: re.Match[str], language: Language) -> str | None:
    said = _date(int(match["d"]), int(match["m"]), int(match["y"]), language)
    if said and match["h"]:
        said += f", {language.clock(Clock(int(match['h']), int(match['min'])))}"
    return said


def _numeric_date(match: re.Match[str], language: Language) -> str | None:
    day, month, year = int(match["d"]), int(match["m"]), int(match["y"])
    if month > 12 >= day:  # the American order
        day, month = month, day
    return _date(day, month, year, language)


def _named_date(match: re.Match[str], language: Language) -> str | None:
    year = int(match["y"]) if match["y"] else None
    return _date(int(match["d"]), _month(match["m"]), year, language)


def _american_date(match: re.Match[str], language: Language) -> str | None:
    year = int(match["y"]) if match["y"] else None
    return _date(int(match["d"]), _month(match["m"]), year, language, month_first=True)


def _month_and_year(match: re.Match[str], language: Language) -> str:
    return f"{language.months[_month(match['m']) - 1]} {language.year(int(match['y']))}"


def _date(
    day: int, month: int, year: int | None, language: Language, *, month_first: bool = False
) -> str | None:
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return None
    return language.date(day, month, year, month_first=month_first)


def _time(match: re.Match[str], language: Language) -> str | None:
    hour, minute = int(match["h"]), int(match["min"] or 0)
    half = match["half"] or ""
    if hour > 24 or minute > 59:
        return None
    return language.clock(
        Clock(hour, minute, "am" if half in "Aa" and half else "pm" if half else "")
    )


def _money(match: re.Match[str], language: Language) -> str:
    currency = _CURRENCIES[(match["before"] or match["after"]).lower()]
    written = match["scale"] or ""
    scale = language.scales.get(written.lower(), written)
    last = match["last"]
    if last is None:
        return language.money(match["first"], currency, scale)
    indian = currency == "INR"
    first = language.number(match["first"], indian=indian or is_indian(match["first"]))
    return f"{first} {language.words['to']} {language.money(last, currency, scale)}"


def _quantity(match: re.Match[str], language: Language) -> str:
    """Say a number or a range, with what is written behind it."""
    first, last, unit = match["first"], match["last"], match["unit"]
    said = language.number(first, indian=is_indian(first))
    if last:
        said += f" {language.words['to']} {language.number(last, indian=is_indian(last))}"
    if match["minus"]:
        said = f"{language.words['minus']} {said}"
    if unit == "%":
        return f"{said} {language.words['percent']}"
    names = language.units.get(unit)
    if names is None:
        return f"{said} {language.scales.get(unit.lower(), unit)}"
    return f"{said} {names[0] if said == language.number('1') else names[1]}"


def _range(match: re.Match[str], language: Language) -> str:
    first, last = match["first"], match["last"]
    said = [_year_or_number(first, language), _year_or_number(last, language)]
    return f" {language.words['to']} ".join(said)


def _telephone(match: re.Match[str], language: Language) -> str:
    try:
        number = phonenumbers.parse(match[0], "IN")
        shown = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.INTERNATIONAL)
    except phonenumbers.NumberParseException:
        return digits(match[0], language)
    if not match[0].lstrip().startswith("+"):
        shown = match[0] if re.search(r"\d[\s-]\d", match[0]) else shown.partition(" ")[2]
    return digits(shown, language)


def digits(text: str, language: Language) -> str:
    """Say digits one by one, in the groups in which they are written, else in fours or fives."""
    groups = re.findall(r"\d+", text)
    if len(groups) == 1:
        whole = groups[0]
        size = 5 if len(whole) == 10 else 4 if len(whole) % 4 == 0 else 3
        groups = [whole[at : at + size] for at in range(0, len(whole), size)]
        if len(groups) > 1 and len(groups[-1]) == 1:
            groups[-2:] = ["".join(groups[-2:])]
    said = ", ".join(" ".join(language.digits[int(d)] for d in group) for group in groups)
    return f"{language.words['plus']} {said}" if text.lstrip().startswith("+") else said


def _digits(match: re.Match[str], language: Language) -> str:
    return digits(match[0], language)


def _fraction(match: re.Match[str], language: Language) -> str:
    first, last = match[0].split("/")
    return language.fractions.get(match[0]) or (
        f"{language.number(first)} {language.words['by']} {language.number(last)}"
    )


def _version(match: re.Match[str], language: Language) -> str:
    parts = (language.number(part) for part in match[0].split("."))
    return f" {language.words['point']} ".join(parts)


def _ordinal(match: re.Match[str], language: Language) -> str:
    return language.ordinal(int(match["n"]))


def _year_or_number(text: str, language: Language) -> str:
    if re.fullmatch(r"(?:19|20)\d\d", text):
        return language.year(int(text))
    return language.number(text, indian=is_indian(text))


def _decade(match: re.Match[str], language: Language) -> str:
    year = language.year(int(match["y"]))
    return f"{year[:-1]}ies" if year.endswith("y") else f"{year}s"


def _number(match: re.Match[str], language: Language) -> str:
    text = match["n"]
    bare = text.isdecimal()
    named = len(text) > 2 and _SPELLED.search(
        match.string, max(0, match.start() - 40), match.start()
    )
    if bare and (named or len(text) > 6 or (text[0] in "0०" and len(text) > 1)):
        return digits(text, language)
    said = _year_or_number(text, language)
    return f"{language.words['minus']} {said}" if match["minus"] else said


def _letters_and_digits(match: re.Match[str], language: Language) -> str:
    def said(part: re.Match[str]) -> str:
        short = len(part[0]) < 3 and part[0][0] not in "0०"
        return f" {language.number(part[0]) if short else digits(part[0], language)} "

    return " ".join(re.sub(r"\d+", said, match[0].replace("-", " ")).split())


def _word(name: str) -> Reader:
    return lambda _match, language: f" {language.words[name]} "


def _abbreviation(match: re.Match[str], language: Language) -> str | None:
    return language.abbreviations.get(match[0])


def _per(match: re.Match[str], language: Language) -> str | None:
    said = language.per.get(match["what"])
    return f" {said}" if said else None


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    pattern: str
    read: Reader


def _either(texts: Iterable[str]) -> str:
    return "|".join(re.escape(text) for text in sorted(texts, key=len, reverse=True))


def _rules(language: Language) -> list[_Rule]:
    number = f"(?P<first>{_NUMBER})"
    span = rf"{number}(?:{_DASH}(?P<last>{_NUMBER}))?"
    scale = rf"(?:\s?(?P<scale>(?i:{_either(language.scales)})){_END})?"
    day, year = r"(?P<d>\d{1,2})", r"(?P<y>\d{4})(?!\d)"
    return [
        _Rule(
            "email", r"(?<![\w.+-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", lambda m, at: _address(m[0], at)
        ),
        _Rule("url", r"(?:https?://|\bwww\.)[^\s<>()\[\]\"']*[^\s<>()\[\]\"'.,;:!?…।*_~`]", _host),
        _Rule(
            "domain",
            r"\b[a-z0-9][a-z0-9-]+(?:\.[a-z0-9-]+)*\.(?:com|org|net|in|io|ai|gov|edu|dev|app)\b"
            r"(?!\.\w)(?:/[^\s<>()]*[^\s<>().,;:!?।])?",
            _host,
        ),
        _Rule(
            "iso",
            r"(?P<y>\d{4})-(?P<m>\d\d)-(?P<d>\d\d)(?:[T ](?P<h>\d\d):(?P<min>\d\d)(?::\d\d)?"
            r"(?:\.\d+)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\d-])",
            _iso,
        ),
        _Rule("numeric_date", rf"{day}[/.-](?P<m>\d{{1,2}})[/.-]{year}", _numeric_date),
        _Rule(
            "named_date",
            rf"{day}(?:st|nd|rd|th)?\s(?:of\s)?(?P<m>{_MONTHS}),?(?:\s{year})?",
            _named_date,
        ),
        _Rule(
            "american_date",
            rf"\b(?P<m>{_MONTHS})\s{day}(?:st|nd|rd|th)?(?![\d:,.]\d|\d|\s?[APap]\.?[Mm]\b)(?:,?\s{year})?",
            _american_date,
        ),
        _Rule("month_and_year", rf"\b(?P<m>{_MONTHS})\s{year}", _month_and_year),
        _Rule(
            "time",
            rf"(?P<h>\d{{1,2}}):(?P<min>\d\d)(?::\d\d)?(?![\d:])(?:\s?{_HALF}|\s?बजे)?",
            _time,
        ),
        _Rule("hour", rf"(?P<h>\d{{1,2}})(?P<min>)\s?{_HALF}", _time),
        _Rule(
            "money",
            rf"(?P<before>{_BEFORE})\s?{span}{scale}(?:/-)?(?P<after>)",
            _money,
        ),
        _Rule("money_behind", rf"(?P<before>){span}{scale}\s?(?P<after>{_AFTER})", _money),
        _Rule(
            "telephone",
            r"\+\d{1,3}[\s-]?(?:\(?\d{2,5}\)?[\s-]?){1,4}\d{2,5}(?!\d)"
            r"|\b1[89]00[\s-]\d{3}[\s-]\d{3,4}(?!\d)|(?<!\d)0?[6-9]\d{4}[\s-]?\d{5}(?![\d.,]\d|\d)",
            _telephone,
        ),
        _Rule("groups", r"\d{3,5}(?:[ -]\d{3,5}){2,4}(?![\d-]|[.,]\d)", _digits),
        _Rule("version", r"\d+(?:\.\d+){2,}", _version),
        _Rule("decade", r"(?P<y>\d{3}0)s\b", _decade),
        _Rule(
            "quantity",
            rf"(?P<minus>(?<![\w)])[-−])?{span}\s?(?P<unit>%|(?:{_either(language.units)}){_END}|(?i:k|lpa|cr|mn|bn){_END}|M{_END})",
            _quantity,
        ),
        _Rule("ordinal", rf"(?P<n>\d{{1,9}})(?:st|nd|rd|th|वां|वाँ|वीं|वें){_END}", _ordinal),
        _Rule(
            "range", rf"{number}{_DASH}(?P<last>{_NUMBER})(?!{_DASH}\d|/\d|:\d|\s?{_HALF})", _range
        ),
        _Rule("fraction", r"\d{1,3}/\d{1,3}(?![\d/])", _fraction),
        _Rule(
            "signed_range",
            rf"(?:(?<=%)|(?<=%\s))[-–—]\s?(?=\d)|{_AFTER_DIGIT}[-–—]\s?(?=[₹$€£]\s?\d)",
            _word("to"),
        ),
        _Rule(
            "until",
            rf"(?:(?<=[\dmM])|(?<=[\dmM]\s))[-–—]\s?(?=\d{{1,2}}(?::\d\d|\s?[AaPp]\.?[Mm]{_END}))",
            _word("to"),
        ),
        _Rule("times", rf"{_AFTER_DIGIT}[*×xX]\s?(?=\d)", _word("times")),
        _Rule("plus", rf"{_AFTER_DIGIT}\+\s?(?=\d)", _word("plus")),
        _Rule("equals", r"(?:(?<=\w)|(?<=\w\s))=\s?(?=\w)", _word("equals")),
        _Rule("per", r"(?:(?<=\w)|(?<=\w\s))/\s?(?P<what>\w+)", _per),
        _Rule(
            "code",
            r"\b[A-Za-z]+-?\d+(?:-?[A-Za-z\d]+)*\b|\b\d+[A-Za-z][A-Za-z\d]*\b",
            _letters_and_digits,
        ),
        _Rule("number", rf"(?P<minus>(?<![\w)])[-−])?(?P<n>{_NUMBER})", _number),
        _Rule("numbered", r"(?:#|\b[Nn]os?\.\s?)(?=\d)", _word("number")),
        _Rule("and", r"&\s?", _word("and")),
        _Rule("about", r"~(?=\d)", _word("about")),
        _Rule("at_most", r"(?:≤|<=)\s?", _word("at most")),
        _Rule("at_least", r"(?:≥|>=)\s?", _word("at least")),
        _Rule("less", r"<\s?(?=\d)", _word("less")),
        _Rule("more", r">\s?(?=\d)", _word("more")),
        _Rule("arrow", r"(?:→|⇒|->|=>)\s?", _word("to")),
        _Rule(
            "abbreviation", rf"{_START}(?:{_either(language.abbreviations)}){_END}", _abbreviation
        ),
        _Rule("marks", r"[©®™†‡•·▪●◦|\\^{}]+|(?<=\w)_(?=\w)", lambda _match, _language: " "),
    ]


@cache
def _compiled(
    language: Language,
) -> tuple[re.Pattern[str], dict[str, tuple[re.Pattern[str], Reader]]]:
    """Return one pattern that finds all rules, and each rule's own."""
    rules = _rules(language)
    anonymous = [(r.name, re.sub(r"\(\?P<\w+>", "(?:", r.pattern)) for r in rules]
    whole = "|".join(f"(?P<{name}>{pattern})" for name, pattern in anonymous)
    return re.compile(f"{_BEGINNING}(?:{whole})"), {
        r.name: (re.compile(r.pattern), r.read) for r in rules
    }


def read(text: str, language: Language) -> Iterator[tuple[int, int, str]]:
    """Yield what of a text without marks is said otherwise than written.

    Returns:
        Start and end in the text, and the words for it; in order, never overlapping.
    """
    pattern, rules = _compiled(language)
    at = 0
    while found := pattern.search(text, at):
        rule, reader = rules[found.lastgroup or ""]
        match = rule.match(text, found.start())
        said = reader(match, language) if match else None
        if said is not None and match:
            yield match.start(), match.end(), said
            at = match.end()
        else:
            at = found.end()
