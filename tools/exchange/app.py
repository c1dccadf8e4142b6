"""The exchange's HTTP and WebSocket surface: Alpaca's paths, and `/lab` to set time and faults."""

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response, WebSocket, WebSocketDisconnect
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, ValidationError

from tools.exchange import wire
from tools.exchange.account import Exchange
from tools.exchange.faults import Fault, Faults, answer_with_faults
from tools.exchange.kept import keep
from tools.exchange.market_data import market_data
from tools.exchange.orders import Order, Refused
from tools.exchange.orders import Request as Asked
from tools.exchange.prices import NEW_YORK

ACCOUNT_NUMBER = "PA3LOCAL0001"
"""Paper accounts begin with PA."""


TICK_SECS = 1.0
"""How often time passes, in seconds."""
KEEP_TICKS = 15
"""After how many of them it is written down what time it is; what was done is at once."""


class Time(BaseModel):
    """What time it is to be."""

    model_config = ConfigDict(extra="forbid")

    now: datetime | None = None
    secs: float | None = None


def create_exchange_app(
    exchange: Exchange,
    *,
    keys: Mapping[str, str] | None = None,
    speed: float = 0.0,
    skip_nights: bool = False,
    path: Path | None = None,
) -> FastAPI:
    """Make the application.

    Args:
        exchange: the account and its market.
        keys: secret by key id; any key is let in if missing.
        speed: seconds of the exchange that pass in a second; 0 stands still but for `/lab/time`.
        skip_nights: whether the next session follows at once, as long as there are prices for it.
        path: where it is written down before each answer to what has changed it, if anywhere.
    """
    faults = Faults()

    def kept() -> None:
        if path:
            keep(exchange, path)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        passing = asyncio.create_task(_pass(exchange, speed, skip_nights, kept)) if speed else None
        yield
        if passing:
            passing.cancel()

    app = FastAPI(title="Local exchange", lifespan=lifespan)
    app.state.exchange, app.state.faults = exchange, faults

    @app.middleware("http")
    async def guarded(request: Request, go_on: Any) -> Response:
        async def answered(request: Request) -> Response:
            answer = await _answer(go_on, request)
            if request.method != "GET":
                kept()
            return answer

        if request.url.path.startswith("/lab"):
            return await answered(request)
        if keys is not None and not _known(request.headers, keys):
            return JSONResponse({"message": "unauthorized."}, 401)
        return await answer_with_faults(faults, request, answered)

    app.include_router(_trading(exchange, faults))
    app.include_router(market_data(exchange))
    app.include_router(_lab(exchange, faults))

    @app.websocket("/stream")
    async def stream(socket: WebSocket) -> None:
        await _stream(socket, exchange, keys)

    return app


async def _answer(go_on: Any, request: Request) -> Response:
    try:
        answer: Response = await go_on(request)
    except Refused as refused:
        return JSONResponse(refused.body, refused.status)
    except ValidationError as error:
        problem = error.errors()[0]
        field = ".".join(map(str, problem["loc"]))
        return JSONResponse({"code": 40010001, "message": f"{field}: {problem['msg']}"}, 422)
    return answer


async def _pass(
    exchange: Exchange, speed: float, skip_nights: bool, kept: Callable[[], None]
) -> None:
    ticks = 0
    while True:
        await asyncio.sleep(TICK_SECS)
        before, ticks = len(exchange.fills), ticks + 1
        if skip_nights and not exchange.sessions.is_open(exchange.now):
            opens, _ = exchange.sessions.next(exchange.now)
            if opens.astimezone(NEW_YORK).date() > exchange.prices.days[-1]:
                continue  # the recording is over
            exchange.advance(opens)
        else:
            exchange.advance(exchange.now + timedelta(seconds=TICK_SECS * speed))
        if len(exchange.fills) > before or ticks % KEEP_TICKS == 0:
            kept()


def _known(headers: Mapping[str, str], keys: Mapping[str, str]) -> bool:
    key, secret = headers.get("apca-api-key-id", ""), headers.get("apca-api-secret-key", "")
    return key in keys and keys[key] == secret


