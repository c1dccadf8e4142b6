"""What the routes work with, made once at start-up and found on the application."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from graphs.threads import Threads
from settings import Settings
from store.calls import Calls
from store.checkpoints import Checkpoints
from voice.switchboard import Switchboard


@dataclass(frozen=True, slots=True)
class Services:
    """The parts below the server, opened and ready."""

    settings: Settings
    threads: Threads
    calls: Calls
    checkpoints: Checkpoints
    switchboard: Switchboard


async def _services(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
