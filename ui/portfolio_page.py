"""The portfolio: what is held and was gained, what was thought of it, and what to do about it."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any, Final
from uuid import uuid4

import gradio as gr
import pandas as pd

from ui.approval_part import ApprovalPart
from ui.backend import Backend, Refused
from ui.figures import (
    QUIET,
    badge,
    cells,
    empty,
    html,
    in_100,
    moment,
    percent,
    shares,
    table,
    tile,
    tiles,
    tone,
    usd,
)
from ui.navigation import navigation
from ui.telling import done, refused

Components = dict[Any, Any]
WATCH_SECS: Final = 3.0
"""Time between two looks, in seconds."""
ACTIONS: Final = {"buy_more": "Buy more", "sell_half": "Sell half", "sell_all": "Sell all"}
_ON_CLICK: Final = """element.addEventListener('click', (event) => {
  const button = event.target.closest('button[data-action]');
  if (button) trigger('submit', {symbol: button.dataset.symbol, action: button.dataset.action});
});"""


def portfolio_page(blocks: gr.Blocks, backend: Backend) -> None:
    """Make the page within an open `route`."""
    navigation("Portfolio")
    _Page(backend).listen(blocks)


class _Page:
    """The parts of the page, and what happens when they are used."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.health = html(elem_id="portfolio-health")
        self.alerts = html(elem_id="portfolio-alerts")
        self.tiles = html(elem_id="portfolio-tiles")
        self.plot = gr.LinePlot(
            x="day",
            y="gain, USD",
            title="Gain since the first day",
            height=240,
            buttons=[],
            visible=False,
            elem_id="portfolio-plot",
        )
        self.undrawn = html(elem_id="portfolio-undrawn")
        html("<h2>Positions</h2>", elem_classes="heading")
        self.positions = html(elem_id="portfolio-positions", js_on_load=_ON_CLICK)
        with gr.Row(elem_classes="filters"):
            self.symbol = gr.Textbox(
                label="Buy", placeholder="Symbol", max_length=7, elem_id="buy-symbol"
            )
            self.amount = gr.Textbox(
                label="For at most, USD",
                placeholder="2 % of the equity",
                max_length=12,
                elem_id="buy-amount",
            )
            self.buy = gr.Button("Ask to buy", scale=0, elem_id="buy")
        self.told = html(elem_id="portfolio-told")
        self.approval = ApprovalPart(backend, "portfolio")
        self.waiting = html(elem_id="portfolio-waiting")
        html("<h2>Orders</h2>", elem_classes="heading")
        self.orders = html(elem_id="portfolio-orders")
        with gr.Accordion("Kill switch", open=False, elem_id="kill-switch"):
            html(
                '<p class="quiet">Halted, nothing is bought by anybody; what is held may still be '
                "sold and open orders cancelled. Where the books differ because of what was done "
                "elsewhere (a trade by hand, a split), look at the broker's, then take them as "
                "ours.</p>"
            )
            with gr.Row():
                self.reason = gr.Textbox(label="Why", max_length=200, elem_id="halt-reason")
                self.halt = gr.Button("Halt buying", variant="stop", elem_id="halt")
                self.resume = gr.Button("Go on buying", elem_id="resume")
                self.adopt = gr.Button("Take the broker's books as ours", elem_id="adopt")
        self.nonce = gr.State("")
        self.days = gr.State([])
        self.timer = gr.Timer(WATCH_SECS)

    def listen(self, blocks: gr.Blocks) -> None:
        """Wire the events of the page."""
        shown = [self.health, self.alerts, self.tiles, self.positions, self.orders]
        drawn = [self.plot, self.days, self.undrawn]
        gr.on([blocks.load, self.timer.tick], self._shown, None, shown, **QUIET)
        gr.on([blocks.load, self.timer.tick], self._drawn, self.days, drawn, **QUIET)
        blocks.load(lambda: uuid4().hex, None, self.nonce, **QUIET)
        blocks.load(self._newest, None, self.approval.id, **QUIET)
        gr.on([blocks.load, self.timer.tick], self._waiting, None, self.waiting, **QUIET)
        asked = [self.told, self.approval.id]
        self.positions.submit(self._clicked, [self.nonce, self.amount], asked, **QUIET)
        wish = [self.symbol, self.nonce, self.amount]
        gr.on([self.buy.click, self.symbol.submit], self._bought, wish, asked, **QUIET)
        self.approval.listen(self.timer, self._answered, None, [*shown, self.nonce, self.told])
        self.halt.click(self._halted, self.reason, [self.told, self.health], **QUIET)
        self.resume.click(self._resumed, None, [self.told, self.health], **QUIET)
        self.adopt.click(self._adopted, None, [self.told, self.health], **QUIET)

    async def _shown(self) -> Components:
        ask = self._backend().ask
        try:
            health = await ask("GET", "/api/portfolio/health")
        except Refused as error:
            return {self.health: refused(error)}
        parts: Components = {self.health: health_html(health)}
        try:
            found = await ask("GET", "/api/portfolio/positions")
            trades = await ask("GET", "/api/trades", query={"limit": 20})
        except Refused as error:
            old = f"{error} What is shown below, if anything, is what was last known."
            return parts | {self.alerts: refused(old)}
        return parts | {
            self.alerts: alerts_html(found["alerts"]),
            self.tiles: tiles_html(found),
            self.positions: positions_html(found["positions"]),
            self.orders: orders_html(trades["trades"]),
        }

    async def _drawn(self, before: list[Any]) -> Components:
        try:
            found = await self._backend().ask("GET", "/api/portfolio/history")
        except Refused:
            return {self.days: before}
        days = [[one["at"], float(one["gain"])] for one in found["days"]]
        if days == before:
            return {self.days: days}
        if len(days) < 2:  # one point is no line
            told = done("Gain over time is drawn from the first close on.")
            return {self.days: days, self.undrawn: told, self.plot: gr.update(visible=False)}
        at = pd.to_datetime([day for day, _ in days], utc=True)
        frame = pd.DataFrame({"day": at, "gain, USD": [gain for _, gain in days]})
        shown = gr.update(value=frame, visible=True)
        return {self.plot: shown, self.days: days, self.undrawn: ""}

    async def _waiting(self) -> str:
        try:
            return waiting_html(
                await self._backend().ask("GET", "/api/approvals", query={"state": "open"})
            )
        except Refused:
            return ""

    async def _newest(self) -> str:
        """Return the newest approval that waits for an answer, if there is one."""
        query = {"state": "open", "limit": 1}
        try:
            found = await self._backend().ask("GET", "/api/approvals", query=query)
        except Refused:
            return ""
        return str(found[0]["id"]) if found else ""

    async def _clicked(self, nonce: str, amount: str, event: gr.EventData) -> Components:
        symbol, action = str(event._data["symbol"]), str(event._data["action"])
        return await self._ask_for(symbol, action, amount, nonce)

    async def _bought(self, symbol: str, nonce: str, amount: str) -> Components:
        if not symbol.strip():
            return {self.told: refused("Write the symbol of the share.")}
        return await self._ask_for(symbol.strip().upper(), "buy_more", amount, nonce)

    async def _ask_for(self, symbol: str, action: str, amount: str, nonce: str) -> Components:
        """Ask for an order; the same again, before it is answered, is the same approval."""
        body: dict[str, Any] = {"symbol": symbol, "action": action}
        if amount.strip() and action == "buy_more":
            body["amount_usd"] = amount.strip().replace(",", "").removeprefix("$")
        key = f"{nonce}:{symbol}:{action}:{body.get('amount_usd', '')}"
        try:
            trade = await self._backend().ask("POST", "/api/trades/execute", body=body, key=key)
        except Refused as error:
            return {self.told: refused(error), self.approval.id: ""}
        said = " ".join(cut["why"] for cut in trade["cuts"])
        told = f"{ACTIONS[action]}, {symbol}: sized by the limits, to be approved. {said}".strip()
        return {self.told: done(told), self.approval.id: trade["approval"]["id"]}

    async def _answered(self) -> Components:
        return {**await self._shown(), self.nonce: uuid4().hex, self.told: ""}

    async def _halted(self, reason: str) -> Components:
        body = {"reason": reason.strip()} if reason.strip() else {}
        return await self._switched("halt", body, "Halted: nothing is bought.")

    async def _resumed(self) -> Components:
        return await self._switched("resume", None, "Buying goes on.")

    async def _adopted(self) -> Components:
        told = "What the broker holds is what we hold; it is compared again within a minute."
        return await self._switched("adopt", None, told)

    async def _switched(self, act: str, body: Any, told: str) -> Components:
        try:
            health = await self._backend().ask("POST", f"/api/portfolio/{act}", body=body)
        except Refused as error:
            return {self.told: refused(error)}
        return {self.told: done(told), self.health: health_html(health)}


