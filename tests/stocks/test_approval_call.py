"""The owner is rung about a trade: once, told whose money it is, and bound to the code."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from graphs.threads import Begin, Snapshot
from server.services import Services
from server.stocks import owner as asking
from server.stocks.owner import NOTICE, RING
from store.approvals import SETTLED, Approval
from store.calls import Call
from store.jobs import Job
from tests.phone.placing import ASHA, world
from tests.stocks.approval import BRIEFING, alone, proposed
from tests.stocks.conftest import Running, serving
from tools.approving import Approving, approving
from tools.exchange.account import Exchange
from voice.phonelab import (
    AnsweringMachine,
    HangUp,
    Listen,
    PhoneLab,
    Press,
    ScriptedCaller,
    Subscriber,
)
from voice.phonelab.callers import Caller
from voice.phonelab.handset import Handset
from voice.phonelab.virtual_speech import SpellingVoice
from voice.phonelab.virtual_time import virtually

THREAD = ("graph", "the-run")


@pytest.fixture
def running(exchange: Exchange) -> Iterator[Running]:
    with serving(exchange, join_secs=0) as url:
        yield Running(url, exchange)


@dataclass
class World:
    lab: PhoneLab
    services: Services
    app: FastAPI
    exchange: Running

    @property
    def api(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(self.app),
            base_url="http://127.0.0.1",
            headers={"xi-api-key": "of-the-test"},
        )

    async def propose(self) -> Approval:
        """Have a run propose two orders, at the prices of now."""
        acting = await self.acting()
        quotes = await acting.account.quotes(["AAPL", "MSFT"])
        state = proposed(limit=str(quotes["AAPL"].ask))
        state["sized"][2]["limit_price"] = str(quotes["MSFT"].ask)
        async for _ in self.services.threads.turn(*THREAD, Begin(state)):
            pass
        return await self.approval()

    async def acting(self) -> Approving:
        return await approving(self.services.desk)

    async def approval(self) -> Approval:
        found = await (await self.acting()).approvals.of_run("run-1")
        assert found
        return found

    async def settled(self, within: float = 1500) -> Snapshot:
        """The thread once nothing is asked on it any more."""
        async with asyncio.timeout(within):
            while (snapshot := await self.services.threads.snapshot(*THREAD)).interrupts:
                await asyncio.sleep(5)
        return snapshot

    async def over(self, call: Any, within: float = 300) -> Call:
        async with asyncio.timeout(within):
            while not ((found := await self.services.calls.get(call.sid)) and found.ended_at):
                await asyncio.sleep(0.5)
        return found

    async def done(self, kind: str) -> Job:
        """The job of a kind once it has come to its end."""
        async with asyncio.timeout(1500):
            while True:
                jobs = await self.services.jobs.list(kind)
                if jobs and all(job.state != "waiting" for job in jobs):
                    return jobs[0]
                await asyncio.sleep(5)

    async def rings(self) -> list[tuple[int, str]]:
        entries = [e async for e in (await self.acting()).journal.entries("call")]
        return [(e.body["ring"], e.body["came_to"]) for e in entries]

    @property
    def ordered(self) -> list[tuple[str, Decimal]]:
        orders = self.exchange.exchange.orders.values()
        return sorted((o.request.symbol, o.request.qty or Decimal(0)) for o in orders)


MACHINE = "Hi, this is Asha. I can't take your call, please leave a message after the tone."
BOTH = [("AAPL", Decimal(12)), ("MSFT", Decimal(5))]


class Owner:
    """Takes the call, looks up the code on another way, and does what the script says of it."""

    def __init__(self, at: "list[World]", script: Callable[[str], list[Any]]) -> None:
        self._at = at
        self._script = script

    async def prepare(self) -> None:
        self._caller: Caller = ScriptedCaller([], voice=SpellingVoice())

    async def talk(self, phone: Handset) -> None:
        (here,) = self._at
        async with here.api as api:
            approval = await here.approval()
            code = (await api.post(f"/api/approvals/{approval.id}/code")).json()["code"]
        self._caller = ScriptedCaller(self._script(code), voice=SpellingVoice())
        await self._caller.prepare()
        await self._caller.talk(phone)


@contextlib.asynccontextmanager
async def held(
    folder: Path, exchange: Running, owner: Subscriber | Callable[[str], list[Any]], **more: Any
) -> AsyncIterator[World]:
    """Run server, lab and exchange; the owner's telephone answers as told, whenever it rings."""
    at: list[World] = []
    taken = owner if isinstance(owner, Subscriber) else Subscriber(lambda: Owner(at, owner))
    settings = {
        "owner_number": ASHA,
        "approval_minutes": 2,
        "alpaca_key": "key",
        "alpaca_secret": "secret",
        "alpaca_url": exchange.url,
        "api_key": "of-the-test",
        **more,
    }
    async with world(folder, alone(), {ASHA: taken}, **settings) as (lab, services, app):
        at.append(World(lab, services, app, exchange))
        yield at[0]


