"""Addresses that somebody else chose lead to the public internet or nowhere."""

import asyncio
import gzip
from collections.abc import Sequence

import pytest
from fastapi import FastAPI, Request, Response
from fastapi.responses import RedirectResponse, StreamingResponse
from hypothesis import given
from hypothesis import strategies as st

from tests.wire.servers import served
from tools.outside import NotAllowed, NotFetched, Outside, check_url, is_public

PRIVATE = [
    "127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
    "0.1.2.3", "224.0.0.1", "240.0.0.1", "255.255.255.255", "::", "::1", "::ffff:127.0.0.1",
    "::7f00:1", "2002:7f00:1::", "64:ff9b::a00:1", "64:ff9b:1::1", "fe80::1", "fe80::1%eth0",
    "fc00::1", "fec0::1", "ff02::1", "2001:db8::1",
]  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_of_the_public_internet_is_known_as_such(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["8.8.8.8", "2606:4700::1111", "::ffff:8.8.8.8"])
def test_an_address_of_the_public_internet_is_known_as_such(address: str) -> None:
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_wrapping_an_address_in_ipv6_changes_nothing(address: object) -> None:
    assert (
        is_public(f"::ffff:{address}")
        == is_public(f"64:ff9b::{address}")
        == is_public(str(address))
    )


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://example.com", "http://", "https://a:b@example.com", "x", ""],
)
def test_what_is_no_address_of_the_web_is_refused(url: str) -> None:
    with pytest.raises(NotAllowed):
        check_url(url)


def app() -> FastAPI:
    app = FastAPI()

    @app.get("/")
    async def _(request: Request) -> Response:
        response = Response(request.headers.get("cookie", "none"), media_type="text/plain")
        response.set_cookie("caller", "1")
        return response

    @app.get("/secret")
    async def _(request: Request) -> Response:
        return Response(request.headers.get("x-secret", "none"))

    @app.get("/to")
    async def _(at: str) -> Response:
        return RedirectResponse(at)

    @app.get("/gzip")
    async def _() -> Response:
        return Response(gzip.compress(b"0" * 10_000_000), headers={"content-encoding": "gzip"})

    @app.get("/endless")
    async def _() -> Response:
        async def drip() -> object:
            while True:
                yield b"0" * 1000
                await asyncio.sleep(0)

        return StreamingResponse(drip())

    @app.get("/never")
    async def _() -> Response:
        await asyncio.sleep(30)
        return Response()

    return app


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]"])
async def test_this_machine_is_not_reached_by_any_of_its_names(host: str) -> None:
    async with served(app()) as address, Outside() as outside:
        with pytest.raises((NotAllowed, NotFetched)):
            await outside.fetch("GET", address.replace("127.0.0.1", host))


async def test_a_name_that_resolves_otherwise_a_moment_later_is_not_followed() -> None:
    answers = [["127.0.0.1"]]

    async def resolve(host: str, port: int) -> Sequence[str]:
        return answers.pop()

    async with served(app()) as address, Outside(resolve=resolve) as outside:
        port = address.rpartition(":")[2]
        with pytest.raises(NotAllowed, match="example.com"):
            await outside.fetch("GET", f"http://example.com:{port}/")
    assert not answers, "resolved once, and that one is what is connected to"


async def test_one_private_address_among_public_ones_is_enough_to_refuse() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        return ["8.8.8.8", "10.0.0.1"]

    async with Outside(resolve=resolve) as outside:
        with pytest.raises(NotAllowed):
            await outside.fetch("GET", "http://example.com/")


async def test_a_host_on_the_list_is_reached_and_leaves_no_cookie() -> None:
    async with served(app()) as address, Outside([address.removeprefix("http://")]) as outside:
        for _ in range(2):
            answer = await outside.fetch("GET", f"{address}/")
            assert (answer.status, answer.content, answer.media_type) == (
                200,
                b"none",
                "text/plain",
            )


async def test_a_redirect_is_a_new_address_without_the_headers() -> None:
    async with served(app()) as address, Outside([address.removeprefix("http://")]) as outside:

        async def to(target: str, redirects: int) -> bytes:
            url, headers = f"{address}/to?at={target}", {"X-Secret": "s3cret"}
            answer = await outside.fetch("GET", url, headers=headers, redirects=redirects)
            return answer.content

        assert await to(f"{address}/secret", 1) == b"none"
        assert await to(f"{address}/secret", 0) == b""
        with pytest.raises(NotAllowed):
            await to("http://169.254.169.254/latest/meta-data/", 3)
        with pytest.raises(NotAllowed):
            await to("file:///etc/passwd", 3)


@pytest.mark.parametrize(
    ("path", "why"),
    [("/gzip", "compressed"), ("/endless", "more than 5000"), ("/never", "did not answer")],
)
async def test_an_answer_that_is_too_much_or_too_late_is_refused(path: str, why: str) -> None:
    async with served(app()) as address, Outside(["127.0.0.1"]) as outside:
        with pytest.raises(NotFetched, match=why):
            await outside.fetch("GET", address + path, max_bytes=5000, timeout_secs=0.5)


async def test_a_name_without_an_address_and_a_closed_port_are_told_apart_from_refusals() -> None:
    async def resolve(host: str, port: int) -> Sequence[str]:
        if host == "nowhere.example":
            raise OSError
        return ["127.0.0.1"]

    async with Outside(["closed.example"], resolve=resolve) as outside:
        for host in ("nowhere.example", "closed.example:1"):
            with pytest.raises(NotFetched, match="no connection"):
                await outside.fetch("GET", f"http://{host}/")
