"""The FastAPI application: routes by system, Gradio at `/`, everything opened in the lifespan."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline

from faults import places
from graphs.catalogue import load_catalogue
from graphs.threads import Graph, Threads, TurnTimedOut
from server.body_limit import BodyLimit
from server.housekeeping import keep_house
from server.routes import calls as call_records
from server.routes import chat, eligibility, health, voice
from server.security import ClosedByDefault
from server.services import Services
from settings import Settings, get_settings
from store.calls import Calls
from store.database import open_checkpointer, open_database
from store.effects import Effects
from store.locks import open_locks
from ui.playground import mount_playground
from voice.switchboard import Switchboard, warm_up


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
        async with (
            open_database(settings.data_dir, settings.postgres) as engine,
            open_checkpointer(settings.data_dir, settings.postgres) as checkpointer,
            open_locks(settings.data_dir, settings.postgres) as locks,
        ):
            threads = Threads(
                graphs,
                checkpointer,
                turn_timeout=settings.turn_timeout_secs,
                locks=locks,
                journal=Effects(engine),
            )
            await threads.recover()
            calls = Calls(engine)
            switchboard = Switchboard(settings, threads, calls, locks)
            services = Services(settings, threads, calls, checkpointer, switchboard)
            app.state.services = services
            async with switchboard.open(), keep_house(settings, services):
                await asyncio.to_thread(warm_up, settings)
                getattr(app.state, "announce", lambda: None)()
                yield

    logging.getLogger("uvicorn.error").addFilter(_WithoutWords())
    app: FastAPI = FastAPIOffline(  # its /docs brings its scripts along
        title="Dialgraph",
        summary="LangGraph agents that answer the phone.",
        redoc_url=None,  # which would fetch a logo
        lifespan=lifespan,
    )
    app.add_middleware(ClosedByDefault, settings=settings)
    app.add_middleware(BodyLimit)
    app.add_exception_handler(TurnTimedOut, _gateway_timeout)
    app.add_exception_handler(RequestValidationError, _unprocessable)
    app.add_exception_handler(Exception, _failed)
    for route in (health, chat, eligibility, voice, call_records):
        app.include_router(route.router)
    return mount_playground(
        app,
        lambda: app.state.services.threads,
        default_graph=settings.default_graph,
        max_message_chars=settings.max_message_chars,
    )


class _WithoutWords(logging.Filter):
    """Keeps the message of an exception, which may quote a caller, out of the server's log."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace the traceback by the places it names."""
        if record.exc_info and record.exc_info[1]:
            record.msg, record.args = f"{record.getMessage()} {places(record.exc_info[1])}", ()
            record.exc_info = record.exc_text = None
        return True


async def _unprocessable(_request: Request, error: Exception) -> JSONResponse:
    """Say in sentences what is wrong; what was sent is not repeated."""
    problems = error.errors() if isinstance(error, RequestValidationError) else []
    sentences = [f"{'.'.join(map(str, p['loc'][1:])) or 'body'}: {p['msg']}." for p in problems]
    return JSONResponse({"detail": " ".join(sentences)}, status_code=422)


async def _failed(_request: Request, error: Exception) -> JSONResponse:
    detail = f"The request failed: {type(error).__name__}. The server's log says where."
    return JSONResponse({"detail": detail}, status_code=500)


async def _gateway_timeout(_request: Request, error: Exception) -> JSONResponse:
    return JSONResponse({"detail": str(error)}, status_code=504)
