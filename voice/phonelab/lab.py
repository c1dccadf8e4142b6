"""The phone lab itself: a carrier on a loopback port."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Mapping
from types import TracebackType

import httpx
import uvicorn
from starlette.applications import Starlette
from twilio.rest import Client

from tools.twilio_rest import in_memory
from voice.phonelab import virtual_socket
from voice.phonelab.callers import Caller, SilentCaller
from voice.phonelab.calls import LabCall, StatusCallback
from voice.phonelab.client import twilio_client
from voice.phonelab.clock import Clock, RealClock
from voice.phonelab.conference import Conference
from voice.phonelab.exchange import Exchange, Source, Subscriber
from voice.phonelab.faults import Faults
from voice.phonelab.media import Socket, over_the_network
from voice.phonelab.messages import Message, Messages
from voice.phonelab.rest import CallsApi
from voice.phonelab.rest_conferences import ConferencesApi
from voice.phonelab.rest_messages import MessagesApi
from voice.phonelab.virtual_socket import App
from voice.phonelab.voices import EmbeddedVoice, Voice
from voice.phonelab.webhooks import Destination, Webhooks

ACCOUNT_SID = "AC" + "0" * 31 + "1"
IN_MEMORY = "http://phone-lab.invalid"
"""Address of the REST of a lab that has no port."""
AUTH_TOKEN = "phone-lab"  # noqa: S105 - the lab's own, not a secret


class PhoneLab:
    """A local carrier that speaks Twilio's REST, webhooks and Media Streams.

        async with PhoneLab(auth_token="secret") as lab:
            caller = ScriptedCaller(["Yes, I am salaried", Press("1")])
            call = lab.ring("http://127.0.0.1:7860/voice/incoming", caller)
            await call.wait()
            await call.save_wav(Path("call.wav"))

    Args:
        account_sid: user name of the REST API and the AccountSid of every request.
        auth_token: its password; signs every webhook. None signs nothing, and the REST API then
            takes the token `phone-lab`.
        subscribers: who answers which number when the application rings; everyone else is silent.
        voice: what `<Say>` sounds like.
        faults: of every media stream, unless a call has its own.
        routes: local address by public address, for a server that knows itself by a public name.
        port: where the REST API listens; 0 takes a free one.
        clock: where all time comes from.
        app: an ASGI application that is reached without a network, whatever address is rung; its
            lifespan is left to the caller. There is no port then: our own REST client reaches the
            lab at `url`, as the setting `twilio_api_url`. On `virtual_time.run` a whole call takes
            but a moment.
    """

    def __init__(
        self,
        *,
        account_sid: str = ACCOUNT_SID,
        auth_token: str | None = AUTH_TOKEN,
        subscribers: Mapping[str, Subscriber] | None = None,
        voice: Voice | None = None,
        faults: Faults | None = None,
        routes: Mapping[str, str] | None = None,
        port: int = 0,
        clock: Clock | None = None,
        app: App | None = None,
    ) -> None:
        self.account_sid = account_sid
        self.auth_token = auth_token
        self.subscribers = dict(subscribers or {})
        """Who has which number; may be changed while the lab runs."""
        self.url = ""
        """Address of the REST API, in place of https://api.twilio.com."""
        self._voice = voice or EmbeddedVoice()
        self._faults = faults or Faults()
        self._routes = routes or {}
        self._port = port
        self._clock = clock or RealClock()
        self._app = app
        self._exit = contextlib.AsyncExitStack()
        self._opened: Exchange | None = None

    async def __aenter__(self) -> "PhoneLab":
        listener = None if self._app else socket.create_server(("127.0.0.1", self._port))
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}" if listener else IN_MEMORY
        async with contextlib.AsyncExitStack() as opened:
            client = await opened.enter_async_context(self._client())
            webhooks = Webhooks(client, self.auth_token, self._routes)
            exchange = self._opened = Exchange(
                webhooks, self._voice, self._faults, self.url, self._connect, self.subscribers
            )
            opened.push_async_callback(exchange.close)
            self._sent = Messages(self.account_sid, webhooks, self._clock)
            opened.push_async_callback(self._sent.close)
            api = self._api(exchange, self._sent)
            if listener:
                _serve(api, listener, opened)
            else:
                opened.enter_context(in_memory(self.url, api))
            self._exit = opened.pop_all()
        return self

    def _client(self) -> httpx.AsyncClient:
        if self._app:
            # An application that fails, or is closed by now, is one that answers 500.
            transport = httpx.ASGITransport(self._app, raise_app_exceptions=False)
            return httpx.AsyncClient(transport=transport)
        return httpx.AsyncClient(trust_env=False, limits=httpx.Limits(max_connections=None))

    async def _connect(self, to: Destination) -> Socket:
        if self._app:
            return await virtual_socket.connect(self._app, to.url, to.headers)
        return await over_the_network(to)

    def _api(self, exchange: Exchange, messages: Messages) -> Starlette:
        conferences = ConferencesApi(exchange, self.account_sid, self._clock)
        return CallsApi(
            exchange,
            self.account_sid,
            self.auth_token or AUTH_TOKEN,
            self._clock,
            (conferences.routes, MessagesApi(messages).routes),
        ).app()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._exit.aclose()

    @property
    def _exchange(self) -> Exchange:
        if self._opened is None:
            raise RuntimeError("The phone lab is closed; use `async with PhoneLab() as lab:`.")
        return self._opened

    def ring(
        self,
        url: str,
        caller: Caller | None = None,
        *,
        from_: str = "+15550199",
        to: str = "+15550100",
        method: str = "POST",
        status_callback: StatusCallback | None = None,
        faults: Faults | None = None,
    ) -> LabCall:
        """Let a caller ring the application; returns at once.

        Args:
            url: the application's webhook for incoming calls.
            caller: who rings; silent when none is given.
            from_: the caller's number, E.164.
            to: the number called, E.164.
            method: POST or GET.
            status_callback: where progress is reported.
            faults: of this call's media streams.
        """
        call = LabCall(self.account_sid, to, from_, "inbound", self._clock, status_callback)
        live = self._exchange.open(call, faults)
        live.start(live.ring_in(Source(url, method), caller or SilentCaller()))
        return call

    async def text(
        self,
        url: str,
        body: str,
        *,
        from_: str = "+15550199",
        to: str = "+15550100",
        again: str = "",
    ) -> list[str]:
        """Let a person write to the application; returns what the webhook's answer says.

        Args:
            url: the application's webhook for messages.
            body: the words.
            from_: the person's number, E.164.
            to: the number written to, E.164.
            again: sid of an earlier message, whose webhook is sent once more.

        Raises:
            CarrierError: the webhook did not answer with TwiML.
        """
        self._exchange  # noqa: B018 - says that the lab is closed
        return await self._sent.receive(url, from_, to, body, again)

    @property
    def messages(self) -> list[Message]:
        """Every text message, oldest first."""
        return [*self._sent.all.values()]

    @property
    def conferences(self) -> list[Conference]:
        """Every conference, oldest first."""
        return [*self._exchange.conferences.all.values()]

    def hang_up(self, call: LabCall) -> None:
        """End a call, as when the caller puts the receiver down."""
        self._exchange.calls[call.sid].end()

    def call(self, sid: str) -> LabCall:
        """Return a call by its sid.

        Raises:
            KeyError: the lab has no such call.
        """
        return self._exchange.calls[sid].call

    @property
    def calls(self) -> list[LabCall]:
        """Every call, oldest first."""
        return [live.call for live in self._exchange.calls.values()]

    def client(self) -> Client:
        """Return Twilio's own client for this lab; it blocks, so call it off the event loop."""
        return twilio_client(self.account_sid, self.auth_token or AUTH_TOKEN, self.url)


def _serve(api: Starlette, listener: socket.socket, opened: contextlib.AsyncExitStack) -> None:
    server = _Server(uvicorn.Config(api, log_level="warning", lifespan="off", access_log=False))
    serving = asyncio.create_task(server.serve([listener]))
    opened.push_async_callback(server.stop, serving)


class _Server(uvicorn.Server):
    """A server that leaves the signals to the program it runs in."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def stop(self, serving: asyncio.Task[None]) -> None:
        self.should_exit = True
        await serving
