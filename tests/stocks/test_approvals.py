"""An approval is a yes, with the right code, in time, at the prices that were read out, once."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from store.approvals import OPENED, SETTLED, Approval, Approvals, code_of
from store.approvals import ask as made
from store.database import open_database
from store.intents import Terms
from store.jobs import Jobs
from store.secrets import MasterKey
from tests.stocks.conftest import MORNING

PRICES = {"AAPL": Decimal(100), "MSFT": Decimal(50)}


def terms(symbol: str = "AAPL", qty: str = "10", price: str = "101") -> Terms:
    return Terms(
        symbol=symbol,
        side="buy",
        qty=Decimal(qty),
        limit_price=Decimal(price),
        expires_at=MORNING + timedelta(minutes=10),
    )


KEY = MasterKey(b"k" * 32)


def ask(*given: Any, **more: Any) -> tuple[Approval, str]:
    approval = made(*given, key=KEY, **more)
    return approval, code_of(approval, KEY)


@pytest.fixture(scope="module")
def asked() -> tuple[Approval, str]:
    return ask("run-1", [terms(), terms("MSFT", "5", "50.5")], PRICES, now=MORNING)


def answer(
    approval: Approval,
    code: str,
    verdict: str = "approve",
    now: datetime = MORNING,
    prices: dict[str, Decimal] | None = None,
) -> Approval:
    return approval.answered(
        verdict,  # type: ignore[arg-type]
        code=code,
        channel="phone",
        by="+15550100",
        now=now,
        prices=PRICES if prices is None else prices,
    )


def test_a_yes_with_the_code_is_a_yes(asked: tuple[Approval, str]) -> None:
    after = answer(*asked)
    assert (after.state, after.channel, after.answered_by) == ("approved", "phone", "+15550100")


def test_a_code_that_is_spoken_in_groups_is_the_same_code(asked: tuple[Approval, str]) -> None:
    approval, code = asked
    assert answer(approval, f"{code[:3]} - {code[3:]}.").state == "approved"


def test_a_no_needs_no_code(asked: tuple[Approval, str]) -> None:
    assert answer(asked[0], "", "decline").state == "declined"


def test_the_third_wrong_code_ends_it(asked: tuple[Approval, str]) -> None:
    approval, code = asked
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    for state in ("open", "open", "refused"):
        approval = answer(approval, wrong)
        assert approval.state == state
    assert answer(approval, code).state == "refused"


@settings(max_examples=30, deadline=None)
@given(code=st.text(max_size=12))
def test_no_other_words_are_the_code(asked: tuple[Approval, str], code: str) -> None:
    approval, right = asked
    if "".join(letter for letter in code if letter.isdecimal()) != right:
        assert answer(approval, code).state != "approved"


@pytest.mark.parametrize(
    ("price", "state"), [("101.00", "approved"), ("101.01", "refused"), ("98.99", "refused")]
)
def test_a_price_that_has_moved_beyond_the_band_is_no_trade(
    asked: tuple[Approval, str], price: str, state: str
) -> None:
    after = answer(*asked, prices={**PRICES, "AAPL": Decimal(price)})
    assert after.state == state
    assert state == "approved" or "AAPL moved" in (after.reason or "")


@pytest.mark.parametrize("prices", [{}, {"AAPL": Decimal(100)}, {**PRICES, "MSFT": Decimal(0)}])
def test_a_price_that_is_missing_is_no_trade(
    asked: tuple[Approval, str], prices: dict[str, Decimal]
) -> None:
    assert answer(*asked, prices=prices).state == "refused"


def test_silence_is_no_trade(asked: tuple[Approval, str]) -> None:
    approval, code = asked
    late = MORNING + timedelta(minutes=10)
    assert approval.expired(late - timedelta(seconds=1)).state == "open"
    assert approval.expired(late).state == "expired"
    assert answer(approval, code, now=late).state == "expired"


@pytest.mark.parametrize(
    "changed",
    [
        {"qty": Decimal(11)},
        {"limit_price": Decimal(102)},
        {"symbol": "MSFT"},
        {"side": "sell"},
        {"expires_at": MORNING + timedelta(minutes=11)},
    ],
)
def test_a_code_is_for_these_terms_and_no_others(changed: dict[str, object]) -> None:
    approval, code = ask("run-1", [terms()], PRICES, now=MORNING)
    other = approval.model_copy(update={"terms": (terms().model_copy(update=changed),)})
    assert other.digest != approval.digest
    assert answer(other, code).state == "open"


def test_equal_amounts_are_equal_terms_however_they_are_written() -> None:
    assert terms(qty="10.0", price="101.00").digest == terms().digest


def test_nothing_to_approve_is_no_approval() -> None:
    with pytest.raises(ValueError, match="nothing"):
        ask("run-1", [], PRICES, now=MORNING)
    with pytest.raises(ValueError, match="XOM"):
        ask("run-1", [terms("XOM")], PRICES, now=MORNING)


@pytest.fixture
async def approvals(tmp_path: Path) -> AsyncIterator[Approvals]:
    async with open_database(tmp_path) as engine:
        yield Approvals(engine)


async def test_a_run_asks_once(approvals: Approvals) -> None:
    first, code = ask("run-1", [terms()], PRICES, now=MORNING)
    again, _ = ask("run-1", [terms(qty="11")], PRICES, now=MORNING)
    assert await approvals.open(first) == (first, True)
    assert await approvals.open(again) == (first, False)


async def test_of_two_answers_at_once_one_counts(approvals: Approvals) -> None:
    approval, code = ask("run-1", [terms()], PRICES, now=MORNING)
    await approvals.open(approval)

    async def say(verdict: str) -> Approval:
        return await approvals.answer(
            approval.id,
            verdict,  # type: ignore[arg-type]
            code=code,
            channel="page",
            by=verdict,
            now=MORNING,
            prices=PRICES,
        )

    answers = await asyncio.gather(*(say(v) for v in ("approve", "decline", "approve", "decline")))
    assert len({(a.state, a.answered_by) for a in answers}) == 1
    kept = await approvals.get(approval.id)
    assert kept == answers[0]


async def test_wrong_codes_said_at_once_are_all_counted(approvals: Approvals) -> None:
    approval, code = ask("run-1", [terms()], PRICES, now=MORNING)
    await approvals.open(approval)
    wrong = f"{(int(code) + 1) % 10**6:06d}"
    await asyncio.gather(
        *(
            approvals.answer(
                approval.id,
                "approve",
                code=wrong,
                channel="api",
                by="?",
                now=MORNING,
                prices=PRICES,
            )
            for _ in range(5)
        )
    )
    kept = await approvals.get(approval.id)
    assert kept and (kept.state, kept.wrong_codes) == ("refused", 3)


async def test_the_code_is_nowhere_in_what_is_kept(approvals: Approvals) -> None:
    approval, code = ask("run-1", [terms()], PRICES, now=MORNING)
    await approvals.open(approval)
    assert code not in str([kept.model_dump(mode="json") for kept in await approvals.list("open")])


def test_who_reads_the_records_without_the_key_does_not_know_the_code(
    asked: tuple[Approval, str],
) -> None:
    approval, code = asked
    assert code_of(approval, MasterKey(b"x" * 32)) != code
    again = made("run-1", approval.terms, PRICES, key=KEY, now=MORNING)
    assert code_of(again, KEY) != code  # another salt, so another code


async def test_what_follows_is_asked_for_in_the_transaction_that_it_follows_from(
    tmp_path: Path,
) -> None:
    async with open_database(tmp_path) as engine:
        approvals, jobs = Approvals(engine), Jobs(engine)
        approval, code = ask("run-1", [terms()], PRICES, now=MORNING)
        await approvals.open(approval)
        await approvals.open(approval)
        assert [job.data for job in await jobs.list(OPENED)] == [{"id": approval.id}]
        given: dict[str, Any] = {"channel": "api", "by": "?", "now": MORNING, "prices": PRICES}
        await approvals.answer(approval.id, "approve", code="1", **given)
        assert await jobs.list(SETTLED) == []
        for _ in range(2):
            await approvals.answer(approval.id, "approve", code=code, **given)
        assert [job.data for job in await jobs.list(SETTLED)] == [{"id": approval.id}]
