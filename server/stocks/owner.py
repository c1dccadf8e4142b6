"""Asks the owner: by telephone, and by every message that is set up; each of them once.

    opened   -> notice (Slack, e-mail, SMS), ring, expiry      one job each
    settled  -> carried out, and the run goes on
    ended    -> what became of orders that were still open then, by every message

All of it is durable: what a process had begun when it died, another goes on with. A call is placed
under the approval's name, a message is sent under it, an order is placed under it.
"""

from collections.abc import Mapping
from contextlib import aclosing, suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from graphs.questions import WrongAnswer
from graphs.stocks.approval import words
from graphs.threads import Resume, UnknownGraph
from server.jobs.work import Done, Failed, Later, Outcome, Retry, Work
from server.services import Services
from store.approvals import OPENED, SETTLED, Approval
from store.calls import Call
from store.dials import Dials
from store.jobs import Job
from tools.approving import Approving, approving
from tools.desk import Desk
from tools.messages import InDoubt, NotSent
from tools.twilio_rest import CarrierNotConfigured
from voice.dialler import DiallingFailed, DiallingRefused

APPROVAL: Final = "approval:"
"""How the keys of calls to the owner begin."""
NOTICE: Final = "approval_notice"
"""Kind of the job that tells the owner by a message."""
RING: Final = "approval_ring"
"""Kind of the job that rings the owner."""
EXPIRY: Final = "approval_expiry"
"""Kind of the job that lets an approval lapse."""
ENDED: Final = "approval_ended"
"""Kind of the job that tells what became of orders that stayed open."""
FOLLOWED = timedelta(seconds=20)
"""How often it is looked what became of an order."""
LOOK: Final = timedelta(seconds=2)
"""How often it is looked what became of a call."""
BUSY: Final = timedelta(seconds=30)
"""When it is tried again after the carrier did not say whether it rings."""
_SOON: Final = Retry(40, timedelta(seconds=1), timedelta(minutes=1))
_SUBJECT: Final = {True: "LIVE trades for your approval", False: "Paper trades for your approval"}


def approval_link(approval_id: str, base: str, via: str = "page") -> str:
    """Return the address of the page on which an approval can be answered."""
    return f"{base}/approvals/{approval_id}?via={via}"


