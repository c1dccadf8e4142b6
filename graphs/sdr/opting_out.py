"""Whether somebody wants no calls: told by kinds of words that stand together, in any wording.

In doubt the caller is asked: being asked costs a sentence, being rung again costs trust and is
against the law.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal

import yaml

Wish = Literal["sure", "perhaps"]


def _load() -> Mapping[str, Any]:
    text = (Path(__file__).parent / "lexicon" / "opting_out.yaml").read_text(encoding="utf-8")
    data: Mapping[str, Any] = yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506
    return data


def _joined(folded: str) -> str:
    return folded.replace(" |", "|")


_DATA: Final = _load()
_CLASSES: Final = {name: _joined(text) for name, text in _DATA["classes"].items()}


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(text.format_map(_CLASSES))


_SURE: Final = [_pattern(text) for text in _DATA["sure"]]
_EVIDENCE: Final = {
    name: (float(weight), _pattern(text)) for name, (weight, text) in _DATA["evidence"].items()
}
_WHO: Final = frozenset({"us", "you", "idiom"})
"""One of these must be there: somebody does it, to somebody; and one of `_WHAT`."""
_ENOUGH: Final = float(_DATA["enough"])
_WHAT: Final = frozenset({"contact", "remove", "law", "idiom"})
_SET_ASIDE: Final = re.compile(_DATA["set_aside"])
_UNSURE: Final = re.compile(_DATA["unsure"])
_THE_PRODUCT: Final = re.compile(_joined(_DATA["the_product"]))


def speaks_of_the_product(spelt: str) -> bool:
    """Whether calls or lists are spoken of that are none of ours: "a do-not-call list feature"."""
    return bool(_THE_PRODUCT.search(spelt))


def sounds_unsure(spelt: str) -> bool:
    """Whether somebody asks back: "I don't want these calls, do I?"."""
    return bool(_UNSURE.search(spelt))


def wish_for_no_calls(spelt: str) -> Wish | None:
    """Tell whether words, in canonical spelling, are or may be the wish to be left alone."""
    if speaks_of_the_product(spelt):
        return None
    if any(pattern.search(spelt) for pattern in _SURE):
        return "sure"
    left = _SET_ASIDE.sub(" ", spelt)
    found = {name for name, (_, pattern) in _EVIDENCE.items() if pattern.search(left)}
    weight = sum(_EVIDENCE[name][0] for name in found)
    told = found & _WHAT and found & _WHO
    return "perhaps" if told and weight >= _ENOUGH else None
