"""Analyses over the API: asked for, watched, read again; and what each analyst is worth."""

from typing import Annotated

from fastapi import APIRouter, Header, HTTPException, Path, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from server.routes.stocks.trading import UNAVAILABLE, TradingDep, actor
from server.services import ServicesDep
from server.stocks.analysing import GRAPH, ask_for_analysis
from server.stocks.by_hand import Symbol
from server.stocks.runs import Run, Runs, WholeRun, wait_for
from server.stocks.track_records import TrackRecords, track_records

router = APIRouter(prefix="/api", tags=["stocks"], responses=UNAVAILABLE)
MOST_SYMBOLS = 40


class Wanted(BaseModel):
    """What is to be analysed."""

    model_config = ConfigDict(extra="forbid")

    symbols: list[Symbol] = Field(
        [],
        max_length=MOST_SYMBOLS,
        description="Those that the settings name where there are none.",
    )


class Found(BaseModel):
    """Runs, the newest first."""

    runs: list[Run]


@router.post(
    "/ai-analysis",
    responses={202: {"model": WholeRun, "description": "It runs; read it by its `run_id`."}},
)
async def analyse(
    body: Wanted,
    request: Request,
    response: Response,
    services: ServicesDep,
    trading: TradingDep,
    wait_secs: Annotated[float, Query(ge=0, le=30)] = 9.0,
    idempotency_key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=200,
            description="Names the request: sent again, it is the same run.",
        ),
    ] = None,
) -> WholeRun:
    """Ask all analysts, and return the run when it is over, or as it stands after some seconds.

    It goes on when the client hangs up, and after a crash. What it proposes is not ordered: that
    takes an approval.
    """
    if GRAPH not in services.threads.names:
        raise HTTPException(404, f"The graph {GRAPH} is not served here.")
    symbols = list(dict.fromkeys(body.symbols))
    run_id = await ask_for_analysis(services.jobs, symbols, by=actor(request), key=idempotency_key)
    found = await wait_for(Runs(trading, services.jobs), run_id, wait_secs)
    if found is None:
        raise HTTPException(404, f"There is no run {run_id}.")
    if found.state == "running":
        response.status_code = 202
    return found


@router.get("/ai-analysis")
async def analyses(
    services: ServicesDep,
    trading: TradingDep,
    symbol: Annotated[Symbol | None, Query(description="Only those about it.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 30,
) -> Found:
    """List the runs, whoever began them, the newest first."""
    return Found(runs=await Runs(trading, services.jobs).newest(limit, symbol))


@router.get(
    "/ai-analysis/{run_id}", responses={404: {"description": "There is no run of that id."}}
)
async def analysis(
    run_id: Annotated[str, Path(description="Or `latest`.")],
    services: ServicesDep,
    trading: TradingDep,
) -> WholeRun:
    """Return a run with its votes, evidence, dissent, cuts and cost; as it stands, if it runs."""
    runs = Runs(trading, services.jobs)
    if run_id == "latest":
        newest = await runs.newest(1)
        if not newest:
            raise HTTPException(404, "There was no analysis yet. Begin one by POST.")
        run_id = newest[0].run_id
    found = await runs.get(run_id)
    if found is None:
        raise HTTPException(404, f"There is no run {run_id!r}.")
    return found


@router.get("/track-record")
async def track_record(services: ServicesDep, trading: TradingDep) -> TrackRecords:
    """Return what each analyst's word was worth so far, with n and intervals."""
    return await track_records(trading, services.settings.stock_horizon_days)