class Owner:
    """Asks the owner and takes what comes of it.

    Args:
        services: dialler, threads, settings, records.
        desk: messages, permissions, and what trades.
        dials: what the dialler knows.
    """

    def __init__(self, services: Services, desk: Desk, dials: Dials) -> None:
        self._services = services
        self._desk = desk
        self._dials = dials

    @property
    def kinds(self) -> Mapping[str, Work]:
        """The kinds of jobs that these are."""
        return {
            OPENED: Work(self.opened, _SOON),
            NOTICE: Work(self.notice, _SOON),
            RING: Work(self.ring, _SOON, deadline_secs=120.0),
            EXPIRY: Work(self.expiry, _SOON),
            SETTLED: Work(self.settled, _SOON, deadline_secs=180.0),
            ENDED: Work(self.ended, _SOON, deadline_secs=120.0),
        }

    async def opened(self, job: Job) -> Outcome:
        """Ask for everything that an approval needs."""
        approval = await (await self._acting()).standing(job.data["id"])
        jobs, data = self._services.jobs, {"id": approval.id}
        await jobs.put(EXPIRY, f"{EXPIRY}:{approval.id}", data, due_at=approval.expires_at)
        if approval.state != "open":
            return Done()
        if self._services.settings.owner_number and approval.thread_id:  # else nobody talks
            await jobs.put(RING, f"{RING}:{approval.id}", data)
        for kind in self._addresses:
            key = f"{NOTICE}:{approval.id}:{kind}"
            await jobs.put(NOTICE, key, {**data, "kind": kind})
        return Done()

    @property
    def _addresses(self) -> Mapping[str, str]:
        """Where the owner is told by each kind of message that is set up."""
        settings = self._services.settings
        found = {
            "slack": "owner",
            "email": settings.owner_email,
            "sms": settings.owner_number,
        }
        return {kind: to for kind, to in found.items() if to and self._desk.messages.can(kind)}

    async def notice(self, job: Job) -> Outcome:
        """Tell the terms, the code and where to answer, by one kind of message."""
        acting, kind = await self._acting(), str(job.data["kind"])
        approval = await acting.standing(job.data["id"])
        to = self._addresses.get(kind)
        if approval.state != "open" or to is None:
            return Done({"sent": False})
        base = self._services.dialler.base
        text = (
            f"{words.mode(approval.live)} {words.read_back(approval.terms)}\n"
            f"Code: {acting.code(approval)}\n"
            f"Answer by {approval.expires_at:%H:%M} UTC: {approval_link(approval.id, base, kind)}"
        )
        if kind != "sms":
            text = f"{approval.briefing}\n\n{text}"
        try:
            await self._desk.messages.send(
                kind, to, text, key=f"approval:{approval.id}", subject=_SUBJECT[approval.live]
            )
        except NotSent as error:
            return Failed(str(error))
        except InDoubt as doubt:
            return Done({"sent": None, "doubt": str(doubt)})
        return Done({"sent": True})

    async def expiry(self, job: Job) -> Outcome:
        """Let an approval lapse that nobody has answered; that settles it."""
        approval = await (await self._acting()).standing(job.data["id"])
        return Done({"state": approval.state})

    # The telephone

    async def ring(self, job: Job) -> Outcome:
        """Ring the owner until somebody has answered, the rings are used up, or it is settled.

        What nobody took, or a machine, is rung again after a pause. Whoever has taken it and hung
        up is not: the question stays open on the other ways until its time is over.
        """
        acting = await self._acting()
        approval = await acting.standing(job.data["id"])
        settings, now = self._services.settings, datetime.now(UTC)
        classic = await self._services.call_results.of_thread(approval.thread_id)
        number, came_to = 1, None
        while dial := await self._dials.of_key(_key(approval, number)):
            if dial.status == "refused":
                return Done({"rung": number - 1, "refused": dial.reasons})
            call = await self._services.calls.get(dial.sid) if dial.sid else None
            if dial.status == "dialling" or (dial.sid and call is None):
                break  # a process died over it: the dialler finds out, or goes on
            if call and not call.ended_at:
                return Later(now + LOOK)
            came_to = _came_to(call) if call else "failed"
            if classic and call:
                came_to = "silent" if came_to == "taken" and not classic.digit else came_to
                await self._services.classic.forget(classic.request_id)
            ended = call.ended_at if call and call.ended_at else dial.began_at
            await self._note(acting, approval, number, came_to, dial.sid)
            if came_to == "taken":
                break
            again = ended + timedelta(seconds=settings.approval_ring_pause_secs)
            number += 1
            if number <= settings.approval_rings and approval.state == "open" and now < again:
                return Later(again)
        to = settings.owner_number
        over = approval.state != "open" or came_to == "taken" or number > settings.approval_rings
        if over or not to:
            return Done({"rung": number if came_to == "taken" else number - 1, "came_to": came_to})
        if await self._talks(approval):
            return Later(now + LOOK)
        return await self._place(approval, number, to)

    async def _place(self, approval: Approval, number: int, to: str) -> Outcome:
        key, now = _key(approval, number), datetime.now(UTC)
        classic = await self._services.call_results.of_thread(approval.thread_id)
        options: dict[str, Any] = {}
        if classic:
            await self._services.call_results.asks(classic.request_id, approval.id)
            options["url"] = (
                f"{self._services.dialler.base}/voice?request={classic.request_id}&ring={number}"
            )
        try:
            await self._services.dialler.call(
                to,
                key=key,
                graph=approval.graph,
                thread_id=approval.thread_id,
                opening={"voicemail": "hang_up"},
                **options,
            )
        except DiallingRefused as refusal:
            return Done({"rung": number - 1, "refused": str(refusal)})
        except (CarrierNotConfigured, ValueError) as error:
            return Done({"rung": number - 1, "not_set_up": str(error)})
        except DiallingFailed as failure:
            dial = await self._dials.of_key(key)
            undecided = dial is not None and dial.status == "dialling"
            return Later(now + (BUSY if undecided else LOOK), {"failed": str(failure)})
        return Later(now + LOOK)

    async def _talks(self, approval: Approval) -> bool:
        """Whether the owner is on a line on that thread already."""
        calls = await self._services.calls.going_on(approval.graph, approval.thread_id)
        longest = timedelta(seconds=self._services.settings.max_call_secs + 60)
        return any(call.started_at > datetime.now(UTC) - longest for call in calls)

    async def _note(
        self, acting: Approving, approval: Approval, number: int, came_to: str, sid: str | None
    ) -> None:
        body = {"approval": approval.id, "ring": number, "came_to": came_to, "sid": sid}
        key = f"ring:{approval.id}:{number}"
        await acting.journal.append("call", body, key=key, at=datetime.now(UTC))

    # What follows

    async def settled(self, job: Job) -> Outcome:
        """Carry out what was approved, and let the run say so.

        While the owner is on the line the conversation does both, and this only sees to it.
        """
        acting = await self._acting()
        approval = await acting.standing(job.data["id"])
        talks = await self._talks(approval)
        if talks and approval.channel in ("phone", "chat"):
            return Later(datetime.now(UTC) + LOOK)
        orders = await acting.carry_out(approval.id) if approval.state == "approved" else []
        if talks:  # they hear of it when they answer
            return Later(datetime.now(UTC) + LOOK)
        await self._resume(approval)
        if any(one.intent and not one.intent.is_final for one in orders) and self._addresses:
            await self._services.jobs.put(ENDED, f"{ENDED}:{approval.id}", {"id": approval.id})
        return Done({"state": approval.state})

    async def ended(self, job: Job) -> Outcome:
        """Tell what became of the orders of an approval once nothing more will, each way once."""
        acting = await self._acting()
        orders = await acting.carry_out(job.data["id"])  # the same orders, as they stand
        if any(one.intent and not one.intent.is_final for one in orders):
            return Later(datetime.now(UTC) + FOLLOWED)
        text, problem = words.settlement(orders, live=acting.live), ""
        for kind, to in self._addresses.items():
            try:
                await self._desk.messages.send(
                    kind, to, text, key=f"{ENDED}:{job.data['id']}", subject="Orders are over"
                )
            except NotSent as error:
                problem = str(error)
            except InDoubt:
                pass  # nobody can say whether it was sent, so it is not sent again
        return Failed(problem) if problem else Done()

    async def _resume(self, approval: Approval) -> None:
        threads = self._services.threads
        if not approval.thread_id:
            return
        try:
            snapshot = await threads.snapshot(approval.graph, approval.thread_id)
        except UnknownGraph:
            return
        open_ = [
            one.id
            for one in snapshot.interrupts
            if isinstance(one.value, dict) and one.value.get("approval_id") == approval.id
        ]
        if not open_:
            return
        said = Resume({open_[0]: {"settled": approval.state}})
        turn = threads.turn(approval.graph, approval.thread_id, said)
        with suppress(WrongAnswer):  # answered by its owner, in this moment
            async with aclosing(turn):
                async for _ in turn:
                    pass

    async def _acting(self) -> Approving:
        return await approving(self._desk)


def _key(approval: Approval, number: int) -> str:
    return f"{APPROVAL}{approval.id}:{number}"


def _came_to(call: Call) -> str:
    """Return what became of a call that is over: `taken` where a person had it."""
    if call.unanswered:
        return call.unanswered
    if call.answered_by in ("machine", "menu", "fax"):
        return "voicemail"
    return "failed" if call.status == "failed" and not call.transcript else "taken"
