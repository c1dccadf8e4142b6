"""The parts of a server put together: what it works with, and what goes on while it serves."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from functools import partial

from graphs.threads import Graph, Threads
from server.convai.inbound import reached
from server.housekeeping import keep_house
from server.jobs.agent_calls import CALL_BACK_KEY, CALL_BACKS
from server.jobs.kinds import kinds_of_work, stock_scans
from server.jobs.subscriptions import subscriptions
from server.jobs.workers import Workers
from server.services import Services
from server.stocks.owner import APPROVAL
from server.stocks.reconciling import RECONCILIATION
from settings import Settings
from store.admissions import Admissions
from store.batches import Batches
from store.call_events import call_events
from store.call_news import CallNews
from store.call_results import CallResults
from store.calls import Calls
from store.carrier_turns import CarrierTurns
from store.checkpoints import Checkpoints
from store.database import Database, open_checkpointer, open_database
from store.dials import Dial, Dials
from store.effects import Effects
from store.expiring import Expiring
from store.jobs import Jobs
from store.locks import ThreadLocks, open_locks
from store.outbox import Outbox
from store.tickets import Tickets
from store.transfers import Transfers
from store.webhooks import Webhooks
from store.workspace import Workspace
from tools.desk import Desk, open_desk
from tools.messages import Messages
from tools.organisation import WORKSPACE
from tools.permission import Purpose, Verdict
from tools.permissions import Permissions
from voice.carrier_turn import Once
from voice.classic import Classic
from voice.dialler import Dialler
from voice.load import Load
from voice.switchboard import Switchboard
from voice.texting import Texting
from voice.transferring import Transferring
from voice.turn_by_turn import TurnByTurn


@contextlib.asynccontextmanager
async def open_services(settings: Settings, graphs: Mapping[str, Graph]) -> AsyncIterator[Services]:
    """Open the records and what works with them; nothing is taken or done yet.

    Args:
        settings: of the server.
        graphs: that are served, by name.
    """
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
        yield _services(settings, engine, checkpointer, locks, desk, threads, workspace)


def _services(
    settings: Settings,
    engine: Database,
    checkpoints: Checkpoints,
    locks: ThreadLocks,
    desk: Desk,
    threads: Threads,
    workspace: Workspace,
) -> Services:
    jobs = Jobs(engine)
    outbox = Outbox(engine, jobs, subscriptions(workspace))
    calls, dials = Calls(engine, call_events(outbox)), Dials(engine)
    may_call = partial(_permitted, desk.permissions, settings.owner_number)
    dialler = Dialler(settings, calls, dials, locks, may_call=may_call, tell=outbox.tell)
    transferring = Transferring(Transfers(engine), dialler)
    tickets, news = Tickets(engine), CallNews(engine)
    turns = CarrierTurns(engine)
    once = Once(turns, locks)
    opt_out = partial(desk.permissions.opt_out, channel="sms")
    send = partial(_send, desk.messages)
    load = Load(settings.max_lag_secs, settings.max_written)
    longest = timedelta(seconds=settings.max_call_secs + _ENDING_SECS)
    services = Services(
        settings=settings,
        threads=threads,
        calls=calls,
        checkpoints=checkpoints,
        switchboard=Switchboard(settings, threads, calls, tickets, news, locks, transferring, load),
        load=load,
        locks=locks,
        workspace=workspace,
        admissions=Admissions(engine, locks, longest),
        knowledge=desk.knowledge,
        jobs=jobs,
        outbox=outbox,
        webhooks=Webhooks(engine, workspace.secrets.key),
        batches=Batches(engine, jobs, workspace.secrets.key),
        dialler=dialler,
        dials=dials,
        transferring=transferring,
        turn_by_turn=TurnByTurn(settings, threads, calls, turns, once),
        texting=Texting(settings, threads, calls, turns, jobs, once, opt_out, send),
        desk=desk,
        call_results=CallResults(engine),
        expiring=Expiring(engine),
        classic=Classic(settings, turns, once, settings.data_dir / "audio"),
        reception=lambda inbound: reached(services, desk.outside, inbound),
    )
    return services


_ENDING_SECS = 60.0
"""What a call may take beyond the longest: to say goodbye, and to be recorded as over."""


@contextlib.asynccontextmanager
async def at_work(services: Services) -> AsyncIterator[None]:
    """Take calls, do jobs and keep house while the context is open."""
    jobs = services.jobs
    for standing in (CALL_BACKS, RECONCILIATION):
        await jobs.put(standing, standing, {})
    await stock_scans(services).begin()
    async with (
        services.load.watched(),
        services.switchboard.open(),
        services.dialler.open(),
        services.texting.open(),
        keep_house(services.settings, services),
        Workers(jobs, services.locks, kinds_of_work(services)).open(),
    ):
        yield


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
