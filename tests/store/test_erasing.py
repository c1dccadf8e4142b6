"""Deleting on request: what was said is not in any file any more, and others lose nothing."""

import asyncio
import json
import logging
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage
from langgraph.graph import START, MessagesState, StateGraph
from typer.testing import CliRunner

from graphs.threads import Threads
from server.cli import app
from server.privacy import export, forget, open_kept
from server.private_logs import keep_logs_private
from settings import Settings
from store.batches import Batch, Batches
from store.bookings import Bookings
from store.call_news import CallNews, News
from store.callbacks import CallBack, CallBacks, new_id
from store.calls import Call, Calls, Utterance
from store.carrier_turns import CarrierTurns
from store.claims import Claims
from store.crm import Contacts
from store.database import open_checkpointer, open_database
from store.effects import Effects
from store.jobs import Jobs
from store.outbox import Outbox
from store.permissions import PermissionRecords
from store.secrets import MasterKey
from store.webhooks import Webhooks
from tests.store.test_bookings import booking
from tools.permissions import Permissions

ASHA, RAVI = "+12125550142", "+12125550199"
NOW = datetime(2026, 11, 24, 15, tzinfo=UTC)
WORDS = {ASHA: "xylophone", RAVI: "bassoon"}


def settings_at(data_dir: Path, database_url: str | None) -> Settings:
    return Settings(data_dir=data_dir, database_url=database_url, call_countries="US")


