"""Whole calls in Chromium: a recorded caller, the real pipeline, the real interview."""

import base64
import io
import re
import wave
from collections.abc import Callable, Iterator
from pathlib import Path

import hibari
import numpy as np
import pytest
from playwright.sync_api import Browser, Page, expect

from server.app import create_app
from settings import Settings
from tests.browser.pages import watched
from tests.browser.serving import serve

LONG_MS = 40_000.0
"""Longest wait for something that is spoken, in milliseconds."""

RECORDINGS = """
(() => {
  let context, out;
  navigator.mediaDevices.getUserMedia = async () => {
    context = new AudioContext();
    out = context.createMediaStreamDestination();
    await context.resume();
    return out.stream;
  };
  window.play = async (wav) => {
    const bytes = Uint8Array.from(atob(wav), (character) => character.charCodeAt(0));
    const source = context.createBufferSource();
    source.buffer = await context.decodeAudioData(bytes.buffer);
    source.connect(out);
    await new Promise((played) => { source.onended = played; source.start(); });
  };
})();
"""
"""Gives the page a microphone into which recordings are played when the test says so."""


@pytest.fixture(scope="module")
def voice() -> hibari.Hibari:
    return hibari.Hibari()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The whole application with the embedded speech models."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("data")))
    with serve(app) as url:
        yield url


def recording(voice: hibari.Hibari, text: str, silence_before: float = 0.0) -> bytes:
    """Speak a text into a WAV, PCM16 mono at 24 kHz."""
    sound = np.asarray(voice(text), dtype=np.float32)
    sound = np.concatenate([np.zeros(int(24000 * silence_before), np.float32), sound])
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(24000)
        wav.writeframes((np.clip(sound, -1, 1) * 32767).astype("<i2").tobytes())
    return file.getvalue()


def say(page: Page, voice: hibari.Hibari, text: str) -> None:
    """Speak into the page's microphone once the bot has finished."""
    expect(page.locator("[data-speaking=nobody]")).to_be_visible(timeout=LONG_MS)
    page.evaluate("wav => play(wav)", base64.b64encode(recording(voice, text)).decode())


def heard(page: Page, text: str) -> None:
    """Wait until the bot has begun to say something like this."""
    line = page.locator(".call-lines .bot").last
    expect(line).to_have_text(re.compile(text), timeout=LONG_MS)


def start_call(page: Page, url: str) -> None:
    page.goto(url)
    expect(page.locator("#chat .bot.message")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("tab", name="Voice").click()
    page.get_by_role("button", name="Start talking").click()
    in_call = page.locator("[data-phase=talking][data-speaking=bot]")
    expect(in_call).to_be_visible(timeout=LONG_MS)


@pytest.mark.timeout(240)
def test_an_interview_is_spoken_to_its_outcome_and_stands_in_the_chat(
    page: Page, server: str, voice: hibari.Hibari
) -> None:
    page.add_init_script(RECORDINGS)
    start_call(page, server)
    heard(page, "salaried")
    say(page, voice, "Yes, I am salaried.")
    heard(page, "monthly salary")
    expect(page.locator("#drawing .lit")).to_have_attribute("data-node", "salary")
    expect(page.get_by_label("Time to answer")).to_contain_text("median", timeout=LONG_MS)
    say(page, voice, "My salary is forty thousand rupees a month.")
    heard(page, "[Cc]ity")
    say(page, voice, "I live in Mumbai.")
    heard(page, "preliminarily eligible")
    expect(page.locator("#state [data-outcome=eligible]")).to_be_visible(timeout=LONG_MS)
    expect(page.locator("dialgraph-voice").get_by_role("status")).to_have_text(
        "The call has ended", timeout=LONG_MS
    )
    certificate = page.frame_locator("iframe[title='Decision certificate']")
    expect(certificate.locator("body")).to_contain_text("Mumbai", timeout=LONG_MS)
    page.get_by_role("tab", name="Chat").click()
    expect(page.locator("#chat .user.message")).to_have_count(3)
    expect(page.locator("#chat .user.message").last).to_contain_text("Mumbai")
    expect(page.locator("#chat .bot.message").last).to_contain_text("preliminarily eligible")


@pytest.mark.timeout(180)
def test_chat_goes_on_where_a_call_was_hung_up(
    page: Page, server: str, voice: hibari.Hibari
) -> None:
    page.add_init_script(RECORDINGS)
    start_call(page, server)
    say(page, voice, "Yes, I am salaried.")
    heard(page, "monthly salary")
    page.get_by_role("button", name="Hang up").click()
    expect(page.get_by_role("button", name="Talk again")).to_be_visible(timeout=LONG_MS)
    page.get_by_role("tab", name="Chat").click()
    page.get_by_label("Your message").fill("twelve thousand a month")
    page.keyboard.press("Enter")
    expect(page.locator("#state")).to_contain_text("12,000", timeout=LONG_MS)


@pytest.mark.timeout(180)
def test_the_browsers_own_microphone_is_heard(
    launch: Callable[..., Browser], server: str, voice: hibari.Hibari, tmp_path: Path
) -> None:
    file = tmp_path / "caller.wav"
    file.write_bytes(recording(voice, "Yes, I am salaried.", silence_before=6.0))
    browser = launch(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={file}%noloop",
    )
    page = watched(browser.new_page())
    start_call(page, server)
    expect(page.locator(".call-lines .caller").last).to_contain_text("salaried", timeout=LONG_MS)
    heard(page, "monthly salary")
    assert not page.console_errors  # type: ignore[attr-defined]


@pytest.mark.timeout(180)
def test_a_key_answers_as_a_word_does(page: Page, server: str, voice: hibari.Hibari) -> None:
    page.add_init_script(RECORDINGS)
    start_call(page, server)
    page.keyboard.press("1")
    heard(page, "monthly salary")
