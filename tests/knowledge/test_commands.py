"""`dialgraph ingest` and `dialgraph knowledge`, and the search over HTTP."""

from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner, Result

from server.app import create_app
from server.cli import app
from settings import Settings
from tests.knowledge.files import pdf

Run = Callable[..., Result]


@pytest.fixture
def run(settings: Settings) -> Run:
    return lambda *arguments: CliRunner().invoke(app, [str(given) for given in arguments])


@pytest.fixture
def papers(tmp_path: Path) -> Path:
    papers = tmp_path / "papers"
    (papers / "deep").mkdir(parents=True)
    (papers / "prices.md").write_text("# Prices\n\nThe Basic plan costs 29 dollars a month.")
    (papers / "deep" / "hours.pdf").write_bytes(pdf("We open at nine on weekdays."))
    (papers / "picture.png").write_bytes(b"\x89PNG")
    return papers


def test_a_folder_is_ingested_once_and_searched(run: Run, papers: Path) -> None:
    first = run("ingest", "acme", papers)
    assert (first.exit_code, "acme: 2 added." in first.output) == (0, True), first.output
    assert "acme: 2 unchanged." in run("ingest", "acme", papers).output
    (papers / "prices.md").write_text("# Prices\n\nThe Basic plan costs 31 dollars a month.")
    assert "1 changed, 1 unchanged" in run("ingest", "acme", papers).output
    found = run("knowledge", "search", "acme", "What does the Basic plan cost?")
    assert found.exit_code == 0
    assert "The Basic plan costs 31 dollars a month." in found.output
    assert "prices.md > Prices" in found.output


def test_what_is_refused_is_named_and_the_rest_is_there(run: Run, papers: Path) -> None:
    (papers / "broken.pdf").write_bytes(b"%PDF-1.4 and nothing more")
    done = run("ingest", "acme", papers)
    assert done.exit_code == 1
    assert "broken.pdf is a damaged PDF" in done.output
    assert "2 added, 1 refused" in done.output


def test_what_is_gone_stays_known_unless_it_is_pruned(run: Run, papers: Path) -> None:
    run("ingest", "acme", papers)
    (papers / "prices.md").unlink()
    asked = ("knowledge", "search", "acme", "What does the Basic plan cost?", "-k", "1")
    assert "acme: 1 unchanged." in run("ingest", "acme", papers).output
    assert "29 dollars" in run(*asked).output
    assert "acme: 1 removed, 1 unchanged." in run("ingest", "acme", papers, "--prune").output
    assert "29 dollars" not in run(*asked).output
    refused = run("ingest", "acme", papers / "deep" / "hours.pdf", "--prune")
    assert (refused.exit_code, "goes with a folder" in refused.output) == (1, True)


def test_a_name_with_brackets_is_told_as_it_is(run: Run, papers: Path) -> None:
    (papers / "deep" / "[red]old.pdf").write_bytes(b"%PDF-1.4 and nothing more")
    assert "refused  deep/[red]old.pdf: " in run("ingest", "acme", papers).output


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("no/such/folder", "There is no file or folder"),
        ("http://127.0.0.1:9/x", "not on the public internet"),
        ("http://user:secret@example.com/", "with a user name"),
    ],
)
def test_a_path_that_leads_nowhere_says_so(run: Run, path: str, reason: str) -> None:
    done = run("ingest", "acme", path)
    assert done.exit_code == 1
    assert reason in done.output.replace("\n", " ")


def test_labelled_questions_are_measured_in_a_table(run: Run, papers: Path, tmp_path: Path) -> None:
    questions = tmp_path / "questions.yaml"
    questions.write_text(
        "- {question: What does Basic cost, answer: costs 29 dollars, document: prices.md}\n"
        "- {question: When do you open, answer: at nine}\n"
        "- {question: How tall is Mount Everest}\n"
    )
    run("ingest", "acme", papers)
    done = run("knowledge", "eval", "acme", questions)
    assert done.exit_code == 0, done.output
    rows = [line for line in done.output.splitlines() if "alone" in line or "weighed" in line]
    assert len(rows) >= 3
    assert "2 questions with an answer" in done.output
    assert '"No answer": precision' in done.output
    assert run("knowledge", "eval", "acme", tmp_path / "none.yaml").exit_code == 1


@pytest.mark.parametrize("command", ["search", "eval"])
def test_an_organisation_that_knows_nothing_is_not_measured(
    run: Run, tmp_path: Path, command: str
) -> None:
    """A name mistyped came out as a table of zeros, and as a success."""
    (tmp_path / "q.yaml").write_text("- {question: When do you open, answer: at nine}\n")
    done = run("knowledge", command, "acmee", tmp_path / "q.yaml")
    assert done.exit_code == 1 and "Nothing is known of 'acmee'" in done.output


async def test_the_search_is_there_over_http(settings: Settings) -> None:
    application = create_app(settings)
    transport = httpx.ASGITransport(application, raise_app_exceptions=False)
    async with (
        application.router.lifespan_context(application),
        httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client,
    ):
        knowledge = application.state.services.knowledge
        mine = await knowledge.add_text("workspace", "The Basic plan costs 29 dollars.", name="A")
        other = await knowledge.add_text("workspace", "The Basic plan costs 99 dollars.", name="B")

        async def search(**given: object) -> httpx.Response:
            return await client.get("/api/knowledge/search", params=given)  # type: ignore[arg-type]

        found = (await search(q="What does Basic cost?", organisation="workspace", k=1)).json()
        assert len(found["passages"]) == 1
        assert found["passages"][0]["document_id"] in (mine.id, other.id)
        assert {"chunk_id", "text", "title", "score"} <= found["passages"][0].keys()
        assert (found["answerable"], found["latency_secs"] > 0) == (True, True)

        body = {
            "name": "Sales",
            "conversation_config": {
                "agent": {
                    "prompt": {"knowledge_base": [{"id": mine.id, "name": "A", "type": "text"}]}
                }
            },
        }
        made = await client.post("/v1/convai/agents/create", json=body)
        agent_id = made.json()["agent_id"]
        of_agent = (await search(q="What does Basic cost?", agent_id=agent_id, k=9)).json()
        assert {passage["document_id"] for passage in of_agent["passages"]} == {mine.id}

        assert (await search(q="trial")).json()["passages"]
        assert (await search(q="x", agent_id="nobody")).status_code == 404
        assert (await search(q="x", agent_id=agent_id, organisation="acme")).status_code == 422
        for wrong in ({"q": ""}, {"q": "x", "k": 0}, {"q": "x", "k": 51}, {"q": "x" * 2001}, {}):
            assert (await search(**wrong)).status_code == 422
