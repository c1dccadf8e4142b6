"""Who may call, and what a webhook starts: signatures, proxies, replays, limits."""

import asyncio
import json
from collections.abc import Mapping

import httpx
import pytest
import websockets
from twilio.request_validator import RequestValidator

from tests.phone.conftest import Serve, Server
from tests.phone.media_stream import Line, stream_of
from voice.phonelab.virtual_time import virtually
from voice.switchboard import CallRefused

SID = "CA00000000000000000000000000000009"
TOKEN = "twilio-auth-token"
FIELDS = {"CallSid": SID, "From": "+15550100", "To": "+15550199"}


def signed(url: str, fields: dict[str, str], token: str = TOKEN) -> dict[str, str]:
    return {"X-Twilio-Signature": RequestValidator(token).compute_signature(url, fields)}


async def post(
    server: Server,
    path: str = "/voice/incoming",
    headers: dict[str, str] | None = None,
    **fields: str,
) -> httpx.Response:
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.post(
            f"{server.base}{path}", data={**FIELDS, **fields}, headers=headers or {}
        )


async def open_stream(url: str, parameters: Mapping[str, object], sid: str = SID) -> int:
    """Open a stream and return the code it is closed with, or the status it is refused with."""
    try:
        async with websockets.connect(url, proxy=None) as socket:
            start = {"callSid": sid, "streamSid": "MZ1", "customParameters": parameters}
            await socket.send(json.dumps({"event": "start", "start": start}))
            async with asyncio.timeout(15):
                await socket.wait_closed()
            return socket.close_code or 0
    except websockets.InvalidStatus as refused:
        return refused.response.status_code


async def status_of_a_huge_form(server: Server, headers: str, sent: int = 0) -> int:
    """Announce a form of 270 MB, send some bytes of it, and return the status that comes."""
    host, port = server.base.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(
        f"POST /voice/incoming HTTP/1.1\r\nHost: {host}\r\nContent-Length: 270000000\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\n{headers}\r\n".encode()
        + b"a" * sent
    )
    async with asyncio.timeout(10):
        status = await reader.readline()
    writer.close()
    return int(status.split()[1])


async def said(server: Server, messages: int) -> None:
    """Wait until the bot has begun to say that many messages."""
    async with asyncio.timeout(60):
        while True:
            call = await server.services.calls.get(SID)
            if call and sum(u.role == "bot" for u in call.transcript) >= messages:
                return
            await asyncio.sleep(0.02)


async def test_without_credentials_this_machine_may_call(serve: Serve) -> None:
    async with serve() as server:
        response = await post(server)
        url, parameters = stream_of(response.text)
        assert url == f"ws{server.base.removeprefix('http')}/ws/voice/{SID}"
        assert len(parameters["token"]) >= 32
        assert f"{server.base}/voice/continue" in response.text


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Forwarded-For": "203.0.113.7"},
        {"X-Real-IP": "203.0.113.7"},
        {"Forwarded": "for=203.0.113.7"},
        {"X-Forwarded-For": "127.0.0.1, 203.0.113.7"},
        {"Host": "attacker.example"},
    ],
)
async def test_without_credentials_nobody_calls_through_a_proxy_on_this_machine(
    serve: Serve, headers: dict[str, str]
) -> None:
    async with serve() as server:
        assert (await post(server, headers=headers)).status_code == 403
        assert await server.services.calls.get(SID) is None


async def test_with_credentials_an_unsigned_webhook_is_refused_and_starts_nothing(
    serve: Serve,
) -> None:
    async with serve(twilio_auth_token=TOKEN) as server:
        for path in ("/voice/incoming", "/voice/continue", "/voice/status"):
            assert (await post(server, path)).status_code == 403
        assert await server.services.calls.get(SID) is None


async def test_a_form_is_not_read_from_who_shows_no_signature_nor_beyond_its_bound(
    serve: Serve,
) -> None:
    async with serve(twilio_auth_token=TOKEN) as server:
        assert await status_of_a_huge_form(server, "") in (403, 413)
        assert await status_of_a_huge_form(server, "X-Twilio-Signature: x\r\n", 70_000) == 413


async def test_a_forged_signature_is_refused(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN) as server:
        url = f"{server.base}/voice/incoming"
        other_token = signed(url, FIELDS, "another token")
        other_fields = signed(url, {**FIELDS, "From": "+15550101"})
        other_address = signed(url + "?graph=interview", FIELDS)
        for headers in (other_token, other_fields, other_address):
            assert (await post(server, headers=headers)).status_code == 403


async def test_a_signature_for_the_public_address_is_taken_behind_a_proxy(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN, public_url="https://voice.example.com/") as server:
        headers = signed("https://voice.example.com/voice/incoming?graph=interview", FIELDS)
        response = await post(server, "/voice/incoming?graph=interview", headers)
        assert stream_of(response.text)[0] == f"wss://voice.example.com/ws/voice/{SID}"


