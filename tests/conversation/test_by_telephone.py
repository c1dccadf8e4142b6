"""Whole interviews by telephone: a caller's voice in, the bot's voice out, through the phone lab.

The calls are held once, most of them at the same time, against one running application; each test
looks at one of them. What the bot said is transcribed from what the caller heard.
"""

import asyncio
import os
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphs.eligibility.rules import load_rules
from settings import Settings
from tests.conversation.telephone import (
    TOKEN,
    EspeakVoice,
    Process,
    Rung,
    Script,
    Talk,
    Telephone,
    assert_only_speech_was_spoken,
    assert_promises,
    assert_the_certificate_is_reproduced,
)
from tests.phone.conftest import running
from voice.phonelab import (
    Faults,
    HangUp,
    Interrupt,
    Listen,
    PhoneLab,
    Press,
    mulaw,
)
from voice.phonelab.webhooks import Webhooks

pytestmark = pytest.mark.timeout(400)

SALARIED = "Yes, I am salaried."
ENOUGH = "Forty thousand rupees a month."
SERVED = "I live in Mumbai."

AT_ONCE: dict[str, Script] = {
    "eligible": [SALARIED, ENOUGH, SERVED],
    "not salaried": ["No, I am self-employed."],
    "salary too low": [SALARIED, "Fifteen thousand rupees a month."],
    "city not served": [SALARIED, ENOUGH, "I live in Pune."],
    "a person": [SALARIED, "I want to talk to a person."],
}
"""Five callers at the same time, each with an outcome of their own."""

MORE: dict[str, Script] = {
    "correction": [SALARIED, ENOUGH, "Sorry, my salary is fifteen thousand rupees."],
    "barge-in": [Interrupt(SALARIED, 2.5), ENOUGH, SERVED],
    "keys": [Press("1"), Press("40000#"), Press("9"), Press("2")],
    "silence": [Listen(), Listen(), Listen()],
    "hang-up": [SALARIED, HangUp(after_secs=1.5)],
    "do not call": ["Please do not call me again."],
}
ANOTHER_VOICE = pytest.param(
    "another voice",
    marks=pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed"),
)
STOPPED_WITHIN_SECS = 1.5
"""From the caller's first sound to the bot's last, on a machine that is busy with other calls."""


@dataclass
class Held:
    """What came of all the calls."""

    talks: dict[str, Talk] = field(default_factory=dict)
    by_chat: dict[str, dict[str, Any]] = field(default_factory=dict)
    """The last answer where a call went on by chat."""
    webhook_answers: list[int] = field(default_factory=list)
    """Status of the answers to the second and to the third webhook of one call."""
    left_behind: list[str] = field(default_factory=list)
    open_tickets: int = 0


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Held]:
    """Hold every call."""
    with pytest.MonkeyPatch.context() as environment:
        for name in list(os.environ):
            if name.startswith(("DIALGRAPH_", "TWILIO_", "EXOTEL_", "OPENAI_", "DEEPGRAM_")):
                environment.delenv(name)
        yield asyncio.run(_hold_all(tmp_path_factory.mktemp("telephone")))


async def _hold_all(folder: Path) -> Held:
    held, killed = Held(), folder / "killed"
    killed.mkdir()
    settings = Settings(
        data_dir=folder / "data", twilio_auth_token=TOKEN, silence_secs=4.0, _env_file=None
    )
    async with Process(killed, TOKEN) as process, running(settings) as server:
        before = _alive()
        async with PhoneLab(auth_token=TOKEN) as lab:
            telephone = Telephone(lab, server.base, folder)
            cut_off, _ = await asyncio.gather(
                _kill(Telephone(lab, process.base, folder), process),
                _hold(telephone, held, AT_ONCE),
            )
            await asyncio.gather(
                _hold(telephone, held, MORE),
                _another_voice(telephone, held),
                _two_webhooks(telephone, held),
                _dropped(telephone, held),
            )
            hung_up = held.talks["hang-up"].thread_id
            held.by_chat["hang-up"] = await telephone.chat(hung_up, "forty thousand", "Mumbai")
            async with Process(killed, TOKEN) as again:
                restarted = Telephone(lab, again.base, folder)
                talk = held.talks["killed"] = await restarted.gather("killed", cut_off)
                held.by_chat["killed"] = await restarted.chat(
                    talk.thread_id, "forty thousand", "Mumbai"
                )
        held.left_behind = await _left_behind(before)
        held.open_tickets = await server.services.switchboard._tickets.awaited()
    return held


async def _hold(telephone: Telephone, held: Held, scripts: dict[str, Script]) -> None:
    talks = await asyncio.gather(
        *(telephone.hold(name, script) for name, script in scripts.items())
    )
    held.talks |= dict(zip(scripts, talks, strict=True))