def health_html(health: Mapping[str, Any]) -> str:
    """Return whether trading works, as badges with words."""
    mode = "LIVE: real money" if health["mode"] == "LIVE" else "PAPER"
    parts = [badge(mode, "bad" if health["mode"] == "LIVE" else "good")]
    if health["recorded"]:
        parts.append(badge("recorded prices of the past", "warn"))
    if health["broker_reached"]:
        parts.append(badge("broker reached", "good"))
        parts.append(badge("exchange open" if health["market_open"] else "exchange closed"))
    else:
        parts.append(badge("broker not reached", "bad"))
    parts.append(badge("buying is halted", "bad") if health["halted"] else badge("buying is on"))
    parts.append(_reconciled(health["reconciled"]))
    if health["open_approvals"]:
        parts.append(badge(f"{health['open_approvals']} to be approved", "warn"))
    why = [health["problem"], health["halted"]]
    told = " ".join(escape(str(one)) for one in why if one)
    return (
        f'<p class="standing" role="status">{"".join(parts)}'
        f"<span>{moment(health['at'])} UTC at the exchange. {told}</span></p>"
    )


def _reconciled(report: Mapping[str, Any] | None) -> str:
    if report is None:
        return badge("not reconciled yet", "warn")
    if report["mismatches"]:
        return badge("books differ", "bad")
    if report["unsure"]:
        return badge("reconciliation unsure", "warn")
    return badge("books agree", "good")