async def test_a_trusted_proxy_says_under_which_address_it_was_asked(serve: Serve) -> None:
    async with serve(twilio_auth_token=TOKEN) as server:
        proxy = {
            "X-Forwarded-For": "203.0.113.7",
            "X-Forwarded-Proto": "https",
            "X-Forwarded-Host": "voice.example.com",
        }
        headers = signed("https://voice.example.com/voice/incoming", FIELDS) | proxy
        assert (await post(server, headers=headers)).status_code == 200


@pytest.mark.parametrize("answered", [0, 1])
@virtually
async def test_the_same_webhook_twice_starts_one_call_that_either_answer_lets_in(
    serve: Serve, answered: int
) -> None:
    async with serve() as server:
        answers = await asyncio.gather(post(server), post(server))
        assert len(await server.services.calls.list()) == 1
        line = Line(server.base, SID)
        await line.answer(answers[answered].text)
        await line.until_bot_speaks()
        assert await open_stream(*stream_of(answers[1 - answered].text)) == 1008
        await line.hang_up()


@virtually
async def test_a_token_opens_one_stream_and_no_second(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base, SID)
        response = await line.ring()
        await line.answer(response.text)
        await line.until_bot_speaks()
        assert await open_stream(*stream_of(response.text)) == 1008
        assert not line.closed.is_set()
        await line.hang_up()
        await server.record(SID)
        assert await open_stream(*stream_of(response.text)) == 1008
        assert server.services.switchboard.active == 0


async def test_a_stream_without_a_valid_token_is_closed_before_anything_starts(
    serve: Serve,
) -> None:
    async with serve() as server:
        url, parameters = stream_of((await post(server)).text)
        assert await open_stream(url, {"token": "guessed"}) == 1008
        assert await open_stream(url, {}) == 1008
        for odd in (5, None, ["a"], "\ud800", "\xe9"):
            assert await open_stream(url, {"token": odd}) == 1008
        assert await open_stream(url, parameters, sid="CA-another") == 1008
        unknown = url.replace(SID, "CA-unknown")
        assert await open_stream(unknown, parameters, sid="CA-unknown") == 403
        call = await server.services.calls.get(SID)
        assert call is not None
        assert (call.status, call.transcript) == ("ringing", [])


async def test_the_graph_is_named_by_the_query_or_by_the_number_called(serve: Serve) -> None:
    async with serve(numbers={"+15550177": "nowhere"}) as server:
        assert (await post(server, "/voice/incoming?graph=unknown")).status_code == 404
        assert (await post(server, To="+15550177")).status_code == 404
        assert (await post(server)).status_code == 200


async def test_calls_beyond_the_limit_are_told_to_ring_later(serve: Serve) -> None:
    async with serve(max_calls=1) as server:
        assert "<Connect>" in (await post(server)).text
        refused = await post(server, CallSid="CA-second")
        assert "<Say>" in refused.text
        assert "<Hangup" in refused.text
        assert await server.services.calls.get("CA-second") is None


async def test_calls_that_come_at_once_are_counted_one_after_the_other(serve: Serve) -> None:
    async with serve(max_calls=2) as server:
        answers = await asyncio.gather(*(post(server, CallSid=f"CA-{n}") for n in range(8)))
        assert sum("<Connect>" in answer.text for answer in answers) == 2
        assert len(await server.services.calls.list()) == 2


async def test_conversations_of_pages_that_come_at_once_are_counted_as_well(serve: Serve) -> None:
    async with serve(max_calls=2) as server:
        admit = server.services.switchboard.admit_browser
        taken = await asyncio.gather(
            *(admit("interview", None) for _ in range(8)), return_exceptions=True
        )
        assert sum(isinstance(one, CallRefused) for one in taken) == 6


async def test_a_number_that_calls_too_often_is_told_so(serve: Serve) -> None:
    async with serve(calls_per_hour_per_number=2) as server:
        for sid in ("CA-1", "CA-2"):
            assert "<Connect>" in (await post(server, CallSid=sid)).text
        assert "<Say>" in (await post(server, CallSid="CA-3")).text
        assert "<Connect>" in (await post(server, CallSid="CA-4", From="+15550111")).text


async def test_a_webhook_without_a_call_says_what_is_missing(serve: Serve) -> None:
    async with serve() as server:
        response = await post(server, CallSid="")
        assert response.status_code == 422
        assert "CallSid" in response.json()["detail"]