def _trading(exchange: Exchange, faults: Faults) -> APIRouter:
    router = APIRouter(prefix="/v2")
    account_id = str(uuid.uuid5(uuid.NAMESPACE_OID, ACCOUNT_NUMBER))

    @router.get("/account")
    async def account() -> Any:
        return wire.account(exchange, ACCOUNT_NUMBER, account_id)

    @router.get("/account/portfolio/history")
    async def history() -> Any:
        return wire.history(exchange)

    @router.get("/account/activities")
    @router.get("/account/activities/FILL")
    async def activities() -> Any:
        return [wire.fill(one) for one in reversed(exchange.fills)]

    @router.get("/clock")
    async def clock() -> Any:
        return wire.clock(exchange)

    @router.get("/calendar")
    async def calendar(start: date | None = None, end: date | None = None) -> Any:
        today = exchange.now.date()
        first, last = start or date(today.year, 1, 1), end or date(today.year, 12, 31)
        return wire.calendar(exchange.sessions, first, last)

    @router.get("/assets")
    async def assets() -> Any:
        return [wire.asset(symbol) for symbol in exchange.prices.symbols]

    @router.get("/assets/{symbol}")
    async def asset(symbol: str) -> Any:
        for known in exchange.prices.symbols:
            if symbol in (known, wire.asset(known)["id"]):
                return wire.asset(known)
        raise Refused(404, 40410000, f"asset not found for {symbol}")

    @router.get("/positions")
    async def positions() -> Any:
        return [wire.position(exchange, held) for held in exchange.positions.values()]

    @router.get("/positions/{symbol}")
    async def position(symbol: str) -> Any:
        return wire.position(exchange, exchange.position(symbol))

    @router.delete("/positions/{symbol}")
    async def close(
        symbol: str, qty: Decimal | None = None, percentage: Decimal | None = None
    ) -> Any:
        order = exchange.close(symbol, qty, percentage)
        _settle(exchange, order, faults)
        return wire.order(order)

    @router.delete("/positions")
    async def close_all(cancel_orders: str = "") -> Any:
        if cancel_orders.lower() == "true":
            for order in [o for o in exchange.orders.values() if o.is_open]:
                exchange.cancel(order.id)
        return JSONResponse([_closed(exchange, symbol) for symbol in list(exchange.positions)], 207)

    _orders(router, exchange, faults)
    return router


def _closed(exchange: Exchange, symbol: str) -> dict[str, Any]:
    try:
        order = exchange.close(symbol, None, None)
    except Refused as refused:
        return {"symbol": symbol, "status": refused.status, "body": refused.body}
    exchange.advance(exchange.now)
    return {"symbol": symbol, "status": 200, "body": wire.order(order)}


def _orders(router: APIRouter, exchange: Exchange, faults: Faults) -> None:
    @router.post("/orders")
    async def submit(request: Request) -> Any:
        order = exchange.submit(Asked.model_validate(await _body(request)))
        accepted = wire.order(order)  # as Alpaca answers: taken, and filled a moment later
        _settle(exchange, order, faults)
        return accepted

    @router.get("/orders")
    async def listed(
        status: str = "open",
        limit: int = 50,
        after: datetime | None = None,
        until: datetime | None = None,
        direction: str = "desc",
        symbols: str = "",
        side: str = "",
    ) -> Any:
        wanted = set(filter(None, symbols.split(",")))
        found = [
            one
            for one in exchange.orders.values()
            if (status == "all" or one.is_open == (status == "open"))
            and (not wanted or one.request.symbol in wanted)
            and (not side or one.request.side == side)
            and (after is None or one.created_at > after)
            and (until is None or one.created_at < until)
        ]
        found.sort(key=lambda one: one.created_at, reverse=direction == "desc")
        return [wire.order(one) for one in found[: min(max(limit, 1), 500)]]

    @router.get("/orders:by_client_order_id")
    async def by_client_id(client_order_id: str) -> Any:
        return wire.order(exchange.by_client_id(client_order_id))

    @router.get("/orders/{order_id}")
    async def order(order_id: str) -> Any:
        return wire.order(exchange.order(order_id))

    @router.patch("/orders/{order_id}")
    async def replace(order_id: str, request: Request) -> Any:
        order = exchange.replace(order_id, await _body(request))
        _settle(exchange, order, faults)
        return wire.order(order)

    @router.delete("/orders/{order_id}")
    async def cancel(order_id: str) -> Response:
        order = exchange.order(order_id)
        if order.is_open and faults.take(f"DELETE /v2/orders/{order_id}", "cancel_race"):
            order.most_now = None  # the market was faster
            order.request = order.request.model_copy(update={"limit_price": None, "type": "market"})
            exchange.advance(exchange.now)
        exchange.cancel(order_id)
        return Response(status_code=204)

    @router.delete("/orders")
    async def cancel_all() -> Any:
        cancelled = [one.id for one in exchange.orders.values() if one.is_open]
        for order_id in cancelled:
            exchange.cancel(order_id)
        return JSONResponse([{"id": one, "status": 200} for one in cancelled], 207)


