"""`dialgraph campaign start`: a CSV file becomes a batch that a running server calls."""

import asyncio
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from server.cli import app
from server.cli.records import Records, records
from settings import get_settings


@pytest.fixture(autouse=True)
def data_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path / "data"))
    get_settings.cache_clear()


def start(folder: Path, agent: str, text: str) -> Result:
    file = folder / "people.csv"
    file.write_text(text)
    return CliRunner().invoke(app, ["campaign", "start", agent, str(file)])


def made() -> str:
    async def make() -> str:
        async with records() as found:
            made = await found.workspace.agents.create("agent_1", "Asha", {}, actor="test")
            return made.id

    return asyncio.run(make())


def recipients() -> list[tuple[str, dict[str, object]]]:
    async def read(found: Records) -> list[tuple[str, dict[str, object]]]:
        (batch,) = await found.batches.page(limit=5)
        people = await found.batches.recipients(batch.id)
        return [(one.phone_number, await found.batches.data(one.id)) for one in people]

    async def opened() -> list[tuple[str, dict[str, object]]]:
        async with records() as found:
            return await read(found)

    return asyncio.run(opened())


def test_a_file_becomes_a_batch_with_its_columns_as_variables(tmp_path: Path) -> None:
    done = start(tmp_path, made(), "phone_number,name\n+12125550142,Asha\n+12125550143,\n")
    assert done.exit_code == 0 and "2 people wait" in done.output
    assert sorted(recipients()) == [
        ("+12125550142", {"dynamic_variables": {"name": "Asha"}}),
        ("+12125550143", {"dynamic_variables": {}}),
    ]
    shown = CliRunner().invoke(app, ["campaign", "status"])
    assert "people" in shown.output and "2 pending" in shown.output


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("number\n+12125550142\n", "no column phone_number"),
        ("phone_number\nnobody\n", "line 2"),
        ("phone_number\n'+12125550142\n+12125550142\n", "line 3: .* is there twice"),
        ("phone_number\n", "names nobody"),
    ],
)
def test_a_file_that_cannot_be_used_says_where_and_starts_nothing(
    tmp_path: Path, text: str, why: str
) -> None:
    done = start(tmp_path, made(), text)
    assert done.exit_code == 1
    assert re.search(why, done.output)


def test_an_agent_that_there_is_not_starts_nothing(tmp_path: Path) -> None:
    done = start(tmp_path, "nobody", "phone_number\n+12125550142\n")
    assert done.exit_code == 1 and "no agent 'nobody'" in done.output
