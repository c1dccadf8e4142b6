"""The FastAPI application: routes by system, Gradio at `/`, everything opened in the lifespan."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from fastapi import FastAPI

from graphs.threads import Threads, load_graph
from server.routes import calls as call_records
from server.routes import chat, health, voice
from server.services import Services
from settings import Settings, get_settings
from store.calls import Calls
from store.database import open_checkpointer, open_database
from ui.playground import mount_playground
from voice.switchboard import Switchboard


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
            calls = Calls(engine)
            switchboard = Switchboard(settings, threads, calls)
            app.state.services = Services(settings, threads, calls, switchboard)
            async with switchboard.open():
                await asyncio.to_thread(switchboard.warm_up)
                yield

    app = FastAPI(title="Dialgraph", lifespan=lifespan)
    for route in (health, chat, voice, call_records):
        app.include_router(route.router)
    return mount_playground(
        app,
        lambda: app.state.services.threads,
        default_graph=settings.default_graph,
        max_message_chars=settings.max_message_chars,
    )