async def _another_voice(telephone: Telephone, held: Held) -> None:
    if not shutil.which("espeak-ng"):
        return
    held.talks["another voice"] = await telephone.hold(
        "another voice", ["I am salaried.", ENOUGH, SERVED], voice=EspeakVoice()
    )


async def _two_webhooks(telephone: Telephone, held: Held) -> None:
    """Ring, and send the webhook of the call twice more while the bot speaks."""
    rung = telephone.ring([Listen(), HangUp()])
    while not rung.call.line.ear.spans:
        await asyncio.sleep(0.05)
    url = f"{telephone.base}/voice/incoming?graph=eligibility"
    async with httpx.AsyncClient(trust_env=False) as client:
        signed = Webhooks(client, TOKEN, {}).destination(url, rung.call.fields())
        for _ in range(2):
            answer = await client.post(url, data=rung.call.fields(), headers=signed.headers)
            held.webhook_answers.append(answer.status_code)
    await rung.call.wait(60)
    held.talks["two webhooks"] = await telephone.gather("two webhooks", rung)


async def _dropped(telephone: Telephone, held: Held) -> None:
    """Break the first stream while the bot asks for the salary."""
    held.talks["dropped"] = await telephone.hold(
        "dropped",
        [Interrupt(SALARIED, 1.0), ENOUGH, SERVED],
        faults=Faults(dropped_after_secs=7.0, streams=1),
        settle_secs=2.0,
    )


async def _kill(telephone: Telephone, process: Process) -> Rung:
    """Kill the server while it asks for the salary."""
    rung = telephone.ring([SALARIED])
    await rung.answered()
    await process.kill()
    await rung.call.wait(60)
    return rung


def _alive() -> tuple[set["asyncio.Task[object]"], Counter[str]]:
    """Tasks, sockets and files; those of the database, which are pooled, left out.

    By their names: the log of turns is opened anew when another server sets its logging up.
    """
    open_now: Counter[str] = Counter()
    for descriptor in Path("/proc/self/fd").iterdir():
        try:
            target = os.readlink(descriptor)
        except FileNotFoundError:  # the descriptor of this listing
            continue
        if "sqlite" not in target:
            open_now[target] += 1
    return asyncio.all_tasks(), open_now


async def _left_behind(before: tuple[set["asyncio.Task[object]"], Counter[str]]) -> list[str]:
    """What the calls left, once idle connections have had their time to close."""
    for _ in range(100):
        tasks, files = _alive()
        left = [repr(task) for task in tasks - before[0]] + sorted(files - before[1])
        if not left:
            break
        await asyncio.sleep(0.1)
    return left


ENDED_ON_ITS_OWN = [*AT_ONCE, "correction", "barge-in", "keys", "do not call", ANOTHER_VOICE]


@pytest.mark.parametrize("name", [*AT_ONCE, *MORE, ANOTHER_VOICE, "two webhooks", "dropped"])
def test_the_promises_hold_after_the_call(held: Held, name: str) -> None:
    assert_promises(held.talks[name])


@pytest.mark.parametrize("name", ENDED_ON_ITS_OWN)
def test_the_bot_hangs_up_after_its_last_word(held: Held, name: str) -> None:
    talk = held.talks[name]
    assert talk.caller.failure is None and not talk.caller.remaining, talk
    assert talk.carrier.errors == []
    assert talk.carrier.verbs == ["Connect", "Redirect", "Hangup"]
    assert "goodbye" in talk.heard[-1].split()[-2:], talk


@pytest.mark.parametrize(
    ("name", "outcome", "reason"),
    [
        ("eligible", "eligible", "rules.passed"),
        ("not salaried", "not_eligible", "employment.not_salaried"),
        ("salary too low", "not_eligible", "salary.below_minimum"),
        ("city not served", "not_eligible", "city.not_served"),
        ("a person", "needs_human", "caller.asked_for_person"),
    ],
)
def test_callers_at_once_each_reach_their_own_outcome(
    held: Held, name: str, outcome: str, reason: str
) -> None:
    talk = held.talks[name]
    assert talk.outcome == (outcome, [reason]), talk
    assert talk.record["status"] == "completed"


def test_the_calls_at_once_were_held_at_the_same_time(held: Held) -> None:
    calls = [held.talks[name].record for name in AT_ONCE]
    assert max(call["started_at"] for call in calls) < min(call["ended_at"] for call in calls)
    assert len({call["thread_id"] for call in calls}) == len(AT_ONCE)


@pytest.mark.parametrize("name", [ANOTHER_VOICE])
def test_a_caller_with_another_voice_is_understood(held: Held, name: str) -> None:
    talk = held.talks[name]
    assert talk.outcome == ("eligible", ["rules.passed"]), talk


def test_an_earlier_answer_can_be_corrected(held: Held) -> None:
    talk = held.talks["correction"]
    assert talk.outcome == ("not_eligible", ["salary.below_minimum"]), talk
    salaries = [entry["facts"]["salary"] for entry in talk.certificate["entries"]]
    assert salaries[-2:] == [["40000", "40000"], ["15000", "15000"]], talk