async def live(settings: Settings) -> None:
    """Let two people call, be noted down, book, and be written to."""

    def answer(state: MessagesState) -> Any:
        return {"messages": [AIMessage(f"You like the {state['messages'][-1].text}.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("answer", answer)
    builder.add_edge(START, "answer")
    at = (settings.data_dir, settings.postgres)
    async with open_database(*at) as engine, open_checkpointer(*at) as checkpoints:
        threads = Threads({"g": builder.compile()}, checkpoints, journal=Effects(engine))
        calls, crm, claims = Calls(engine), Contacts(engine), Claims(engine)
        permissions = Permissions(PermissionRecords(engine), settings, lambda: NOW)
        outbox = Outbox(engine, Jobs(engine))
        await Webhooks(engine, MasterKey(b"k" * 32)).create(
            "all", "https://example.com", events=["*"]
        )
        folder = settings.data_dir / "recordings"
        await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
        for n, (number, word) in enumerate(WORDS.items()):
            thread_id, sid = f"{n}" * 8 + "-0000-4000-8000-000000000000", f"CA{n:032d}"
            async for _ in threads.turn("g", thread_id, HumanMessage(f"I like the {word}")):
                pass
            said = Utterance(role="caller", text=f"I like the {word}", at=NOW)
            await calls.create(
                Call(
                    sid=sid, graph="g", thread_id=thread_id, direction="inbound", carrier="twilio",
                    status="completed", from_number=number, to_number="+12125550100",
                    started_at=NOW, transcript=[said], recording=f"{sid}.wav",
                )
            )  # fmt: skip
            await asyncio.to_thread((folder / f"{sid}.wav").write_bytes, word.encode())
            written = f"sms-{n}" * 5
            async for _ in threads.turn("g", written, HumanMessage(f"I write of the {word}")):
                pass
            given = {"graph": "g", "person": number, "body": f"I write of the {word}"}
            turn = await CarrierTurns(engine).take(f"sms:SM{n:032d}", number, given)
            await CarrierTurns(engine).finish(turn.key, {"lines": [], "thread_id": written})
            lab = settings.data_dir / "lab"
            await asyncio.to_thread(lab.mkdir, exist_ok=True)
            await asyncio.to_thread((lab / f"{sid}.wav").write_bytes, word.encode())
            contact = await crm.create("acme", {"phone": number, "name": word}, key=f"c{n}")
            await crm.add_note("acme", contact.id, f"Plays the {word}.", key=f"n{n}")
            wanted = booking(30 * n).model_copy(update={"attendee": {"phone": number, "w": word}})
            await Bookings(engine).book(wanted, key=f"b{n}")
            await claims.begin(f"sms:{n}", "sms", number, NOW)
            back = CallBack(
                id=new_id(), number=number, due_at=NOW, organisation="acme", about=word,
                created_at=NOW,
            )  # fmt: skip
            await CallBacks(engine).promise(back, key=f"p{n}")
            await permissions.allow(
                number, "acme", purpose="marketing", strength="written", proof=f"form, {word}"
            )
            told = {"conversation_id": f"conv_{thread_id.replace('-', '')}", "transcript": word}
            await outbox.put("post_call_transcription", told, key=sid)
            await CallNews(engine).tell(News(sid=sid, kind="over", data={"pressed": word}))
        batch = Batch(
            id="btcal_of_both", name="spring", agent_id="agent_1", calls_per_minute=30.0,
            created_at=NOW, scheduled_at=NOW, updated_at=NOW,
        )  # fmt: skip
        people = [(number, {"dynamic_variables": {"w": word}}) for number, word in WORDS.items()]
        await Batches(engine, Jobs(engine), MasterKey(b"k" * 32)).create(batch, people)
        await permissions.opt_out(ASHA, "voice")


def everything(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.rglob("*") if file.is_file())


async def test_what_was_deleted_is_in_no_file_any_more(data_dir: Path) -> None:
    settings = settings_at(data_dir, None)
    await live(settings)
    turns = data_dir / "turns.jsonl"
    turns.write_text("".join(f'{{"call": "CA{n:032d}"}}\n' for n in range(2)))
    before = everything(data_dir)
    assert all(word.encode() in before for word in WORDS.values())
    async with open_kept(settings) as kept:
        counts = await forget(kept, "+1 212 555 0142")
        while_open = everything(data_dir)
    assert WORDS[ASHA].encode() not in while_open
    assert WORDS[ASHA].encode() not in everything(data_dir)
    assert everything(data_dir).count(WORDS[RAVI].encode()) > 5
    assert turns.read_text().splitlines()[1] == f'{{"call": "CA{1:032d}"}}'
    assert f"CA{0:032d}" not in turns.read_text()
    assert counts == {
        "batch_recipients": 1, "booked_cells": 6, "bookings": 1, "call_backs": 1, "call_news": 1,
        "calls": 1, "carrier_turns": 1, "claims": 1, "consents": 1, "crm_contacts": 1,
        "crm_notes": 1, "events": 1, "jobs": 1, "threads": 2, "files": 2,
    }  # fmt: skip


async def test_others_lose_nothing_and_a_no_stays_a_no(
    data_dir: Path, database_url: str | None
) -> None:
    settings = settings_at(data_dir, database_url)
    await live(settings)
    async with open_kept(settings) as kept:
        others = await export(kept, RAVI)
        await forget(kept, ASHA)
        nothing = await export(kept, ASHA)
        assert (nothing["records"], nothing["threads"], nothing["files"]) == ({}, {}, [])
        assert await export(kept, RAVI) == others
        permissions = Permissions(PermissionRecords(kept.engine), settings, lambda: NOW)
        codes = [one.code for one in (await permissions.check(ASHA, "acme")).reasons]
        assert codes == ["do_not_call", "no_consent"]
        assert not any((await forget(kept, ASHA)).values())


async def test_an_export_holds_all_that_is_kept(data_dir: Path, database_url: str | None) -> None:
    settings = settings_at(data_dir, database_url)
    await live(settings)
    async with open_kept(settings) as kept:
        found = await export(kept, ASHA)
    assert json.dumps(found, default=str).count(WORDS[ASHA]) >= 8
    assert WORDS[RAVI] not in json.dumps(found, default=str)
    assert len(found["threads"]) == len(found["files"]) == 2


async def test_what_a_batch_had_sealed_about_somebody_goes_and_the_others_are_still_called(
    data_dir: Path, database_url: str | None
) -> None:
    settings = settings_at(data_dir, database_url)
    await live(settings)
    async with open_kept(settings) as kept:
        batches = Batches(kept.engine, Jobs(kept.engine), MasterKey(b"k" * 32))
        await forget(kept, ASHA)
        assert [*(await batches.all_data("btcal_of_both")).values()] == [
            {"dynamic_variables": {"w": WORDS[RAVI]}}
        ]


async def test_a_number_that_begins_like_another_is_another(
    data_dir: Path, database_url: str | None
) -> None:
    settings = settings_at(data_dir, database_url)
    await live(settings)
    async with open_kept(settings) as kept:
        assert not any((await forget(kept, "+1212555014")).values())
        assert (await export(kept, ASHA))["records"]


async def test_one_call_is_deleted_by_its_sid(data_dir: Path, database_url: str | None) -> None:
    settings = settings_at(data_dir, database_url)
    await live(settings)
    async with open_kept(settings) as kept:
        counts = await forget(kept, f"CA{0:032d}")
        assert (counts["calls"], counts["events"], counts["threads"]) == (1, 1, 1)
        assert set((await export(kept, ASHA))["records"]) >= {"crm_contacts", "bookings"}


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("DIALGRAPH_CALL_COUNTRIES", "US")

    def run(*arguments: str, code: int = 0) -> str:
        result = CliRunner().invoke(app, arguments)
        assert result.exit_code == code, result.output
        return result.output

    return run


def test_the_command_line_asks_allows_and_opts_out(command: Any) -> None:
    assert "no_consent: Consent to marketing calls is not on record." in command(
        "permission", "check", ASHA, code=1
    )
    command("permission", "allow", ASHA, "--proof", "form 7", "--written", "--days", "30")
    assert "no_consent" not in CliRunner().invoke(app, ["permission", "check", ASHA]).output
    assert "is on the list" in command("permission", "opt-out", ASHA)
    assert "do_not_call" in command("permission", "check", ASHA, code=1)
    command("permission", "opt-out", "12", code=2)


def test_a_list_is_imported_and_nothing_from_a_file_without_numbers(
    command: Any, tmp_path: Path
) -> None:
    file = tmp_path / "list.csv"
    file.write_text(f"number,since\n{ASHA},2020\n(212) 555-0199,2021\n\nnonsense\n")
    told = command("permission", "import", str(file), "--list", "tps", "--country", "US")
    assert "The list tps has 2 numbers, 2 of them new." in told
    assert "do_not_call" in command("permission", "check", RAVI, code=1)
    file.write_text("nothing\n")
    command("permission", "import", str(file), "--list", "tps", code=2)
    command("permission", "import", str(file), "--list", "own", code=2)
    command("permission", "import", str(tmp_path / "missing"), "--list", "tps", code=2)
    assert "do_not_call" in command("permission", "check", ASHA, code=1)


def test_the_command_line_exports_and_deletes(command: Any) -> None:
    command("permission", "allow", ASHA, "--proof", "form 7")
    assert json.loads(command("privacy", "export", ASHA))["records"]["consents"]
    assert "consents 1" in command("privacy", "delete", ASHA, "--yes")
    assert "Nothing was kept" in command("privacy", "delete", ASHA, "--yes")


def test_no_log_holds_a_number(caplog: pytest.LogCaptureFixture) -> None:
    before = logging.getLogRecordFactory()
    try:
        keep_logs_private()
        keep_logs_private()
        log = logging.getLogger("anything")
        log.warning("Call from %s failed after %d ms: %s", ASHA, 1200, ValueError(f"no {RAVI}"))
        log.warning(f"GET /x?from=%2B{ASHA[1:]}")
        log.warning("%(who)s", {"who": "asha@example.com"})
        assert caplog.messages == [
            "Call from [PHONE] failed after 1200 ms: no [PHONE]",
            "GET /x?from=[PHONE]",
            "[EMAIL]",
        ]
    finally:
        logging.setLogRecordFactory(before)