def waiting_html(approvals: Sequence[Mapping[str, Any]]) -> str:
    """Return all approvals that wait where there are several, each with the page to answer it."""
    if len(approvals) < 2:
        return ""
    items = "".join(
        f'<li><a href="approvals/{escape(one["id"])}">{escape(_asked(one["terms"]))}</a>, until '
        f"{moment(one['expires_at'])} UTC</li>"
        for one in approvals
    )
    heading = "<h3>All that wait for an answer</h3>"
    return f'<section class="sheet">{heading}<ul>{items}</ul></section>'


def _asked(terms: Sequence[Mapping[str, Any]]) -> str:
    return ", ".join(f"{one['side']} {shares(one['qty'])} {one['symbol']}" for one in terms)


def alerts_html(alerts: Sequence[Mapping[str, Any]]) -> str:
    """Return what is to be looked at; nothing where nothing is."""
    items = "".join(f"<li>{_alert(one)}</li>" for one in alerts)
    return f'<ul class="alerts" role="status">{items}</ul>' if items else ""


def _alert(one: Mapping[str, Any]) -> str:
    level = badge("risk" if one["level"] == "bad" else "look", one["level"])
    about = f"<b>{escape(one['symbol'])}</b> " if one["symbol"] else ""
    return f"{level} {about}{escape(one['text'])}"


def tiles_html(found: Mapping[str, Any]) -> str:
    """Return the figures of the account."""
    account = found["account"]
    return tiles(
        [
            tile("Equity", usd(account["equity"]), f"account …{account['number']}"),
            tile(
                "Since the last close",
                usd(account["today"], signed=True),
                percent(account["today_pct"]),
                tone(account["today"]),
            ),
            tile(
                "Not realised",
                usd(account["unrealised"], signed=True),
                f"{len(found['positions'])} positions",
                tone(account["unrealised"]),
            ),
            tile("Cash", usd(account["cash"]), f"{len(found['open_orders'])} open orders"),
        ]
    )


def positions_html(positions: Sequence[Mapping[str, Any]]) -> str:
    """Return a tile for each position, with what was last thought of it and what can be done."""
    if not positions:
        return empty(
            "Nothing is held. An analysis may propose something; or ask to buy a share below."
        )
    return f'<div class="panels">{"".join(_position(one) for one in positions)}</div>'


def _position(one: Mapping[str, Any]) -> str:
    symbol = escape(one["symbol"])
    buttons = "".join(
        f'<button type="button" data-action="{action}" data-symbol="{symbol}" '
        f'aria-label="{label} of {symbol}">{label}</button>'
        for action, label in ACTIONS.items()
    )
    return (
        f'<section class="panel position" aria-label="{symbol}"><h3>{symbol} '
        f"<small>{shares(one['qty'])} shares, bought at {usd(one['average_price'])}</small></h3>"
        f'<p class="worth"><b>{usd(one["market_value"])}</b> '
        f'<span class="{tone(one["gain"])}">{usd(one["gain"], signed=True)} '
        f"({percent(one['gain_pct'])})</span></p>"
        f'<p class="quiet">{usd(one["price"])} a share, {percent(one["today_pct"])} since the '
        f"last close; {percent(one['share_pct'], signed=False)} of the equity</p>"
        f'{_thought(one["analysis"])}<p class="acts">{buttons}</p></section>'
    )


def _thought(analysis: Mapping[str, Any] | None) -> str:
    if analysis is None:
        return '<p class="thought">It was never analysed. <a href="analysis">Analyse it</a></p>'
    found = analysis["consensus"]
    against = found["dissent"]
    if found["probability"] is None:
        said = "Nobody has an opinion."
    else:
        said = (
            f"{in_100(found['probability'])} to beat the index, between "
            f"{found['low'] * 100:.0f} and {found['high'] * 100:.0f}; "
            f"{len(against)} against it, {found['effective_voters']:.1f} independent voters."
        )
    link = f"analysis?run={escape(analysis['run_id'])}"
    return (
        f'<p class="thought">{said} <a href="{link}">Analysis of '
        f"{moment(analysis['at'], day=True)}</a></p>"
    )


def orders_html(trades: Sequence[Mapping[str, Any]]) -> str:
    """Return the orders that were decided, the newest first."""
    if not trades:
        return empty("No order was decided yet.")
    rows = [
        cells(
            moment(one["created_at"]),
            one["terms"]["symbol"],
            one["terms"]["side"],
            shares(one["terms"]["qty"]),
            usd(one["terms"]["limit_price"]),
            one["state"].replace("_", " "),
            f"{shares(one['filled_qty'])} at {usd(one['average_price'])}"
            if one["average_price"]
            else "–",
            one["problem"] or "",
        )
        for one in trades
    ]
    heads = ("Decided, UTC", "Symbol", "Side", "Shares", "Limit", "State", "Filled", "Problem")
    return table("Orders", heads, rows)