def wrong(code: str) -> str:
    return f"{(int(code) + 1) % 10**6:06d}"


def test_the_owner_is_rung_and_told_and_the_code_buys(tmp_path: Path, running: Running) -> None:
    @virtually
    async def hold() -> None:
        yes: Callable[[str], list[Any]] = lambda code: [Press("1"), Press(code), Listen()]  # noqa: E731
        async with held(tmp_path, running, yes) as here:
            approval = await here.propose()
            snapshot = await here.settled()
            (call,) = here.lab.calls
            record = await here.over(call)
            assert [str(e) for e in call.errors] == []
            said = [u.text for u in record.transcript if u.role == "bot"]
            assert said[0].startswith(f"This is paper trading. {BRIEFING}")
            assert any("Buy 12 shares of Apple, A A P L, at $" in text for text in said)
            assert "Apple: bought 12 shares at $" in said[-1]
            assert here.ordered == BOTH
            assert (snapshot.outcome, snapshot.done) == ("filled", True)
            after = await here.approval()
            assert (after.state, after.channel, after.answered_by) == ("approved", "phone", ASHA)
            assert record.thread_id == approval.thread_id
            await here.done(RING)
            assert await here.rings() == [(1, "taken")]
            assert len(here.lab.calls) == 1

    hold()


def test_a_no_buys_nothing_and_it_is_said(tmp_path: Path, running: Running) -> None:
    @virtually
    async def hold() -> None:
        async with held(tmp_path, running, lambda _: [Press("2"), Listen()]) as here:
            await here.propose()
            assert (await here.settled()).outcome == "declined"
            record = await here.over(here.lab.calls[0])
            assert record.transcript[-1].text == "You said no. Nothing was bought or sold."
            assert here.ordered == []

    hold()


@pytest.mark.parametrize(
    "owner",
    [
        pytest.param(Subscriber(answers="never"), id="nobody"),
        pytest.param(
            Subscriber(lambda: AnsweringMachine(MACHINE, voice=SpellingVoice())),
            id="voicemail",
        ),
    ],
)
def test_who_does_not_answer_is_rung_again_and_then_nothing_is_bought(
    tmp_path: Path,
    running: Running,
    owner: Subscriber,
) -> None:
    @virtually
    async def hold() -> None:
        soon = {"ringing_secs": 10, "approval_ring_pause_secs": 5, "approval_minutes": 1}
        async with held(tmp_path, running, owner, **soon) as here:
            approval = await here.propose()
            await here.done(NOTICE)
            (told,) = here.lab.messages
            assert told.to == ASHA
            assert told.body.startswith("This is paper trading. The exact orders: Buy 12 shares")
            assert (await here.acting()).code(approval) in told.body
            assert f"/approvals/{approval.id}?via=sms" in told.body
            ring = await here.done(RING)
            assert len(here.lab.calls) == 2
            assert ring.result and ring.result["rung"] == 2
            rings = await here.rings()
            assert [number for number, _ in rings] == [1, 2]
            assert {why for _, why in rings} <= {"no-answer", "busy", "voicemail"}
            for call in here.lab.calls:
                record = await here.services.calls.get(call.sid)
                assert record and BRIEFING not in str(record.transcript)
            assert (await here.settled()).outcome == "expired"
            assert here.ordered == []
            last = (await here.services.threads.snapshot(*THREAD)).messages[-1]
            assert last.text == "Nobody answered in time. Nothing was bought or sold."

    hold()


