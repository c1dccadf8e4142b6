"""The whole of it, offline: what should I buy, a telephone call with real speech, a filled order.

Recorded prices, the analysts that are code, the local exchange, the phone lab; the bot speaks and
listens by the embedded models, the owner's voice is another one of them. Time is virtual: the call
takes as long as the machine needs for the speech, and nothing in it depends on that.
"""

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from graphs.stocks.graph import build
from server.app import create_app
from settings import Settings
from tests.phone.media_stream import transcript
from tests.phone.placing import BASE, OURS, TOKEN
from tools.approving import approving
from tools.exchange.recorded import LocalExchange, open_recorded_exchange
from voice.phonelab import Listen, PhoneLab, Press, Say, ScriptedCaller, Subscriber
from voice.phonelab.handset import Handset
from voice.phonelab.lab import ACCOUNT_SID, IN_MEMORY
from voice.phonelab.virtual_time import virtually
from voice.phonelab.voices import EmbeddedVoice

OWNER = "+12125550142"
THREAD = "the-morning"
KEY = {"xi-api-key": "of-the-test"}


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[LocalExchange]:
    """The exchange of the data folder, held by another thread than the server's."""
    opened = open_recorded_exchange(tmp_path / "exchange")
    yield opened
    opened.close()


class Owner:
    """Asks why, approves by voice, and keys in the code that another way has told."""

    def __init__(self, code: "asyncio.Future[str]") -> None:
        self._code = code

    async def prepare(self) -> None:
        self._voice = EmbeddedVoice(speed=0.95, seed=3)

    async def talk(self, phone: Handset) -> None:
        code = await self._code
        script = [Say("Why Apple?"), Say("Yes, I approve."), Press(code), Listen()]
        caller = ScriptedCaller(script, voice=self._voice, settle_secs=1.2)
        await caller.prepare()
        await caller.talk(phone)
        assert caller.failure is None, caller.failure


@pytest.mark.timeout(400)
def test_a_run_becomes_a_filled_paper_order_after_a_telephone_approval(
    tmp_path: Path, exchange: LocalExchange
) -> None:
    @virtually
    async def hold() -> None:
        settings = Settings(
            data_dir=tmp_path,
            public_url=BASE,
            api_key="of-the-test",
            twilio_account_sid=ACCOUNT_SID,
            twilio_auth_token=TOKEN,
            twilio_api_url=IN_MEMORY,
            twilio_number=OURS,
            owner_number=OWNER,
            _env_file=None,
        )
        app = create_app(settings, {"stocks": build()})
        code: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        lab = PhoneLab(
            auth_token=TOKEN, app=app, subscribers={OWNER: Subscriber(lambda: Owner(code))}
        )
        at = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url=BASE, headers=KEY)
        async with lab, app.router.lifespan_context(app), at as api:
            chat = {"graph": "stocks", "thread_id": THREAD, "message": "What should I buy?"}
            proposed = (await api.post("/api/chat", json=chat)).raise_for_status().json()
            assert proposed["interrupt"]["kind"] == "choice"
            (open_,) = (await api.get("/api/approvals", params={"state": "open"})).json()
            told = await api.post(f"/api/approvals/{open_['id']}/code")
            code.set_result(told.json()["code"])

            thread = await _settled(api)
            (call,) = lab.calls
            record = await _closed(api, call.sid)
            acting = await approving(app.state.services.desk)
            approval = await acting.standing(open_["id"])
            held = {one.symbol: one.qty for one in await acting.account.positions()}
            entries = [entry async for entry in acting.journal.entries()]
            assert await acting.journal.verify() == len(entries)
            heard = await asyncio.to_thread(transcript, bytes(call.line.recording.bot))

        terms = [(one.symbol, one.qty) for one in approval.terms]
        assert [str(e) for e in call.errors] == [], record
        assert thread["state"]["outcome"] == "filled", record
        assert dict(terms) == held
        assert (approval.state, approval.channel) == ("approved", "phone")
        assert approval.answered_by == OWNER
        kinds = [entry.kind for entry in entries]
        assert kinds.count("intent") == len(terms)
        said = [u["text"] for u in record["transcript"] if u["role"] == "bot"]
        assert said[0].startswith("This is paper trading.")
        assert any("for it:" in text for text in said), said
        assert any(text.startswith("The exact order") for text in said), said
        assert "bought" in said[-1]
        words = heard.lower()
        assert "paper trading" in words and "approve" in words and "bought" in words, heard

    hold()


async def _settled(api: httpx.AsyncClient) -> dict[str, Any]:
    async with asyncio.timeout(600):
        while True:
            thread = (await api.get(f"/api/threads/stocks/{THREAD}")).json()
            if not thread["interrupts"]:
                return dict(thread)
            await asyncio.sleep(1)


async def _closed(api: httpx.AsyncClient, sid: str) -> dict[str, Any]:
    async with asyncio.timeout(120):
        while True:
            record = (await api.get(f"/api/calls/{sid}")).json()
            if record.get("ended_at"):
                return dict(record)
            await asyncio.sleep(0.5)
