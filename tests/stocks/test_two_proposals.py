"""What one run has proposed counts in the next, while its approval is open."""

from decimal import Decimal
from pathlib import Path

from store.approvals import code_of
from tests.stocks.running import owner

ASKED = {"least_probability": 0.51, "per_name_fraction": "0.015"}


async def test_what_waits_for_a_yes_is_not_proposed_a_second_time_beyond_the_limits(
    tmp_path: Path,
) -> None:
    async with owner(tmp_path, stock_limits=ASKED) as someone:
        await someone.say("What should I buy?", thread="morning")
        await someone.say("What should I buy?", thread="noon")
        trading = await someone.desk.trading()
        wanted = dict[str, Decimal]()
        for approval in await trading.approvals.list("open"):
            for one in approval.terms:
                amount = one.qty * one.limit_price
                wanted[one.symbol] = wanted.get(one.symbol, Decimal(0)) + amount
        most = Decimal("0.015") * (await trading.account.standing()).equity
        assert len(wanted) >= 3 and max(wanted.values()) <= most


async def test_what_is_held_and_not_asked_about_has_its_own_price(tmp_path: Path) -> None:
    """Else it counts as all there is, and nothing else is ever bought beside it."""
    async with owner(tmp_path, stock_limits={"least_probability": 0.51}) as someone:
        await someone.say("Analyse AAPL", thread="first")
        trading = await someone.desk.trading()
        (approval,) = await trading.approvals.list("open")
        assert [one.symbol for one in approval.terms] == ["AAPL"]
        await someone.say("approve", thread="first")
        code = code_of(approval, someone.desk.secrets.key)
        said = await someone.say(code, thread="first")
        assert "bought 2 shares" in said
        said = await someone.say("Analyse MSFT", thread="second")
        assert "I propose one stock" in said and "MSFT" in said
