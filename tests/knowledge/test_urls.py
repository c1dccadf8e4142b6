"""Pages are fetched from the open Internet alone; here a local server stands for it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field

import pytest

from settings import Settings
from tests.knowledge.conftest import opened
from tests.knowledge.files import pdf
from tools.knowledge import Unreadable
from tools.outside import NotAllowed, NotFetched, Outside


@dataclass
class Site:
    """Answers by path, on a free port; names resolve as the test says, one answer after another."""

    port: int = 0
    pages: dict[str, tuple[str, str, bytes]] = field(default_factory=dict)
    names: dict[str, list[Sequence[str]]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def resolve(self, host: str, _port: int) -> Sequence[str]:
        answers = self.names.get(host) or [[host]]
        return answers.pop(0) if len(answers) > 1 else answers[0]

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        path = head.split(" ")[1]
        self.asked.append(path)
        status, kind, body = self.pages[path]
        name = "Location" if status.startswith("3") else "Content-Type"
        headers = f"{name}: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close"
        writer.write(f"HTTP/1.1 {status}\r\n{headers}\r\n\r\n".encode() + body)
        with contextlib.suppress(ConnectionError):
            await writer.drain()
        writer.close()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    site = Site()
    server = await asyncio.start_server(site.answer, "127.0.0.1", 0)
    site.port = server.sockets[0].getsockname()[1]
    async with server:
        yield site


def outside(site: Site, *hosts: str) -> Outside:
    """The way out, with hosts that stand for the open Internet here."""
    return Outside([f"{host}:{site.port}" for host in hosts], resolve=site.resolve)


async def test_a_page_is_added_and_replaced_by_what_it_says_later(
    settings: Settings, site: Site
) -> None:
    site.names["shop.example"] = [["127.0.0.1"]]
    url = f"http://shop.example:{site.port}/prices"
    html = "<html><title>Prices</title><body><p>Basic costs 29 dollars.</p></body></html>"
    site.pages["/prices"] = ("200 OK", "text/html; charset=utf-8", html.encode())
    async with opened(settings, outside=outside(site, "shop.example")) as knowledge:
        first = await knowledge.add_url("acme", url)
        assert (first.name, first.kind, first.source) == ("Prices", "url", url)
        site.pages["/prices"] = ("200 OK", "text/html", html.replace("29", "31").encode())
        assert (await knowledge.add_url("acme", url)).id == first.id
        found = await knowledge.search("acme", "Basic costs")
        assert [passage.text for passage in found.passages] == ["Basic costs 31 dollars."]
        site.pages["/prices"] = ("500 Internal Server Error", "text/html", b"Sorry")
        with pytest.raises(NotFetched, match="500"):
            await knowledge.add_url("acme", url)
        assert "31" in str(await knowledge.content("acme", first.id))


@pytest.mark.parametrize(
    ("kind", "body", "reason"),
    [
        ("image/png", b"\x89PNG", "image/png"),
        ("application/octet-stream", b"x", "octet-stream"),
        ("text/html", b"<html></html>", "empty"),
        ("application/pdf", pdf("secret", password="abc"), "encrypted"),
    ],
)
async def test_what_is_no_document_is_refused(
    settings: Settings, site: Site, kind: str, body: bytes, reason: str
) -> None:
    site.names["shop.example"] = [["127.0.0.1"]]
    site.pages["/x"] = ("200 OK", kind, body)
    async with opened(settings, outside=outside(site, "shop.example")) as knowledge:
        with pytest.raises(Unreadable, match=reason):
            await knowledge.add_url("acme", f"http://shop.example:{site.port}/x")
        assert await knowledge.documents("acme") == []


async def test_a_page_that_is_too_large_is_not_read_to_its_end(
    settings: Settings, site: Site
) -> None:
    settings.max_document_bytes = 1000
    site.names["shop.example"] = [["127.0.0.1"]]
    site.pages["/x"] = ("200 OK", "text/plain", b"x" * 2_000_000)
    async with opened(settings, outside=outside(site, "shop.example")) as knowledge:
        with pytest.raises(NotFetched, match="more than 1000 bytes"):
            await knowledge.add_url("acme", f"http://shop.example:{site.port}/x")


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "10.0.0.1",
        "169.254.169.254",
        "100.64.0.1",
        "0.0.0.0",  # noqa: S104
        "::1",
        "fe80::1",
        "fd00::1",
        "::ffff:127.0.0.1",
        "::ffff:a9fe:a9fe",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
    ],
)
async def test_no_address_of_this_machine_or_its_networks_is_asked(
    settings: Settings, site: Site, address: str
) -> None:
    site.names["inside.example"] = [["93.184.216.34", address]]
    async with opened(settings, outside=outside(site)) as knowledge:
        for url in (f"http://inside.example:{site.port}/x",):
            with pytest.raises(NotAllowed):
                await knowledge.add_url("acme", url)
    assert site.asked == []


async def test_neither_a_redirect_nor_a_name_that_changes_its_mind_leads_inside(
    settings: Settings, site: Site
) -> None:
    site.names["shop.example"] = [["127.0.0.1"]]
    site.names["rebound.example"] = [["93.184.216.34"], ["127.0.0.1"]]
    secret = f"http://127.0.0.1:{site.port}/secret"
    site.pages |= {
        "/there": ("302 Found", secret, b""),
        "/secret": ("200 OK", "text/plain", b"the secret"),
    }
    async with opened(settings, outside=outside(site, "shop.example")) as knowledge:
        with pytest.raises(NotAllowed):
            await knowledge.add_url("acme", f"http://shop.example:{site.port}/there")
        assert await site.resolve("rebound.example", 80) == ["93.184.216.34"]
        with pytest.raises(NotAllowed):
            await knowledge.add_url("acme", f"http://rebound.example:{site.port}/secret")
    assert site.asked == ["/there"]
