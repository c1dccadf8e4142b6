"""Data that lies beside the code as YAML, read with the fast parser."""

from pathlib import Path
from typing import Any, Final

import yaml

_DATA: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_WORDS: Final = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_data(file: Path) -> Any:
    """Read a file of ours: texts, numbers, dates, lists and mappings."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_DATA)  # noqa: S506 (a safe loader)


def read_words(file: Path) -> Any:
    """Read a file of ours in which every scalar is a text: "no", "on" and "yes" are words."""
    return yaml.load(file.read_text(encoding="utf-8"), Loader=_WORDS)  # noqa: S506 (builds texts)
