"""Who may ask: keys, their scopes, and the trail they leave."""

from collections.abc import Iterator

import httpx
import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from server.cli import app as command_line
from settings import Settings
from store.keys import Scope
from tests.sample_graphs import parrot
from tests.wire.api_server import Running, serving


@pytest.fixture(scope="module")
def remote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with a public address, for which nobody is local."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("keys"),
        public_url="https://voice.example.com",
        default_graph="parrot",
    )
    with serving(settings, {"parrot": parrot}) as running:
        yield running


@pytest.fixture
def http(remote: Running) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=f"{remote.address}/v1/convai", timeout=60) as client:
        yield client


def key(remote: Running, *scopes: Scope) -> dict[str, str]:
    keys = remote.services.workspace.keys
    return {"xi-api-key": remote.run(keys.create("test", scopes))[1]}


AGENT = {"conversation_config": {}}


def test_without_a_key_nobody_but_this_machine_may_ask(http: httpx.Client, remote: Running) -> None:
    foreign = {"Origin": "https://evil.example"}
    for headers, why in (
        ({}, "No key came with the request"),
        ({"xi-api-key": "guess"}, "The key is not known here."),
        ({"xi-api-key": "dg_0123456789ab_guess"}, "not known here, or was revoked"),
        (key(remote, "read") | foreign, "A page of another site may not ask"),
        (foreign, "A page of another site may not ask"),
    ):
        answer = http.get("/agents", headers=headers)
        assert answer.status_code == 401 and why in answer.json()["detail"]
        assert "header xi-api-key" in answer.json()["detail"]
        assert "dialgraph keys create NAME" in answer.json()["detail"]


def test_a_key_does_what_its_scopes_say(http: httpx.Client, remote: Running) -> None:
    reads, writes = key(remote, "read"), key(remote, "write")
    assert (http.get("/agents", headers=reads)).status_code == 200
    refused = http.post("/agents/create", json=AGENT, headers=reads)
    assert refused.status_code == 403
    detail = refused.json()["detail"]
    assert "has the scopes read, and this needs the scope write" in detail
    assert "keys create NAME --scope read --scope write`" in detail
    assert (http.post("/agents/create", json=AGENT, headers=writes)).status_code == 200
    assert (http.get("/agents", headers=writes)).status_code == 403


@pytest.mark.parametrize(
    "path",
    [
        "/v1/convai/twilio/outbound-call",
        "/v1/convai/outbound",
        "/v1/convai/agents/a/simulate-conversation",
        "/v1/convai/batch-calling/submit",
        "/api/chat",
    ],
)
def test_having_people_called_needs_a_scope_of_its_own(
    http: httpx.Client, remote: Running, path: str
) -> None:
    headers = key(remote, "read", "write")
    answer = http.post(f"{remote.address}{path}", json={}, headers=headers)
    assert answer.status_code == 403
    assert "scope call" in answer.json()["detail"]


def test_a_key_of_the_api_does_not_open_the_page(http: httpx.Client, remote: Running) -> None:
    headers = key(remote, "read", "write", "call")
    assert (http.get(f"{remote.address}/", headers=headers)).status_code == 403


def test_the_servers_own_key_goes_on_opening_everything(
    http: httpx.Client, remote: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = SecretStr("server-secret")
    monkeypatch.setattr(remote.services.settings, "api_key", secret)
    for headers in ({"xi-api-key": "server-secret"}, {"Authorization": "Bearer server-secret"}):
        assert (http.post("/agents/create", json=AGENT, headers=headers)).is_success
        assert (http.get(f"{remote.address}/", headers=headers)).is_success


def test_a_revoked_key_opens_nothing_from_then_on(http: httpx.Client, remote: Running) -> None:
    headers = key(remote, "read")
    keys = remote.services.workspace.keys
    remote.run(keys.revoke(remote.run(keys.list())[0].id))
    assert (http.get("/agents", headers=headers)).status_code == 401


def test_the_trail_names_the_key_that_made_a_change(http: httpx.Client, remote: Running) -> None:
    headers = key(remote, "write")
    workspace = remote.services.workspace
    key_id = remote.run(workspace.keys.list())[0].id
    made = (http.post("/agents/create", json=AGENT, headers=headers)).json()["agent_id"]
    http.patch(f"/agents/{made}", json={"name": "x"}, headers=headers)
    http.delete(f"/agents/{made}", headers=headers)
    rows = [row for row in remote.run(workspace.audit.latest()) if row.resource_id == made]
    assert [(row.actor, row.action) for row in rows] == [
        (key_id, "delete"),
        (key_id, "update"),
        (key_id, "create"),
    ]


def test_the_command_line_makes_lists_renews_and_revokes_keys() -> None:
    run = CliRunner()
    made = run.invoke(command_line, ["keys", "create", "ci", "--scope", "read"])
    key_id = made.stdout.split("_")[1]
    assert made.stdout.startswith("dg_")
    renewed = run.invoke(command_line, ["keys", "rotate", key_id])
    assert renewed.exit_code == 0
    assert run.invoke(command_line, ["keys", "revoke", key_id]).exit_code == 0
    listed = run.invoke(command_line, ["keys", "list"]).stdout
    assert listed.count("ci") == 2
    assert listed.count("revoked") == 1
    assert made.stdout.strip() not in listed
    assert "revoke" in run.invoke(command_line, ["keys", "audit"]).stdout
    wrong = run.invoke(command_line, ["keys", "create", "ci", "--scope", "all"])
    assert wrong.exit_code == 1
    assert run.invoke(command_line, ["keys", "revoke", "nosuch"]).exit_code == 1
