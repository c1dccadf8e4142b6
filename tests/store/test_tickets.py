"""Stream tickets: once, in time, at any server, and nowhere to be read."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

import store.tickets
from store.call_news import CallNews, News
from store.database import open_database
from store.tickets import Ticket, TicketRefused, Tickets

SID = "CA1"


@pytest.fixture
async def engines(
    data_dir: Path, database_url: str | None
) -> AsyncIterator[tuple[AsyncEngine, AsyncEngine]]:
    """The same records, opened by two servers."""
    async with (
        open_database(data_dir, database_url) as a,
        open_database(data_dir, database_url) as b,
    ):
        yield a, b


@pytest.fixture
def tickets(engines: tuple[AsyncEngine, AsyncEngine]) -> tuple[Tickets, Tickets]:
    """The tickets at two servers."""
    return Tickets(engines[0]), Tickets(engines[1])


async def issued(tickets: Tickets, number: int = 1) -> Ticket:
    ticket = await tickets.issue(SID, number)
    assert ticket is not None
    return ticket


async def test_a_ticket_of_one_server_is_taken_once_at_another(
    tickets: tuple[Tickets, Tickets],
) -> None:
    a, b = tickets
    ticket = await issued(a)
    for sid, token in ((SID, "guessed"), ("CA2", ticket.token), (SID, "\ud800")):
        with pytest.raises(TicketRefused, match="no valid token"):
            await b.take(sid, token)
    assert (await a.awaited(), await b.awaited()) == (1, 0)
    await b.take(SID, ticket.token)
    assert await a.awaited() == 0
    for server in tickets:
        with pytest.raises(TicketRefused, match="used"):
            await server.take(SID, ticket.token)
        assert await server.issue(SID) is None


async def test_of_many_streams_at_once_one_is_let_in(tickets: tuple[Tickets, Tickets]) -> None:
    given = await asyncio.gather(*(issued(tickets[n % 2]) for n in range(6)))
    takes = (tickets[n % 2].take(SID, ticket.token) for n, ticket in enumerate(given))
    results = await asyncio.gather(*takes, return_exceptions=True)
    assert [type(result) for result in results if result] == [TicketRefused] * 5


async def test_no_token_stands_in_the_records(
    tickets: tuple[Tickets, Tickets], engines: tuple[AsyncEngine, AsyncEngine]
) -> None:
    ticket = await issued(tickets[0])
    async with engines[0].connect() as connection:
        rows = (await connection.execute(text("SELECT * FROM streams"))).all()
    assert len(rows) == 1
    assert ticket.token not in str(rows)


async def test_a_stream_that_comes_too_late_is_refused_and_given_up_by_any_server(
    tickets: tuple[Tickets, Tickets], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, b = tickets
    monkeypatch.setattr(store.tickets, "TICKET_SECS", 0.0)
    ticket = await issued(a)
    with pytest.raises(TicketRefused, match="expired"):
        await b.take(SID, ticket.token)
    assert await b.missed() == [SID]
    await b.give_up(SID)
    assert await a.missed() == []
    assert await a.issue(SID) is None


async def test_after_a_break_only_the_next_stream_is_let_in(
    tickets: tuple[Tickets, Tickets],
) -> None:
    a, b = tickets
    first = await issued(a)
    await a.take(SID, first.token)
    await a.over(SID, "hangup")
    second = await issued(b, 2)
    with pytest.raises(TicketRefused):
        await a.take(SID, first.token)
    await a.take(SID, second.token)
    stream = await b.stream(SID)
    assert stream and (stream.number, stream.reason, stream.awaited) == (2, None, False)


async def test_what_goes_on_is_not_forgotten_what_is_over_is(
    tickets: tuple[Tickets, Tickets], monkeypatch: pytest.MonkeyPatch
) -> None:
    a, _ = tickets
    await a.take(SID, (await issued(a)).token)
    monkeypatch.setattr(store.tickets, "TICKET_SECS", -1000.0)
    await a.forget()
    assert await a.stream(SID) is not None
    await a.over(SID, "done")
    monkeypatch.setattr(store.tickets, "TICKET_SECS", 60.0)
    await a.forget()
    assert await a.stream(SID) is not None
    monkeypatch.setattr(store.tickets, "TICKET_SECS", -1.0)
    await a.forget()
    assert await a.stream(SID) is None


async def test_news_is_taken_once_in_order_by_who_holds_the_call(
    engines: tuple[AsyncEngine, AsyncEngine],
) -> None:
    a, b = CallNews(engines[0]), CallNews(engines[1])
    told = [News(sid=SID, kind="answered_by", data={"who": "human", "records": False})]
    told += [News(sid=SID, kind="over", data={})]
    for news in [*told, News(sid="CA2", kind="over", data={})]:
        await a.tell(news)
    assert list(await b.take({SID})) == told
    assert list(await a.take({SID})) == []
    assert len(await a.take({SID, "CA2"})) == 1
