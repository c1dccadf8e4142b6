"""Tools that act on the call itself: end it, connect a person, press keys, ring again later.

The first three change nothing by themselves. They return, as the artifact of their `ToolMessage`,
the `additional_kwargs` of the message with which the graph announces the action; the channel
carries it out when that message was heard (`graphs/call_actions.py`).
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from langchain_core.tools import BaseTool, ToolException
from pydantic import BaseModel, ConfigDict, ValidationError

from store.callbacks import CallBack, CallBacks, new_id
from tools.booking import moment, spoken_time, zone_of
from tools.call_actions import HangUp, SendDigits, SpeakAs, Transfer, action
from tools.conversation import Conversation, e164
from tools.effects import IdempotencyKey, tool
from tools.organisation import Organisation
from tools.permissions import Permissions

FURTHEST = timedelta(days=60)
"""Latest call back that is promised."""
_MOST_TRIES = 10
"""Times that are looked at for a call back, before there is none."""


class Person(BaseModel):
    """Somebody a caller can be connected with."""

    model_config = ConfigDict(frozen=True)

    to: str
    """E.164."""
    name: str = "a colleague"
    when: str = ""
    """For which wishes; empty for any."""
    warm: bool = False


def people(rules: Mapping[str, Any], numbers: Sequence[Any]) -> list[Person]:
    """Return whom an agent may connect with, by its own list and by ElevenLabs' transfer rules.

    Args:
        rules: parameters of `transfer_to_number`: `transfers`, each with `transfer_destination`
            (or the older `phone_number`), `condition` and `transfer_type`.
        numbers: the agent's `transfer_numbers`.
    """
    found = [Person.model_validate(number, from_attributes=True) for number in numbers]
    known = {person.to for person in found}
    params = rules.get("params", rules)
    for rule in params.get("transfers", ()) if isinstance(params, Mapping) else ():
        destination = rule.get("transfer_destination") or {}
        to = e164(str(destination.get("phone_number") or rule.get("phone_number") or ""))
        if to and to not in known:
            warm = rule.get("transfer_type") == "conference"
            found.append(Person(to=to, when=str(rule.get("condition") or ""), warm=warm))
    return found


def call_tools(
    built_in: Mapping[str, Mapping[str, Any]],
    connects: Sequence[Person],
    languages: Sequence[str] = (),
) -> list[BaseTool]:
    """Return those tools that act on the call which an agent has, by ElevenLabs' names.

    Args:
        built_in: the agent's built-in tools by name, with their parameters.
        connects: whom it may connect with.
        languages: those it may switch to, ISO 639-1.
    """
    allowed = {person.to: person for person in connects}
    listed = "; ".join(
        f"{one.to}: {one.name}" + (f", for {one.when}" if one.when else "") for one in connects
    )

    @tool(effect=False, parse_docstring=True, response_format="content_and_artifact")
    async def end_call(reason: str = "") -> tuple[str, dict[str, Any]]:
        """End the call, after a goodbye, when there is nothing left to talk about.

        Args:
            reason: Why it ends, in a few words.
        """
        return "The call ends after your goodbye.", action(HangUp())

    @tool(effect=False, parse_docstring=True, response_format="content_and_artifact")
    async def transfer_to_number(
        transfer_number: str, agent_message: str = ""
    ) -> tuple[str, dict[str, Any]]:
        """Connect the caller with a person.

        Args:
            transfer_number: Number of the person, one of those listed.
            agent_message: What the person is told before, in one or two sentences.
        """
        person = allowed.get(e164(transfer_number) or "")
        if person is None:
            raise ToolException(f"Callers are connected only with: {listed or 'nobody'}.")
        briefing = agent_message.strip()[:1000] or None
        do = Transfer(to=person.to, warm=person.warm, briefing=briefing)
        return f"The caller is connected with {person.name} after your words.", action(do)

    transfer_to_number.description += f" People who can be reached: {listed}."

    @tool(effect=False, parse_docstring=True, response_format="content_and_artifact")
    async def play_keypad_touch_tone(dtmf_tones: str) -> tuple[str, dict[str, Any]]:
        """Press keys of the telephone, as in the menu of another system.

        Args:
            dtmf_tones: The keys in their order: digits, A to D, * and #; w waits half a second.
        """
        try:
            do = SendDigits(digits=dtmf_tones.replace(" ", "").replace("W", "w"))
        except ValidationError:
            raise ToolException(
                "Expected 1 to 32 of the keys 0 to 9, A to D, *, # and w."
            ) from None
        return "The keys are pressed after your words.", action(do)

    @tool(effect=False, parse_docstring=True, response_format="content_and_artifact")
    async def language_detection(language: str) -> tuple[str, dict[str, Any]]:
        """Speak another language from now on, because the person speaks it or asks for it.

        Args:
            language: ISO 639-1 code, one of those listed.
        """
        if language not in languages:
            raise ToolException(f"Languages spoken here: {', '.join(languages)}.")
        return f"Go on in {language}.", action(SpeakAs(language=language))

    language_detection.description += f" Languages: {', '.join(languages)}."
    made = [end_call, play_keypad_touch_tone]
    made += [transfer_to_number] if connects else []
    made += [language_detection] if len(languages) > 1 else []
    return [one for one in made if one.name in built_in]


def call_back_tools(
    call_backs: CallBacks,
    permissions: Permissions,
    conversation: Conversation,
    organisation: Organisation,
    clock: Callable[[], datetime] = lambda: datetime.now(UTC),
) -> list[BaseTool]:
    """Return the tools that look for a time to ring again, and promise it.

    The promise is a row that outlives the process; it is asked before whether the number may be
    called at that time, and again when it is dialled.
    """

    def asked(at: str, phone: str | None, timezone: str | None) -> tuple[str, datetime, ZoneInfo]:
        number = e164(phone, organisation.country) if phone else conversation.caller
        if number is None:
            raise ToolException("Ask for the number to call, with the country's code.")
        zone = zone_of(timezone, organisation)
        due, now = moment(at, zone, None), clock()
        if not now < due <= now + FURTHEST:
            raise ToolException("A call back is promised for a time within the next 60 days.")
        return number, due, zone

    @tool(effect=False, parse_docstring=True)
    async def call_back_time(
        at: str, phone: str | None = None, timezone: str | None = None
    ) -> dict[str, Any]:
        """Find out whether the person may be called at a time, or else when next, or never.

        Args:
            at: When, ISO 8601, such as 2026-11-24T15:00.
            phone: Another number than the one they call from.
            timezone: IANA name of the zone in which the time is, if not the organisation's.
        """
        number, due, zone = asked(at, phone, timezone)
        named = conversation.organisation
        verdict = await permissions.check(number, named, purpose="callback", at=due)
        if verdict.allowed and organisation.opens(due) == due:
            return {"allowed": True, "timezone": str(zone), **spoken_time(due, zone)}
        sentence = " ".join(reason.sentence for reason in verdict.reasons)
        following = await next_time(number, due)
        if following is None:
            why = sentence or "Nobody is here then, nor soon after."
            return {"allowed": False, "never": True, "why": why}
        told = spoken_time(following, zone)
        closed, why = verdict.allowed, sentence or "Nobody is here then."
        return {"allowed": False, "closed": closed, "why": why, "timezone": str(zone), **told}

    async def next_time(number: str, due: datetime) -> datetime | None:
        """Return when next they may be called and people are here; None for not soon."""
        at = organisation.opens(due)
        for _ in range(_MOST_TRIES):
            may = await permissions.when(
                number, conversation.organisation, purpose="callback", after=at
            )
            if may is None or organisation.opens(may) == may:
                return may
            at = organisation.opens(may)
        return None

    @tool(effect=True, parse_docstring=True)
    async def call_back_later(
        at: str,
        about: str,
        key: IdempotencyKey,
        phone: str | None = None,
        timezone: str | None = None,
    ) -> dict[str, Any]:
        """Promise to ring back at a time the person has named and agreed to.

        Args:
            at: When, ISO 8601, such as 2026-11-24T15:00.
            about: What it is about, in one sentence.
            key: Of the effect.
            phone: Another number than the one they call from.
            timezone: IANA name of the zone in which the time is, if not the organisation's.
        """
        number, due, zone = asked(at, phone, timezone)
        named = conversation.organisation
        verdict = await permissions.check(number, named, purpose="callback", at=due)
        if not verdict.allowed:
            sentence = " ".join(reason.sentence for reason in verdict.reasons)
            raise ToolException(f"Nothing was promised. {sentence}")
        promised = await call_backs.promise(
            CallBack(
                id=new_id(),
                number=number,
                due_at=due,
                organisation=named,
                agent_id=conversation.agent_id,
                conversation_id=conversation.id,
                about=about.strip()[:500],
                created_at=clock(),
            ),
            key=str(key),
        )
        return {"promised": True, "timezone": str(zone), **spoken_time(promised.due_at, zone)}

    return [call_back_time, call_back_later]
