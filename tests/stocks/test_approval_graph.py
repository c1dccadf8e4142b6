"""The conversation that approves: what is said, what is asked, and what then is traded."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphs.messages import cut
from graphs.questions import WrongAnswer
from graphs.stocks.approval import nodes, words
from graphs.threads import Asked, Begin, Reply, Resume, Said, Snapshot, Threads
from store.approvals import Approval, Approvals
from store.database import open_checkpointer, open_database
from store.intents import Intents
from store.journal import Journal
from tests.stocks.approval import BRIEFING, KEY, alone, proposed
from tests.stocks.conftest import MORNING, Running
from tools.approving import Approving, NotApproved
from tools.broker import AlpacaAccount, Broker

PHONE = {"channel": "phone", "person": "+15550123"}


@dataclass
class Desk:
    """A thread with the approval on it, and what it acts with."""

    threads: Threads
    acting: Approving
    running: Running
    later: timedelta = timedelta()

    def now(self) -> datetime:
        return datetime.now(UTC) + self.later

    async def turn(self, said: Said, line: dict[str, str] | None = PHONE) -> list[str]:
        """What is said and asked in a turn, in order."""
        events = [e async for e in self.threads.turn("graph", "t", said, line=line)]
        return [e.text for e in events if isinstance(e, Reply | Asked)]

    async def say(self, text: str) -> list[str]:
        return await self.turn(HumanMessage(text))

    async def open(self, **more: Any) -> list[str]:
        quotes = await self.acting.account.quotes(["AAPL", "MSFT"])
        state = proposed(limit=str(quotes["AAPL"].ask)) | more
        state["sized"][2]["limit_price"] = str(quotes["MSFT"].ask)
        return await self.turn(Begin(state))

    async def snapshot(self) -> Snapshot:
        return await self.threads.snapshot("graph", "t")

    async def approval(self) -> Approval:
        found = await self.acting.approvals.of_run("run-1")
        assert found
        return found

    async def code(self) -> str:
        return self.acting.code(await self.approval())

    async def wrong(self) -> str:
        return f"{(int(await self.code()) + 1) % 10**6:06d}"

    @property
    def ordered(self) -> list[tuple[str, Decimal]]:
        orders = self.running.exchange.orders.values()
        return [(order.request.symbol, order.request.qty or Decimal(0)) for order in orders]

    async def outcome(self) -> tuple[str | None, bool]:
        snapshot = await self.snapshot()
        return snapshot.outcome, snapshot.done


@contextlib.asynccontextmanager
async def opened(folder: Path, running: Running, patch: pytest.MonkeyPatch) -> AsyncIterator[Desk]:
    async with open_database(folder) as engine, open_checkpointer(folder) as checkpointer:
        journal = Journal(engine)
        account = AlpacaAccount("key", "secret", url=running.url)
        broker = Broker(account, Intents(engine), journal)
        desk: Desk
        acting = Approving(
            Approvals(engine), broker, account, journal, KEY, clock=lambda: desk.now()
        )
        desk = Desk(Threads({"graph": alone()}, checkpointer), acting, running)

        async def _acting(_config: Any) -> Approving:
            return desk.acting

        patch.setattr(nodes, "_acting", _acting)
        yield desk


@pytest.fixture
async def desk(
    tmp_path: Path, running: Running, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Desk]:
    async with opened(tmp_path, running, monkeypatch) as made:
        yield made


async def test_a_yes_with_the_code_buys_exactly_what_was_read_back(desk: Desk) -> None:
    mode, question = await desk.open()
    assert mode == "This is paper trading."
    assert "1" in question and "2" in question and "9" in question
    exact, asks_code = await desk.say("yes, I approve")
    approval = await desk.approval()
    assert exact == words.read_back(approval.terms)
    assert "six digits" in asks_code
    assert desk.ordered == []
    placing, settled = await desk.say(await desk.code())
    assert settled.startswith("Apple: bought 12 shares at $")
    assert sorted(desk.ordered) == [("AAPL", 12), ("MSFT", 5)]
    assert await desk.outcome() == ("filled", True)
    after = await desk.approval()
    assert (after.state, after.channel, after.answered_by) == ("approved", "phone", "+15550123")


async def test_a_code_given_before_the_order_was_heard_buys_nothing_and_it_is_read_again(
    desk: Desk,
) -> None:
    await desk.open()
    exact, _ = await desk.say("yes, I approve")

    def cut_short(messages: Sequence[BaseMessage]) -> list[BaseMessage]:
        return [
            cut(m, "The exact orders:") if isinstance(m, AIMessage) and m.text == exact else m
            for m in messages
        ]

    await desk.threads.amend("graph", "t", cut_short)
    again, asks_code = await desk.say(await desk.code())
    assert again == exact and "six digits" in asks_code
    assert desk.ordered == []
    assert (await desk.approval()).state == "open"
    await desk.say(await desk.code())
    assert sorted(desk.ordered) == [("AAPL", 12), ("MSFT", 5)]


async def test_a_question_is_answered_and_the_order_is_still_open(desk: Desk) -> None:
    await desk.open()
    answered, again = await desk.say("Why Apple?")
    assert "It rose 23.4 % in a year" in answered and again == words.FURTHER
    answered, _ = await desk.say("And what speaks against it?")
    assert "It swings a lot" in answered
    assert (await desk.approval()).state == "open"


async def test_nine_says_the_briefing_again(desk: Desk) -> None:
    await desk.open()
    assert (await desk.say("again"))[0] == f"This is paper trading. {BRIEFING}"


async def test_a_no_buys_nothing(desk: Desk) -> None:
    await desk.open()
    assert await desk.say("no") == ["You said no. Nothing was bought or sold."]
    assert desk.ordered == []
    assert await desk.outcome() == ("declined", True)


async def test_the_third_wrong_code_buys_nothing(desk: Desk) -> None:
    await desk.open()
    await desk.say("yes")
    for left in ("You have 2 more tries.", "You have one more try."):
        (again,) = await desk.say(await desk.wrong())
        assert left in again
    (said,) = await desk.say(await desk.wrong())
    assert said == "The code was wrong 3 times. Nothing was bought or sold."
    assert desk.ordered == []
    assert await desk.outcome() == ("refused", True)


async def test_a_right_code_after_a_wrong_one_counts(desk: Desk) -> None:
    await desk.open()
    await desk.say("yes")
    await desk.say(await desk.wrong())
    assert "bought 12 shares" in (await desk.say(await desk.code()))[-1]


async def test_a_price_that_moved_while_the_owner_thought_buys_nothing(desk: Desk) -> None:
    quotes = await desk.acting.account.quotes(["AAPL"])
    state = proposed(limit=str((quotes["AAPL"].ask * Decimal("0.97")).quantize(Decimal("0.01"))))
    await desk.turn(Begin(state))
    await desk.say("yes")
    (said,) = await desk.say(await desk.code())
    assert said.startswith("AAPL moved 3.") or said.startswith("MSFT moved")
    assert desk.ordered == []


@pytest.mark.parametrize(
    ("at", "opens"),
    [
        pytest.param((8, 22, 0), "2024-01-09 14:30", id="after the close"),
        pytest.param((13, 16, 0), "2024-01-16 14:30", id="a weekend before a holiday"),
        pytest.param((15, 16, 0), "2024-01-16 14:30", id="a holiday"),
    ],
)
async def test_a_yes_while_the_exchange_is_closed_buys_nothing_and_says_until_when(
    desk: Desk, at: tuple[int, int, int], opens: str
) -> None:
    await desk.open()
    await desk.say("yes")
    day, hour, minute = at
    later = datetime(2024, 1, day, hour, minute, tzinfo=UTC) - MORNING
    desk.running.later(later.total_seconds())
    (said,) = await desk.say(await desk.code())
    closed = f"The exchange is closed until {opens} UTC."
    assert said == f"{closed} Nothing was bought or sold."
    assert (desk.ordered, await desk.outcome()) == ([], ("refused", True))


@pytest.mark.parametrize("when", ["asked", "code"])
async def test_an_answer_that_is_late_buys_nothing(desk: Desk, when: str) -> None:
    await desk.open()
    if when == "code":
        await desk.say("yes")
    code = await desk.code()
    desk.later = timedelta(minutes=16)
    (said,) = await desk.say(code if when == "code" else "yes")
    assert said == "Nobody answered in time. Nothing was bought or sold."
    assert desk.ordered == []
    assert await desk.outcome() == ("expired", True)


async def test_what_was_answered_on_the_page_is_carried_out_once_and_said(desk: Desk) -> None:
    await desk.open()
    approval = await desk.approval()
    await desk.acting.answer(
        approval.id, "approve", code=await desk.code(), channel="page", by="owner"
    )
    await desk.acting.carry_out(approval.id)
    (said,) = await desk.say("no")
    assert said.startswith("It was approved on the page. Apple: bought 12 shares")
    assert sorted(desk.ordered) == [("AAPL", 12), ("MSFT", 5)]


async def test_what_was_declined_elsewhere_is_declined(desk: Desk) -> None:
    await desk.open()
    await desk.say("yes")
    approval = await desk.approval()
    await desk.acting.answer(approval.id, "decline", code="", channel="email", by="owner")
    (said,) = await desk.say(await desk.code())
    assert said == "It was declined by e-mail. Nothing was bought or sold."
    assert desk.ordered == []


@pytest.mark.parametrize("at", ["the question", "the code"])
@pytest.mark.parametrize("text", ["Analyse IBM", "And now look at Tesla", "What should I buy?"])
async def test_who_asks_for_another_run_is_told_what_is_open_and_how_to_close_it(
    desk: Desk, text: str, at: str
) -> None:
    *_, asked = await desk.open()
    if at == "the code":
        *_, asked = await desk.say("yes")
    told, again = await desk.say(text)
    assert told.startswith("Your answer to 2 orders is still open, until ")
    assert "buy 12 shares of AAPL, buy 5 shares of MSFT" in told and "Decline, then ask" in told
    assert again in (asked, words.FURTHER)
    assert ((await desk.approval()).state, desk.ordered) == ("open", [])
    (said,) = await desk.say("decline")
    assert said == "You said no. Nothing was bought or sold."


@pytest.mark.parametrize("text", ["Which pick is the riskiest?", "Why did you recommend Apple?"])
async def test_words_of_the_trade_in_a_question_are_no_new_run(desk: Desk, text: str) -> None:
    await desk.open()
    told, _ = await desk.say(text)
    assert "It swings a lot" in told or "It rose 23.4 %" in told


@pytest.mark.parametrize("no", ["no", "decline", "cancel"])
async def test_a_no_in_the_place_of_the_code_ends_it(desk: Desk, no: str) -> None:
    await desk.open()
    await desk.say("yes")
    assert await desk.say(no) == ["You said no. Nothing was bought or sold."]
    assert (await desk.approval()).state == "declined"


async def test_a_question_at_the_code_is_answered_and_costs_no_try(desk: Desk) -> None:
    await desk.open()
    *_, asks_code = await desk.say("yes")
    answered, again = await desk.say("What speaks against Apple?")
    assert ("It swings a lot" in answered, again) == (True, asks_code)
    assert await desk.say("one hundred and something") == [words.NO_CODE, asks_code]
    assert (await desk.approval()).wrong_codes == 0
    assert "bought 12 shares" in (await desk.say(await desk.code()))[-1]


async def test_a_resume_that_claims_it_was_settled_decides_nothing(desk: Desk) -> None:
    await desk.open()
    (asked,) = (await desk.snapshot()).interrupts
    await desk.turn(Resume({asked.id: {"settled": "approved"}}))
    assert desk.ordered == []
    assert (await desk.approval()).state == "open"


async def test_an_answer_to_what_was_answered_meanwhile_starts_nothing(desk: Desk) -> None:
    await desk.open()
    (asked,) = (await desk.snapshot()).interrupts
    await desk.turn(Resume({asked.id: "decline"}))
    before = await desk.snapshot()
    with pytest.raises(WrongAnswer, match="answered meanwhile"):
        await desk.turn(Resume({asked.id: "approve"}))
    assert (await desk.snapshot()).messages == before.messages
    assert desk.ordered == []


async def test_who_comes_back_to_the_question_is_told_what_it_is_about(desk: Desk) -> None:
    mode, question = await desk.open()
    assert await desk.turn(None) == [f"{mode} {BRIEFING} {question}"]
    await desk.say("yes")
    (again,) = await desk.turn(None)
    assert again.startswith("This is paper trading. The exact orders: Buy 12 shares of Apple")
    assert "six digits" in again


async def test_an_order_the_broker_refuses_does_not_hold_up_the_other(desk: Desk) -> None:
    await desk.open()
    await desk.say("yes")
    desk.running.exchange.cash = Decimal(400)
    _, said = await desk.say(await desk.code())
    assert "Apple: rejected." in said and "Microsoft: " in said
    assert (await desk.outcome())[0] in ("partly_filled", "rejected")


async def test_a_broker_that_cannot_be_asked_is_said_and_nothing_is_claimed(desk: Desk) -> None:
    await desk.open()
    await desk.say("yes")
    desk.acting = replace(desk.acting, account=AlpacaAccount("key", "no", url=desk.running.url))
    (said,) = await desk.say(await desk.code())
    assert "has no price now. Nothing was bought or sold." in said
    assert desk.ordered == []


async def test_a_run_that_is_begun_again_asks_once_and_keeps_its_code(desk: Desk) -> None:
    await desk.open()
    code = await desk.code()
    async with asyncio.timeout(30):
        approval = await desk.acting.open("run-1", ("graph", "t"), (), "other")
    assert (approval.thread_id, desk.acting.code(approval)) == ("t", code)


async def test_all_of_it_is_in_the_journal_without_the_code(desk: Desk) -> None:
    await desk.open()
    await desk.say("yes")
    await desk.say(await desk.wrong())
    code = await desk.code()
    await desk.say(code)
    entries = [e async for e in desk.acting.journal.entries()]
    kept = [(e.kind, e.body.get("state"), e.body.get("wrong_codes")) for e in entries]
    assert ("approval", "open", 0) in kept and ("approval", "open", 1) in kept
    assert ("approval", "approved", 1) in kept
    assert [k for k, s, _ in kept if k == "order" and s == "filled"] == ["order", "order"]
    assert not any(code in str(e.body) for e in entries)
    assert await desk.acting.journal.verify() == len(entries)


@pytest.mark.parametrize("state", ["open", "declined", "expired"])
async def test_what_was_not_approved_is_not_carried_out(desk: Desk, state: str) -> None:
    await desk.open()
    approval = await desk.approval()
    if state == "declined":
        await desk.acting.answer(approval.id, "decline", code="", channel="api", by="owner")
    if state == "expired":
        desk.later = timedelta(minutes=16)
        await desk.acting.standing(approval.id)
    with pytest.raises(NotApproved, match=state):
        await desk.acting.carry_out(approval.id)
    assert desk.ordered == []