def test_the_certificate_tells_speech_from_keys(held: Held) -> None:
    for name, source in (("eligible", "speech"), ("keys", "keys")):
        events = [entry["event"] for entry in held.talks[name].certificate["entries"]]
        assert {e["source"] for e in events if e["kind"] == "said"} == {source}


def test_a_caller_who_interrupts_is_listened_to(held: Held) -> None:
    talk = held.talks["barge-in"]
    turn = talk.carrier.line.ear.turns[0]
    began, ended = turn.began / mulaw.RATE, turn.ended / mulaw.RATE
    assert any(began < moment < ended for moment in talk.cleared_at), talk
    last = max(end for start, end in talk.carrier.line.ear.spans if start < turn.began)
    assert last / mulaw.RATE - began < STOPPED_WITHIN_SECS, talk
    assert talk.outcome == ("eligible", ["rules.passed"]), talk


def test_the_record_of_an_interrupted_message_holds_what_was_heard_of_it(held: Held) -> None:
    talk = held.talks["barge-in"]
    greeting, whole = talk.record["transcript"][0], talk.messages("ai")[0]
    assert greeting["interrupted"]
    assert whole == greeting["text"], talk
    assert len(greeting["text"].split()) >= 2, talk


def test_an_interview_is_held_with_the_keys_alone(held: Held) -> None:
    talk = held.talks["keys"]
    assert talk.outcome == ("eligible", ["rules.passed"]), talk
    assert talk.said("caller") == ["1", "40000", "9", "2"]
    assert {u["source"] for u in talk.record["transcript"] if u["role"] == "caller"} == {"keys"}
    assert "press two for mumbai" in " ".join(talk.heard), talk


def test_a_silent_caller_is_asked_again_and_then_left_in_peace(held: Held) -> None:
    talk = held.talks["silence"]
    assert talk.outcome == ("in_progress", ["silence"]), talk
    assert talk.record["status"] == "completed"
    asked_again = ["silence", "question.employment"]
    replies = [entry["replies"] for entry in talk.certificate["entries"]]
    assert replies[1:] == [asked_again, asked_again, ["closed.silence"]], talk
    assert "goodbye" in talk.heard[-1].split()[-2:], talk


def test_after_a_hang_up_the_thread_goes_on_by_chat(held: Held) -> None:
    talk, answer = held.talks["hang-up"], held.by_chat["hang-up"]
    assert (talk.record["status"], talk.certificate["outcome"]) == ("completed", "in_progress")
    assert talk.certificate["entries"][-1]["event"]["kind"] == "hangup"
    assert talk.record["transcript"][-1]["interrupted"], talk
    assert answer["done"]
    assert answer["state"]["outcome"] == "eligible"


def test_a_caller_who_wants_no_more_calls_is_obeyed(held: Held) -> None:
    talk = held.talks["do not call"]
    assert talk.outcome == ("opted_out", ["caller.opted_out"]), talk
    assert "we will not call you again" in talk.heard[-1], talk


def test_a_webhook_that_is_replayed_is_refused_and_starts_nothing(held: Held) -> None:
    talk = held.talks["two webhooks"]
    assert held.webhook_answers == [403, 403]
    assert len(talk.messages("ai")) <= 1  # of the one greeting, what was heard
    assert len(talk.carrier.streams) == 1


def test_a_broken_stream_is_connected_anew_to_the_same_thread(held: Held) -> None:
    talk = held.talks["dropped"]
    assert len(talk.carrier.streams) == 2
    assert talk.outcome == ("eligible", ["rules.passed"]), talk
    assert "welcome back" in " ".join(talk.heard), talk
    assert [m["type"] for m in talk.thread["messages"]].count("human") == 3


def test_a_server_killed_in_mid_call_goes_on_by_chat_when_it_is_back(held: Held) -> None:
    talk, answer = held.talks["killed"], held.by_chat["killed"]
    assert talk.record["status"] == "failed"
    assert talk.record["failure"] == "The server was stopped during the call."
    assert talk.said("caller") == talk.messages("human") != []
    assert talk.certificate["facts"]["employment"] == "salaried"
    assert_the_certificate_is_reproduced(talk)
    assert_only_speech_was_spoken(talk)
    assert (answer["done"], answer["state"]["outcome"]) == (True, "eligible")


def test_the_calls_leave_no_task_socket_file_or_ticket_behind(held: Held) -> None:
    assert held.left_behind == []
    assert held.open_tickets == 0


def test_the_questions_on_record_are_those_of_the_rules(held: Held) -> None:
    replies = load_rules().replies["en"]
    assert held.talks["eligible"].said("bot")[0] == (
        f"{replies.say('greeting')} {replies.say('question.employment')}"
    )
