"""What the nodes of a turn work with: the desk, the agent, and the turn made of the state."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool

from graphs.models import Llm
from graphs.sdr.agent import Agent, agent_of
from graphs.sdr.grounding import Evidence, clean
from graphs.sdr.grounding.claims import claims_of
from graphs.sdr.grounding.promises import promises_of
from graphs.sdr.intents import recognise
from graphs.sdr.languages import language_of
from graphs.sdr.phases import ACTS
from graphs.sdr.replies import spoken_languages
from graphs.sdr.state import Context, State
from graphs.sdr.turn import Kind, Turn
from tools.conversation import Conversation
from tools.desk import Desk, desk_of, toolbox
from tools.knowledge import Found
from tools.organisation import Organisation

MOST_SHOWN = 120
"""Sentences of passages that are remembered through a call."""
MOST_READ = 2_000
"""Characters of what a caller says in one go that are read; others call in the meantime."""
_SWITCHES_AT = 2
"""Words in another language after which it is spoken."""


class Session:
    """The desk and the agent of one turn."""

    def __init__(
        self, desk: Desk, agent: Agent, organisation: Organisation, config: RunnableConfig
    ):
        self.desk = desk
        self.agent = agent
        self.organisation = organisation
        self.config = config

    @classmethod
    async def open(cls, state: State, context: Context | None, config: RunnableConfig) -> "Session":
        """Find out who speaks, and with what they act.

        Raises:
            OrganisationError: the file of the organisation cannot be used.
        """
        desk = await desk_of(config)
        given = state.get("agent")
        if given:
            agent = Agent.model_validate(given)
            organisation = await desk.organisation(agent.organisation)
        else:
            settings = desk.settings
            name = (context.organisation if context else "") or settings.organisation
            organisation = await desk.organisation(name)
            agent = agent_of(organisation, name, Llm(provider=settings.llm))
        return cls(desk, agent, organisation, config)

    def turn(self, state: State, context: Context | None, clock: Callable[[], datetime]) -> Turn:
        """Make the turn of a state."""
        messages = state.get("messages") or []
        said = said_now(messages, state.get("taken_until"))
        happened = state.get("event")
        text = " ".join(str(message.text).strip()[:MOST_READ] for message in said)[
            :MOST_READ
        ].strip()
        kind: Kind = "said" if text else "opened"
        if happened and not text:
            kind = happened["kind"]
        channel = frozenset(filter(None, (context.languages if context else "").split(",")))
        turn = Turn(
            agent=self.agent,
            organisation=self.organisation,
            now=clock().astimezone(ZoneInfo(self.organisation.timezone)),
            kind=kind,
            text=text,
            message_id=said[-1].id if said else None,
            heard=recognise(text) if text else None,
            caller=state.get("caller"),
            direction=state.get("direction") or "text",
            channel=channel,
            sends=frozenset(kind for kind in ("sms", "email") if self.desk.messages.can(kind)),
            last_said=last_said(messages),
            state=dict(state),
            language=state.get("language") or self.agent.language,
        )
        return _in_language(turn, text)

    async def tools(self, state: State) -> dict[str, BaseTool]:
        """Return the tools of the conversation by their names."""
        conversation = Conversation(
            id=state.get("conversation_id") or self._thread_id,
            organisation=self.agent.organisation,
            agent_id=self.agent.agent_id,
            caller=state.get("caller"),
            direction=state.get("direction") or "text",
            language=state.get("language") or self.agent.language,
            variables=self.agent.variables,
        )
        found = await toolbox(self.agent, self.desk, conversation)
        return {tool.name: tool for tool in found}

    @property
    def _thread_id(self) -> str:
        return str((self.config.get("configurable") or {}).get("thread_id", ""))


def _in_language(turn: Turn, text: str) -> Turn:
    """Answer in the language that is spoken, where the agent and the channel can."""
    if not turn.agent.has("language_detection") or len(text.split()) < _SWITCHES_AT:
        return turn
    language = language_of(text)
    if language is None or language == turn.language or not turn.speaks(language):
        return turn
    if language not in spoken_languages() and not turn.model:
        return turn
    return turn.in_language(language)


def said_now(messages: Sequence[AnyMessage], taken_until: str | None) -> list[HumanMessage]:
    """Return what the caller has said since the agent spoke last."""
    said: list[HumanMessage] = []
    for message in reversed(messages):
        if message.id is not None and message.id == taken_until:
            break
        if isinstance(message, AIMessage) and message.text:
            break
        if isinstance(message, HumanMessage):
            said.insert(0, message)
    return said


def last_said(messages: Sequence[AnyMessage]) -> str:
    """Return what the agent said last."""
    return next(
        (str(m.text) for m in reversed(messages) if isinstance(m, AIMessage) and m.text), ""
    )


def evidence(session: Session, state: State, found: Found | None) -> Evidence:
    """Collect what this call has to show."""
    prices = session.organisation.prices
    items = prices.items if prices else ()
    names = {item.name.lower(): f"{item.price:f}" for item in items}
    shown = Evidence(
        subjects=tuple(names),
        prices={name: {_figures(price)} for name, price in names.items()},
    )
    for one in prices.discounts if prices else ():
        shown.add(f"{one.percent.normalize():f} percent off with {one.name}.", "passage")
    for channel in session.organisation.contact.values():
        shown.add(channel, "passage")
    for line in state.get("shown") or []:
        shown.add(line["text"], "passage", line["heading"])
    for passage in found.passages if found else ():
        shown.add(passage.text, "passage", _heading(passage.title))
    for message in state.get("messages") or []:
        if isinstance(message, HumanMessage):
            shown.add(str(message.text)[:MOST_READ], "caller")
        elif isinstance(message, ToolMessage) and message.status != "error":
            shown.add(_told(str(message.text)), "tool")
            shown.acts.update(ACTS.get(message.name or "", ()))
    return shown


def remembered(before: Sequence[Mapping[str, str]], found: Found) -> list[dict[str, str]]:
    """Return the sentences of passages that later turns of the call may rely on."""
    kept = {(line["text"], line["heading"]): dict(line) for line in before}
    for passage in found.passages:
        heading = _heading(passage.title)
        for line in clean(passage.text):
            if line.heading:
                heading = line.text
            elif claims_of(line.text) or promises_of(line.text):
                kept.setdefault((line.text, heading), {"text": line.text, "heading": heading})
    return list(kept.values())[-MOST_SHOWN:]


def _heading(title: str) -> str:
    return title.rsplit(">", 1)[-1].strip()


def _figures(price: str) -> str:
    return price.rstrip("0").rstrip(".") if "." in price else price


def _told(result: str) -> str:
    """Return the result of a tool as words: JSON without its signs."""
    for sign in '{}[]"':
        result = result.replace(sign, " ")
    return result.replace(",  ", ".\n").replace(", ", ".\n")
