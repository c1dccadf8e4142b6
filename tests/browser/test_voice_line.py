"""The voice tab against a line that the test drives by hand."""

import re
import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.pages import Site, bot, watched
from tests.browser.serving import HandDrivenLine

GREETING = "Hello. What is your name?"


@pytest.fixture
def call(page: Page, site: Site) -> HandDrivenLine:
    """A call that has begun on `page`."""
    visit(page, site.url)
    page.get_by_role("button", name="Start talking").click()
    site.line.ready()
    expect(status(page)).to_have_text("Listening")
    return site.line


@pytest.fixture(autouse=True)
def forget_earlier_calls(site: Site) -> Iterator[None]:
    yield
    with site.line.received.mutex:
        site.line.received.queue.clear()


def visit(page: Page, url: str) -> None:
    page.goto(url)
    bot(page, GREETING)
    page.get_by_role("tab", name="Voice").click()


def status(page: Page):  # type: ignore[no-untyped-def]
    return page.locator("dialgraph-voice").get_by_role("status")


def problem(page: Page):  # type: ignore[no-untyped-def]
    return page.locator("dialgraph-voice").get_by_role("alert")


def test_a_call_begins_on_the_conversation_of_the_chat(page: Page, site: Site) -> None:
    visit(page, site.url)
    page.get_by_role("button", name="Start talking").click()
    start = site.line.ready()
    assert start["graph"] == "survey"
    assert start["thread_id"] == page.get_by_label("This conversation").input_value()


def test_the_caller_is_sent_as_20_ms_of_pcm16_at_16_khz(call: HandDrivenLine) -> None:
    sounds = [call.next_sound() for _ in range(150)]  # the pretended microphone beeps each second
    assert {len(sound) for sound in sounds} == {640}
    assert any(any(sound) for sound in sounds)


def test_muted_sound_does_not_leave_the_page(page: Page, call: HandDrivenLine) -> None:
    page.get_by_role("button", name="Mute").click()
    expect(status(page)).to_have_text("You are muted")
    for _ in range(25):
        call.next_sound()  # what was on its way
    assert not any(any(call.next_sound()) for _ in range(100))
    page.get_by_role("button", name="Unmute").click()
    expect(status(page)).to_have_text("Listening")
    assert any(any(call.next_sound()) for _ in range(150))


def test_a_mark_is_acknowledged_once_the_sound_before_it_was_played(call: HandDrivenLine) -> None:
    sent = time.monotonic()
    call.send({"type": "mark", "id": "before"})
    call.play(0.5)
    call.send({"type": "mark", "id": "after"})
    assert call.next("played")["mark"] == "before"
    assert call.next("played")["mark"] == "after"
    assert time.monotonic() - sent >= 0.5


def test_cleared_sound_is_not_played_and_its_mark_not_acknowledged(call: HandDrivenLine) -> None:
    call.play(30)
    call.send({"type": "mark", "id": "dropped"})
    call.send({"type": "clear"})
    call.play(0.1)
    call.send({"type": "mark", "id": "next"})
    assert call.next("played")["mark"] == "next"


def test_the_transcript_is_grey_until_it_is_final(page: Page, call: HandDrivenLine) -> None:
    heard = {"type": "transcript", "role": "caller", "id": "1"}
    lines = page.get_by_role("log", name="Live transcript").get_by_role("listitem")
    call.send({**heard, "text": "my name", "final": False})
    expect(lines).to_have_class(re.compile("pending"))
    call.send({**heard, "text": "My name is <Asha>", "final": True})
    expect(lines).to_have_text("You: My name is <Asha>")
    expect(lines).not_to_have_class(re.compile("pending"))
    call.send({"type": "transcript", "role": "bot", "id": "1", "text": "Thank you.", "final": True})
    expect(lines.nth(1)).to_have_text("Dialgraph: Thank you.")


