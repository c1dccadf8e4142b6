"""Local servers that answer like the providers of market data, for the real clients to ask.

Each follows the public documentation of its provider: paths, where the key goes, paging, what a
wrong key, an unknown symbol and a used up quota look like. What they tell is made up.
"""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from fastapi import FastAPI, Request, Response
from fastapi.responses import HTMLResponse, JSONResponse

KEY = "a-key-nobody-may-see"
Params = Mapping[str, str]


@dataclass
class Asked:
    """A request as it arrived."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class Server:
    """Answers as `answer` says; first come the `faults`, each once."""

    answer: Callable[[Asked], Response]
    faults: list[Response | Callable[[], Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.app = FastAPI(openapi_url=None)
        self.app.add_api_route("/{path:path}", self._handle, methods=["GET", "POST"])

    async def _handle(self, request: Request, path: str) -> Response:
        raw = await request.body()
        params, headers = dict(request.query_params), dict(request.headers)
        asked = Asked(request.method, path, params, headers, json.loads(raw) if raw else None)
        self.asked.append(asked)
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Response):
                return fault
            await fault()
        return self.answer(asked)


def told(body: Any, status: int = 200, **headers: str) -> Response:
    """Answer JSON as it is, figures written as they are given."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return JSONResponse(body, status, names)


def page(status: int = 200, title: str = "Just a moment...") -> Response:
    """Answer a web page."""
    return HTMLResponse(f"<html><head><title>{title}</title></head><body/></html>", status)


def too_often(wait: int) -> Response:
    """Refuse with 429."""
    return told({"error": "API limit reached."}, 429, Retry_After=str(wait))


def finnhub(
    news: list[Any] | None = None, earnings: list[Any] | None = None, quote: Any = None
) -> Server:
    """https://finnhub.io/docs/api: the token in a header; an unknown symbol is zeros."""
    shown = {"c": 261.74, "d": -1.2, "dp": -0.4564, "pc": 262.94, "t": 1795184400}
    nothing = {"c": 0, "d": None, "dp": None, "h": 0, "l": 0, "o": 0, "pc": 0, "t": 0}

    def answer(asked: Asked) -> Response:
        if asked.headers.get("x-finnhub-token") != KEY:
            return told({"error": "Invalid API key."}, 401)
        symbol = asked.params.get("symbol")
        match asked.path:
            case "quote":
                return told((quote or shown) if symbol == "AAPL" else nothing)
            case "company-news":
                return told(news or [])
            case "calendar/earnings":
                rows = [
                    row
                    for row in earnings or []
                    if symbol is None or not isinstance(row, dict) or row.get("symbol") == symbol
                ]
                return told({"earningsCalendar": rows})
        return page(404, "Not found")

    return Server(answer)


def alpha_vantage(tables: Mapping[str, Any] | None = None) -> Server:
    """https://www.alphavantage.co/documentation/: everything is status 200; figures are texts."""
    quote = {
        "01. symbol": "AAPL",
        "05. price": "261.7400",
        "06. volume": "48211567",
        "07. latest trading day": "2026-11-19",
        "08. previous close": "262.9400",
        "09. change": "-1.2000",
        "10. change percent": "-0.4564%",
    }
    whole = {"GLOBAL_QUOTE": {"Global Quote": quote}} | dict(tables or {})

    def answer(asked: Asked) -> Response:
        if asked.params.get("apikey") != KEY:
            return told({"Error Message": "the parameter apikey is invalid or missing."})
        function, symbol = asked.params["function"], asked.params["symbol"]
        nothing = {"Global Quote": {}} if function == "GLOBAL_QUOTE" else {}
        return told(whole.get(function, nothing) if symbol == "AAPL" else nothing)

    return Server(answer)


