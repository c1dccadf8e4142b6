"""`dialgraph call` against a small application, with the embedded voice."""

import asyncio
import re
import wave
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from server.cli import app as command_line
from settings import get_settings
from tests.phone.phonelab_application import Application, Bot, running
from voice.phonelab import EmbeddedVoice


@pytest.fixture
async def application(monkeypatch, tmp_path):
    monkeypatch.setenv("DIALGRAPH_DATA_DIR", str(tmp_path))
    monkeypatch.delenv("TWILIO_AUTH_TOKEN", raising=False)
    get_settings.cache_clear()
    async with running(Application()) as app:
        app.twiml["/voice/incoming"] = app.stream
        yield app
    get_settings.cache_clear()


async def call(application: Application, *arguments: str) -> Result:
    """Run the command in a thread, as it has an event loop of its own."""
    full = ["call", "--server", application.url, "--timeout", "40", *arguments]
    return await asyncio.to_thread(CliRunner().invoke, command_line, full)


def asking(*questions: str, heard: tuple[str, ...] = (), app: Application | None = None):
    """A bot that asks each question when the one before was answered, then leaves.

    With `app` the conversation is found in its record, as `heard` by the server.
    """

    async def ask(bot: Bot) -> None:
        for number, question in enumerate(questions):
            if app and app.record:
                app.record["transcript"].append({"role": "bot", "text": question})
            await bot.play(await EmbeddedVoice().speak(question), chunk=1600)
            await bot.mark(question)
            await bot.event("mark")
            await _answered(bot)
            if app and app.record:
                said = {"role": "caller", "text": heard[number], "source": "speech"}
                app.record["transcript"].append(said)

    return ask


async def _answered(bot: Bot) -> None:
    """Wait for a key, or for speech and the silence after it."""
    spoke, quiet = False, 0
    while not (spoke and quiet >= 10):
        event = await bot.event("media", "dtmf")
        if event["event"] == "dtmf":
            return
        silent = set(event["media"]["payload"].rstrip("=")) <= set("/w8")
        spoke, quiet = spoke or not silent, quiet + 1 if silent else 0


async def test_a_call_shows_both_sides_the_latency_and_the_outcome(application):
    application.record = {"status": "completed", "outcome": "eligible", "transcript": []}
    application.behaviour = asking(
        "Are you salaried?", "Where do you live?", heard=("yes", "Mumbay"), app=application
    )
    result = await call(application, "--graph", "eligibility", "--say", "Yes.", "--say", "Mumbai")
    assert result.exit_code == 0, result.output
    assert "bot  Are you salaried?" in result.output
    assert "caller  Mumbai" in result.output
    assert "the server heard: Mumbay" in result.output
    assert re.search(r"Where do you live\?  \[\d+ ms\]", result.output)
    assert "Outcome: eligible" in result.output
    assert application.requests[1][0] == "/voice/incoming?graph=eligibility"
    (recording,) = (get_settings().data_dir / "lab").glob("CA*.wav")
    with wave.open(str(recording)) as wav:
        assert wav.getnchannels() == 2


async def test_an_answer_that_the_record_follows_word_by_word_is_shown_once_and_whole(application):
    application.record = {"status": "completed", "outcome": None, "transcript": []}

    async def ask(bot: Bot) -> None:
        said = {"role": "bot", "text": "Are", "interrupted": True}
        application.record["transcript"].append(said)
        await bot.play(await EmbeddedVoice().speak("Are you salaried?"), chunk=1600)
        await bot.mark("said")
        await bot.event("mark")
        said |= {"text": "Are you salaried?", "interrupted": False}
        await _answered(bot)

    application.behaviour = ask
    result = await call(application, "--graph", "eligibility", "--say", "Yes.")
    assert result.output.count("  bot  ") == 1, result.output
    assert "bot  Are you salaried?" in result.output
    assert "interrupted" not in result.output


async def test_without_a_record_the_bots_words_are_transcribed_from_what_was_heard(application):
    application.behaviour = asking("Which city do you live in?")
    result = await call(application, "--say", "Mumbai")
    assert result.exit_code == 0, result.output
    assert "which city do you live in" in result.output.lower()


async def test_words_and_keys_come_in_the_order_of_the_command_line(application, tmp_path):
    application.behaviour = asking("One?", "Two?", "Three?")
    file = tmp_path / "here.wav"
    arguments = ["--press", "1", "--say=Yes please.", "--press", "2", "--recording", str(file)]
    result = await call(application, *arguments)
    assert result.exit_code == 0, result.output
    lines = [line for line in result.output.splitlines() if " caller " in line]
    assert [line.split("caller")[1].strip() for line in lines] == [
        "[keys 1]",
        "Yes please.",
        "[keys 2]",
    ]
    assert await asyncio.to_thread(Path.is_file, file)


async def test_a_script_that_was_not_finished_fails_the_call(application):
    application.behaviour = asking("Goodbye?")
    result = await call(application, "--say", "Wait.", "--say", "I had a question.")
    assert result.exit_code == 1
    assert "The script was not finished" in result.output
    assert "I had a question." in result.output


async def test_a_bot_that_never_speaks_fails_the_call(application):
    async def leave(bot: Bot) -> None:
        await bot.event("media")

    application.behaviour = leave
    result = await call(application)
    assert result.exit_code == 1
    assert "The bot never spoke." in result.output


async def test_a_server_that_refuses_fails_the_call_and_points_at_the_token(application):
    application.status_code = 403
    result = await call(application)
    assert result.exit_code == 1
    assert "answered 403" in result.output and "TWILIO_AUTH_TOKEN" in result.output


async def test_a_call_that_is_only_answered_by_words_fails(application):
    application.twiml["/voice/incoming"] = "<Response><Say>All lines are busy.</Say></Response>"
    result = await call(application)
    assert result.exit_code == 1
    assert "The server opened no media stream; its answer was: Say." in result.output


async def test_a_server_that_does_not_run_is_said_so_with_what_to_do(application):
    result = await call(Application(url="http://127.0.0.1:9"))
    assert result.exit_code == 1
    assert "Nothing answers at http://127.0.0.1:9" in result.output
    assert "make run" in result.output


async def test_keys_that_no_keypad_has_are_refused_before_ringing(application):
    result = await call(application, "--press", "1x")
    assert result.exit_code == 2
    assert "'1x' cannot be pressed" in result.output
    assert application.requests == []


@pytest.mark.parametrize(
    "option",
    [
        ("--timeout", "0"),
        ("--recording", "/"),
        ("--server", "nonsense"),
        ("--server", "localhost:7860"),
        ("--server", "http://[::1"),
    ],
)
async def test_a_value_that_cannot_be_meant_is_refused_before_ringing(application, option):
    result = await call(application, "--press", "1", *option)
    assert result.exit_code == 2
    assert f"Invalid value for '{option[0]}'" in result.output
    assert application.requests == []


async def test_a_recording_that_cannot_be_written_is_told_beside_the_outcome(application, tmp_path):
    (tmp_path / "file").write_text("")
    application.behaviour = asking("Are you salaried?")
    place = tmp_path / "file" / "call.wav"
    result = await call(application, "--press", "1", "--recording", str(place))
    assert f"The recording cannot be written to {place}: " in result.output
    assert result.exit_code == 0, result.output
