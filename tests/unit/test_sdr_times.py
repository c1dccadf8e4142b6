"""Days and times as callers say them: told from what is spoken of, spans, corrections, zones."""

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from graphs.sdr.times import NOTHING, Wish, at_time, choose, rules_out, wish
from tests.sdr import Conversation, conversation

NOW = datetime(2026, 11, 21, 18, 40, tzinfo=ZoneInfo("America/New_York"))
"""A Saturday."""
THURSDAY_AT_TWO = at_time(datetime(2026, 11, 26, 14, 0, tzinfo=NOW.tzinfo))


@pytest.fixture
async def talk(tmp_path: Path) -> AsyncIterator[Conversation]:
    async with conversation(tmp_path) as talk:
        await talk.open()
        yield talk


def within(first: int, last: int | None) -> tuple[time, time]:
    """A span of the day in hours; None for its end."""
    return time(first), time.max if last is None else time(last)


@pytest.mark.parametrize(
    ("text", "first", "last"),
    [
        ("between two and four", 14, 16),
        ("between 11 and 2", 11, 14),
        ("9 to 11 on Tuesday", 9, 11),
        ("from two to four", 14, 16),
        ("entre deux et quatre heures", 14, 16),
        ("after four", 16, None),
        ("not before noon", 12, None),
        ("no earlier than two", 14, None),
        ("10 onwards", 10, None),
        ("nach 16 Uhr", 16, None),
        ("before 11", 0, 11),
        ("no later than three", 0, 15),
        ("Friday after lunch", 13, 15),
    ],
)
def test_a_span_of_the_day_is_no_single_time(text: str, first: int, last: int | None) -> None:
    """From two to four was taken for two o'clock, "not before noon" for noon."""
    wished = wish(text, NOW, THURSDAY_AT_TWO)
    assert wished.within == within(first, last) and not wished.minutes


@pytest.mark.parametrize(
    ("text", "day", "hour"),
    [
        ("11 am", 26, 11),
        ("eleven", 26, 11),
        ("make it four", 26, 16),
        ("the day after", 27, None),
        ("an hour later", 26, 15),
        ("half an hour earlier", 26, 13.5),
        ("same time on Friday", 27, 14),
        ("same day at four", 26, 16),
        ("Monday week", 30, None),
        ("in three days", 24, None),
    ],
)
def test_a_time_is_told_from_the_one_that_is_spoken_of(
    text: str, day: int, hour: float | None
) -> None:
    wished = wish(text, NOW, THURSDAY_AT_TWO, bare=True)
    assert wished.day == date(2026, 11, day)
    at = wished.moment(NOW)
    assert (at and at.hour + at.minute / 60) == hour


@pytest.mark.parametrize(
    ("text", "day", "hour"),
    [
        ("Monday, no, Tuesday at ten", 24, 10),
        ("Monday at ten, sorry, eleven", 23, 11),
        ("Monday at ten, I mean Wednesday", 25, 10),
        ("not Monday but Tuesday", 24, None),
        ("I can't do Monday, Tuesday at three works", 24, 15),
        ("Monday doesn't work, how about Tuesday at 3", 24, 15),
        ("Monday is bad, Tuesday is better", 24, None),
        ("not at ten, at eleven on Monday", 23, 11),
        ("on Thursday no Friday at 9", 27, 9),
        ("Tuesday at 10, I mean 11 on Wednesday", 25, 11),
        ("Monday, not Tuesday", 23, None),
        ("why not Monday at ten", 23, 10),
        ("Tuesday rather than Monday", 24, None),
        ("Tuesday at ten instead of Monday", 24, 10),
        ("I can't make it on Monday, Tuesday at ten", 24, 10),
    ],
)
def test_who_corrects_themselves_means_what_they_said_last(
    text: str, day: int, hour: int | None
) -> None:
    wished = wish(text, NOW)
    at = wished.moment(NOW)
    assert wished.day == date(2026, 11, day) and (at and at.hour) == hour


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("Monday at 10 am Pacific time", 18),
        ("Monday at 10 am pst", 18),
        ("Monday, 10 o'clock GMT", 10),
        ("lundi à 10 h, c'est possible", 15),
        ("Montag um zehn ist gut", 15),
        ("somvar ko teen baje", 20),
        ("सोमवार को साढ़े दस बजे", 15.5),
        ("Montag um 10 ist gut", 15),
        ("lundi à 10 est parfait", 15),
        ("Monday at 15 CET", 14),
    ],
)
def test_a_time_of_another_zone_or_language_is_told_in_ours(text: str, hour: float) -> None:
    """The French "c'est" and the German "ist" name no zone."""
    at = wish(text, NOW).moment(NOW)
    assert at == datetime(2026, 11, 23, int(hour), int(hour % 1 * 60), tzinfo=UTC)


