"""The pages that make agents, call people and sum up, on the whole application."""

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Page, expect

from server.app import create_app
from settings import Settings
from tests.browser.serving import serve

PRICES = "# Prices\n\nThe Harbour plan costs 40 dollars a month for each seat.\n"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The whole application."""
    settings = Settings(data_dir=tmp_path_factory.mktemp("data"), twilio_number="+12025550170")
    with serve(create_app(settings)) as address:
        yield address


def made(url: str, name: str, first_message: str = "") -> str:
    config = {"agent": {"first_message": first_message}}
    body = {"name": name, "conversation_config": config}
    answer = httpx.post(f"{url}/v1/convai/agents/create", json=body).raise_for_status()
    return str(answer.json()["agent_id"])


def agent(url: str, agent_id: str) -> httpx.Response:
    return httpx.get(f"{url}/v1/convai/agents/{agent_id}")


def test_an_agent_is_made_changed_copied_and_deleted_only_when_confirmed(
    page: Page, url: str
) -> None:
    page.goto(f"{url}/agents")
    page.get_by_role("button", name="New agent").click()
    expect(page.locator("#agent-title")).to_contain_text("New agent")
    expect(page).to_have_url(re.compile("agent=agent_"))
    agent_id = page.url.partition("agent=")[2]
    page.get_by_label("Name", exact=True).fill("Åsa")
    page.get_by_label("First message").fill("Hello from Åsa.")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#agent-answer")).to_have_text("Saved.")
    saved = agent(url, agent_id).json()
    assert saved["name"] == "Åsa"
    assert saved["conversation_config"]["agent"]["first_message"] == "Hello from Åsa."
    page.get_by_role("button", name="Duplicate").click()
    expect(page.locator("#agent-title")).to_contain_text("Åsa (copy)")
    expect(page).not_to_have_url(re.compile(agent_id))
    copy_id = page.url.partition("agent=")[2]
    page.get_by_role("button", name="Delete", exact=True).first.click()
    assert agent(url, copy_id).status_code == 200
    page.get_by_role("button", name="Yes, delete it").click()
    expect(page.locator("#agent-title")).not_to_be_visible()
    assert agent(url, copy_id).status_code == 404
    assert agent(url, agent_id).status_code == 200


def test_what_the_server_refuses_is_told_in_its_words(page: Page, url: str) -> None:
    agent_id = made(url, "Refused")
    page.goto(f"{url}/agents?agent={agent_id}")
    page.get_by_role("tab", name="May do").click()
    page.get_by_role("tab", name="JSON").click()
    code = page.locator("#agent-json .cm-content")
    code.click()
    page.keyboard.press("Control+a")
    page.keyboard.insert_text('{"conversation_config": {"agent": {"graph": "nowhere"}}}')
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("alert")).to_contain_text("there is no graph 'nowhere'")
    assert "graph" not in agent(url, agent_id).json()["conversation_config"]["agent"]


def test_an_agent_knows_a_file_at_once_and_is_talked_with(
    page: Page, url: str, tmp_path: Path
) -> None:
    agent_id = made(url, "Harbour", "Welcome to Harbour.")
    prices = tmp_path / "prices.md"
    prices.write_text(PRICES)
    page.goto(f"{url}/agents?agent={agent_id}")
    page.get_by_role("tab", name="Knows").click()
    page.locator("#knowledge-files input[type=file]").set_input_files(prices)
    expect(page.locator("#knowledge-answer")).to_contain_text("1 document added")
    page.get_by_label("What would be found").fill("What does the Harbour plan cost?")
    page.keyboard.press("Enter")
    expect(page.locator("#knowledge-found .found")).to_contain_text("40 dollars")
    page.goto(f"{url}/?agent={agent_id}")
    expect(page.locator("#chat .bot.message").first).to_contain_text("Welcome to Harbour.")
    expect(page.locator("#speaker")).to_contain_text("Harbour")
    page.get_by_label("Your message").fill("What does the Harbour plan cost?")
    page.keyboard.press("Enter")
    expect(page.locator("#chat .bot.message").last).to_contain_text("40 dollars")


def test_an_agent_whose_document_is_gone_is_still_taught_and_saved(page: Page, url: str) -> None:
    """What is no choice any more was refused by the page itself, in words of its own."""
    base = f"{url}/v1/convai/knowledge-base"
    gone = httpx.post(f"{base}/text", json={"text": "Old prices.", "name": "Old"}).json()["id"]
    known = {"knowledge_base": [{"id": gone, "name": "Old", "type": "text"}]}
    agent_id = made(url, "Forgetful")
    body = {"conversation_config": {"agent": {"prompt": known}}}
    httpx.patch(f"{url}/v1/convai/agents/{agent_id}", json=body).raise_for_status()
    page.goto(f"{url}/agents?agent={agent_id}")
    page.get_by_role("tab", name="Knows").click()
    expect(page.locator("#agent-documents")).to_contain_text("Old")
    httpx.delete(f"{base}/{gone}", params={"force": True}).raise_for_status()
    page.get_by_label("Add a page").fill("Gift wrapping costs 3 dollars.")
    page.keyboard.press("Enter")
    expect(page.locator("#knowledge-answer")).to_contain_text("1 document added")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#agent-answer")).to_have_text("Saved.")
    prompt = agent(url, agent_id).json()["conversation_config"]["agent"]["prompt"]
    added = [one for one in prompt["knowledge_base"] if one["id"] != gone]
    assert [one["type"] for one in added] == ["text"]


def test_a_campaign_is_begun_from_a_file_and_says_why_nobody_is_reached(
    page: Page, url: str, tmp_path: Path
) -> None:
    made(url, "Caller")
    people = tmp_path / "people.csv"
    people.write_text("phone_number,name\n+12125550142,Asha\nnobody,Ravi\n")
    page.goto(f"{url}/campaigns")
    page.get_by_role("button", name="Start a campaign").click()
    page.get_by_label("Agent that calls").click()
    page.get_by_role("option", name="Caller").click()
    page.locator("#campaign-file input[type=file]").set_input_files(people)
    page.get_by_role("button", name="Start calling").click()
    expect(page.get_by_role("alert")).to_contain_text("line 3: nobody")
    people.write_text("phone_number,name\n+12125550142,Asha\n")
    page.locator("#campaign-file input[type=file]").set_input_files(people)
    page.get_by_role("button", name="Start calling").click()
    expect(page.locator("#campaign-progress")).to_contain_text("1 of 1 finished")
    expect(page.locator("#campaign-reasons li")).to_have_count(1)
    expect(page.get_by_role("button", name="Cancel")).to_be_disabled()
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()


def test_a_campaign_calls_from_the_number_that_is_chosen(
    page: Page, url: str, tmp_path: Path
) -> None:
    made(url, "Chooser")
    number = {"provider": "twilio", "phone_number": "+12025550188", "label": "Desk"}
    added = httpx.post(f"{url}/v1/convai/phone-numbers", json=number).raise_for_status().json()
    people = tmp_path / "people.csv"
    people.write_text("phone_number\n+12125550149\n")
    page.goto(f"{url}/campaigns")
    page.get_by_role("button", name="Start a campaign").click()
    page.get_by_label("Agent that calls").click()
    page.get_by_role("option", name="Chooser").click()
    page.get_by_label("Number that calls").click()
    page.get_by_role("option", name="+12025550188 Desk").click()
    page.locator("#campaign-file input[type=file]").set_input_files(people)
    page.get_by_role("button", name="Start calling").click()
    expect(page.locator("#campaign-progress")).to_contain_text("1 of 1 finished")
    listed = httpx.get(f"{url}/v1/convai/batch-calling/workspace").json()["batch_calls"]
    assert [one["phone_number_id"] for one in listed if one["agent_name"] == "Chooser"] == [
        added["phone_number_id"]
    ]


def test_analytics_say_that_there_was_no_call(page: Page, url: str) -> None:
    page.goto(f"{url}/analytics")
    expect(page.locator("#analytics-tiles")).to_contain_text("No call in this time")
