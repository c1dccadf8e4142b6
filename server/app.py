"""The FastAPI application: routes by system, Gradio at `/`, everything opened in the lifespan."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from functools import partial

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from graphs.catalogue import load_catalogue
from graphs.threads import Graph, Threads, TurnTimedOut
from server.body_limit import BodyLimit
from server.convai.inbound import reached
from server.housekeeping import keep_house
from server.jobs.agent_calls import CALL_BACK_KEY, CALL_BACKS
from server.jobs.kinds import kinds_of_work, stock_scans
from server.jobs.subscriptions import subscriptions
from server.jobs.workers import Workers
from server.pages import pages
from server.private_logs import keep_logs_private
from server.refusals import REFUSALS
from server.routes import analytics as analytics_routes
from server.routes import calls as call_records
from server.routes import (
    chat,
    convai,
    eligibility,
    health,
    knowledge,
    sms,
    transfers,
    turn_by_turn,
    voice,
)
from server.routes import webhooks as webhook_routes
from server.routes.stocks import analysis as analysis_routes
from server.routes.stocks import approvals as approval_routes
from server.routes.stocks import classic as classic_routes
from server.routes.stocks import costs as cost_routes
from server.routes.stocks import discovery as discovery_routes
from server.routes.stocks import portfolio as portfolio_routes
from server.routes.stocks import trades as trade_routes
from server.security import ClosedByDefault
from server.services import Services
from server.stocks.owner import APPROVAL
from server.stocks.reconciling import RECONCILIATION
from server.turn_log import keep_turn_log
from settings import Settings, get_settings
from store.batches import Batches
from store.call_events import call_events
from store.call_news import CallNews
from store.call_results import CallResults
from store.calls import Calls
from store.carrier_turns import CarrierTurns
from store.database import open_checkpointer, open_database
from store.dials import Dial, Dials
from store.effects import Effects
from store.jobs import Jobs
from store.locks import open_locks
from store.outbox import Outbox
from store.tickets import Tickets
from store.transfers import Transfers
from store.webhooks import Webhooks
from store.workspace import Workspace
from tools.desk import open_desk
from tools.messages import Messages
from tools.organisation import WORKSPACE
from tools.permission import Purpose, Verdict
from tools.permissions import Permissions
from ui.playground import mount_playground
from voice.carrier_turn import Once
from voice.classic import Classic
from voice.dialler import Dialler
from voice.switchboard import Switchboard
from voice.texting import Texting
from voice.transferring import Transferring
from voice.turn_by_turn import TurnByTurn
from voice.warm_up import warm_up


def create_app(
    settings: Settings | None = None, graphs: Mapping[str, Graph] | None = None
) -> FastAPI:
    """Make the application; nothing is opened before its lifespan starts.

    Args:
        settings: those of the process when missing.
        graphs: served instead of those in `langgraph.json` and `settings.extra_graphs`.

    Raises:
        GraphNotLoaded: a graph does not load.
    """
    settings = settings or get_settings()
    graphs = graphs or load_catalogue(settings.extra_graphs)

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        with keep_turn_log(settings):
            async with opened(app):
                yield

    @contextlib.asynccontextmanager
    async def opened(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_database(settings.data_dir, settings.postgres) as engine,
            open_checkpointer(settings.data_dir, settings.postgres) as checkpointer,
            open_locks(settings.data_dir, settings.postgres) as locks,
            open_desk(settings, engine) as desk,
        ):
            threads = Threads(
                graphs,
                checkpointer,
                turn_timeout=settings.turn_timeout_secs,
                locks=locks,
                journal=Effects(engine),
                configurable={"desk": desk},
            )
            await threads.recover()
            workspace = await Workspace.open(engine, settings.data_dir, settings.sealing_key)
            jobs = Jobs(engine)
            outbox = Outbox(engine, jobs, subscriptions(workspace))
            calls = Calls(engine, call_events(outbox))
            dials = Dials(engine)
            may_call = partial(_permitted, desk.permissions, settings.owner_number)
            dialler = Dialler(settings, calls, dials, locks, may_call=may_call, tell=outbox.tell)
            transferring = Transferring(Transfers(engine), dialler)
            tickets, news = Tickets(engine), CallNews(engine)
            switchboard = Switchboard(settings, threads, calls, tickets, news, locks, transferring)
            turns = CarrierTurns(engine)
            once = Once(turns, locks)
            opt_out = partial(desk.permissions.opt_out, channel="sms")
            send = partial(_send, desk.messages)
            classic = Classic(settings, turns, once, settings.data_dir / "audio")
            texting = Texting(settings, threads, calls, turns, once, opt_out, send)
            services = Services(
                settings,
                threads,
                calls,
                checkpointer,
                switchboard,
                locks,
                workspace=workspace,
                knowledge=desk.knowledge,
                dialler=dialler,
                transferring=transferring,
                turn_by_turn=TurnByTurn(settings, threads, calls, turns, once),
                texting=texting,
                desk=desk,
                call_results=CallResults(engine),
                classic=classic,
                reception=lambda inbound: reached(app.state.services, desk.outside, inbound),
                jobs=jobs,
                outbox=outbox,
                webhooks=Webhooks(engine, workspace.secrets.key),
                batches=Batches(engine, jobs, workspace.secrets.key),
            )
            app.state.services = services
            for standing in (CALL_BACKS, RECONCILIATION):
                await jobs.put(standing, standing, {})
            await stock_scans(services, desk).begin()
            workers = Workers(jobs, locks, kinds_of_work(services, desk, dials))
            async with (
                switchboard.open(),
                dialler.open(),
                texting.open(),
                keep_house(settings, services),
                workers.open(),
            ):
                await asyncio.to_thread(warm_up, settings)
                getattr(app.state, "announce", lambda: None)()
                if "sdr" in threads.names:
                    desk.knowledge.prepare(settings.organisation)
                yield

    keep_logs_private()
    app: FastAPI = FastAPIOffline(  # its /docs brings its scripts along
        title="Dialgraph",
        summary="LangGraph agents that answer the phone.",
        redoc_url=None,  # which would fetch a logo
        responses=REFUSALS,
        lifespan=lifespan,
    )
    app.add_middleware(ClosedByDefault, settings=settings)
    app.add_middleware(BodyLimit)
    app.add_exception_handler(TurnTimedOut, _gateway_timeout)
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.add_exception_handler(Exception, _failed)
    own = (health, chat, eligibility, voice, turn_by_turn, sms, transfers, call_records, knowledge)
    stocks = (
        approval_routes,
        classic_routes,
        portfolio_routes,
        trade_routes,
        analysis_routes,
        discovery_routes,
        cost_routes,
    )
    for route in (*own, convai, webhook_routes, analytics_routes, *stocks):
        app.include_router(route.router)
    return mount_playground(
        app,
        lambda: pages(app),
        default_graph=settings.default_graph,
        max_message_chars=settings.max_message_chars,
        live=settings.alpaca_live and settings.alpaca_key is not None,
    )


async def _permitted(permissions: Permissions, owner: str | None, dial: Dial) -> Verdict:
    """Ask whether a call may be placed now, for the organisation whose agent it is.

    A graph that is called without an agent is of the workspace. The owner, whose number is in the
    settings, is rung about a trade whatever the hour.
    """
    agent = dial.opening.get("agent")
    organisation = agent.get("organisation") if isinstance(agent, dict) else None
    purpose: Purpose = "callback" if dial.key.startswith(CALL_BACK_KEY) else "marketing"
    if dial.to == owner and dial.key.startswith(APPROVAL):
        purpose = "owner"
    verdict = await permissions.attempt(
        dial.to,
        str(organisation or WORKSPACE),
        key=dial.key,
        purpose=purpose,
        from_number=dial.from_number,
    )
    return verdict.advised


async def _send(messages: Messages, to: str, words: str, key: str) -> None:
    await messages.send("sms", to, words, key=key)


async def _unprocessable(request: Request, error: Exception) -> JSONResponse:
    """Say what is wrong, to ElevenLabs' clients as a list; what was sent is not repeated."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    if request.url.path.startswith("/v1/convai"):
        listed = [{"loc": list(p["loc"]), "msg": p["msg"], "type": p["type"]} for p in problems]
        return JSONResponse({"detail": listed}, status_code=422)
    sentences = [f"{'.'.join(map(str, p['loc'][1:])) or 'body'}: {p['msg']}." for p in problems]
    return JSONResponse({"detail": " ".join(sentences)}, status_code=422)


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    detail = f"The request failed: {type(error).__name__}. The server's log says where."
    return JSONResponse({"detail": detail}, status_code=500)


async def _gateway_timeout(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=504)
