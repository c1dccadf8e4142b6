"""What the routes work with, made once at start-up and found on the application."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from graphs.threads import Threads
from settings import Settings
from store.admissions import Admissions
from store.batches import Batches
from store.call_results import CallResults
from store.calls import Calls
from store.checkpoints import Checkpoints
from store.dials import Dials
from store.expiring import Expiring
from store.jobs import Jobs
from store.locks import ThreadLocks
from store.outbox import Outbox
from store.webhooks import Webhooks
from store.workspace import Workspace
from tools.desk import Desk
from tools.knowledge import Knowledge
from voice.classic import Classic
from voice.dialler import Dialler
from voice.load import Load
from voice.reception import Reception
from voice.switchboard import Switchboard
from voice.texting import Texting
from voice.transferring import Transferring
from voice.turn_by_turn import TurnByTurn


@dataclass(frozen=True, slots=True)
class Services:
    """The parts below the server, opened and ready."""

    settings: Settings
    admissions: Admissions
    threads: Threads
    calls: Calls
    checkpoints: Checkpoints
    switchboard: Switchboard
    load: Load
    locks: ThreadLocks
    workspace: Workspace
    knowledge: Knowledge
    jobs: Jobs
    outbox: Outbox
    webhooks: Webhooks
    batches: Batches
    dialler: Dialler
    dials: Dials
    transferring: Transferring
    turn_by_turn: TurnByTurn
    texting: Texting
    desk: Desk
    call_results: CallResults
    expiring: Expiring
    classic: Classic
    reception: Reception | None = None
    """Tells who is reached under a number of ours, where the API knows."""


async def _services(connection: HTTPConnection) -> Services:
    services: Services = connection.app.state.services
    return services


ServicesDep = Annotated[Services, Depends(_services)]