@pytest.mark.parametrize(
    "odd", [{"CallSid": "../x"}, {"CallSid": "a" * 65}, {"CallSid": "a b"}, {"From": "1" * 257}]
)
async def test_what_names_no_call_and_no_number_is_not_taken(
    serve: Serve, odd: dict[str, str]
) -> None:
    async with serve() as server:
        assert (await post(server, **odd)).status_code == 422
        assert await server.services.calls.list() == []


async def test_the_carriers_news_ends_a_call_that_never_began_and_only_once(serve: Serve) -> None:
    async with serve() as server:
        await post(server)
        await post(server, "/voice/status", CallStatus="no-answer")
        first = await server.record(SID)
        assert first.status == "failed"
        await post(server, "/voice/status", CallStatus="completed")
        assert await server.services.calls.get(SID) == first


@virtually
async def test_after_a_conversation_is_done_the_carrier_hangs_up(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base, SID)
        await line.call()
        for asked in (1, 2):
            await said(server, asked)
            await line.key("1")
        await asyncio.wait_for(line.closed.wait(), 60)
        assert "<Hangup" in (await line.ring("/voice/continue")).text
        assert (await server.record(SID)).outcome == "eligible"
        await line.drop()


async def test_a_call_nobody_knows_is_hung_up(serve: Serve) -> None:
    async with serve() as server:
        assert "<Hangup" in (await post(server, "/voice/continue", CallSid="CA-none")).text


@virtually
async def test_a_stream_that_broke_is_connected_again_to_the_same_thread(serve: Serve) -> None:
    async with serve() as server:
        line = Line(server.base, SID)
        await line.call()
        await line.until_bot_is_quiet()
        before = await server.services.calls.get(SID)
        assert before is not None
        await line.drop()
        again = Line(server.base, SID)
        await again.call("/voice/continue")
        await again.until_bot_speaks()
        call = await server.services.calls.get(SID)
        assert call is not None
        assert (call.status, call.thread_id) == ("in-progress", before.thread_id)
        assert len(await server.services.calls.list()) == 1
        await again.hang_up()
        assert (await server.record(SID)).status == "completed"


@virtually
async def test_a_break_the_carrier_notices_first_is_no_end_of_the_call(serve: Serve) -> None:
    """The carrier asks how to go on while the server still holds the old stream."""
    async with serve() as server:
        line = Line(server.base, SID)
        await line.call()
        await line.until_bot_speaks()
        again = Line(server.base, SID)
        await again.call("/voice/continue")
        await again.until_bot_speaks()
        async with asyncio.timeout(5):
            await line.closed.wait()
        await line.drop()
        call = await server.services.calls.get(SID)
        assert call is not None and call.status == "in-progress"
        await again.hang_up()
        assert (await server.record(SID)).status == "completed"


async def test_exotel_is_answered_with_the_address_of_a_stream(serve: Serve) -> None:
    async with serve() as server, httpx.AsyncClient(trust_env=False) as client:
        response = await client.get(
            f"{server.base}/voice/exotel/incoming",
            params={"CallSid": "ex1", "CallFrom": "09999900000", "CallTo": "08047110000"},
        )
        url = response.json()["url"]
        assert url.startswith(f"ws{server.base.removeprefix('http')}/ws/voice/ex1?token=")
        call = await server.services.calls.get("ex1")
        assert call is not None
        assert (call.carrier, call.from_number) == ("exotel", "09999900000")


async def test_exotel_must_know_its_credentials_once_they_are_set(serve: Serve) -> None:
    async with (
        serve(exotel_api_key="key", exotel_api_token="secret") as server,
        httpx.AsyncClient(trust_env=False) as client,
    ):
        url = f"{server.base}/voice/exotel/incoming?CallSid=ex2"
        assert (await client.get(url)).status_code == 403
        assert (await client.get(url, auth=("key", "wrong"))).status_code == 403
        odd = {"Authorization": "Basic \xe9\xe9".encode("latin-1")}
        assert (await client.get(url, headers=odd)).status_code == 403
        assert (await client.get(url, auth=("key", "secret"))).status_code == 200


async def test_records_are_for_this_machine_or_for_who_knows_the_key(serve: Serve) -> None:
    async with serve(api_key="k" * 32) as server, httpx.AsyncClient(trust_env=False) as client:
        await post(server)
        url = f"{server.base}/api/calls"
        afar = {"X-Forwarded-For": "203.0.113.7"}
        assert [call["sid"] for call in (await client.get(url)).json()] == [SID]
        assert (await client.get(url, headers=afar)).status_code == 401
        assert (await client.get(url, headers=afar | {"xi-api-key": "no"})).status_code == 401
        bearer = afar | {"Authorization": "Bearer " + "k" * 32}
        assert (await client.get(f"{url}/{SID}", headers=bearer)).json()["sid"] == SID
        assert (await client.get(f"{url}/unknown")).status_code == 404
        assert (await client.get(f"{url}/{SID}/recording")).status_code == 404
