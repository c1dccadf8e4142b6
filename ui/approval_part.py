"""The part of a page in which the owner reads what is to be approved, and answers with a code."""

from collections.abc import Mapping
from datetime import UTC, datetime
from html import escape
from typing import Any

import gradio as gr

from ui.backend import Backend, Refused
from ui.figures import QUIET, badge, cells, html, moment, shares, table, usd
from ui.telling import done, refused

Components = dict[Any, Any]
_TONES = {"open": "warn", "approved": "good", "declined": "", "expired": "bad", "refused": "bad"}


class ApprovalPart:
    """An approval, its code and the two answers; shown where `id` names one.

    Args:
        backend: what the page works with.
        name: begins the ids of its elements.
    """

    def __init__(self, backend: Backend, name: str) -> None:
        self._backend = backend
        self.id = gr.Textbox(visible=False)
        with gr.Column(visible=False, elem_id=f"{name}-approval", elem_classes="sheet") as self.all:
            self.terms = html()
            with gr.Row(elem_classes="sure", visible=False) as self.answers:
                self.code = gr.Textbox(
                    label="One-time code",
                    placeholder="six digits",
                    max_length=12,
                    elem_id=f"{name}-code",
                )
                self.show = gr.Button("Show the code", elem_id=f"{name}-show-code")
                self.yes = gr.Button("Approve", variant="primary", elem_id=f"{name}-approve")
                self.no = gr.Button("Decline", elem_id=f"{name}-decline")
            self.told = html(elem_id=f"{name}-told")

    def listen(self, timer: gr.Timer, *after: Any) -> None:
        """Wire its events.

        Args:
            timer: looks again how it stands; it may be answered elsewhere.
            after: function, inputs and outputs of what follows an answer.
        """
        parts = [self.all, self.terms, self.answers]
        gr.on([self.id.change], self._opened, self.id, [*parts, self.told, self.code], **QUIET)
        timer.tick(self._shown, self.id, parts, **QUIET)
        self.show.click(self._showed, self.id, self.told, **QUIET)
        answered = [*parts, self.told, self.code]
        for click, act in ((self.yes.click, self._approved), (self.no.click, self._declined)):
            step = click(act, [self.id, self.code], answered, **QUIET)
            if after:
                step.then(*after, **QUIET)

    async def _opened(self, approval_id: str) -> Components:
        return {**await self._shown(approval_id), self.told: "", self.code: ""}

    async def _shown(self, approval_id: str) -> Components:
        if not approval_id:
            return {self.all: gr.update(visible=False)}
        try:
            found = await self._backend().ask("GET", f"/api/approvals/{approval_id}")
        except Refused as error:
            return {self.all: gr.update(visible=True), self.terms: refused(error)}
        return {
            self.all: gr.update(visible=True),
            self.terms: approval_html(found, datetime.now(UTC)),
            self.answers: gr.update(visible=found["state"] == "open"),
        }

    async def _showed(self, approval_id: str) -> str:
        try:
            found = await self._backend().ask("POST", f"/api/approvals/{approval_id}/code")
        except Refused as error:
            return refused(error)
        return done(f"The code is {found['code']}. That it was shown here is on record.")

    async def _approved(self, approval_id: str, code: str) -> Components:
        if not code.strip():
            return {self.told: refused("Write the one-time code; nothing is ordered without it.")}
        body = {"approval_id": approval_id, "code": code.strip(), "channel": "page"}
        try:
            trade = await self._backend().ask("POST", "/api/trades/execute", body=body)
        except Refused as error:
            return {**await self._shown(approval_id), self.told: refused(error), self.code: ""}
        told = " ".join(order_said(one) for one in trade["orders"])
        return {**await self._shown(approval_id), self.told: done(told), self.code: ""}

    async def _declined(self, approval_id: str, _code: str) -> Components:
        body = {"verdict": "decline", "channel": "page"}
        try:
            await self._backend().ask("POST", f"/api/approvals/{approval_id}", body=body)
        except Refused as error:
            return {**await self._shown(approval_id), self.told: refused(error)}
        told = done("Declined: nothing is bought or sold.")
        return {**await self._shown(approval_id), self.told: told, self.code: ""}


def approval_html(found: Mapping[str, Any], now: datetime) -> str:
    """Return what is asked, how it stands, and until when."""
    rows = [
        cells(
            one["symbol"],
            one["side"],
            shares(one["qty"]),
            usd(one["limit_price"]),
            usd(float(one["qty"]) * float(one["limit_price"])),
        )
        for one in found["terms"]
    ]
    state = str(found["state"])
    until = datetime.fromisoformat(found["expires_at"])
    left = max(int((until - now).total_seconds()), 0)
    stands = f"{left // 60}:{left % 60:02d} left to answer" if state == "open" else _settled(found)
    money = badge("LIVE, real money", "bad") if found["live"] else badge("PAPER", "good")
    return (
        f"<h3>Approval {badge(state, _TONES.get(state, ''))} {money}</h3>"
        + table("What is to be approved", ("Symbol", "Side", "Shares", "Limit", "Amount"), rows)
        + f'<p class="quiet">{escape(stands)}. No yes without the code; beyond '
        f"{shares(found['band_pct'])} % of drift nothing is ordered.</p>"
    )


def _settled(found: Mapping[str, Any]) -> str:
    how = f" by {found['channel']}" if found["channel"] else ""
    reason = f": {str(found['reason']).rstrip('.')}" if found["reason"] else ""
    return f"{str(found['state']).capitalize()}{how} at {moment(found['answered_at'])} UTC{reason}"


def order_said(order: Mapping[str, Any]) -> str:
    """Say what became of an order."""
    terms, intent = order["terms"], order["intent"]
    what = f"{terms['side'].capitalize()} {shares(terms['qty'])} {terms['symbol']}"
    if intent is None:
        return f"{what}: not sent. {order['problem'] or ''}".strip()
    filled = shares(intent["filled_qty"])
    if intent["state"] == "filled":
        return f"{what}: filled at {usd(intent['average_price'])}."
    problem = f" {intent['problem']}" if intent["problem"] else ""
    return f"{what}: {intent['state'].replace('_', ' ')}, {filled} filled.{problem}"
