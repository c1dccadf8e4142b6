"""What a person wants of the stocks graph: a run over some symbols, or an answer about the last."""

import re
from collections.abc import Collection
from pathlib import Path
from typing import Final

from langchain_core.messages import AIMessage, HumanMessage

from graphs.stocks.holdings import topic_of
from graphs.stocks.state import Request, State
from tools.data_files import read_data

_NAMES: Final[dict[str, list[str]]] = read_data(Path(__file__).with_name("names.yaml"))
_RUN: Final = re.compile(
    r"\b(what|which|should|anything|something)\b.*\b(buy|invest)|\b(buy|invest in)\s+(now|today)\b"
    r"|\b(analy[sz]e|analysis|evaluate|scan|recommend|suggest|refresh|picks?|run)\b"
    r"|\b(look|check)\s+(at|into)\b|\btop\s+(\d|one|two|three|four|five)|\bagain\b.*\banaly",
    re.IGNORECASE,
)
_ANEW: Final = re.compile(
    r"^\W*(?:(?:and|now|please|then|okay|ok|so|well|can you|could you|would you|will you|let's|"
    r"i want you to|i'd like you to|start|run|do|make|a|an|new|another)\W+)*"
    r"(?:analy[sz]e|analysis|evaluate|scan|refresh|run\b|look (?:at|into)\b|recommend|suggest)"
    r"|^\W*(?:(?:and|now|then|okay|ok|so)\W+)*(?:what|which|anything|something)\b.*\b"
    r"(?:should|could|can|else)\b.*\b(?:buy|invest)",
    re.IGNORECASE,
)
"""Asks for a new run, also where one has just proposed something that could be asked about."""
_COUNT: Final = re.compile(r"\btop\s+(\d+|one|two|three|four|five)\b", re.IGNORECASE)
_NUMBERS: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_SYMBOL: Final = re.compile(r"(?<![\w.])\$?([A-Z]{1,5}(?:\.[A-Z])?)(?![\w])")
_NO_SYMBOL: Final = frozenset(
    {"AI", "AM", "API", "CEO", "DO", "ETF", "EU", "FDA", "FRED", "GDP", "GPT", "IPO", "IT", "LLM"}
    | {"MY", "NO", "NOW", "OK", "ON", "OR", "PM", "SEC", "TOP", "UK", "US", "USA", "USD", "WHY"}
    | {"YES"}
)
"""Words in capitals that are no symbols."""


def understand(text: str, known: Collection[str], *, ran: bool) -> Request:
    """Say what a message asks for.

    Args:
        text: what was said or written.
        known: symbols that are looked at anyway.
        ran: whether there is a run that a question could be about.
    """
    symbols = symbols_in(text, known)
    count = _COUNT.search(text)
    wanted = count.group(1).lower() if count else None
    picks = (_NUMBERS.get(wanted) or int(wanted)) if wanted else None
    if not text.strip():
        kind = "question" if ran else "greeting"
    elif topic_of(text) and not _ANEW.search(text) and (ran or topic_of(text) != "verdict"):
        kind = "account"
    elif _RUN.search(text) and not _about_the_run(text, ran=ran):
        kind = "run"
    elif ran:
        kind = "question"
    else:
        kind = "run" if symbols else "greeting"
    return Request(kind=kind, symbols=symbols, picks=picks, text=text)  # type: ignore[typeddict-item]


def asks_anew(text: str) -> bool:
    """Whether words that are said over an open proposal ask for another run, and not about it."""
    return bool(_ANEW.search(text))


def request_of(state: State, known: Collection[str]) -> tuple[Request, str]:
    """Return what is asked for now, and the id of the message that asks.

    What was said since the last answer counts: a run that a crash has cut off is asked for still,
    by the message that asked for it then.
    """
    unanswered: list[HumanMessage] = []
    for message in reversed(state.get("messages") or []):
        if isinstance(message, AIMessage):
            break
        if isinstance(message, HumanMessage):
            unanswered.insert(0, message)
    ran = bool(state.get("briefing"))
    requests = [(understand(str(m.text), known, ran=ran), m.id or "") for m in unanswered]
    for request, message_id in requests:
        if request["kind"] == "run":
            return request, message_id
    return requests[-1] if requests else (understand("", known, ran=ran), "")


def symbols_in(text: str, known: Collection[str]) -> list[str]:
    """Return the symbols a text names, by themselves or as their companies, in its order."""
    found: dict[str, int] = {}
    shouted = text.isupper()
    for match in _SYMBOL.finditer(text):
        symbol = match.group(1)
        sure = symbol in known or match.group(0).startswith("$")
        if sure or (len(symbol) > 1 and symbol not in _NO_SYMBOL and not shouted):
            found.setdefault(symbol, match.start())
    lowered = text.lower()
    spoken = [(name, symbol) for symbol, names in _NAMES.items() for name in names]
    spoken += [(symbol.lower(), symbol) for symbol in known if len(symbol) > 2]
    for name, symbol in spoken:
        if named := re.search(rf"(?<![\w.]){re.escape(name)}(?!\w)", lowered):
            found.setdefault(symbol, named.start())
    return sorted(found, key=found.__getitem__)


def _about_the_run(text: str, *, ran: bool) -> bool:
    """Whether a message asks about what was said, and not for something new."""
    return ran and bool(
        re.match(r"\s*(why|how|who|when|explain|tell me why)\b", text, re.IGNORECASE)
    )
