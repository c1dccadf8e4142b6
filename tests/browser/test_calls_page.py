"""The page of calls: found by what is known of them, read and heard in step."""

from playwright.sync_api import Page, expect

from tests.browser.pages import Site


def rows(page: Page) -> list[str]:
    return page.locator("#calls tbody tr").all_inner_texts()


def test_calls_are_listed_and_found_by_their_number(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/calls")
    expect(page.locator("#calls-told")).to_contain_text("2 of 2 calls")
    expect(page.locator("#calls")).to_contain_text("CA-held")
    page.get_by_label("Search").fill("5550123")
    expect(page.locator("#calls-told")).to_contain_text("1 of 2 calls")
    expect(page.locator("#calls")).not_to_contain_text("CA-held")


def test_a_call_is_read_heard_and_told_by_its_address(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/calls")
    page.locator("#calls").get_by_text("CA-held").first.click()
    call = page.locator("dialgraph-call")
    expect(call.locator(".record-text")).to_have_text(
        ["Hello <b>you</b>, are you …", "Yes, I am.", "Thank you. Goodbye."]
    )
    expect(call.locator(".waterfall-bar i")).to_have_count(3)
    expect(page).to_have_url(f"{site.url}/calls?call=CA-held")
    page.reload()
    expect(call.locator("h2")).to_have_text("eligible")


def test_words_are_lit_while_they_are_heard(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/calls?call=CA-held")
    moments = page.locator(".record-at")
    expect(moments).to_have_text(["0:01", "0:04", "0:08"])
    page.evaluate("document.querySelector('.record-sound').currentTime = 5")
    expect(page.locator(".record-now .record-text")).to_have_text("Yes, I am.")
    moments.last.click()
    expect(page.locator(".record-now .record-text")).to_have_text("Thank you. Goodbye.")


def test_a_call_that_failed_says_why(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/calls?call=CA-failed")
    expect(page.get_by_role("alert")).to_have_text("The line was busy.")
    expect(page.locator("dialgraph-call")).to_contain_text("Nothing was said.")


def test_beside_words_stands_what_was_looked_up_done_and_left_out_for_them(
    page: Page, site: Site
) -> None:
    page.goto(f"{site.url}/calls?call=CA-held")
    told = page.locator(".record-line").nth(2).locator(".record-more summary")
    expect(told).to_have_text(
        [
            "Called get_price",
            "get_price answered",
            "Looked up: the price (1.5 ms, wordllama)",
            "Not said, because nothing shows it",
        ]
    )
    told.nth(2).click()
    expect(page.get_by_text("0.75 d1 c1")).to_be_visible()


def test_calls_are_filtered_by_who_has_held_them(page: Page, site: Site) -> None:
    page.goto(f"{site.url}/calls")
    page.get_by_label("Agent or graph").click()
    page.get_by_role("option", name="agent_known").click()
    expect(page.locator("#calls-told")).to_contain_text("1 of 2 calls")
    expect(page.locator("#calls")).to_contain_text("CA-failed")
