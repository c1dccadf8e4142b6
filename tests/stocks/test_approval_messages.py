"""The approval in Slack and by e-mail, over the wire: told once on each, the first answer wins."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphs.threads import Begin
from server.services import Services
from server.stocks.owner import NOTICE, Owner
from store.approvals import OPENED, SETTLED, Approval
from tests.jobs.receiver import Receiver, receiver
from tests.phone.placing import world
from tests.stocks.approval import BRIEFING, alone, proposed
from tests.stocks.conftest import Running
from tests.wire.test_messages import Smtp
from tools.approving import Approving, approving

THREAD = ("graph", "the-run")
MAIL = "owner@example.com"
LINK = re.compile(r"http://127\.0\.0\.1(/approvals/([0-9a-f]{32})\?via=(\w+))")
BOTH = [("AAPL", Decimal(12)), ("MSFT", Decimal(5))]


@dataclass
class World:
    services: Services
    api: httpx.AsyncClient
    smtp: Smtp
    slack: Receiver
    exchange: Running

    async def propose(self, below: Decimal = Decimal(1)) -> Approval:
        """Propose both orders, at the ask or below it."""
        acting = await self.acting()
        quotes = await acting.account.quotes(["AAPL", "MSFT"])
        limits = {symbol: str(round(one.ask * below, 2)) for symbol, one in quotes.items()}
        state = proposed(limit=limits["AAPL"])
        state["sized"][2]["limit_price"] = limits["MSFT"]
        async for _ in self.services.threads.turn(*THREAD, Begin(state)):
            pass
        await until(self._told)
        return await self.approval()

    async def _told(self) -> bool:
        jobs = await self.services.jobs.list(NOTICE)
        return len(jobs) == 2 and all(job.state != "waiting" for job in jobs)

    async def acting(self) -> Approving:
        return await approving(self.services.desk)

    async def approval(self) -> Approval:
        found = await (await self.acting()).approvals.of_run("run-1")
        assert found
        return found

    async def settled(self) -> None:
        async def is_done() -> bool:
            jobs = await self.services.jobs.list(SETTLED)
            return bool(jobs) and all(job.state != "waiting" for job in jobs)

        await until(is_done)

    @property
    def told(self) -> dict[str, list[str]]:
        """What came, by the way on which it came."""
        mails = [str(mail.get_body().get_content()) for mail in self.smtp.mails]  # type: ignore[union-attr]
        return {
            "email": mails,
            "slack": [json.loads(one.body)["text"] for one in self.slack.came],
        }

    async def answer(self, via: str, verdict: str) -> dict[str, Any]:
        """Follow the link of a message, and do what its page does."""
        (text,) = self.told[via]
        link = LINK.search(text)
        assert link and link[3] == via
        page = await self.api.get(link[1])
        assert page.status_code == 200 and "Terms" in page.text
        code = re.search(r"Code: (\d{6})", text)
        body = {"verdict": verdict, "code": code[1] if code else "", "channel": via}
        answered = await self.api.post(f"/api/approvals/{link[2]}", json=body)
        return dict(answered.raise_for_status().json())

    @property
    def ordered(self) -> list[tuple[str, Decimal]]:
        orders = self.exchange.exchange.orders.values()
        return sorted((o.request.symbol, o.request.qty or Decimal(0)) for o in orders)


async def until(holds: Callable[[], Any], secs: float = 60) -> None:
    async with asyncio.timeout(secs):
        while not await holds():
            await asyncio.sleep(0.05)


@contextlib.asynccontextmanager
async def held(folder: Path, exchange: Running) -> AsyncIterator[World]:
    smtp = Smtp()
    server = await asyncio.start_server(smtp.talk, "127.0.0.1", 0)
    async with server, receiver() as slack:
        settings = {
            "alpaca_key": "key",
            "alpaca_secret": "secret",
            "alpaca_url": exchange.url,
            "api_key": "of-the-test",
            "owner_email": MAIL,
            "smtp_host": "127.0.0.1",
            "smtp_port": server.sockets[0].getsockname()[1],
            "smtp_security": "none",
            "email_from": "Desk <desk@acme.example>",
            "slack_webhook_url": f"{slack.url}/services/T0/B0/x",
        }
        async with (
            world(folder, alone(), **settings) as (_, services, app),
            httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url="http://127.0.0.1",
                headers={"xi-api-key": "of-the-test"},
            ) as api,
        ):
            yield World(services, api, smtp, slack, exchange)


@pytest.fixture
async def here(tmp_path: Path, running: Running) -> AsyncIterator[World]:
    async with held(tmp_path, running) as opened:
        yield opened


async def test_each_way_is_told_once_with_the_exact_orders_the_code_and_a_link(here: World) -> None:
    approval = await here.propose()
    owner = Owner(here.services, here.services.desk, here.services.dialler._dials)
    for job in [*await here.services.jobs.list(OPENED), *await here.services.jobs.list(NOTICE)]:
        await owner.kinds[job.kind].do(job)  # a process that died after it goes on with it
    code = (await here.acting()).code(approval)
    for via, texts in here.told.items():
        (text,) = texts
        assert BRIEFING in text and "Buy 12 shares of Apple, A A P L, at $" in text
        assert f"Code: {code}" in text and f"/approvals/{approval.id}?via={via}" in text
    (mail,) = here.smtp.mails
    assert (mail["To"], mail["Subject"]) == (MAIL, "Paper trades for your approval")
    assert here.told["slack"][0].startswith("*Paper trades for your approval*")


@pytest.mark.parametrize(("first", "second"), [("email", "slack"), ("slack", "email")])
async def test_the_first_link_that_is_answered_wins(here: World, first: str, second: str) -> None:
    await here.propose()
    assert (await here.answer(first, "approve"))["state"] == "approved"
    assert (await here.answer(second, "decline"))["state"] == "approved"
    await here.settled()
    after = await here.approval()
    assert (after.state, after.channel, here.ordered) == ("approved", first, BOTH)
    snapshot = await here.services.threads.snapshot(*THREAD)
    way = {"email": "by e-mail", "slack": "in Slack"}[first]
    assert snapshot.messages[-1].text.startswith(f"It was approved {way}. Apple: bought 12 shares")


async def test_a_no_over_the_api_is_what_the_links_then_show(here: World) -> None:
    approval = await here.propose()
    no = await here.api.post(f"/api/approvals/{approval.id}", json={"verdict": "decline"})
    assert no.json()["state"] == "declined"
    late = await here.answer("email", "approve")
    assert (late["state"], late["channel"]) == ("declined", "api")
    page = await here.api.get(f"/approvals/{approval.id}", params={"via": "slack"})
    assert "It was declined over the API. Nothing was bought or sold." in page.text
    await here.settled()
    assert here.ordered == []


async def test_of_two_links_answered_at_once_one_counts(here: World) -> None:
    await here.propose()
    answers = await asyncio.gather(here.answer("email", "approve"), here.answer("slack", "decline"))
    await here.settled()
    state = (await here.approval()).state
    assert {one["state"] for one in answers} == {state}
    assert here.ordered == (BOTH if state == "approved" else [])


async def test_what_becomes_of_an_order_that_stayed_open_is_told_once_it_is_over(
    here: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.stocks.owner.FOLLOWED", timedelta(seconds=0.2))
    await here.propose(below=Decimal("0.996"))  # within the band, and nobody sells for that
    await here.answer("email", "approve")
    await here.settled()
    acting = await here.acting()
    assert [len(told) for told in here.told.values()] == [1, 1]
    for intent in await acting.broker.intents.open():
        await acting.broker.cancel(intent.id)

    async def is_told() -> bool:
        return all(len(told) == 2 for told in here.told.values())

    await until(is_told)
    for _, last in here.told.values():
        assert "Apple: bought nothing; the order is over." in last


@pytest.mark.parametrize(("status", "came"), [(503, 1), (429, 2), (404, 2)])
async def test_slack_that_fails_holds_nobody_up_and_is_asked_again_only_where_it_refused(
    here: World, status: int, came: int
) -> None:
    """What is in doubt (503) is not sent again; what was refused is, when it may be."""
    answers = iter([status])
    here.slack.answer = lambda _: (next(answers, 200), {})
    await here.propose()
    assert len(here.told["email"]) == 1
    assert len(here.slack.came) == came
    assert (await here.answer("email", "decline"))["state"] == "declined"
