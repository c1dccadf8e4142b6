"""Twilio's Messages REST, as the official client uses it."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from voice.phonelab.calls import StatusCallback
from voice.phonelab.messages import MOST_CHARS, Messages
from voice.phonelab.rest import ApiError, Endpoint, not_found, number_of, page_of


class MessagesApi:
    """The message resources of one account.

    Args:
        messages: of the lab.
    """

    def __init__(self, messages: Messages) -> None:
        self._messages = messages

    def routes(self, account: str) -> list[tuple[str, Endpoint, str]]:
        """Return path, endpoint and method of each; `account` is the path of the account."""
        return [
            (f"{account}/Messages.json", self._create, "POST"),
            (f"{account}/Messages.json", self._list, "GET"),
            (f"{account}/Messages/{{sid}}.json", self._fetch, "GET"),
        ]

    async def _create(self, request: Request) -> Response:
        form = await request.form()
        to, from_ = number_of(form, "To"), number_of(form, "From")
        body = str(form.get("Body") or "")
        if not body:
            raise ApiError(400, 21602, "Message body is required.")
        if len(body) > MOST_CHARS:
            raise ApiError(400, 21617, "The concatenated message body exceeds 1600 characters.")
        if to in self._messages.unsubscribed:
            raise ApiError(400, 21610, "Attempt to send to unsubscribed recipient")
        url = form.get("StatusCallback")
        message = self._messages.send(to, from_, body, StatusCallback(str(url)) if url else None)
        return JSONResponse(message.resource(), 201)

    async def _list(self, request: Request) -> Response:
        query = request.query_params
        size, page = int(query.get("PageSize", 50)), int(query.get("Page", 0))
        found = [
            message.resource()
            for message in reversed(self._messages.all.values())
            if query.get("To", message.to) == message.to
            and query.get("From", message.from_) == message.from_
        ]
        shown = found[page * size : (page + 1) * size]
        return JSONResponse(page_of(request, "messages", shown, page, size, len(found)))

    async def _fetch(self, request: Request) -> Response:
        message = self._messages.all.get(request.path_params["sid"])
        if message is None:
            raise not_found(request)
        return JSONResponse(message.resource())