def _settle(exchange: Exchange, order: Order, faults: Faults) -> None:
    """Fill a new order as far as it can be filled now."""
    if order.request.qty and faults.take("POST /v2/orders", "partial"):
        order.most_now = max(order.request.qty // 2, min(order.request.qty, Decimal(1)))
    exchange.advance(exchange.now)


async def _body(request: Request) -> dict[str, Any]:
    try:
        body = json.loads(await request.body(), parse_float=Decimal)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Refused(400, 40010000, "request body format is invalid")
    return body


def _lab(exchange: Exchange, faults: Faults) -> APIRouter:
    router = APIRouter(prefix="/lab")

    @router.post("/time")
    async def time(to: Time) -> Any:
        now = to.now or exchange.now + timedelta(seconds=to.secs or 0)
        try:
            exchange.advance(now.astimezone(UTC))
        except ValueError as error:
            raise Refused(422, 42210000, str(error)) from error
        return wire.clock(exchange)

    @router.post("/faults")
    async def fault(one: Fault) -> Any:
        faults.waiting.append(one)
        return faults.waiting

    @router.delete("/faults", status_code=204)
    async def mended() -> None:
        faults.waiting.clear()

    return router


async def _stream(socket: WebSocket, exchange: Exchange, keys: Mapping[str, str] | None) -> None:
    """Tell what happens to orders, in binary frames as paper trading does."""
    await socket.accept()
    updates: asyncio.Queue[dict[str, Any]] = asyncio.Queue()

    def tell(what: str, order: Order, price: Decimal | None, shares: Decimal | None) -> None:
        data: dict[str, Any] = {
            "event": what,
            "timestamp": wire.stamp(exchange.now),
            "execution_id": str(uuid.uuid4()),
            "order": wire.order(order),
        }
        if price is not None:
            held = exchange.positions.get(order.request.symbol)
            data |= {
                "price": wire.text(price),
                "qty": wire.text(shares),
                "position_qty": wire.text(held.shares if held else Decimal(0)),
            }
        updates.put_nowait({"stream": "trade_updates", "data": data})

    async def send(message: Mapping[str, Any]) -> None:
        await socket.send_bytes(json.dumps(message).encode())

    async def listen() -> None:
        while True:
            frame = await socket.receive()
            if frame["type"] == "websocket.disconnect":
                raise WebSocketDisconnect
            asked = json.loads(frame.get("text") or frame.get("bytes") or "{}")
            data = asked.get("data") or asked
            if asked.get("action") in ("authenticate", "auth"):
                key = data.get("key_id") or data.get("key") or ""
                secret = data.get("secret_key") or data.get("secret") or ""
                known = keys is None or keys.get(key) == secret
                status = "authorized" if known else "unauthorized"
                answer = {"status": status, "action": "authenticate"}
                await send({"stream": "authorization", "data": answer})
                if not known:
                    return
            elif asked.get("action") == "listen":
                exchange.listeners.append(tell)
                await send({"stream": "listening", "data": {"streams": data.get("streams", [])}})

    async def pass_on() -> None:
        while True:
            await send(await updates.get())

    tasks = {asyncio.create_task(listen()), asyncio.create_task(pass_on())}
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        if tell in exchange.listeners:
            exchange.listeners.remove(tell)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(RuntimeError):
            await socket.close()
