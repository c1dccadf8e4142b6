"""The desk: everything that tools act with, opened once and handed to every graph.

    async with open_desk(settings, engine) as desk:
        threads = Threads(..., configurable={"desk": desk})

A node takes it by `desk_of(config)`, and by `toolbox` the tools that an agent has.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol
from weakref import WeakKeyDictionary

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from settings import Settings, get_settings
from store.bookings import Bookings
from store.callbacks import CallBacks
from store.claims import Claims
from store.crm import Contacts
from store.database import Database, open_database
from store.permissions import PermissionRecords
from store.secrets import Secrets
from tools.appointments import appointment_tools
from tools.booking import booking_tools
from tools.calcom import CalCom
from tools.calendar import Calendar, EmbeddedCalendar
from tools.calling import call_back_tools, call_tools, people
from tools.client_tools import Clients, client_tool
from tools.conversation import Conversation
from tools.crm import Crm, crm_tools
from tools.effects import has_effect
from tools.hubspot import HubSpot
from tools.knowledge import Knowledge, open_knowledge
from tools.mcp_servers import McpFailed, McpSessions, open_mcp
from tools.messages import Messages, Sender, message_tools
from tools.organisation import Organisation, OrganisationError, load_organisation
from tools.outside import Outside
from tools.permissions import Permissions
from tools.pricing import price_tool
from tools.rehearsal import Mock, rehearsed
from tools.slack import SlackWebhook
from tools.sms import TwilioSms
from tools.smtp import SmtpEmail
from tools.specs import ClientTool, McpServer, WebhookTool, tool_spec
from tools.trading import TradingDesk
from tools.webhook import webhook_tool

log = logging.getLogger(__name__)


class HasTools(Protocol):
    """What of an agent says which tools it has."""

    @property
    def organisation(self) -> str:
        """Name of its organisation."""

    @property
    def language(self) -> str:
        """The one it begins in, ISO 639-1."""

    @property
    def languages(self) -> Sequence[str]:
        """Those it may switch to."""

    @property
    def built_in(self) -> Mapping[str, Mapping[str, Any]]:
        """Parameters of its built-in tools by their names."""

    @property
    def tools(self) -> Sequence[Mapping[str, Any]]:
        """Webhook tools, client tools and MCP servers, as `tools.specs` has them."""

    @property
    def transfer_numbers(self) -> Sequence[Any]:
        """People it may connect with, as `tools.calling.Person`."""


@dataclass(frozen=True, slots=True)
class Desk:
    """What tools act with; it belongs to the process, not to a conversation."""

    settings: Settings
    outside: Outside
    crm: Crm
    calendar: Calendar
    permissions: Permissions
    call_backs: CallBacks
    messages: Messages
    secrets: Secrets
    mcp: McpSessions
    hubspot: HubSpot | None
    calcom: CalCom | None
    knowledge: Knowledge
    trading: TradingDesk
    """`await desk.trading()`: account, broker, approvals and market data, opened at first use."""
    clients: Clients = field(default_factory=Clients)
    rehearsal: Mapping[str, Mock] | None = None
    """Answers of tools that may not act, see `toolbox`; None where tools act."""

    async def conversation_over(self, conversation_id: str) -> None:
        """Let go of what was kept for a conversation: its `secret__` variables, MCP sessions."""
        await self.mcp.close(conversation_id)
        await self.secrets.forget(conversation_id)

    async def organisation(self, name: str) -> Organisation:
        """Read an organisation by its name.

        Raises:
            OrganisationError: its file cannot be used.
        """
        return await asyncio.to_thread(load_organisation, name, self.settings.data_dir)

    def crm_of(self, about: Organisation) -> Crm:
        """Return where an organisation keeps its contacts.

        Raises:
            OrganisationError: it is not configured.
        """
        if about.crm == "embedded":
            return self.crm
        if self.hubspot is None:
            raise OrganisationError(f"{about.name}: crm: hubspot needs HUBSPOT_ACCESS_TOKEN.")
        return self.hubspot

    def calendar_of(self, about: Organisation) -> Calendar:
        """Return where an organisation keeps its appointments.

        Raises:
            OrganisationError: it is not configured.
        """
        if about.calendar.backend == "embedded":
            return self.calendar
        if self.calcom is None:
            raise OrganisationError(f"{about.name}: backend: calcom needs CALCOM_API_KEY.")
        return self.calcom


@contextlib.asynccontextmanager
async def open_desk(
    settings: Settings, engine: Database, way_out: Outside | None = None
) -> AsyncGenerator[Desk]:
    """Open what tools act with.

    Args:
        settings: those of the process.
        engine: the records, opened.
        way_out: by which webhook tools and the like reach others; as the settings allow if missing.
    """
    hosts = [host.strip() for host in settings.private_hosts.split(",") if host.strip()]
    organisation = partial(load_organisation, data_dir=settings.data_dir)
    secrets = await Secrets.open(engine, settings.data_dir, settings.sealing_key)
    async with (
        way_out or Outside(hosts) as outside,
        open_knowledge(settings, engine, outside) as knowledge,
        open_mcp(settings, outside, secrets) as mcp,
        contextlib.AsyncExitStack() as hosted,
    ):
        claims, hubspot, calcom = Claims(engine), None, None
        trading = TradingDesk(settings, engine, outside)
        hosted.push_async_callback(trading.aclose)
        if token := settings.hubspot_access_token:
            hubspot = HubSpot(token.get_secret_value(), settings.hubspot_url, claims)
            hosted.push_async_callback(hubspot.aclose)
        if key := settings.calcom_api_key:
            calcom = CalCom(key.get_secret_value(), settings.calcom_url, claims, organisation)
            hosted.push_async_callback(calcom.aclose)
        yield Desk(
            settings=settings,
            outside=outside,
            crm=Contacts(engine),
            calendar=EmbeddedCalendar(Bookings(engine), organisation),
            permissions=Permissions(PermissionRecords(engine), settings),
            call_backs=CallBacks(engine),
            messages=Messages(claims, _senders(settings)),
            secrets=secrets,
            mcp=mcp,
            hubspot=hubspot,
            calcom=calcom,
            knowledge=knowledge,
            trading=trading,
        )


def _senders(settings: Settings) -> dict[str, Sender]:
    """Return by what each kind of message is sent, as far as it is configured."""
    senders: dict[str, Sender] = {}
    if TwilioSms.configured(settings):
        senders["sms"] = TwilioSms(settings)
    if SmtpEmail.configured(settings):
        senders["email"] = SmtpEmail(settings)
    if SlackWebhook.configured(settings):
        senders["slack"] = SlackWebhook(settings)
    return senders


_Opened = tuple[Desk, contextlib.AsyncExitStack]
"""A desk, and what closes it: forgotten, it would close at once."""
_own: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Task[_Opened]] = WeakKeyDictionary()


async def desk_of(config: RunnableConfig) -> Desk:
    """Return the desk of a run: that of the server, else the process's own.

    In LangGraph Studio nobody hands one over; it is opened from the settings then, and kept
    while the process lives.
    """
    given: Any = (config.get("configurable") or {}).get("desk")
    if isinstance(given, Desk):
        return given
    loop = asyncio.get_running_loop()
    if loop not in _own or (_own[loop].done() and _own[loop].exception()):
        _own[loop] = loop.create_task(_open_own(), name="desk")
    desk, _ = await asyncio.shield(_own[loop])
    return desk


async def _open_own() -> _Opened:
    settings, opened = await asyncio.to_thread(get_settings), contextlib.AsyncExitStack()
    engine = await opened.enter_async_context(open_database(settings.data_dir, settings.postgres))
    return await opened.enter_async_context(open_desk(settings, engine)), opened


async def toolbox(agent: HasTools, desk: Desk, conversation: Conversation) -> list[BaseTool]:
    """Return the tools an agent has in a conversation, each under its own name.

    Args:
        agent: who has them; `graphs.sdr.agent.Agent`.
        desk: what they act with.
        conversation: in which they act.

    In rehearsal a tool answers its mock. One without a mock that has an effect, or is somebody
    else's, is refused; the others only read, and do so.

    Raises:
        OrganisationError: the file of its organisation cannot be used.
    """
    about = await desk.organisation(agent.organisation)
    connects = people(agent.built_in.get("transfer_to_number", {}), agent.transfer_numbers)
    languages = tuple(dict.fromkeys((agent.language, *agent.languages)))
    made = [
        *crm_tools(desk.crm_of(about), conversation, about.country),
        *booking_tools(desk.calendar_of(about), conversation, about),
        *([price_tool(about.prices)] if about.prices else []),
        *call_tools(agent.built_in, connects, languages),
        *appointment_tools(desk.calendar_of(about), conversation, about),
        *call_back_tools(desk.call_backs, desk.permissions, conversation, about),
        *message_tools(desk.messages, desk.permissions, conversation, about.country),
    ]
    others = await _of_others(agent, desk, conversation)
    if desk.rehearsal is not None:
        mocks = desk.rehearsal
        acts = [one for one in made if one.name in mocks or has_effect(one.metadata)]
        made = [rehearsed(one, mocks) if one in acts else one for one in made]
        others = [rehearsed(one, mocks) for one in others]
    made += others
    for one in made:
        one.handle_tool_error = True  # what is wrong is told to the model as a sentence
    return made


async def _of_others(agent: HasTools, desk: Desk, conversation: Conversation) -> list[BaseTool]:
    """Return webhook, client and MCP tools; a server that fails is missing, as the log says."""
    specs = [tool_spec(data) for data in agent.tools]
    made = [
        webhook_tool(spec, desk.outside, desk.secrets, conversation)
        for spec in specs
        if isinstance(spec, WebhookTool)
    ]
    if client := desk.clients.of(conversation.id):
        own = [spec for spec in specs if isinstance(spec, ClientTool)]
        made += [client_tool(spec, client, conversation) for spec in own]
    servers = [spec for spec in specs if isinstance(spec, McpServer)]
    found = await asyncio.gather(
        *(desk.mcp.tools(spec, conversation) for spec in servers), return_exceptions=True
    )
    for tools in found:
        if isinstance(tools, McpFailed):
            log.warning("%s", tools)
        elif isinstance(tools, BaseException):
            raise tools
        else:
            made += tools
    return made
