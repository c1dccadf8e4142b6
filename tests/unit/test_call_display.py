"""What `dialgraph call` prints of a call while it lasts."""

import io
from typing import Any

import httpx
from rich.console import Console

from server.cli.call_display import Display
from voice.phonelab.clock import RealClock
from voice.phonelab.ear import Turn
from voice.phonelab.line import Line

ANNOUNCEMENT = "This call is recorded."


class Call:
    """A call of the lab, of which the display knows the line only."""

    def __init__(self) -> None:
        self.line = Line(RealClock())
        self.sid = "CA1"
        self.watchers: list[Any] = []


def bot(text: str, *, whole: bool) -> dict[str, Any]:
    return {"role": "bot", "text": text, "interrupted": not whole}


async def printed(*records: list[dict[str, Any]]) -> str:
    """What is shown of a record that grows, and then of the end."""
    screen = io.StringIO()
    async with httpx.AsyncClient() as api:
        display = Display(Call(), api, Console(file=screen, width=200))  # type: ignore[arg-type]
        for transcript in records:
            display._record = {"transcript": transcript}
            display._show_record()
        display._show_record(over=True)
    return screen.getvalue()


async def test_an_announcement_that_is_being_said_before_the_greeting_is_shown_once() -> None:
    """Each of its words was a line: "interrupted, heard: This", "heard: This call", ..."""
    words = ANNOUNCEMENT.split()
    growing = [
        [bot(" ".join(words[:count]), whole=False), bot("", whole=False)] for count in range(4)
    ]
    said = [bot(ANNOUNCEMENT, whole=True)]
    shown = await printed(
        *growing,
        [*said, bot("Hello", whole=False)],
        [*said, bot("Hello there.", whole=True)],
    )
    assert "interrupted" not in shown
    assert [line.split("bot  ")[1] for line in shown.splitlines()] == [ANNOUNCEMENT, "Hello there."]


async def test_what_the_caller_has_cut_short_is_shown_as_that() -> None:
    cut = [bot("Hello", whole=False), {"role": "caller", "text": "Stop.", "source": "speech"}]
    shown = await printed([bot("Hel", whole=False)], cut)
    assert "interrupted there" in shown and "Hello" in shown


async def test_an_answer_of_two_parts_is_not_called_interrupted_as_its_first_mark_is_late() -> None:
    shown = await printed(
        [bot("One stock.", whole=False), bot("This is paper", whole=False)],
        [bot("One stock.", whole=True), bot("This is paper trading.", whole=True)],
    )
    assert "interrupted" not in shown and "This is paper trading." in shown


async def test_what_a_barge_in_held_and_went_on_is_shown_once_and_whole() -> None:
    """It was printed as interrupted, and the rest of it never."""
    stop = {"role": "caller", "text": "Stop.", "source": "speech"}
    held = [bot("Your number", whole=False), bot("", whole=False), stop]
    shown = await printed(
        held, [bot("Your number is four.", whole=True), stop, bot("Goodbye.", whole=True)]
    )
    assert "interrupted" not in shown
    lines = [line.split("bot  ")[1] for line in shown.splitlines() if "bot  " in line]
    assert lines == ["Your number is four.", "Goodbye."]


async def test_a_message_of_which_nothing_was_heard_is_not_shown() -> None:
    stop = {"role": "caller", "text": "Stop.", "source": "speech"}
    shown = await printed([bot("", whole=False), stop, bot("Yes?", whole=True)])
    assert [line.split("bot  ")[1] for line in shown.splitlines() if "bot  " in line] == ["Yes?"]
    assert "interrupted" not in shown


async def test_what_the_caller_says_stands_after_what_was_heard_before_it() -> None:
    screen = io.StringIO()
    async with httpx.AsyncClient() as api:
        display = Display(Call(), api, Console(file=screen, width=200))  # type: ignore[arg-type]
        display._record = {"transcript": [bot("Hel", whole=False)]}
        display._waiting.append((1, 2.0, "Stop."))
        display._show_record()
        assert screen.getvalue() == ""
        display._record = {"transcript": [bot("Hello", whole=False), bot("Yes?", whole=True)]}
        display._show_record()
    told = [line.split("  ", 2)[-1].strip() for line in screen.getvalue().splitlines()]
    assert [line.split("  ")[-1] for line in told] == [
        "Hello",
        "interrupted there",
        "Stop.",
        "Yes?",
    ]


async def test_an_answer_whose_words_come_late_has_its_own_time_and_latency() -> None:
    """It stood with the time and the latency of the answer after it."""
    screen, call = io.StringIO(), Call()
    call.line.ear.turns += [Turn("One?", 0, 4000, 8000), Turn("Two?", 16000, 20000, 26400)]
    caller = {"role": "caller", "text": "One?", "source": "speech"}
    async with httpx.AsyncClient() as api:
        display = Display(call, api, Console(file=screen, width=200))  # type: ignore[arg-type]
        display._waiting += [(0, 0.0, "One?"), (2, 2.0, "Two?")]
        later = [caller | {"text": "Two?"}, bot("And two.", whole=True)]
        display._record = {"transcript": [caller, bot("One.", whole=True), *later]}
        display._show_record(over=True)
    assert [line.split() for line in screen.getvalue().splitlines()] == [
        ["0.0", "caller", "One?"],
        ["1.0", "bot", "One.", "[500", "ms]"],
        ["2.0", "caller", "Two?"],
        ["3.3", "bot", "And", "two.", "[800", "ms]"],
    ]


async def test_a_message_behind_another_stands_at_the_time_at_which_it_was_heard() -> None:
    """The greeting after an announcement stood at the moment at which the caller answered it."""
    screen, call = io.StringIO(), Call()
    call.line.ear.spans.append((800, 40000))
    said = [
        bot(ANNOUNCEMENT, whole=True) | {"at": "2026-11-24T15:00:00.400000Z"},
        bot("Hello there.", whole=True) | {"at": "2026-11-24T15:00:02.400000Z"},
    ]
    async with httpx.AsyncClient() as api:
        display = Display(call, api, Console(file=screen, width=200))  # type: ignore[arg-type]
        display._record = {"transcript": said}
        display._show_record(over=True)
    assert [line.split()[0] for line in screen.getvalue().splitlines()] == ["0.1", "2.1"]
