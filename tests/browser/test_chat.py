import re

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Site, bot, watched, write

GREETING = "Hello. What is your name?"


def test_the_first_visit_is_greeted(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    expect(page).to_have_url(re.compile(r"graph=survey&thread=\w{32}"))


def test_a_conversation_is_held_to_its_outcome_with_the_keyboard_alone(
    page: Page, site: Site
) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    for _ in range(20):
        if page.evaluate("document.activeElement.matches('#message textarea')"):
            break
        page.keyboard.press("Tab")
    page.keyboard.type("Asha")
    page.keyboard.press("Enter")
    bot(page, "Thank you, Asha. Which city are you in?")
    page.keyboard.type("Pune")
    page.keyboard.press("Tab")
    page.keyboard.press("Space")  # the button Send comes next
    bot(page, "That is all. Goodbye.")
    expect(page.locator("#state [data-outcome=eligible]")).to_be_visible()
    expect(page.get_by_role("heading", name="Outcome")).to_be_visible()


def test_an_empty_message_is_not_sent(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    write(page, "   ")
    expect(page.get_by_label("Your message")).to_have_value("")
    write(page, "Asha")
    bot(page, "Thank you, Asha. Which city are you in?")
    expect(page.locator("#chat .user.message")).to_have_count(1)


def test_a_reply_is_shown_while_it_is_still_written(page: Page, site: Site) -> None:
    site.go.clear()
    page.goto(f"{site.url}/?graph=streaming")
    bot(page, "Ask me anything.")
    write(page, "Why?")
    bot(page, "This answer is written word by word until it")
    site.go.set()
    bot(page, "This answer is written word by word until it stops.")


def test_what_is_sent_while_the_graph_answers_goes_next(page: Page, site: Site) -> None:
    site.go.clear()
    page.goto(f"{site.url}/?graph=streaming")
    bot(page, "Ask me anything.")
    write(page, "Why?")
    bot(page, "This answer is written word by word until it")
    write(page, "And then?")
    site.go.set()
    expect(page.locator("#chat .user.message")).to_have_count(2)
    expect(page.locator("#chat .user.message").last).to_have_text("And then?")
    expect(page.locator("#chat .bot.message")).to_have_count(3)


def test_a_new_conversation_starts_over_under_another_id(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    write(page, "Asha")
    bot(page, "Thank you, Asha. Which city are you in?")
    before = page.get_by_label("This conversation").input_value()
    page.get_by_role("button", name="New conversation").click()
    bot(page, GREETING)
    expect(page.locator("#chat .user.message")).to_have_count(0)
    expect(page.get_by_label("This conversation")).not_to_have_value(before)


def test_another_graph_starts_its_own_conversation(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    page.get_by_label("Graph", exact=True).click()
    page.get_by_role("option", name="streaming").click()
    bot(page, "Ask me anything.")
    expect(page).to_have_url(re.compile("graph=streaming"))


def test_a_reload_goes_on_with_the_conversation(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    write(page, "Asha")
    bot(page, "Thank you, Asha. Which city are you in?")
    page.reload()
    bot(page, "Thank you, Asha. Which city are you in?")
    expect(page.locator("#drawing .lit")).to_have_attribute("data-node", "ask_city")
    write(page, "Pune")
    bot(page, "That is all. Goodbye.")


def test_the_state_is_told_in_words(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    write(page, "Asha")
    expect(page.locator("#state dd")).to_have_text("Asha")
    expect(page.locator("#state")).to_contain_text("Waiting for a city.")
    expect(page.locator("#state pre")).to_be_hidden()
    page.get_by_text("Raw state").click()
    expect(page.locator("#state pre")).to_contain_text('"name": "Asha"')


def test_the_node_that_ran_last_is_lit(page: Page, site: Site) -> None:
    page.goto(site.url)
    expect(page.locator("#drawing .lit")).to_have_attribute("data-node", "greet")
    bot(page, GREETING)
    write(page, "Asha")
    expect(page.locator("#drawing .lit")).to_have_attribute("data-node", "ask_city")
    expect(page.get_by_role("img", name="Graph survey, last at ask city")).to_be_visible()


def test_a_conversation_goes_on_from_its_id(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    write(page, "Asha")
    bot(page, "Thank you, Asha. Which city are you in?")
    thread = page.get_by_label("This conversation").input_value()
    page.goto(f"{site.url}/?graph=streaming")
    bot(page, "Ask me anything.")
    page.get_by_label("Go on with another").fill(f" {thread} ")
    page.keyboard.press("Enter")
    bot(page, "Thank you, Asha. Which city are you in?")
    expect(page).to_have_url(re.compile(f"graph=survey&thread={thread}"))


def test_an_unknown_id_is_said_to_be_unknown(page: Page, site: Site) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    page.get_by_label("Go on with another").fill("no-such-call")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text(
        "There is no conversation 'no-such-call' here. Check the id."
    )
    bot(page, GREETING)


def test_an_unknown_graph_in_the_address_is_said_to_be_unknown(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/?graph=nonsense")
    expect(page.get_by_role("alert")).to_contain_text("There is no graph 'nonsense'.")
    page.get_by_role("button", name="New conversation").click()
    bot(page, GREETING)
    expect(page.get_by_role("alert")).to_have_count(0)


@pytest.mark.parametrize(
    ("said", "told"),
    [("wait", "did not answer within 1 seconds"), ("fail", "failed on this turn")],
)
def test_a_turn_that_fails_is_explained_and_keeps_what_was_said(
    page: Page, site: Site, said: str, told: str
) -> None:
    page.goto(f"{site.url}/?graph=troubled")
    bot(page, "Say wait, or anything else.")
    write(page, said)
    expect(page.get_by_role("alert")).to_contain_text(told)
    expect(page.get_by_label("Your message")).to_have_value("")
    expect(page.locator("#chat .user.message")).to_have_text(said)


def test_what_a_person_writes_is_shown_as_text_and_a_reply_with_its_formatting(
    page: Page, site: Site
) -> None:
    page.goto(site.url)
    bot(page, GREETING)
    written = "<img src=x onerror=alert(1)> **A**"
    write(page, written)
    bot(page, "Thank you, <img src=x onerror=alert(1)> A. Which city are you in?")
    expect(page.locator("#chat .bot.message strong")).to_have_text("A")
    expect(page.locator("#chat .user.message").last).to_have_text(written)
    expect(page.locator("#chat .message img")).to_have_count(0)
    expect(page.locator("#state dd")).to_have_text("<img src=x onerror=alert(1)> **A**")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 820, 1440, 1920])
def test_nothing_is_wider_than_the_window(
    browser: Browser, site: Site, width: int, scheme: str
) -> None:
    context = browser.new_context(
        viewport={"width": width, "height": 844},
        color_scheme=scheme,  # type: ignore[arg-type]
    )
    page = watched(context.new_page())
    page.goto(site.url)
    bot(page, GREETING)
    for tab in ("Voice", "Chat"):
        page.get_by_role("tab", name=tab).click()
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    dark = page.evaluate(
        "getComputedStyle(document.body).backgroundColor.match(/\\d+/g).slice(0, 3)"
        ".every(part => part < 128)"
    )
    assert dark == (scheme == "dark")
    assert not page.console_errors  # type: ignore[attr-defined]
    context.close()


def test_nothing_is_fetched_from_elsewhere(page: Page, site: Site) -> None:
    elsewhere: list[str] = []
    page.on(
        "request",
        lambda request: (
            None
            if request.url.startswith((site.url, "data:", "blob:"))
            else elsewhere.append(request.url)
        ),
    )
    page.goto(site.url)
    bot(page, GREETING)
    assert elsewhere == []