def test_a_withdrawn_line_of_the_transcript_goes_away(page: Page, call: HandDrivenLine) -> None:
    heard = {"type": "transcript", "role": "bot", "id": "1"}
    lines = page.get_by_role("log", name="Live transcript").get_by_role("listitem")
    call.send({**heard, "text": "Never heard", "final": False})
    expect(lines).to_have_count(1)
    call.send({**heard, "text": "", "final": True})
    expect(lines).to_have_count(0)


def test_it_is_told_who_speaks(page: Page, call: HandDrivenLine) -> None:
    for who, told in (
        ("bot", "Dialgraph is speaking"),
        ("caller", "You are speaking"),
        ("nobody", "Listening"),
    ):
        call.send({"type": "speaking", "who": who})
        expect(status(page)).to_have_text(told)


def test_the_latency_of_the_last_turn_and_the_median_are_shown(
    page: Page, call: HandDrivenLine
) -> None:
    for turn, total in enumerate((400.0, 900.0, 610.0)):
        call.send({"type": "latency", "turn": turn, "total_ms": total, "graph_ms": 12.0})
    expect(page.get_by_label("Time to answer")).to_have_text("Answered in 0.61 s, median 0.61 s")


def test_each_turn_is_a_bar_cut_into_what_the_caller_waited_for(
    page: Page, call: HandDrivenLine
) -> None:
    first = {"type": "latency", "turn": 2, "total_ms": 500.0, "ear_ms": 500.0, "parts": []}
    pause = {"stage": "endpoint", "name": None, "start_ms": 0.0, "ms": 200.0}
    model = {"stage": "model", "name": "answer", "start_ms": 200.0, "ms": 300.0}
    line = {"stage": "carrier", "name": None, "start_ms": 500.0, "ms": 50.0}
    call.send({**first, "parts": [pause, model]})
    call.send(
        {
            **first,
            "turn": 3,
            "total_ms": 1000.0,
            "ear_ms": 1000.0,
            "parts": [{**pause, "ms": 1000.0}],
        }
    )
    bars = page.get_by_label("What the last answers waited for").get_by_role("img")
    expect(bars).to_have_count(2)
    expect(bars.first).to_have_attribute("aria-label", "Turn 2: pause 200 ms, model answer 300 ms")
    call.send({**first, "ear_ms": 550.0, "parts": [pause, model, line]})
    expect(bars).to_have_count(2)
    expect(bars.first).to_have_attribute("aria-label", re.compile("line 50 ms"))
    whole, cut = bars.nth(1).bounding_box(), bars.first.locator("i").nth(1).bounding_box()
    assert whole and cut
    assert cut["width"] == pytest.approx(0.3 * whole["width"], rel=0.05)
    assert cut["x"] - whole["x"] == pytest.approx(0.2 * whole["width"], rel=0.05)


def test_keys_are_sent_from_the_keypad_and_from_the_keyboard(
    page: Page, call: HandDrivenLine
) -> None:
    page.get_by_role("button", name="Keypad").click()
    page.get_by_role("button", name="Key 5").click()
    page.get_by_role("button", name="Key hash").click()
    page.keyboard.press("1")
    assert [call.next("keys")["digit"] for _ in range(3)] == ["5", "#", "1"]


def test_the_graph_lights_as_the_call_goes_through_it(page: Page, call: HandDrivenLine) -> None:
    expect(page.locator("#drawing .lit")).to_have_attribute("data-node", "greet")
    call.send({"type": "node", "name": "finish"})
    expect(page.locator("#drawing .lit")).to_have_attribute("data-node", "finish")


def test_escape_hangs_up(page: Page, call: HandDrivenLine) -> None:
    page.keyboard.press("Escape")
    call.next("hangup")
    call.send({"type": "ended", "reason": "hangup", "outcome": None})
    expect(status(page)).to_have_text("The call has ended")
    expect(page.get_by_role("button", name="Talk again")).to_be_focused()


