"""What the carrier tells of calls that go on, whichever server on these records it tells."""

import asyncio
import logging
from collections.abc import Sequence

from faults import places
from store.call_news import CallNews, News
from store.calls import AnsweredBy, Call, Calls, Status
from store.live_calls import LiveCalls
from store.tickets import Tickets
from voice.conversations import RELEASE_SECS, Conversations

log = logging.getLogger(__name__)

NEWS_SECS = 1.0
"""How often it is looked for news of our calls that came to another server, in seconds."""


class CarrierNews:
    """Brings news of a call to the server that holds it.

    Args:
        calls: the records.
        tickets: of the streams.
        news: between the servers.
        live: which calls this server holds.
        held: their conversations.
    """

    def __init__(
        self,
        calls: Calls,
        tickets: Tickets,
        news: CallNews,
        live: LiveCalls,
        held: Conversations,
    ) -> None:
        self._calls = calls
        self._tickets = tickets
        self._news = news
        self._live = live
        self._held = held

    async def answered_by(self, sid: str, who: AnsweredBy, *, records: bool) -> None:
        """Take the carrier's word for who has taken a call that we placed.

        Args:
            sid: the call.
            who: took it.
            records: whether it is a machine whose greeting is over.
        """
        news = News(sid=sid, kind="answered_by", data={"who": who, "records": records})
        if self._held.of(sid):
            self._pass_on([news])
        elif await self._tickets.stream(sid):
            await self._news.tell(news)

    async def hung_up(self, sid: str, status: Status) -> None:
        """Note that the carrier says a call is over; the same news again changes nothing."""
        news = News(sid=sid, kind="over", data={})
        if self._held.of(sid):
            self._pass_on([news])
        elif await self._live.free(sid):
            await self._calls.end(sid, status)
        else:
            await self._news.tell(news)

    async def released(self, sid: str) -> bool:
        """End what goes on of a call whose stream has broken, at whichever server.

        Returns:
            Whether it was let go of in time.
        """
        if not await self._held.released(sid):
            return False
        if await self._live.free(sid):
            return True
        await self._news.tell(News(sid=sid, kind="over", data={}))
        return await self._live.free(sid, RELEASE_SECS)

    async def before(self, call: Call) -> None:
        """Take the news of a call whose stream has come: that the last one was over is old."""
        for news in await self._news.take([call.sid]):
            call.answered_by = news.data.get("who", call.answered_by)

    async def follow(self) -> None:
        """Take the news of our calls that the carrier has brought to other servers; for ever."""
        while True:
            await asyncio.sleep(NEWS_SECS)
            if not (going_on := self._held.going_on):
                continue
            try:
                self._pass_on(await self._news.take(going_on))
            except Exception as error:
                log.error("News of calls was not taken: %s", places(error))

    def _pass_on(self, told: Sequence[News]) -> None:
        for news in told:
            held = self._held.of(news.sid)
            if held and news.kind == "answered_by":
                held.answered_by(news.data["who"], records=news.data["records"])
            elif held:
                held.end("hangup")
