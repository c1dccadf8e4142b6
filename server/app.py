"""The FastAPI application: routes by system, Gradio at `/`, everything opened in the lifespan."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from graphs.catalogue import load_catalogue
from graphs.threads import Graph, TurnTimedOut
from server.body_limit import BodyLimit
from server.composition import at_work, open_services
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
from server.turn_log import keep_turn_log
from settings import Settings, get_settings
from ui.playground import mount_playground
from voice.warm_up import warm_up

_ROUTES = (
    health,
    chat,
    eligibility,
    voice,
    turn_by_turn,
    sms,
    transfers,
    call_records,
    knowledge,
    convai,
    webhook_routes,
    analytics_routes,
    approval_routes,
    classic_routes,
    portfolio_routes,
    trade_routes,
    analysis_routes,
    discovery_routes,
    cost_routes,
)


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
            async with open_services(settings, graphs) as services:
                app.state.services = services
                async with at_work(services):
                    await asyncio.to_thread(warm_up, settings)
                    getattr(app.state, "announce", lambda: None)()
                    if "sdr" in services.threads.names:
                        services.desk.knowledge.prepare(settings.organisation)
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
    for route in _ROUTES:
        app.include_router(route.router)
    return mount_playground(
        app,
        lambda: pages(app),
        default_graph=settings.default_graph,
        max_message_chars=settings.max_message_chars,
        live=settings.alpaca_live and settings.alpaca_key is not None,
    )


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
