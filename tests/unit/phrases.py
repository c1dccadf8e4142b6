"""Tables of what callers say, as parameters of a test."""

from pathlib import Path
from typing import Any

import pytest
import yaml


def phrases(name: str) -> dict[str, list[str]]:
    """Read `NAME.yaml` beside this file; every scalar stays a string."""
    text = (Path(__file__).parent / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=yaml.BaseLoader)  # noqa: S506 (our own file)


def cases(name: str) -> Any:
    """Parametrise a test by (meaning, phrase)."""
    table = phrases(name)
    return pytest.mark.parametrize(
        ("meaning", "phrase"),
        [
            pytest.param(meaning, phrase, id=f"{meaning}: {phrase or 'silence'}")
            for meaning, said in table.items()
            for phrase in said
        ],
    )


def shouted(phrase: str) -> str:
    """The same words as another recogniser writes them: capitals, and commas between all words."""
    return ", ".join(phrase.upper().replace(".", "").replace(",", "").split()) + "?!"