@pytest.mark.parametrize(
    "text", ["What does it cost for ten people?", "5 to 7 people", "yes please", "the first one"]
)
def test_a_number_of_something_is_no_time(text: str) -> None:
    assert wish(text, NOW, THURSDAY_AT_TWO, bare=True) == NOTHING == Wish()


def start(talk: Conversation) -> str:
    """When what waits for an answer would begin, such as `Thu 14:00`."""
    args = (talk.values.get("pending") or {}).get("args", {})
    return f"{datetime.fromisoformat(args['start']):%a %H:%M}" if "start" in args else ""


async def test_a_bare_time_is_of_the_day_that_was_offered(talk: Conversation) -> None:
    await talk.say("I want a demo")
    await talk.say("no wait, Thursday afternoon is better")
    said = await talk.say("2 pm")
    assert "is free" in said and start(talk) == "Thu 14:00"


async def test_a_bare_time_is_of_the_day_to_which_an_appointment_is_moved(
    talk: Conversation,
) -> None:
    for said in ("Book me a demo on Tuesday at ten", "Sam Brown", "yes"):
        await talk.say(said)
    assert "Which one suits you" in await talk.say("move that to Wednesday?")
    assert "Shall I move it?" in await talk.say("11 am") and start(talk) == "Wed 11:00"


async def test_an_appointment_is_moved_by_an_hour_from_when_it_is(talk: Conversation) -> None:
    for said in ("Book me a demo on Tuesday at ten", "Sam Brown", "yes"):
        await talk.say(said)
    await talk.say("can we make it an hour later?")
    assert start(talk) == "Tue 11:00"


async def test_another_time_is_told_from_the_one_that_is_read_back(talk: Conversation) -> None:
    for said in ("Book me a demo on Wednesday at ten", "Sam Brown"):
        await talk.say(said)
    await talk.say("same time the day after")
    assert start(talk) == "Thu 10:00"


async def test_a_time_without_a_day_is_offered_on_the_days_that_have_it(
    talk: Conversation,
) -> None:
    await talk.say("I want a demo")
    await talk.say("around 4 pm")
    hours = {one["start"][11:16] for one in talk.values["offered"]}
    assert hours == {"16:00"} and len(talk.values["offered"]) == 3


async def test_free_times_are_of_the_span_that_is_wished(talk: Conversation) -> None:
    await talk.say("I want a demo on Thursday between two and four")
    starts = [datetime.fromisoformat(one["start"]) for one in talk.values["offered"]]
    assert starts and {f"{at:%a %H}" for at in starts} <= {"Thu 14", "Thu 15"}


async def test_a_time_said_before_the_day_is_kept_for_it(talk: Conversation) -> None:
    await talk.say("book a demo for 3 pm")
    await talk.say("Thursday")
    assert start(talk) == "Thu 15:00"


async def test_the_same_time_is_that_of_the_day_before_another_was_asked_for(
    talk: Conversation,
) -> None:
    for said in ("a demo on Thursday at 3 pm", "Anna", "no, Wednesday is better", "same time"):
        await talk.say(said)
    assert start(talk) == "Wed 15:00"


