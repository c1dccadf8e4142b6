"""One request does it all: data, analysis, briefing, call, digit, code, order, and its record."""

import asyncio
import contextlib
import shutil
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from graphs.stocks.graph import build
from server.app import create_app
from tests.phone.placing import ASHA, BASE, TOKEN, settings_for
from tests.stocks.running import begun
from tools.exchange.recorded import LocalExchange, open_recorded_exchange
from voice.phonelab import Listen, PhoneLab, Press, ScriptedCaller, Subscriber
from voice.phonelab.callers import Caller
from voice.phonelab.handset import Handset
from voice.phonelab.virtual_speech import SpellingVoice, offered
from voice.phonelab.virtual_time import virtually


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[LocalExchange]:
    """The exchange of the data folder, held by another thread than the server's."""
    opened = open_recorded_exchange(tmp_path / "exchange")
    with contextlib.closing(opened):
        yield opened


class Owner:
    """Presses 1, and the code that the API has shown."""

    def __init__(self, api: httpx.AsyncClient) -> None:
        self._api = api

    async def prepare(self) -> None:
        """Nothing has to be made ready."""

    async def talk(self, phone: Handset) -> None:
        (open_,) = (await self._api.get("/api/approvals", params={"state": "open"})).json()
        code = (await self._api.post(f"/api/approvals/{open_['id']}/code")).json()["code"]
        caller: Caller = ScriptedCaller([Press("1"), Press(code), Listen()], voice=SpellingVoice())
        await caller.prepare()
        await caller.talk(phone)


@pytest.mark.timeout(300)
def test_one_request_ends_with_the_order_and_the_record_of_its_call(
    tmp_path: Path, exchange: LocalExchange
) -> None:
    shutil.copy(asyncio.run(begun()) / "records.sqlite", tmp_path)

    @virtually
    async def hold() -> None:
        settings = settings_for(
            tmp_path, api_key="of-the-test", owner_number=ASHA, default_graph="stocks"
        )
        with offered():
            app = create_app(settings, {"stocks": build()})
            api = httpx.AsyncClient(
                transport=httpx.ASGITransport(app),
                base_url=BASE,
                headers={"xi-api-key": "of-the-test"},
            )
            people = {ASHA: Subscriber(lambda: Owner(api))}
            lab = PhoneLab(auth_token=TOKEN, app=app, subscribers=people, voice=SpellingVoice())
            async with lab, app.router.lifespan_context(app), api:
                app.state.services.dialler._may_call = None
                asked = {"query": "What should I buy?", "wait": 600}
                found = (await api.get("/my-api/agent", params=asked)).raise_for_status().json()
        (call,) = lab.calls
        assert call.verbs[:2] == ["Gather", "Play"]
        assert (found["outcome"], found["done"], found["approval"]) == ("filled", True, "approved")
        result = found["call_result"]
        assert (result["request_id"], result["digit"]) == (found["request_id"], "1")
        assert result["created_at"] and result["timestamp"]
        apple = next(one for one in found["market"] if one["symbol"] == "AAPL")
        assert apple["name"] == "Apple" and apple["source"].startswith("recorded")
        price, change = Decimal(apple["price"]), Decimal(apple["price_change"])
        percent = change / (price - change) * 100
        assert abs(percent - Decimal(apple["percentage_change"])) < Decimal("0.01")
        assert apple["trend"] == ("up" if change > 0 else "down")

    hold()
