"""Make the pictures of the documents from a running server: `python docs/screenshots.py`.

Those of agents and their calls: `--make-up DATA_DIR --pages 'agents?agent=NEW' analytics`.
Those of stocks: `--trade DATA_DIR --pages portfolio 'analysis?run=latest'`.
"""

import argparse
import asyncio
import random
import shutil
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
from playwright.sync_api import Page, expect, sync_playwright

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from store.calls import Call, Calls, TurnLatency, Utterance  # noqa: E402
from store.database import open_database  # noqa: E402

IMAGES = ROOT / "docs" / "images"
OUTCOMES = ("eligible", "not_eligible", "booked", "no_interest", "call_back", "wrong_number", None)
ANSWERS = ("Yes, I am salaried", "Forty thousand a month, in hand")


def main() -> None:
    """Hold a conversation by chat and take a picture of the playground; with pages, of each."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--url", default="http://127.0.0.1:7860", help="the running server")
    arguments.add_argument("--scheme", default="light", choices=["light", "dark"])
    arguments.add_argument("--file", type=Path, default=IMAGES / "playground.png")
    arguments.add_argument("--pages", nargs="*", default=[], help="agents?agent=ID, analytics, ...")
    arguments.add_argument(
        "--trade", type=Path, help="trade before, on the exchange of this folder"
    )
    arguments.add_argument("--make-up", type=Path, help="calls and agents before, in this folder")
    chosen = arguments.parse_args()
    pages = chosen.pages
    if chosen.make_up:
        asyncio.run(_make_up(chosen.make_up))
        agent = _agents(chosen.url)
        pages = [page.replace("NEW", agent) for page in pages]
    if chosen.trade:
        _trade(chosen.url, chosen.trade)
    chromium = shutil.which("chromium")
    if chromium is None:
        raise SystemExit("Chromium is not installed; on Debian: apt-get install chromium")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 860}, color_scheme=chosen.scheme)
        chosen.file.parent.mkdir(parents=True, exist_ok=True)
        for address in pages:
            page.goto(f"{chosen.url}/{address}")
            expect(page.locator("h1")).to_be_attached()
            page.wait_for_timeout(3000)  # the plots are drawn
            page.screenshot(path=IMAGES / f"{address.partition('?')[0]}.png")
        if not chosen.pages:
            page.goto(f"{chosen.url}/?graph=eligibility")
            _talk(page)
            page.screenshot(path=chosen.file)
        browser.close()


async def _make_up(folder: Path) -> None:
    """Write down calls of a month that nobody has held, always the same ones."""
    chance, now = random.Random(5), datetime.now(UTC)  # noqa: S311
    async with open_database(folder) as engine:
        for number in range(180):
            began = now - timedelta(days=30 * chance.random() ** 1.6, minutes=number)
            held, outcome = chance.random() < 0.85, chance.choice(OUTCOMES)
            waits = [chance.gauss(480, 70) for _ in range(chance.randint(2, 9))] if held else []
            call = Call(
                sid=f"CA{number:032x}",
                graph=chance.choice(("eligibility", "sdr")),
                thread_id=f"made-up-{number}",
                direction=chance.choice(("inbound", "outbound")),
                carrier="twilio",
                status="completed" if held else "failed",
                outcome=outcome if held else None,
                failure=None if held else chance.choice(("The line was busy.", "Nobody answered.")),
                started_at=began,
                ended_at=began + timedelta(seconds=chance.gauss(90, 25) if held else 20),
                transcript=[Utterance(role="caller", text="Yes.", at=began)] if held else [],
                latency=[
                    TurnLatency(
                        turn=turn,
                        endpoint_ms=wait * 0.45,
                        graph_ms=wait * 0.2,
                        tts_ms=wait * 0.25,
                        total_ms=wait * 0.9,
                        ear_ms=wait,
                    )
                    for turn, wait in enumerate(waits, start=1)
                ],
            )
            await Calls(engine).save(call)


def _agents(url: str) -> str:
    """Make two agents; returns the id of the one that is shown."""
    said = {
        "Billing desk": "Hello, this is the billing desk.",
        "Maya for Lanternfield": "Hello {{name}}, this is Maya from Lanternfield. What can I do?",
    }
    for name, first in said.items():
        prompt = {"prompt": "Answer shortly, then ask one thing."}
        config = {"agent": {"first_message": first, "prompt": prompt}}
        body = {"name": name, "conversation_config": config}
        made = httpx.post(f"{url}/v1/convai/agents/create", json=body).raise_for_status().json()
    return str(made["agent_id"])


def _trade(url: str, folder: Path) -> None:
    """Analyse, buy some shares on the local exchange, and let two weeks of it pass."""
    with httpx.Client(base_url=url, timeout=120) as http:
        http.post("/api/ai-analysis?wait_secs=30", json={}).raise_for_status()
        exchange = (folder / "exchange" / "url").read_text()  # it is open now
        for symbol, usd in (("IBM", "6000"), ("AAPL", "4000"), ("MSFT", "3000")):
            order = {"symbol": symbol, "action": "buy_more", "amount_usd": usd}
            key = {"Idempotency-Key": f"picture-{symbol}"}
            asked = http.post("/api/trades/execute", json=order, headers=key).raise_for_status()
            approval = asked.json()["approval"]["id"]
            code = http.post(f"/api/approvals/{approval}/code").raise_for_status().json()["code"]
            body = {"approval_id": approval, "code": code}
            http.post("/api/trades/execute", json=body).raise_for_status()
        for day in range(2, 17):
            when = f"2012-10-{day:02d}T15:00:00+00:00"
            httpx.post(f"{exchange}/lab/time", json={"now": when}).raise_for_status()
        http.post("/api/ai-analysis?wait_secs=30", json={}).raise_for_status()


def _talk(page: Page) -> None:
    messages = page.locator("#chat .bot.message")
    for number, answer in enumerate(ANSWERS, start=1):
        expect(messages).to_have_count(number)
        page.get_by_label("Your message").fill(answer)
        page.keyboard.press("Enter")
    expect(messages).to_have_count(len(ANSWERS) + 1)
    page.evaluate("document.fonts.ready")
    page.wait_for_timeout(500)  # the lit node has finished its transition


if __name__ == "__main__":
    main()