def test_a_call_is_over_when_the_server_closes_it_in_order(
    page: Page, call: HandDrivenLine
) -> None:
    call.close(1000)
    expect(status(page)).to_have_text("The call has ended")
    expect(problem(page)).to_be_hidden()


@pytest.mark.parametrize(
    ("reason", "told"), [("moved", "in another window"), ("shutdown", "The server is restarting.")]
)
def test_why_a_call_ended_that_nobody_ended_here_is_told(
    page: Page, call: HandDrivenLine, reason: str, told: str
) -> None:
    call.send({"type": "ended", "reason": reason, "outcome": None})
    expect(problem(page)).to_contain_text(told)
    expect(page.get_by_role("button", name="Reconnect")).to_be_enabled()


def test_a_new_conversation_hangs_up_the_call_of_the_old_one(
    page: Page, call: HandDrivenLine
) -> None:
    page.get_by_role("button", name="New conversation").click()
    call.next("hangup")


def test_a_broken_line_is_told_and_reconnects_to_the_same_conversation(
    page: Page, site: Site, call: HandDrivenLine
) -> None:
    thread = page.get_by_label("This conversation").input_value()
    call.close(1011)
    expect(problem(page)).to_have_text("The line broke. Reconnect to go on where you were.")
    page.get_by_role("button", name="Reconnect").click()
    assert site.line.ready()["thread_id"] == thread
    expect(status(page)).to_have_text("Listening")
    expect(problem(page)).to_be_hidden()


def test_a_lost_network_is_told(page: Page, call: HandDrivenLine) -> None:
    page.evaluate("window.dispatchEvent(new Event('offline'))")
    expect(problem(page)).to_have_text("The network is gone: the line broke. Reconnect to go on.")
    call.next("disconnect")


def test_a_busy_server_is_told_in_its_own_words(page: Page, site: Site) -> None:
    visit(page, site.url)
    page.get_by_role("button", name="Start talking").click()
    site.line.next("start")
    site.line.send({"type": "error", "message": "All lines are busy."})
    expect(problem(page)).to_have_text("All lines are busy.")
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--use-fake-device-for-media-stream"], "The microphone is blocked for this page."),
        (["--use-fake-ui-for-media-stream"], "No microphone was found."),
    ],
    ids=["refused", "missing"],
)
def test_a_microphone_that_cannot_be_had_is_explained(
    launch: Callable[..., Browser], site: Site, arguments: list[str], told: str
) -> None:
    page = watched(launch(*arguments).new_page())
    visit(page, site.url)
    opened = site.line.opened
    page.get_by_role("button", name="Start talking").click()
    expect(problem(page)).to_contain_text(told)
    expect(page.get_by_role("button", name="Try again")).to_be_enabled()
    assert site.line.opened == opened, "no call may begin without a microphone"
    assert not page.console_errors  # type: ignore[attr-defined]


def test_while_the_browser_asks_for_the_microphone_the_page_waits_for_it(
    page: Page, site: Site
) -> None:
    page.add_init_script(
        "navigator.mediaDevices.getUserMedia = () => new Promise((allow, refuse) => {"
        "window.refuse = () => refuse(new DOMException('', 'NotAllowedError')); })"
    )
    visit(page, site.url)
    page.get_by_role("button", name="Start talking").click()
    expect(status(page)).to_have_text("Waiting for the microphone…")
    page.evaluate("refuse()")
    expect(problem(page)).to_contain_text("The microphone is blocked for this page.")


def test_a_page_that_is_not_secure_is_explained(launch: Callable[..., Browser], site: Site) -> None:
    page = watched(launch("--host-resolver-rules=MAP dialgraph.test 127.0.0.1").new_page())
    visit(page, site.url.replace("127.0.0.1", "dialgraph.test"))
    page.get_by_role("button", name="Start talking").click()
    expect(problem(page)).to_contain_text("Open this page over https, or at localhost.")