async def test_a_day_of_which_the_nearest_times_were_offered_is_looked_at_whole(
    talk: Conversation,
) -> None:
    """Who asked for Monday was asked again which of its first three times they meant."""
    await talk.say("a demo on Sunday at 3 pm")
    days = {datetime.fromisoformat(one["start"]).weekday() for one in talk.values["offered"]}
    assert len(days) == 1
    await talk.say(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"][days.pop()])
    hours = {one["start"][11:13] for one in talk.values["offered"]}
    assert len(hours) == 3


def test_this_afternoon_is_today() -> None:
    assert wish("I need a demo this afternoon", NOW).day == NOW.date()


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("the 31st at ten", "2026-12-31"),
        ("the first of December at ten", "2026-12-01"),
        ("am ersten Dezember um zehn", "2026-12-01"),
        ("12/25", "2026-12-25"),
        ("11/24/2026 at 2pm", "2026-11-24"),
        ("am 24.11. um 14 Uhr", "2026-11-24"),
        ("two weeks from Monday at ten", "2026-12-07"),
        ("after Wednesday", "2026-11-26"),
        ("in 4000000 days", None),
        ("9" * 5000, None),
        ("at " + "9" * 5000, None),
    ],
)
def test_a_day_is_told_or_none_is(text: str, day: str | None) -> None:
    found = wish(text, NOW).day
    assert (found and found.isoformat()) == day


@pytest.mark.parametrize(
    ("text", "minutes"),
    [
        ("12 am Monday", [0]),
        ("lundi à dix heures moins dix", [590, 1310]),
        ("at five in the morning", [300]),
        ("Monday at 9 am or 3 pm", [540, 900]),
        ("good morning, Monday at three", [180, 900]),
        ("um 3 am Montag", [180, 900]),
        ("Tuesday at four pm or so", [960]),
    ],
)
def test_a_time_is_of_the_half_of_the_day_that_is_named(text: str, minutes: list[int]) -> None:
    assert sorted(wish(text, NOW).minutes) == minutes


@pytest.mark.parametrize(
    "text",
    [
        "24 Uhr",
        "10 pm in the morning",
        "3/12",
        "ten to three",
        "31 February",
        "Monday the 24th",
        "today is Friday, so Monday",
    ],
)
def test_what_can_mean_two_things_is_none_of_them(text: str) -> None:
    wished = wish(text, NOW)
    assert wished.unclear and wished.day is None and not wished.minutes
    assert wished.moment(NOW) is None and wished.earliest(NOW, time(9)) is None


@pytest.mark.parametrize(
    "text",
    ["Monday doesn't work", "any day but Monday", "the first one doesn't work", "no Mondays"],
)
def test_what_is_ruled_out_is_not_taken(text: str) -> None:
    assert rules_out(text, NOW) and not wish(text, NOW)
    assert choose(text, [{"start": "2026-11-23T09:00:00-05:00", "spoken": ""}], NOW) == []


@pytest.mark.parametrize("hour", range(24))
def test_a_time_in_any_form_is_that_time_or_asked(hour: int) -> None:
    """Never another one: each would be booked with a yes."""
    for minute in range(0, 60, 5):
        wrong = {
            text: wished.minutes
            for text in forms(hour, minute)
            if (wished := wish(f"Monday {text}", NOW))
            and not wished.unclear
            and (hour * 60 + minute not in wished.minutes or len(wished.minutes) > most(text))
        }
        assert wrong == {}


def most(text: str) -> int:
    """How many times of the day a form may mean: one where its half of the day is named."""
    return 1 if text.endswith(("am", "pm", "morning", "night", "evening")) else 2


def forms(hour: int, minute: int) -> list[str]:
    """How a time is said."""
    twelve, nearest = hour % 12 or 12, (hour % 12 + 1) % 12 or 12
    halves = ["am" if hour < 12 else "pm", ""]
    if 1 <= hour < 12:
        halves.append("in the morning")
    if hour >= 18:
        halves += ["at night", "in the evening"]
    said = [f"at {hour}:{minute:02}", f"um {hour} Uhr {minute or ''}", f"à {hour}h{minute:02}"]
    said += [f"at {hour:02}{minute:02}"] if hour > 9 else []
    for half in halves:
        said.append(f"at {twelve}:{minute:02} {half}")
        if minute == 0:
            said += [f"at {twelve} {half}", f"at {HOURS[twelve]} {half}", f"um {twelve} {half}"]
        if minute == 30:
            said.append(f"at half past {HOURS[twelve]} {half}")
            said += [] if half else [f"um halb {nearest}", f"las {twelve} y media"]
        if minute == 45 and twelve != 11:
            said.append(f"at quarter to {HOURS[nearest]} {half}")
            said += [] if half else [f"Viertel vor {nearest}", f"las {nearest} menos cuarto"]
        if minute == 15:
            said.append(f"quarter past {HOURS[twelve]} {half}")
            said += [] if half else [f"Viertel nach {twelve}", f"à {twelve} heures et quart"]
        if 0 < minute < 30:
            said.append(f"{minute} past {HOURS[twelve]} {half}")
        if minute > 30 and twelve != 11:
            said.append(f"at {60 - minute} to {HOURS[nearest]} {half}")
    return [one.strip() for one in said]


