"""Twilio's REST, as the official client uses it: the account, and its calls."""

import base64
import binascii
import re
import secrets
from collections.abc import Awaitable, Callable, Sequence
from urllib.parse import urlencode

from starlette.applications import Starlette
from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from settings import E164
from voice.phonelab.calls import API_VERSION, Detection, LabCall, StatusCallback, new_sid
from voice.phonelab.clock import Clock
from voice.phonelab.exchange import Exchange, LiveCall, Source, Subscriber
from voice.phonelab.mulaw import decode, encode_wav

NUMBER = re.compile(rf"{E164}|(client|sip):\S+")
STATUS_EVENTS = frozenset({"initiated", "ringing", "answered", "completed"})
Endpoint = Callable[[Request], Awaitable[Response]]


class ApiError(Exception):
    """An answer of the API that says what was wrong."""

    def __init__(self, status: int, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class CallsApi:
    """The resources of one account.

    Args:
        exchange: where calls are made.
        account_sid: the user name of the API.
        auth_token: its password.
        clock: for new calls.
        more: routes of other resources, each by the path of the account.
    """

    def __init__(
        self,
        exchange: Exchange,
        account_sid: str,
        auth_token: str,
        clock: Clock,
        more: Sequence[Callable[[str], list[tuple[str, Endpoint, str]]]] = (),
    ) -> None:
        self._exchange = exchange
        self._account_sid = account_sid
        self._auth_token = auth_token
        self._clock = clock
        self._more = more

    def app(self) -> Starlette:
        """Return the ASGI application."""
        account = f"/{API_VERSION}/Accounts/{{account}}"
        routes = [
            (f"{account}/Calls.json", self._create, "POST"),
            (f"{account}/Calls.json", self._list, "GET"),
            (f"{account}/Calls/{{sid}}/Notifications.json", self._notifications, "GET"),
            (f"{account}/Calls/{{sid}}.json", self._fetch, "GET"),
            (f"{account}/Calls/{{sid}}.json", self._update, "POST"),
            (f"{account}/Calls/{{sid}}.json", self._delete, "DELETE"),
            (f"{account}/Recordings/{{sid}}", self._recording, "GET"),
            *(route for resource in self._more for route in resource(account)),
        ]
        return Starlette(
            routes=[
                Route(path, self._guarded(endpoint), methods=[method])
                for path, endpoint, method in routes
            ],
            exception_handlers={
                ApiError: _answer_api_error,
                HTTPException: _answer_not_found,
            },
        )

    def _guarded(self, endpoint: Endpoint) -> Endpoint:
        async def guarded(request: Request) -> Response:
            user, password = _credentials(request)
            known = secrets.compare_digest(user.encode(), self._account_sid.encode())
            allowed = secrets.compare_digest(password.encode(), self._auth_token.encode())
            if not (known and allowed):
                raise ApiError(401, 20003, "Authenticate")
            if request.path_params["account"] != self._account_sid:
                raise not_found(request)
            return await endpoint(request)

        return guarded

    async def _create(self, request: Request) -> Response:
        form = await request.form()
        to, from_, source = number_of(form, "To"), number_of(form, "From"), source_of(form)
        call = LabCall(
            self._account_sid,
            to,
            from_,
            "outbound-api",
            self._clock,
            _status_callback(form),
            _detection(form),
        )
        live = self._exchange.open(call)
        live.start(
            live.ring_out(
                lambda: live.follow(source),
                self._exchange.subscribers.get(to, Subscriber()),
                whole(form, "Timeout", 60),
                str(form.get("SendDigits") or ""),
            )
        )
        return JSONResponse(call.resource(), 201)

    async def _list(self, request: Request) -> Response:
        wanted = {
            field.lower(): value
            for field in ("To", "From", "Status")
            if (value := request.query_params.get(field))
        }
        size = int(request.query_params.get("PageSize", 50))
        page = int(request.query_params.get("Page", 0))
        newest_first = [live.call.resource() for live in reversed(self._exchange.calls.values())]
        resources = [
            resource
            for resource in newest_first
            if all(resource[field] == value for field, value in wanted.items())
        ]
        shown = resources[page * size : (page + 1) * size]
        return JSONResponse(page_of(request, "calls", shown, page, size, len(resources)))

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self._find(request).call.resource())

    async def _update(self, request: Request) -> Response:
        live, form = self._find(request), await request.form()
        status = form.get("Status")
        if status in ("completed", "canceled"):
            waiting = live.call.status in ("queued", "initiated", "ringing")
            live.end("canceled" if waiting else "completed")
        elif status:
            raise ApiError(400, 20001, f"{status!r} is not completed or canceled.")
        elif live.call.status != "in-progress":
            raise ApiError(400, 21220, "Call is not in-progress. Cannot redirect.")
        else:
            await live.redirect(source_of(form))
        return JSONResponse(live.call.resource())

    async def _delete(self, request: Request) -> Response:
        live = self._find(request)
        if not live.call.over:
            raise ApiError(409, 20409, "A call in progress cannot be deleted.")
        del self._exchange.calls[live.call.sid]
        return Response(status_code=204)

    async def _notifications(self, request: Request) -> Response:
        call = self._find(request).call
        shown: list[dict[str, object]] = [
            {
                "sid": new_sid("NO"),
                "account_sid": call.account_sid,
                "call_sid": call.sid,
                "api_version": API_VERSION,
                "error_code": str(notice.code),
                "log": "0" if notice.level == "error" else "1",
                "message_text": notice.message,
                "more_info": _more_info(notice.code),
            }
            for notice in call.notices
        ]
        return JSONResponse(page_of(request, "notifications", shown, 0, 50, len(shown)))

    async def _recording(self, request: Request) -> Response:
        sid = request.path_params["sid"].removesuffix(".wav")
        for live in self._exchange.calls.values():
            if sid in live.call.recordings:
                return Response(
                    encode_wav(decode(live.call.recordings[sid])), media_type="audio/wav"
                )
        raise not_found(request)

    def _find(self, request: Request) -> LiveCall:
        live = self._exchange.calls.get(request.path_params["sid"])
        if live is None:
            raise not_found(request)
        return live


