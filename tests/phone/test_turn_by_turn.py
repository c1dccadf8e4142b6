"""Calls without a media stream, and text messages, on the same threads."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from langgraph.types import interrupt

from graphs.threads import Graph
from store.calls import Call
from tests.phone.acting_graphs import acting
from tests.phone.call_graphs import GREETING, LAST, SECOND, interview
from tests.phone.placing import ASHA, BASE, OURS, PERSON, settings_for, world
from tests.phone.test_call_actions import caller, words
from tools import twilio_rest
from tools.messages import NotSent
from voice import turn_by_turn
from voice.carrier_recording import NotARecording, is_carriers
from voice.dialler import DiallingRefused
from voice.phonelab import HangUp, LabCall, Pause, Press, StatusCallback, Subscriber
from voice.phonelab.virtual_time import run, virtually
from voice.phrases import phrase
from voice.texting import split


def hold(
    folder: Path, *steps: Any, graph: Graph | None = None, **more: Any
) -> tuple[LabCall, Call, list[tuple[str, str]]]:
    """Hold a call turn by turn: what the lab, the record and the thread have of it."""

    async def go() -> tuple[LabCall, Call, list[tuple[str, str]]]:
        async with world(folder, graph or interview(), **more) as (lab, services, _):
            services.turn_by_turn.transport = twilio_rest._in_memory[lab.url]
            news = StatusCallback(f"{BASE}/voice/status")
            call = lab.ring(
                f"{BASE}/voice/inbound", caller(*steps), from_=ASHA, to=OURS, status_callback=news
            )
            await call.wait(400)
            record = await services.calls.get(call.sid)
            assert record
            thread = await services.threads.snapshot(record.graph, record.thread_id)
            assert [str(error) for error in call.errors] == []
            return call, record, [(m.type, str(m.text)) for m in thread.messages]

    return run(go())


def test_a_call_goes_on_for_as_many_turns_as_the_graph_wants(tmp_path: Path) -> None:
    call, record, thread = hold(tmp_path, "Salaried", "Mumbai")
    assert words(call) == f"{GREETING} {SECOND} {LAST}"
    assert [said.text for said in record.transcript] == [
        GREETING,
        "Salaried",
        SECOND,
        "Mumbai",
        LAST,
    ]
    assert record.status == "completed" and record.outcome == "eligible"
    assert [kind for kind, _ in thread] == ["ai", "human", "ai", "human", "ai"]
    assert call.verbs.count("Record") == 2 and call.streams == []


def test_the_last_words_are_said_where_the_carrier_recognises_the_speech(tmp_path: Path) -> None:
    """They went with the `<Gather>` that a call at its end has not: the line went dead."""
    call, record, _ = hold(tmp_path, Press("1"), Press("2"), turn_input="gather")
    assert words(call).endswith(LAST) and call.verbs[-1] == "Hangup"
    assert record.transcript[-1].text == LAST


@virtually
async def test_a_call_that_is_over_takes_no_more_turns(tmp_path: Path) -> None:
    async with world(tmp_path, interview()) as (_, services, app):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)
        fields = {"CallSid": "CA1", "From": ASHA, "To": OURS}
        await post(client, "/voice/inbound", fields)
        for turn, text in enumerate(("Salaried", "Mumbai"), 1):
            path = f"/voice/recording-callback?turn={turn}"
            await post(client, path, fields | {"SpeechResult": text})
        for turn in (3, 4, 5, 5):
            after = await post(client, f"/voice/recording-callback?turn={turn}", fields)
            assert "<Response><Hangup /></Response>" in after.text
        (call,) = await services.calls.list()
        assert call.status == "completed" and call.transcript[-1].text == LAST


@virtually
async def test_calls_without_a_stream_are_as_limited_as_those_with_one(tmp_path: Path) -> None:
    async with world(tmp_path, interview(), max_calls=2) as (_, services, app):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)
        for number in range(3):
            fields = {"CallSid": f"CA{number}", "From": f"{ASHA[:-1]}{number}", "To": OURS}
            await post(client, "/voice/inbound", fields)
        assert len(await services.calls.list()) == 2
        await services.calls.end("CA0", "completed")
        await services.switchboard.drain()
        await post(client, "/voice/inbound", fields)
        assert len(await services.calls.list()) == 2


def test_what_was_not_heard_before_a_hang_up_is_not_on_the_thread(tmp_path: Path) -> None:
    _, record, thread = hold(tmp_path, "Salaried", HangUp(1.0))
    assert thread == [("ai", GREETING), ("human", "Salaried")]
    assert [said.text for said in record.transcript][-1] == ""


def slow(seconds: float) -> Graph:
    async def answer(state: MessagesState) -> dict[str, Any]:
        asked = len(state["messages"]) > 1
        if asked:
            await asyncio.sleep(seconds)
        return {"messages": [AIMessage("Here it is." if asked else "Hello there.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    return builder.compile()


def test_a_slow_answer_is_waited_for_beyond_what_a_webhook_may_take(tmp_path: Path) -> None:
    call, _, thread = hold(tmp_path, "Question", Pause(40), HangUp(), graph=slow(30.0))
    assert "One moment, please." in words(call) and "Here it is." in words(call)
    assert thread.count(("human", "Question")) == 1


def approval() -> Graph:
    async def ask(state: MessagesState) -> dict[str, Any]:
        code = interrupt({"question": "Your code?", "kind": "digits", "digits": 4})
        return {"messages": [AIMessage(f"It is {code}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("ask", ask)
    builder.add_edge(START, "ask")
    return builder.compile()


def test_an_interrupt_is_a_question_that_keys_answer(tmp_path: Path) -> None:
    _, _, thread = hold(
        tmp_path, Press("4711"), Pause(24), HangUp(), graph=approval(), turn_input="gather"
    )
    assert ("ai", "It is 4711.") in thread


def test_a_transfer_without_a_stream_comes_back_when_nobody_answers(tmp_path: Path) -> None:
    busy = {PERSON: Subscriber(answers="busy")}
    call, record, _ = hold(tmp_path, "Cold", Pause(24), HangUp(), graph=acting(), subscribers=busy)
    assert "It was busy." in words(call)


@virtually
async def test_a_webhook_that_comes_twice_is_one_turn_and_one_answer(tmp_path: Path) -> None:
    async with world(tmp_path, interview()) as (_, services, app):
        client = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE)
        fields = {"CallSid": "CA1", "From": ASHA, "To": OURS}
        answers = [
            await post(client, "/voice/inbound", fields),
            await post(client, "/voice/inbound", fields),
        ]
        said = fields | {"SpeechResult": "Salaried"}
        path = "/voice/recording-callback?turn=1"
        answers += await asyncio.gather(*[post(client, path, said) for _ in range(3)])
        assert len({a.text for a in answers[:2]}) == len({a.text for a in answers[2:]}) == 1
        (call,) = await services.calls.list()
        thread = await services.threads.snapshot(call.graph, call.thread_id)
        assert [m.type for m in thread.values["messages"]] == ["ai", "human", "ai"]
        unsigned = await client.post("/voice/recording-callback?turn=2", data=said)
        assert unsigned.status_code == 403


async def post(client: httpx.AsyncClient, path: str, fields: dict[str, str]) -> httpx.Response:
    from tests.phone.placing import TOKEN
    from tests.phone.test_webhooks import signed

    headers = signed(f"{BASE}{path}", fields, TOKEN)
    return await client.post(path, data=fields, headers=headers)


def test_a_caller_whose_words_are_lost_is_asked_for_them_and_not_whether_they_are_there(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    fetch, asked = turn_by_turn.fetch_recording, []

    async def lost_once(*request: Any) -> bytes:
        asked.append(request)
        if len(asked) == 1:
            raise NotARecording("The carrier does not have it.")
        return await fetch(*request)

    monkeypatch.setattr(turn_by_turn, "fetch_recording", lost_once)
    call, record, _ = hold(tmp_path, "Salaried", "Salaried", "Mumbai")
    assert words(call) == f"{GREETING} {phrase('apology')} {SECOND} {LAST}"
    assert [said.text for said in record.transcript if said.role == "caller"] == [
        "Salaried", "Mumbai",
    ]  # fmt: skip
    assert any(call.sid in line for line in caplog.messages)


@pytest.mark.parametrize(
    ("url", "fetched"),
    [
        ("https://api.twilio.com/2010-04-01/Accounts/AC/Recordings/RE1", True),
        ("https://media.twilio.com/RE1", True),
        ("http://api.twilio.com/RE1", False),
        ("https://api.twilio.com.evil.example/RE1", False),
        ("https://evil.example/api.twilio.com/RE1", False),
        ("https://api.twilio.com@evil.example/RE1", False),
        ("https://user@api.twilio.com/RE1", False),
        ("http://169.254.169.254/latest", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_recording_is_fetched_from_the_carrier_and_from_nobody_else(
    tmp_path: Path, url: str, fetched: bool
) -> None:
    settings = settings_for(tmp_path, twilio_api_url="https://api.twilio.com")
    assert is_carriers(url, settings) is fetched


@virtually
async def test_a_text_message_is_answered_once_and_the_next_is_on_its_thread(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, interview()) as (lab, services, _):
        url = f"{BASE}/sms/incoming"
        first = await lab.text(url, "Hello", from_=ASHA, to=OURS)
        again = await lab.text(url, "Hello", from_=ASHA, to=OURS, again=lab.messages[0].sid)
        second = await lab.text(url, "Salaried", from_=ASHA, to=OURS)
        assert first == again == [GREETING] and second == [SECOND]
        ids = await services.threads.ids("graph")
        thread = await services.threads.snapshot("graph", ids[0])
        assert len(ids) == 1 and len(thread.messages) == 4


@virtually
async def test_a_slow_answer_to_a_text_message_is_sent_later_and_once(tmp_path: Path) -> None:
    async with world(tmp_path, slow(20.0)) as (lab, _, _app):
        url = f"{BASE}/sms/incoming"
        assert await lab.text(url, "Hi", from_=ASHA, to=OURS) == ["Hello there."]
        assert await lab.text(url, "Question", from_=ASHA, to=OURS) == []
        sid = lab.messages[-1].sid
        assert await lab.text(url, "Question", from_=ASHA, to=OURS, again=sid) == []
        await asyncio.sleep(60)
        sent = [message.body for message in lab.messages if message.direction == "outbound-api"]
        assert sent == ["Here it is."]


@virtually
async def test_stop_in_any_wording_is_kept_and_starts_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, interview()) as (lab, services, app):
        kept: list[str] = []

        async def opt_out(number: str) -> None:
            kept.append(number)

        services.texting._opt_out = opt_out
        for body in ("STOP", "Stop!", "please stop"):
            await lab.text(f"{BASE}/sms/incoming", body, from_=ASHA, to=OURS)
        assert kept == [ASHA] * 3
        assert await services.threads.ids("graph") == []


@virtually
async def test_a_message_goes_on_with_the_last_call_where_that_is_wanted(tmp_path: Path) -> None:
    async with world(tmp_path, interview(), messages_continue_calls=True) as (lab, services, _):
        call = lab.ring(f"{BASE}/voice/incoming", caller(HangUp(2.0)), from_=ASHA, to=OURS)
        await call.wait(60)
        await asyncio.sleep(5)
        assert await lab.text(f"{BASE}/sms/incoming", "Yes", from_=ASHA, to=OURS) == [SECOND]
        record = await services.calls.get(call.sid)
        assert record
        thread = await services.threads.snapshot(record.graph, record.thread_id)
        assert isinstance(thread.messages[-2], HumanMessage)


@virtually
async def test_an_answer_a_server_died_over_is_sent_by_the_next_one(tmp_path: Path) -> None:
    async with world(tmp_path, interview()) as (lab, services, _):
        given = {"person": ASHA, "ours": OURS, "body": "Hello", "graph": "graph", "opening": {}}
        await services.texting._turns.take("sms:SM1", ASHA, given)
        await services.jobs.put("sms_answer", "sms_answer:sms:SM1", {"turn": "sms:SM1"})
        await asyncio.sleep(5)
        assert [message.body for message in lab.messages] == [GREETING]


@virtually
async def test_a_late_answer_that_could_not_be_sent_is_sent_again(tmp_path: Path) -> None:
    """With the carrier away for a minute the person waited for ever."""
    async with world(tmp_path, slow(20.0)) as (lab, services, _):
        url, send, tried = f"{BASE}/sms/incoming", services.texting._send, list[str]()

        async def away(to: str, text: str, key: str) -> None:
            tried.append(key)
            if len(tried) < 3:
                raise NotSent("The carrier is away.")
            await send(to, text, key)

        services.texting._send = away
        await lab.text(url, "Hi", from_=ASHA, to=OURS)
        assert await lab.text(url, "Question", from_=ASHA, to=OURS) == []
        await asyncio.sleep(120)
        assert len(tried) == 3 and len(set(tried)) == 1
        sent = [message.body for message in lab.messages if message.direction == "outbound-api"]
        assert sent == ["Here it is."]


@virtually
async def test_a_server_that_starts_beside_another_leaves_it_its_answers(tmp_path: Path) -> None:
    """It sent by REST what the other was just about to give back to the webhook."""
    async with world(tmp_path, slow(6.0)) as (lab, services, _):
        url = f"{BASE}/sms/incoming"
        await lab.text(url, "Hi", from_=ASHA, to=OURS)
        answer = asyncio.create_task(lab.text(url, "Question", from_=ASHA, to=OURS))
        await asyncio.sleep(2)
        async with services.texting.open():
            assert await answer == ["Here it is."]
        await asyncio.sleep(60)
        assert [m for m in lab.messages if m.direction == "outbound-api"] == []


@pytest.mark.parametrize(
    ("lines", "lengths"),
    [
        ([], []),
        (["Short."], [6]),
        (["Word word word. " * 60], [447, 447, 63]),
        (["x" * 1000], [459, 459, 82]),
        (["नमस्ते जी। " * 40], [197, 197, 43]),
    ],
)
def test_long_answers_are_split_between_sentences_and_nothing_is_lost(
    lines: list[str], lengths: list[int]
) -> None:
    parts = split(lines)
    assert [len(part) for part in parts] == lengths
    assert "".join("".join(parts).split()) == "".join("".join(lines).split())


@virtually
async def test_who_has_written_stop_is_not_rung(tmp_path: Path) -> None:
    """The words on one channel bind all others, and the refusal says so."""
    async with world(tmp_path, interview(), permission=True) as (lab, services, _):
        await lab.text(f"{BASE}/sms/incoming", "please stop", from_=ASHA, to=OURS)
        with pytest.raises(DiallingRefused) as refused:
            await services.dialler.call(ASHA, key="k", graph="graph")
        assert "do_not_call" in {reason["code"] for reason in refused.value.reasons}
        assert lab.calls == []
