"""The FastAPI application: routes by system, Gradio at `/`, everything opened in the lifespan."""

import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from graphs.threads import Threads, load_graph
from server.routes import chat, health
from server.services import Services
from settings import Settings, get_settings
from store.calls import Calls
from store.database import open_checkpointer, open_database


def create_app(settings: Settings | None = None) -> FastAPI:
    """Make the application; nothing is opened before its lifespan starts."""
    settings = settings or get_settings()

    @contextlib.asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with (
            open_database(settings.data_dir) as engine,
            open_checkpointer(settings.data_dir) as checkpointer,
        ):
            graphs = {name: load_graph(path) for name, path in settings.extra_graphs.items()}
            threads = Threads(graphs, checkpointer, turn_timeout=settings.turn_timeout_secs)
            app.state.services = Services(settings, threads, Calls(engine))
            yield

    app = FastAPI(title="Dialgraph", lifespan=lifespan)
    for route in (health, chat):
        app.include_router(route.router)
    return app