def number_of(form: FormData, field: str) -> str:
    """Return a telephone number of the form.

    Raises:
        ApiError: it is missing or not a number (Twilio's codes differ by field).
    """
    missing, invalid = {"To": (21201, 21211), "From": (21213, 21212)}[field]
    number = str(form.get(field) or "")
    if not number:
        raise ApiError(400, missing, f"No {field!r} number is specified")
    if not NUMBER.fullmatch(number):
        raise ApiError(400, invalid, f"The {field!r} number {number} is not a valid phone number.")
    return number


def source_of(form: FormData) -> Source:
    """Return where the instructions of a call come from.

    Raises:
        ApiError: the form names no such place.
    """
    url, twiml = form.get("Url"), form.get("Twiml")
    if twiml:
        return Source(twiml=str(twiml))
    if not url:
        raise ApiError(400, 21205, "Url parameter is required.")
    if not str(url).startswith(("http://", "https://")):
        raise ApiError(400, 21205, f"Url is not a valid URL: {url}")
    return Source(str(url), str(form.get("Method") or "POST"))


def _status_callback(form: FormData) -> StatusCallback | None:
    url = form.get("StatusCallback")
    if not url:
        return None
    events = frozenset(str(event) for event in form.getlist("StatusCallbackEvent"))
    if unknown := events - STATUS_EVENTS:
        raise ApiError(400, 21626, f"Invalid status callback event(s): {', '.join(unknown)}")
    method = str(form.get("StatusCallbackMethod") or "POST")
    return StatusCallback(str(url), method, events or frozenset({"completed"}))


def _detection(form: FormData) -> Detection | None:
    wanted = form.get("MachineDetection")
    if not wanted:
        return None
    if wanted not in ("Enable", "DetectMessageEnd"):
        raise ApiError(400, 20001, f"MachineDetection is Enable or DetectMessageEnd: {wanted}")
    url = form.get("AsyncAmdStatusCallback")
    if str(form.get("AsyncAmd")).lower() != "true" or not url:
        return Detection()
    method = str(form.get("AsyncAmdStatusCallbackMethod") or "POST")
    return Detection(StatusCallback(str(url), method))


def whole(form: FormData, field: str, default: int) -> int:
    """Return a whole number of the form.

    Raises:
        ApiError: it is none.
    """
    value = str(form.get(field) or default)
    if not value.isdigit():
        raise ApiError(400, 20001, f"{field} must be a whole number, not {value!r}.")
    return int(value)


def _credentials(request: Request) -> tuple[str, str]:
    scheme, _, encoded = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return "", ""
    try:
        user, _, password = base64.b64decode(encoded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password


def page_of(
    request: Request, name: str, items: list[dict[str, object]], page: int, size: int, total: int
) -> dict[str, object]:
    """Return one page of a list as the API frames it."""

    def uri(number: int) -> str:
        query = dict(request.query_params) | {"Page": str(number), "PageSize": str(size)}
        return f"{request.url.path}?{urlencode(query)}"

    start = page * size
    return {
        name: items,
        "page": page,
        "page_size": size,
        "start": start,
        "end": start + max(len(items) - 1, 0),
        "uri": uri(page),
        "first_page_uri": uri(0),
        "previous_page_uri": uri(page - 1) if page else None,
        "next_page_uri": uri(page + 1) if start + size < total else None,
    }


def _more_info(code: int) -> str:
    return f"https://www.twilio.com/docs/errors/{code}"


def not_found(request: Request) -> ApiError:
    """Return the answer to who asks for what is not there."""
    return ApiError(404, 20404, f"The requested resource {request.url.path} was not found")


def _error(status: int, code: int, message: str) -> Response:
    body = {"code": code, "message": message, "more_info": _more_info(code), "status": status}
    return JSONResponse(body, status)


async def _answer_api_error(_request: Request, error: Exception) -> Response:
    if not isinstance(error, ApiError):
        raise error
    return _error(error.status, error.code, str(error))


async def _answer_not_found(request: Request, error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.status_code != 404:
        return _error(error.status_code, 20004, f"{request.method} is not allowed here.")
    return await _answer_api_error(request, not_found(request))
