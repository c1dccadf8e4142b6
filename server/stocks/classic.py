"""The classic form of an approval: the briefing is played, a digit is gathered, then the code.

A digit alone trades nothing: 1 leads to the exact orders and to the code, which the owner has on
another way. 2 is a no, 9 plays the briefing again.
"""

from collections.abc import Mapping
from typing import Any, Final

from graphs.stocks.approval import words
from server.services import Services
from store.approvals import CODE_DIGITS, MOST_WRONG, Approval
from store.call_results import CallResult
from tools.approving import Approving, approving
from voice.classic import Step

MOST_SILENT: Final = 3
"""Times that nothing was pressed after which the call is ended."""
CHOICES: Final = "Press 1 to approve, 2 to decline, 9 to hear it again."
SILENT: Final = "I have heard no key. Nothing was bought or sold. Goodbye."


class ClassicApproval:
    """One call about one approval.

    Args:
        services: what the server works with.
        result: of the request.
        person: who is on the line, for the record.
    """

    def __init__(self, services: Services, result: CallResult, person: str) -> None:
        self._services = services
        self._result = result
        self._person = person

    async def __call__(self, digits: str, kept: Mapping[str, Any]) -> Step:
        """Decide what is said next; see `voice.classic.Next`."""
        acting = await approving(self._services.desk)
        approval = await acting.standing(str(self._result.approval_id))
        if approval.state != "open":
            return await self._over(acting, approval)
        if not digits:
            return await self._silent(approval, kept)
        if kept.get("step") == "code":
            return await self._code(acting, approval, digits)
        if digits == "1":
            return await self._read_back(approval)
        if digits == "2":
            await self._services.call_results.pressed(self._result.request_id, digits)
            after = await acting.answer(
                approval.id, "decline", code="", channel="phone", by=self._person
            )
            return await self._over(acting, after)
        return self._brief(approval)

    def _brief(self, approval: Approval) -> Step:
        return Step(f"{approval.briefing} {CHOICES}", 1, {"step": "choice"})

    async def _silent(self, approval: Approval, kept: Mapping[str, Any]) -> Step:
        """Begin, or put the same once more to who has pressed nothing."""
        if not kept:
            return self._brief(approval)
        silences = int(kept.get("silences") or 0) + 1
        if silences >= MOST_SILENT:
            return Step(SILENT)
        again = await self._read_back(approval) if kept["step"] == "code" else None
        again = again or Step(CHOICES, 1, {"step": "choice"})
        return Step(again.text, again.keys, {**(again.kept or {}), "silences": silences})

    async def _read_back(self, approval: Approval) -> Step:
        await self._services.call_results.pressed(self._result.request_id, "1")
        text = f"{words.read_back(approval.terms)} {words.CODE_KEYS}"
        return Step(text, CODE_DIGITS, {"step": "code"})

    async def _code(self, acting: Approving, approval: Approval, digits: str) -> Step:
        after = await acting.answer(
            approval.id, "approve", code=digits, channel="phone", by=self._person
        )
        if after.state == "open":
            text = f"{words.wrong(MOST_WRONG - after.wrong_codes)} {words.CODE_KEYS}"
            return Step(text, CODE_DIGITS, {"step": "code"})
        return await self._over(acting, after)

    async def _over(self, acting: Approving, approval: Approval) -> Step:
        if approval.state != "approved":
            return Step(f"{words.came_to_nothing(approval)} Goodbye.")
        orders = await acting.carry_out(approval.id)
        return Step(f"{words.settlement(orders, live=approval.live)} Goodbye.")
