"""Tools with which a conversation reads back, moves and cancels what the caller has booked."""

from collections.abc import Awaitable
from typing import Any, TypeVar

from langchain_core.tools import BaseTool, ToolException

from tools.booking import moment, spoken_time, zone_of
from tools.calendar import Calendar, CalendarFailed, NoBooking, SlotTaken, Whose
from tools.conversation import Conversation
from tools.crm import email_address
from tools.effects import IdempotencyKey, tool
from tools.organisation import Organisation

_Result = TypeVar("_Result")


def appointment_tools(
    calendar: Calendar, conversation: Conversation, organisation: Organisation
) -> list[BaseTool]:
    """Return the tools by which a caller gets at their own appointments, and nobody else's.

    Theirs are those of the number they are connected by and of this conversation; Cal.com knows
    them by their e-mail address.

    Args:
        calendar: where appointments are kept.
        conversation: with whom.
        organisation: whose calendar it is.
    """
    name, zone = conversation.organisation, zone_of(None, organisation)

    def caller(email: str | None) -> Whose:
        address = email_address(email) if email else None
        return Whose(conversation_id=conversation.id, phone=conversation.caller, email=address)

    async def done(asked: Awaitable[_Result]) -> _Result:
        try:
            return await asked
        except NoBooking:
            raise ToolException("They have no such appointment; nothing was changed.") from None
        except SlotTaken as error:
            raise ToolException(f"{error} Nothing was changed.") from None
        except CalendarFailed as error:
            raise ToolException(str(error)) from None

    @tool(effect=False, parse_docstring=True)
    async def list_appointments(email: str | None = None) -> dict[str, Any]:
        """Look up the appointments the caller has.

        Args:
            email: Their e-mail address, if they have booked with one.
        """
        found = await done(calendar.upcoming(name, caller(email)))
        listed = [{"id": one.id, **spoken_time(one.start, zone)} for one in found]
        return {"timezone": str(zone), "appointments": listed}

    @tool(effect=True, parse_docstring=True)
    async def move_appointment(
        appointment_id: str, start: str, key: IdempotencyKey, email: str | None = None
    ) -> dict[str, Any]:
        """Move an appointment of the caller's to a time that was found free and agreed to.

        Args:
            appointment_id: As it was listed.
            start: When it is to begin, ISO 8601, as it was found.
            key: Of the effect.
            email: Their e-mail address, if they have booked with one.
        """
        at = moment(start, zone, None)
        asked = calendar.move(name, appointment_id, caller(email), at, key=str(key))
        moved = await done(asked)
        return {"moved": True, "id": moved.id, **spoken_time(moved.start, zone)}

    @tool(effect=True, parse_docstring=True)
    async def cancel_appointment(
        appointment_id: str, key: IdempotencyKey, email: str | None = None
    ) -> dict[str, Any]:
        """Cancel an appointment of the caller's, once they have agreed to it.

        Args:
            appointment_id: As it was listed.
            key: Of the effect.
            email: Their e-mail address, if they have booked with one.
        """
        await done(calendar.cancel(name, appointment_id, caller(email), key=str(key)))
        return {"cancelled": True, "id": appointment_id}

    return [list_appointments, move_appointment, cancel_appointment]