def fred(rows: list[Mapping[str, str]], page_size: int = 1000) -> Server:
    """https://fred.stlouisfed.org/docs/api/fred/: vintages clipped to the span, paged by offset."""

    def answer(asked: Asked) -> Response:
        params = asked.params
        if params.get("api_key") != KEY:
            message = "Bad Request.  The value for variable api_key is not registered."
            return told({"error_code": 400, "error_message": message}, 400)
        if params["series_id"] == "NONE":
            message = "Bad Request.  The series does not exist."
            return told({"error_code": 400, "error_message": message}, 400)
        first, last = params["realtime_start"], params["realtime_end"]
        seen = [
            dict(row) | {"realtime_start": max(row["realtime_start"], first)}
            for row in rows
            if row["realtime_start"] <= last and row.get("realtime_end", "9999") >= first
            if row["date"] >= params["observation_start"]
        ]
        offset, limit = int(params["offset"]), min(int(params["limit"]), page_size)
        whole = {"realtime_start": first, "realtime_end": last, "count": len(seen)}
        return told(whole | {"offset": offset, "observations": seen[offset : offset + limit]})

    return Server(answer)


def openfda(results: list[Any], updated: str = "2026-11-17", page_size: int = 1000) -> Server:
    """https://open.fda.gov/apis/: nothing found is 404; the key is a user name without password."""

    def answer(asked: Asked) -> Response:
        given = asked.headers.get("authorization")
        if given and base64.b64decode(given.removeprefix("Basic ")).decode() != f"{KEY}:":
            return told({"error": {"code": "API_KEY_INVALID", "message": "An invalid key."}}, 403)
        skip, limit = int(asked.params["skip"]), min(int(asked.params["limit"]), page_size)
        if not results:
            return told({"error": {"code": "NOT_FOUND", "message": "No matches found!"}}, 404)
        meta = {"skip": skip, "limit": limit, "total": len(results)}
        some = results[skip : skip + limit]
        return told({"meta": {"last_updated": updated, "results": meta}, "results": some})

    return Server(answer)


def edgar(files: Mapping[str, Any]) -> Server:
    """https://www.sec.gov/os/accessing-edgar-data: a page with 403 without contact, XML for 404."""
    companies = {
        "0": {"cik_str": 320193, "ticker": "AAPL", "title": "Apple Inc."},
        "1": {"cik_str": 1067983, "ticker": "BRK-B", "title": "BERKSHIRE HATHAWAY INC"},
    }
    whole = {"files/company_tickers.json": companies} | dict(files)

    def answer(asked: Asked) -> Response:
        if "@" not in asked.headers.get("user-agent", ""):
            return page(403, "SEC.gov | Request Rate Threshold Exceeded")
        if asked.path in whole:
            return told(whole[asked.path])
        return Response("<Error><Code>NoSuchKey</Code></Error>", 404, media_type="application/xml")

    return Server(answer)


def dataforseo(quotes: Mapping[str, Any], found: Mapping[str, list[str]] | None = None) -> Server:
    """https://docs.dataforseo.com/v3/: status 200 with codes of its own inside."""

    def whole(code: int, message: str, result: Any = None) -> Response:
        task = {"id": "1", "status_code": code, "status_message": message, "result": result}
        outer = {"version": "0.1", "status_code": 20000, "status_message": "Ok."}
        return told(outer | {"cost": 0.002, "tasks_count": 1, "tasks": [task]})

    def answer(asked: Asked) -> Response:
        given = asked.headers.get("authorization", "").removeprefix("Basic ")
        if base64.b64decode(given).decode() != f"login:{KEY}":
            refused = {"status_code": 40100, "status_message": "You are not Authorized."}
            return told(refused | {"tasks": None}, 401)
        keyword = asked.body[0]["keyword"]
        if "ticker_search" in asked.path:
            names = (found or {}).get(keyword)
            if names is None:
                return whole(40102, "No Search Results.")
            kind = "google_finance_market_instrument_element"
            items = [{"type": kind, "identifier": name} for name in names]
            return whole(20000, "Ok.", [{"items": items}])
        if keyword not in quotes:
            return whole(40501, "Invalid Field: 'keyword'.")
        items = [
            {"type": "google_finance_hero_groups", "items": []},
            {"type": "google_finance_quote", "quote": quotes[keyword], "graph_items": []},
        ]
        return whole(20000, "Ok.", [{"keyword": keyword, "items": items}])

    return Server(answer)
