"""Calls that the application places: once each, where it is allowed, with what became of them."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from langchain_core.messages import AIMessage, AnyMessage
from langgraph.graph import START, StateGraph
from langgraph.graph.message import add_messages
from typing_extensions import TypedDict

from server.services import Services
from store.calls import Call
from store.dials import Dial
from tests.phone.placing import ASHA, BASE, OURS, world
from tools import twilio_rest
from voice.dialler import Dialler, DiallingFailed, DiallingRefused
from voice.phonelab import PhoneLab, ScriptedCaller, Subscriber
from voice.phonelab.virtual_speech import SpellingVoice
from voice.phonelab.virtual_time import virtually
from voice.record import caught_up


class Opened(TypedDict, total=False):
    messages: Annotated[list[AnyMessage], add_messages]
    name: str
    caller: str
    direction: str
    done: bool


def greeter() -> Any:
    """A graph that greets by what it was opened with, and says goodbye."""

    async def greet(state: Opened) -> Opened:
        if not state.get("messages"):
            words = f"Hello {state.get('name', 'stranger')}. It is {state['direction']}."
            return {"messages": [AIMessage(words)]}
        return {"messages": [AIMessage("Goodbye.")], "done": True}

    builder = StateGraph(Opened)
    builder.add_node("greet", greet)
    builder.add_edge(START, "greet")
    return builder.compile()


def says(*lines: str) -> Subscriber:
    return Subscriber(lambda: ScriptedCaller(lines, voice=SpellingVoice()))


async def ended(services: Services, sid: str) -> Call:
    async with asyncio.timeout(120):
        while not ((call := await services.calls.get(sid)) and call.ended_at):
            await asyncio.sleep(0.1)
    return call


@virtually
async def test_who_is_called_is_greeted_with_what_the_call_was_placed_for(tmp_path: Path) -> None:
    async with world(tmp_path, greeter(), {ASHA: says("Hi.")}) as (lab, services, _):
        placed = await services.dialler.call(
            ASHA, key="k", graph="graph", agent_id="agent-1", opening={"name": "Asha"}
        )
        assert (placed.status, placed.direction, placed.from_number) == (
            "dialling",
            "outbound",
            OURS,
        )
        call = await ended(services, placed.sid)
        await lab.call(placed.sid).wait()
    assert [str(e) for e in lab.call(placed.sid).errors] == []
    assert call.transcript[0].text == "Hello Asha. It is outbound."
    assert (call.status, call.agent_id, call.thread_id) == (
        "completed",
        "agent-1",
        placed.thread_id,
    )


@virtually
async def test_the_same_key_rings_once_however_often_and_at_once(tmp_path: Path) -> None:
    async with world(tmp_path, greeter(), {ASHA: says("Hi.")}) as (lab, services, _):
        ring = [services.dialler.call(ASHA, key="k", graph="graph") for _ in range(5)]
        placed = await asyncio.gather(*ring)
        again = await services.dialler.call(ASHA, key="k", graph="graph")
        assert {call.sid for call in [*placed, again]} == {lab.calls[0].sid}
        assert len(lab.calls) == 1


class Deaf(httpx.AsyncBaseTransport):
    """Carries requests to the carrier and loses the answer to who places a call."""

    def __init__(self, inner: httpx.AsyncBaseTransport, *, arrives: bool = True) -> None:
        self._inner = inner
        self._arrives = arrives

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        placing = request.method == "POST" and request.url.path.endswith("/Calls.json")
        if placing and not self._arrives:
            raise httpx.ReadTimeout("lost", request=request)
        answer = await self._inner.handle_async_request(request)
        if placing:
            raise httpx.ReadTimeout("lost", request=request)
        return answer


def losing_answers(lab: PhoneLab, *, arrives: bool = True) -> None:
    inner = twilio_rest._in_memory[lab.url]
    twilio_rest._in_memory[lab.url] = Deaf(inner, arrives=arrives)  # type: ignore[assignment]


@virtually
async def test_a_lost_answer_is_read_back_and_never_dialled_again(tmp_path: Path) -> None:
    never = {ASHA: Subscriber(answers="never")}
    async with world(tmp_path, greeter(), never) as (lab, services, _):
        earlier = await services.dialler.call(ASHA, key="before", graph="graph")
        services.dialler._twilio = None
        losing_answers(lab)
        placed = await services.dialler.call(ASHA, key="k", graph="graph")
        assert placed.sid == lab.calls[1].sid != earlier.sid
        assert len(lab.calls) == 2


@virtually
async def test_a_request_that_never_arrived_is_a_failure_and_not_tried_again(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, greeter()) as (lab, services, _):
        losing_answers(lab, arrives=False)
        for _ in range(2):
            with pytest.raises(DiallingFailed, match="no such call"):
                await services.dialler.call(ASHA, key="k", graph="graph")
        assert lab.calls == []


@virtually
async def test_a_process_that_dies_while_it_dials_leaves_a_call_that_is_found(
    tmp_path: Path,
) -> None:
    async with world(tmp_path, greeter(), {ASHA: Subscriber(rings_secs=20)}) as (lab, services, _):
        losing_answers(lab)
        dialling = asyncio.create_task(services.dialler.call(ASHA, key="k", graph="graph"))
        while not lab.calls:
            await asyncio.sleep(0)
        dialling.cancel()
        await asyncio.wait({dialling})
        survivor = Dialler(
            services.settings, services.calls, services.dialler._dials, services.dialler._locks
        )
        found = await survivor.call(ASHA, key="k", graph="graph")
        assert [call.sid for call in lab.calls] == [found.sid]


@virtually
async def test_a_wish_whose_process_died_before_the_carrier_had_it_is_carried_out_by_the_next(
    tmp_path: Path,
) -> None:
    """Also when it was found meanwhile, by who looks after calls, that there is no such call."""
    for looked_after in (False, True):
        folder = tmp_path / str(looked_after)
        async with world(folder, greeter(), {ASHA: Subscriber(rings_secs=20)}) as (lab, on, _):
            inner = twilio_rest._in_memory[lab.url]
            losing_answers(lab, arrives=False)
            dialling = asyncio.create_task(on.dialler.call(ASHA, key="k", graph="graph"))
            while (dial := await on.dialler.of_key("k")) is None:
                await asyncio.sleep(0)
            dialling.cancel()
            await asyncio.wait({dialling})
            twilio_rest._in_memory[lab.url] = inner
            if looked_after:
                long_ago = datetime.now(UTC) - timedelta(hours=1)
                await on.dialler._dials.change(dial.id, "dialling", began_at=long_ago)
                await on.dialler.look()
            on.dialler._twilio = None
            placed = await on.dialler.call(ASHA, key="k", graph="graph")
            assert [call.sid for call in lab.calls] == [placed.sid]


@dataclass
class Reason:
    code: str
    sentence: str


@dataclass
class No:
    allowed: bool = False
    reasons: list[Reason] = field(default_factory=lambda: [Reason("do_not_call", "Opted out.")])


@virtually
async def test_a_number_that_may_not_be_called_is_not_and_is_once_it_may(tmp_path: Path) -> None:
    async with world(tmp_path, greeter(), {ASHA: says("Hi.")}) as (lab, services, _):
        verdict = No()

        async def may_call(dial: Dial) -> No:
            assert (dial.to, dial.key) == (ASHA, "k")
            return verdict

        services.dialler._may_call = may_call
        with pytest.raises(DiallingRefused) as refused:
            await services.dialler.call(ASHA, key="k", graph="graph")
        assert refused.value.reasons == [{"code": "do_not_call", "sentence": "Opted out."}]
        assert lab.calls == []
        verdict.allowed = True
        await services.dialler.call(ASHA, key="k", graph="graph")
        assert len(lab.calls) == 1


@pytest.mark.parametrize(
    ("subscriber", "why"),
    [
        (Subscriber(answers="busy"), "busy"),
        (Subscriber(answers="never"), "no-answer"),
    ],
)
def test_why_nobody_took_a_call_is_on_its_record_and_told_once(
    tmp_path: Path, subscriber: Subscriber, why: str
) -> None:
    @virtually
    async def hold() -> None:
        async with world(tmp_path, greeter(), {ASHA: subscriber}) as (lab, services, _):
            told: list[tuple[str, dict[str, Any], str]] = []

            async def tell(*event: Any) -> None:
                told.append(event)

            services.dialler._tell = tell
            placed = await services.dialler.call(ASHA, key="k", graph="graph")
            await lab.call(placed.sid).wait(120)
            await services.dialler.ended(placed.sid, "failed")
            call = await ended(services, placed.sid)
        assert (call.status, call.unanswered) == ("failed", why)
        ((kind, data, key),) = told
        assert (kind, data["failure_reason"], key) == ("call_initiation_failure", why, placed.sid)

    hold()


@virtually
async def test_a_call_whose_news_never_came_is_asked_after(tmp_path: Path) -> None:
    async with world(tmp_path, greeter(), {ASHA: Subscriber(answers="busy")}) as (
        lab,
        services,
        _,
    ):
        services.settings.public_url = "http://127.0.0.1:1"
        placed = await services.dialler.call(ASHA, key="k", graph="graph")
        await lab.call(placed.sid).wait(60)
        services.settings.public_url = BASE
        call = placed.model_copy(
            update={"status": "dialling", "started_at": datetime.now(UTC) - timedelta(hours=1)}
        )
        await services.calls.save(call)
        await services.dialler.look()
        found = await services.calls.get(placed.sid)
    assert found and (found.status, found.unanswered) == ("failed", "busy")


@virtually
async def test_a_call_outlives_the_server_that_has_placed_it(tmp_path: Path) -> None:
    """It is answered by another one, which finds in the records what it was placed for."""
    async with world(tmp_path, greeter(), {ASHA: Subscriber(rings_secs=5)}) as (lab, services, _):
        placed = await services.dialler.call(ASHA, key="k", graph="graph", opening={"name": "Asha"})
        assert await services.switchboard._tickets.stream(placed.sid) is None
        caught = partial(caught_up, threads=services.switchboard._threads)
        locks = services.dialler._locks
        assert await services.calls.fail_unfinished("stopped", locks, caught) == 0
        await lab.call(placed.sid).wait(200)
        call = await ended(services, placed.sid)
    assert call.transcript[0].text.startswith("Hello Asha.")


@virtually
async def test_a_stranger_s_webhook_with_an_unknown_name_starts_nothing(tmp_path: Path) -> None:
    async with world(tmp_path, greeter()) as (lab, services, _):
        call = lab.ring(f"{BASE}/voice/incoming?dial=guessed", from_=ASHA, to=OURS)
        await call.wait(30)
        assert call.status == "failed" and "404" in call.errors[0].message
        assert list(await services.calls.list()) == []


@pytest.mark.parametrize("number", ["", "5550123", "+0123456789", "+1555\u0661234567", "+1" * 20])
def test_what_is_no_number_is_not_dialled(tmp_path: Path, number: str) -> None:
    @virtually
    async def refuse() -> None:
        async with world(tmp_path, greeter()) as (lab, services, _):
            with pytest.raises(ValueError, match="number"):
                await services.dialler.call(number, key="k", graph="graph")
            assert lab.calls == []

    refuse()