HOURS = "_ one two three four five six seven eight nine ten eleven twelve".split()  # noqa: SIM905


@pytest.mark.parametrize("ahead", range(1, 61))
def test_a_day_in_any_form_is_that_day_or_asked(ahead: int) -> None:
    day = NOW.date() + timedelta(days=ahead)
    nth = f"{day.day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day.day % 10 * (day.day // 10 != 1), 'th') }"
    said = [
        *(day.isoformat(), f"{day:%B} {day.day}", f"{day:%B} the {nth}", f"the {nth} of {day:%B}"),
        *(f"{day:%d.%m.%Y}", f"am {day.day}.{day.month}. um zehn", f"{day:%m/%d/%Y}"),
        *(f"{day:%d/%m/%Y}", f"{day.month}/{day.day}", f"{day.day}/{day.month}"),
        *(f"{day:%A} {nth} {day:%B}", f"in {ahead} days", f"{ahead} days from now"),
    ]
    said += [f"the {nth} at ten", f"on the {nth}"] if ahead <= 28 else []
    said += [f"{day:%A}", f"{day:%A} at ten"] if ahead <= 7 else []
    wrong = {
        text: wished
        for text in said
        if not (wished := wish(text, NOW)).unclear and wished.day != day
    }
    assert wrong == {}


PIECES = [
    "0",
    "1",
    "2",
    "12",
    "24",
    "31",
    "45",
    "99",
    "2026",
    "20",
    "12026-13-45",
    "2026-13-451",
    "2026-02-31",
    "-",
    "/",
    ".",
    ":",
    ",",
    "am",
    "pm",
    "at",
    "um",
    "à",
    "las",
    "half",
    "quarter",
    "to",
    "past",
    "of",
    "halb",
    "viertel",
    "monday",
    "dienstag",
    "lunes",
    "the",
    "st",
    "th",
    "in",
    "days",
    "weeks",
    "months",
    "ago",
    "from",
    "after",
    "before",
    "not",
    "no",
    "or",
    "and",
    "until",
    "next",
    "noon",
    "midnight",
    "baje",
    "saadhe",
    "11/24/2026",
    "3/12",
    "99999999",
    "²",
    "½",
    "२६",
    "20२६-११-२४",
    "february",
    "uhr",
    "h",
    "et",
    "demie",
    "y",
    "media",
    "moins",
    "menos",
    "cuarto",
    "1e9",
    "-5",
    "3.5",
    "1,000",
    "tomorrow",
]


@given(st.lists(st.sampled_from(PIECES), max_size=7), st.sampled_from(["", " "]), st.booleans())
@example(["12026-13-45"], "", False)
@example(["2026-13-451", "weeks"], " ", False)
@example(["3-45", "months"], "", False)
def test_no_pieces_of_times_make_it_raise(pieces: list[str], between: str, bare: bool) -> None:
    """A customer's number that looked like a date ended the turn, as did "2-3weeks"."""
    wish(between.join(pieces), NOW, bare=bare)


@pytest.mark.parametrize("part", ["um ", " ", "1 ", "at 3 or ", "not Monday "])
def test_a_long_text_ends(part: str) -> None:
    """Time grew with the square of it: this would take hours."""
    wish(part * 300_000 + "x", NOW, bare=True)


async def test_who_names_a_day_that_can_be_two_is_asked(talk: Conversation) -> None:
    for said in ("I want a demo", "3/12 at ten"):
        asked = await talk.say(said)
    assert "On which day" in asked and start(talk) == ""
    await talk.say("Tuesday at ten")
    assert start(talk) == "Tue 10:00"


async def test_an_offered_time_that_is_ruled_out_is_not_taken(talk: Conversation) -> None:
    await talk.say("I want a demo")
    assert "On which day" in await talk.say("the first one doesn't work")
    assert start(talk) == ""
