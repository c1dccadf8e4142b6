"""The table of rows names tests that are there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "systems.md").read_text()
NAMED = sorted(set(re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", PAGE)))


@pytest.mark.parametrize(("file", "test"), NAMED)
def test_what_shows_a_row_is_there(file: str, test: str) -> None:
    text = (ROOT / file).read_text()
    assert not test or re.search(rf"^(async )?def {test}\(", text, re.MULTILINE)


def test_every_row_is_in_the_table() -> None:
    rows = re.findall(r"^\| ([A-Z]\d+) ", PAGE, re.MULTILINE)
    systems = {"S": 11, "V": 7, "Q": 9, "T": 13}
    assert rows == [f"{system}{n}" for system, last in systems.items() for n in range(1, last + 1)]
