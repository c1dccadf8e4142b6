"""Personal data in text: found, and replaced by what it was.

    redact("My PAN is ABCPE1234F")  ->  "My PAN is [PAN]"

Made for what goes into logs and exports. Where a number has a check digit it must fit (Luhn,
Verhoeff, ISO 13616), and where a form alone says too little the words around it decide, so that
prices, dates and quantities stay. Measured on `tests/unit/privacy.yaml`; see docs/compliance.md.
"""

import re
import unicodedata
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from tools.spoken_digits import spoken_runs


@dataclass(frozen=True, slots=True)
class Found:
    """A piece of personal data in a text."""

    kind: str
    start: int
    end: int


_NOT_BEFORE, _NOT_AFTER = r"(?<![\w.@-])", r"(?![\w@]|[.-]\w)"
_SEP = r"[ \u00a0-]?"
_HANDLES = (
    "okaxis|oksbi|okhdfcbank|okicici|ybl|ibl|axl|apl|upi|paytm|ptsbi|pthdfc|ptaxis|ptyes|sbi|icici|"
    "hdfcbank|axisbank|kotak|yesbank|jupiteraxis|waicici|wahdfcbank|freecharge|airtel|barodampay"
)


def luhn(digits: str) -> bool:
    """Whether the last digit checks the others (ISO/IEC 7812-1)."""
    doubled = [int(d) * 2 for d in digits[-2::-2]]
    return (sum(map(int, digits[-1::-2])) + sum(d // 10 + d % 10 for d in doubled)) % 10 == 0


_D5 = ("0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
       "5987604321", "6598710432", "7659821043", "8765932104", "9876543210")  # fmt: skip
_P8 = ("0123456789", "1576283094", "5803796142", "8916043527",
       "9453126870", "4286573901", "2793806415", "7046913258")  # fmt: skip


def verhoeff(digits: str) -> bool:
    """Whether the last digit checks the others (Verhoeff 1969), as in an Aadhaar number."""
    check = 0
    for place, digit in enumerate(reversed(digits)):
        check = int(_D5[check][int(_P8[place % 8][int(digit)])])
    return check == 0


def iban(text: str) -> bool:
    """Whether the check digits fit (ISO 13616)."""
    compact = re.sub(r"\s", "", text).upper()
    moved = compact[4:] + compact[:4]
    return 15 <= len(compact) <= 34 and int("".join(str(int(c, 36)) for c in moved)) % 97 == 1


def _card(text: str) -> bool:
    digits = _digits(text)
    return 13 <= len(digits) <= 19 and len(set(digits)) > 1 and luhn(digits)


def _aadhaar(text: str) -> bool:
    digits = _digits(text)
    return len(digits) == 12 and verhoeff(digits)


def _phone(text: str) -> bool:
    return 10 <= len(_digits(text)) <= 15


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


@dataclass(frozen=True, slots=True)
class _Recogniser:
    kind: str
    pattern: re.Pattern[str]
    fits: Callable[[str], bool] = lambda _: True
    near: re.Pattern[str] | None = None
    """What must stand shortly before or after it, where the form alone says too little."""


def _near(words: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{words})(?!\w)", re.IGNORECASE)


def _form(pattern: str, flags: int = 0) -> re.Pattern[str]:
    return re.compile(_NOT_BEFORE + pattern + _NOT_AFTER, flags)


_CODE_WORDS = (
    r"otp|o\.? ?t\.? ?p\.?|c v v|c v c|one[- ]time (?:password|code|pin|passcode)|passcode|"
    r"verification code|security code|cvv|cvc|pin(?! ?code)|ओटीपी|पिन"
)
_RECOGNISERS: Final[Sequence[_Recogniser]] = (
    _Recogniser(
        "EMAIL",
        re.compile(r"(?<![\w.+%-])[\w\u0900-\u097f.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"),
    ),
    _Recogniser(
        "EMAIL",
        re.compile(
            r"(?<![\w.+-])[\w.+-]{1,64}(?: dot [\w-]{1,64}){0,4} (?:at|@) [\w-]{1,63}"
            r"(?: dot [\w-]{1,63}){0,4}? (?:dot|\.) "
            r"(?:co dot in|co dot uk|com|in|org|net|edu|gov|io|co|info|biz|example)\b",
            re.IGNORECASE,
        ),
    ),
    _Recogniser(
        "UPI", re.compile(rf"(?<![\w.-])[\w.-]{{2,256}}@(?:{_HANDLES})\b(?!\.\w)", re.IGNORECASE)
    ),
    _Recogniser(
        "UPI",
        re.compile(
            r"(?<![\w.-])[\w.-]{2,64} at (?:ok ?(?:axis|sbi|icici)|ok ?hdfc ?bank|ybl|ibl|axl|ptsbi"
            r"|ptaxis|pthdfc|waicici|wahdfcbank|jupiteraxis)\b",
            re.IGNORECASE,
        ),
    ),
    _Recogniser("IBAN", _form(r"[A-Z]{2}\d{2}(?: ?[A-Z0-9]{2,4}){3,8}"), iban),
    _Recogniser(
        "ACCOUNT",
        _form(r"\d(?:[ -]?\d){8,17}"),
        near=_near(r"account|a/c|acct|account number|खाता"),
    ),
    _Recogniser("CARD", _form(r"[2-6](?:[ \u00a0.\u2013-]?\d){12,18}"), _card),
    _Recogniser("AADHAAR", _form(rf"[2-9]\d{{3}}{_SEP}\d{{4}}{_SEP}\d{{4}}"), _aadhaar),
    _Recogniser(
        "AADHAAR",
        _form(rf"(?:[Xx*]{{4}}{_SEP}){{2}}\d{{4}}|\d{{4}}{_SEP}\d{{4}}{_SEP}\d{{4}}"),
        near=_near("aadhaar|aadhar|adhar|uidai|uid|आधार"),
    ),
    _Recogniser(
        "PAN", _form(r"[A-Z](?: ?[A-Z]){2} ?[ABCFGHJLPT] ?[A-Z](?: ?\d){4} ?[A-Z]", re.IGNORECASE)
    ),
    _Recogniser(
        "PAN",
        _form(r"(?:[A-Z] ?){5}(?:\d ?){4}[A-Z]", re.IGNORECASE),
        near=_near("pan|p a n|permanent account number|पैन"),
    ),
    _Recogniser("SSN", _form(r"(?!000|666|9)\d{3}-(?!00)\d{2}-(?!0000)\d{4}")),
    _Recogniser(
        "SSN",
        _form(r"\d{3}[ -]?\d{2}[ -]?\d{4}"),
        near=_near("ssn|s s n|social security(?: number)?"),
    ),
    _Recogniser("IFSC", _form(r"[A-Z]{4}0(?=[A-Z0-9]*\d)[A-Z0-9]{6}", re.IGNORECASE)),
    _Recogniser(
        "PASSPORT",
        _form(r"[A-Z]{1,2} ?\d{2,3} ?\d{4,6}|\d{9}", re.IGNORECASE),
        near=_near("passport|पासपोर्ट"),
    ),
    _Recogniser("OTP", _form(r"\d{3}[ -]\d{3,4}|\d{3,8}|\d(?: \d){3,7}"), near=_near(_CODE_WORDS)),
    _Recogniser("PHONE", re.compile(r"(?<![\w+])(?:\+|%2B)[1-9](?:[ .()-]{0,2}\d){7,14}(?!\d)")),
    _Recogniser(
        "PHONE",
        _form(r"(?:(?:91|0)[ -]?)?[6-9]\d{4}[ -]?\d{5}|[6-9]\d{2}[ -]\d{3}[ -]\d{4}"),
        _phone,
    ),
    _Recogniser(
        "PHONE", re.compile(r"(?<![\w.-])(?:1[ -])?\(?[2-9]\d{2}\)?[ .-]\d{3}[ .-]\d{4}(?![\w-])")
    ),
    _Recogniser("PHONE", _form(r"0\d{2,4}[ -]\d{3,4}[ -]?\d{3,4}")),
    _Recogniser(
        "PHONE",
        _form(r"[1-9]\d{9}"),
        near=_near("call|phone|mobile|number is|reach|whatsapp|cell|telephone|फोन|मोबाइल|नंबर"),
    ),
)
_MONEY_BEFORE = re.compile(r"(?:₹|\$|€|£|¥|\b(?:rs|inr|usd|eur|gbp)\.?)\s*$", re.IGNORECASE)
_MONEY_AFTER = re.compile(
    r"\s*(?:rupees?|dollars?|euros?|pounds?|lakhs?|crores?|rs\b|inr\b|usd\b|eur\b|रुपये|रुपए|%)",
    re.IGNORECASE,
)
_REACH: Final = 40
"""How far away the words may stand that decide, in characters."""
_DIGIT: Final = re.compile(r"\d")


def find(text: str) -> list[Found]:
    """Return the personal data in a text, in order, without overlaps."""
    found: list[Found] = []
    taken = bytearray(len(text))

    def take(one: Found) -> None:
        found.append(one)
        taken[one.start : one.end] = b"\1" * (one.end - one.start)

    written = _plain(text)
    for recogniser in _RECOGNISERS if _may_hold(written) else ():
        for match in recogniser.pattern.finditer(written):
            span = Found(recogniser.kind, *match.span())
            if any(taken[span.start : span.end]) or not recogniser.fits(match.group()):
                continue
            if _is_meant(recogniser, written, span):
                take(span)
    for one in _spoken(text):
        if not any(taken[one.start : one.end]):
            take(one)
    return sorted(found, key=lambda one: one.start)


def _plain(text: str) -> str:
    """Return a text of the same length in ASCII figures, blanks for what has no width."""
    if text.isascii():
        return text
    return "".join(
        str(unicodedata.decimal(char)) if char.isdecimal() else " " if char in _WIDTHLESS else char
        for char in text
    )


_WIDTHLESS: Final = frozenset("\u200b\u200c\u200d\u2060\ufeff\u00ad")


def _may_hold(text: str) -> bool:
    """Whether there can be anything that is written in figures, or with an @."""
    lower = text.casefold()
    return "@" in text or " dot " in lower or " at " in lower or len(_DIGIT.findall(text)) >= 3


KINDS: Final = frozenset({one.kind for one in _RECOGNISERS} | {"NUMBER"})
"""Every kind of personal data that is recognised."""


def redact(text: str, kinds: Collection[str] = KINDS) -> str:
    """Return a text with the personal data in it replaced by its kind: `[PHONE]`."""
    parts, last = [], 0
    for one in (one for one in find(text) if one.kind in kinds):
        parts += [text[last : one.start], f"[{one.kind}]"]
        last = one.end
    return "".join(parts) + text[last:]


def _is_meant(one: _Recogniser, text: str, span: Found) -> bool:
    before = text[max(0, span.start - _REACH) : span.start]
    after = text[span.end : span.end + _REACH]
    if one.near is not None and not (one.near.search(before) or one.near.search(after)):
        return False
    if one.kind in ("PHONE", "OTP", "ACCOUNT"):
        return not (_MONEY_BEFORE.search(before) or _MONEY_AFTER.match(after))
    return True


def _spoken(text: str) -> Iterator[Found]:
    """Yield numbers that are said digit by digit, long enough to be somebody's."""
    for run in spoken_runs(text):
        before = text[max(0, run.start - _REACH) : run.start]
        if kind := _kind(run.digits, _near(_CODE_WORDS).search(before) is not None):
            yield Found(kind, run.start, run.end)


def _kind(digits: str, is_code: bool) -> str | None:
    if is_code and len(digits) >= 4:
        return "OTP"
    if len(digits) == 12 and digits[0] not in "01" and verhoeff(digits):
        return "AADHAAR"
    if 13 <= len(digits) <= 19 and luhn(digits):
        return "CARD"
    if 10 <= len(digits) <= 13:
        return "PHONE"
    return "NUMBER" if len(digits) >= 6 else None