def test_who_hangs_up_is_not_rung_again_and_the_question_stays_open_until_its_time_is_over(
    tmp_path: Path,
    running: Running,
) -> None:
    @virtually
    async def hold() -> None:
        async with held(tmp_path, running, lambda code: [Press("1"), HangUp(1.0)]) as here:
            await here.propose()
            await here.done(RING)
            assert await here.rings() == [(1, "taken")]
            assert (await here.approval()).state == "open"
            assert (await here.settled()).outcome == "expired"
            assert (len(here.lab.calls), here.ordered) == (1, [])

    hold()


def test_an_answer_over_the_api_counts_while_the_telephone_rings(
    tmp_path: Path,
    running: Running,
) -> None:
    @virtually
    async def hold() -> None:
        async with held(tmp_path, running, Subscriber(rings_secs=20)) as here, here.api as api:
            approval = await here.propose()
            at = f"/api/approvals/{approval.id}"
            code = (await api.post(f"{at}/code")).json()["code"]
            refused = await api.post(at, json={"verdict": "approve", "code": wrong(code)})
            assert refused.status_code == 403
            told = await api.post(at, json={"verdict": "approve", "code": code})
            assert told.json()["state"] == "approved"
            again = await api.post(at, json={"verdict": "decline"})
            assert again.json()["state"] == "approved"
            await here.done(SETTLED)
            snapshot = await here.settled()
            assert (snapshot.outcome, here.ordered) == ("filled", BOTH)
            last = snapshot.messages[-1].text
            assert last.startswith("It was approved over the API. Apple: bought 12 shares")
            assert len(here.lab.calls) <= 1

    hold()


def test_a_process_that_dies_over_a_ring_and_two_that_ring_at_once_place_one_call(
    tmp_path: Path, running: Running
) -> None:
    @virtually
    async def hold() -> None:
        async with held(tmp_path, running, Subscriber(rings_secs=40)) as here:
            await here.propose()
            while not here.lab.calls:
                await asyncio.sleep(0.1)
            (job,) = await here.services.jobs.list(RING)
            services, (call,) = here.services, here.lab.calls
            for died_before in ("the record", "nothing"):
                if died_before == "the record":
                    await services.calls.delete(call.sid)
                others = [
                    asking.Owner(services, services.desk, services.dialler._dials) for _ in range(3)
                ]
                await asyncio.gather(*(one.ring(job) for one in others))
                assert [one.sid for one in here.lab.calls] == [call.sid]
                assert await services.calls.get(call.sid)

    hold()


def test_the_classic_form_plays_gathers_and_needs_the_code(
    tmp_path: Path,
    running: Running,
) -> None:
    @virtually
    async def hold() -> None:
        keys: Callable[[str], list[Any]] = lambda code: [Press("1"), Press(code), Listen()]  # noqa: E731
        async with held(tmp_path, running, keys) as here:
            await here.services.call_results.open("ab" * 16, THREAD[1])
            await here.propose()
            snapshot = await here.settled()
            (call,) = here.lab.calls
            assert [str(e) for e in call.errors] == []
            assert call.verbs[:2] == ["Gather", "Play"] and call.streams == []
            assert (snapshot.outcome, here.ordered) == ("filled", BOTH)
            result = await here.services.call_results.get("ab" * 16)
            assert result and result.digit == "1" and result.timestamp
            await here.done(RING)
            assert list((tmp_path / "audio").glob("*")) == []

    hold()


def test_a_digit_alone_buys_nothing_in_the_classic_form(
    tmp_path: Path,
    running: Running,
) -> None:
    @virtually
    async def hold() -> None:
        soon = {"approval_rings": 1, "approval_minutes": 1}
        async with held(tmp_path, running, lambda _: [Press("1"), HangUp(1.0)], **soon) as here:
            await here.services.call_results.open("ab" * 16, THREAD[1])
            await here.propose()
            assert (await here.settled()).outcome == "expired"
            assert here.ordered == []
            result = await here.services.call_results.get("ab" * 16)
            assert result and json.loads(result.model_dump_json())["digit"] == "1"

    hold()
