"""STOP, in the words people write: a message that is nothing but a wish to be left alone."""

import unicodedata
from functools import cache
from pathlib import Path

from tools.data_files import read_data


def is_opt_out(message: str) -> bool:
    """Whether a text message says to stop, and nothing else.

    Spelling, punctuation and "please" do not matter; a longer message is for who answers it.
    """
    words = _plain(message).split()
    return " ".join(word for word in words if word not in _POLITE) in _words()


_POLITE = frozenset({"please", "pls", "plz", "now", "kripya", "कृपया", "por", "favor", "bitte"})


@cache
def _words() -> frozenset[str]:
    stop = read_data(Path(__file__).with_suffix(".yaml"))["stop"]
    return frozenset(_plain(str(word)) for word in stop)


def _plain(text: str) -> str:
    """Return words in lower case, letters with their marks, apostrophes and the rest gone."""
    text = unicodedata.normalize("NFC", unicodedata.normalize("NFKC", text).casefold())
    kept = (char if unicodedata.category(char)[0] in "LMN" else " " for char in _joined(text))
    return " ".join("".join(kept).split())


def _joined(text: str) -> str:
    return "".join(char for char in text if char not in "'’`´\u200b\u200c\u200d")
