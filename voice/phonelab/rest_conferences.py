"""Twilio's Conferences and Participants REST, as the official client uses it."""

from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from voice.phonelab.calls import LabCall
from voice.phonelab.clock import Clock
from voice.phonelab.conference import Conference, Participant
from voice.phonelab.exchange import Exchange, Source, Subscriber
from voice.phonelab.rest import ApiError, Endpoint, not_found, number_of, page_of, whole


class ConferencesApi:
    """The conference resources of one account.

    Args:
        exchange: where calls are made and conferences are held.
        account_sid: the account.
        clock: for new calls.
    """

    def __init__(self, exchange: Exchange, account_sid: str, clock: Clock) -> None:
        self._exchange = exchange
        self._account_sid = account_sid
        self._clock = clock

    def routes(self, account: str) -> list[tuple[str, Endpoint, str]]:
        """Return path, endpoint and method of each; `account` is the path of the account."""
        one = f"{account}/Conferences/{{sid}}"
        return [
            (f"{account}/Conferences.json", self._list, "GET"),
            (f"{one}/Participants.json", self._participants, "GET"),
            (f"{one}/Participants.json", self._add, "POST"),
            (f"{one}/Participants/{{call}}.json", self._participant, "GET"),
            (f"{one}/Participants/{{call}}.json", self._change, "POST"),
            (f"{one}/Participants/{{call}}.json", self._remove, "DELETE"),
            (f"{one}.json", self._fetch, "GET"),
            (f"{one}.json", self._update, "POST"),
        ]

    async def _list(self, request: Request) -> Response:
        wanted = {
            field: value
            for name, field in (("FriendlyName", "friendly_name"), ("Status", "status"))
            if (value := request.query_params.get(name))
        }
        found = [one.resource() for one in reversed(self._exchange.conferences.all.values())]
        shown = [one for one in found if all(one[k] == v for k, v in wanted.items())]
        return JSONResponse(page_of(request, "conferences", shown, 0, 50, len(shown)))

    async def _fetch(self, request: Request) -> Response:
        return JSONResponse(self._find(request).resource())

    async def _update(self, request: Request) -> Response:
        conference, form = self._find(request), await request.form()
        if form.get("Status") != "completed":
            raise ApiError(400, 20001, "Status of a conference can be made completed only.")
        self._exchange.conferences.end(conference)
        return JSONResponse(conference.resource())

    async def _participants(self, request: Request) -> Response:
        conference = self._find(request)
        shown = [conference.participant(who) for who in conference.participants]
        return JSONResponse(page_of(request, "participants", shown, 0, 50, len(shown)))

    async def _add(self, request: Request) -> Response:
        """Ring somebody, who is in the conference from the answer on."""
        name, form = request.path_params["sid"], await request.form()
        exchange = self._exchange
        known = exchange.conferences.all.get(name)
        to, from_ = number_of(form, "To"), number_of(form, "From")
        call = LabCall(self._account_sid, to, from_, "outbound-api", self._clock)
        conference = known or exchange.conferences.named(call, name)
        live = exchange.open(call)
        end = str(form.get("EndConferenceOnExit") or "false").lower()
        twiml = (
            f'<Response><Dial><Conference endConferenceOnExit="{end}">{conference.name}'
            "</Conference></Dial></Response>"
        )
        follow: Callable[[], object] = lambda: live.follow(Source(twiml=twiml))  # noqa: E731
        subscriber = exchange.subscribers.get(to, Subscriber())
        live.start(live.ring_out(follow, subscriber, whole(form, "Timeout", 60)))  # type: ignore[arg-type]
        at = conference.resource()["date_created"]
        return JSONResponse(
            {
                **dict.fromkeys(("call_sid_to_coach", "label", "queue_time")),
                "account_sid": self._account_sid,
                "call_sid": call.sid,
                "coaching": False,
                "conference_sid": conference.sid,
                "date_created": at,
                "date_updated": at,
                "end_conference_on_exit": end == "true",
                "hold": False,
                "muted": False,
                "start_conference_on_enter": True,
                "status": "queued",
                "uri": f"{request.url.path.removesuffix('.json')}/{call.sid}.json",
            },
            201,
        )

    async def _participant(self, request: Request) -> Response:
        conference, participant = self._member(request)
        return JSONResponse(conference.participant(participant))

    async def _change(self, request: Request) -> Response:
        conference, participant = self._member(request)
        form = await request.form()
        if "Muted" in form:
            participant.party.muted = str(form["Muted"]).lower() == "true"
        if "Hold" in form:
            participant.party.hold = str(form["Hold"]).lower() == "true"
        return JSONResponse(conference.participant(participant))

    async def _remove(self, request: Request) -> Response:
        conference, participant = self._member(request)
        self._exchange.conferences.leave(conference, participant)
        return Response(status_code=204)

    def _find(self, request: Request) -> Conference:
        conference = self._exchange.conferences.all.get(request.path_params["sid"])
        if conference is None:
            raise not_found(request)
        return conference

    def _member(self, request: Request) -> tuple[Conference, Participant]:
        conference = self._find(request)
        for participant in conference.participants:
            if participant.call.sid == request.path_params["call"]:
                return conference, participant
        raise not_found(request)
