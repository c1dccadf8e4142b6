"""Having people called by an agent: each wish once, whatever a client repeats."""

import logging
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter
from pydantic import Field

from faults import places
from server.convai.config import ClientData, Open, Sent, Text
from server.convai.mapping import Prepared, Unusable
from server.convai.opening import Line, Undecided, place, prepare
from server.convai.overrides import OverrideRefused
from server.routes.convai import agents, phone_numbers
from server.routes.convai.shapes import Actor, wrong
from server.routes.convai.wishes import IdempotencyKey, wished
from server.services import Services, ServicesDep
from store.admissions import AtItsLimit
from store.calls import Call
from store.conversations import conversation_id
from tools.conversation import e164
from voice.dialler import DiallingFailed, DiallingRefused

log = logging.getLogger(__name__)
router = APIRouter(tags=["outbound calls"])

_DETECTION: Final = {"enable": "Enable", "detect_message_end": "DetectMessageEnd"}


class MachineDetection(Open):
    """Whether it is asked who takes the call."""

    mode: str | None = None


class TelephonyConfig(Open):
    """How a call is placed."""

    ringing_timeout_secs: int | None = Field(None, ge=5, le=600)
    twilio_call_recording_enabled: bool | None = None
    twilio_machine_detection: MachineDetection | None = None


class OutboundCall(Sent):
    """A person to be called."""

    agent_id: Text
    to_number: Text = Field(max_length=64)
    agent_phone_number_id: Text | None = None
    conversation_initiation_client_data: ClientData | None = None
    call_recording_enabled: bool | None = None
    telephony_call_config: TelephonyConfig | None = None


class OlderOutboundCall(Sent):
    """A person to be called, in the older form."""

    agent_id: Text
    to_number: Text = Field(max_length=64)
    dynamic_variables: dict[str, str | int | float | bool | None] | None = None


@router.post("/twilio/outbound-call")
async def twilio_outbound_call(
    body: OutboundCall,
    services: ServicesDep,
    actor: Actor,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Call a person by an agent.

    The same body again within two minutes, or with the same `Idempotency-Key` within a day, is
    the same wish: nobody is called twice, and the answer is that of the first. A call that may not
    be placed, or was not, answers `success: false` with why; `reasons` have codes.
    """
    return await _called(services, body, actor, idempotency_key)


@router.post("/outbound")
async def older_outbound_call(
    body: OlderOutboundCall,
    services: ServicesDep,
    actor: Actor,
    idempotency_key: IdempotencyKey = None,
) -> dict[str, Any]:
    """Call a person by an agent: the older form of `/twilio/outbound-call`."""
    data = ClientData.model_validate({"dynamic_variables": body.dynamic_variables})
    wish = OutboundCall(
        agent_id=body.agent_id, to_number=body.to_number, conversation_initiation_client_data=data
    )
    answer = await _called(services, wish, actor, idempotency_key)
    return {
        "call_sid": answer["callSid"],
        "status": "initiated" if answer["success"] else "failed",
        **answer,
    }


@router.post("/sip-trunk/outbound-call")
async def sip_outbound_call(body: OutboundCall, services: ServicesDep) -> dict[str, Any]:
    """Say that there are no SIP trunks here."""
    message = "SIP trunks are not supported; use /v1/convai/twilio/outbound-call."
    return {"success": False, "message": message, "conversation_id": None, "sip_call_id": None}


@router.post("/exotel/outbound-call")
async def exotel_outbound_call(body: OutboundCall, services: ServicesDep) -> dict[str, Any]:
    """Say that Exotel only brings calls in here."""
    message = "Calls out are placed through Twilio only; Exotel brings calls in."
    return {"success": False, "message": message, "conversation_id": None, "callSid": None}


async def _called(
    services: Services, wish: OutboundCall, actor: str, idempotency_key: str | None
) -> dict[str, Any]:
    agent = await agents.found(services, wish.agent_id)
    from_number = None
    if wish.agent_phone_number_id:
        number = await phone_numbers.found(services, wish.agent_phone_number_id)
        from_number = str(number.document["phone_number"])
    async with wished(services, "call", wish, idempotency_key) as asked:
        thread_id = asked.begun or uuid4().hex
        data = wish.conversation_initiation_client_data or ClientData()
        line = Line(from_number or services.settings.twilio_number or "", wish.to_number)
        try:
            ready = await prepare(services, agent, data, thread_id, line)
        except (OverrideRefused, Unusable) as error:
            wrong(["body", "conversation_initiation_client_data"], str(error))
        await services.workspace.requests.put(asked.name, asked.digest, thread_id)
        return await _placed(services, wish, ready, thread_id, from_number, actor)


async def _placed(
    services: Services,
    wish: OutboundCall,
    ready: Prepared,
    thread_id: str,
    from_number: str | None,
    actor: str,
) -> dict[str, Any]:
    """Place a call; from here on nothing is answered that a client would take for a failure."""
    try:
        call = await place(
            services,
            ready,
            wish.to_number,
            key=f"api:{thread_id}",
            thread_id=thread_id,
            source="twilio",
            from_number=from_number,
            **_options(wish),
        )
    except AtItsLimit as full:
        return _answer(None, str(full), reasons=[{"code": full.code, "sentence": str(full)}])
    except DiallingRefused as refusal:
        return _answer(None, str(refusal), reasons=refusal.reasons)
    except ValueError as error:  # nothing was asked of a carrier
        if e164(wish.to_number) != wish.to_number:
            wrong(["body", "to_number"], str(error))
        return await _lacking(services, wish.to_number, ready, from_number, str(error))
    except (DiallingFailed, Undecided) as failure:
        return _answer(None, str(failure))
    except Exception as error:
        log.error("A call may have been placed: %s", places(error))
        return _answer(None, "Something failed; ask again, and nobody is called twice.")
    await services.workspace.audit.note(actor, "call", "conversation", conversation_id(thread_id))
    return _answer(call, "The call is placed.")


async def _lacking(
    services: Services, to: str, ready: Prepared, from_number: str | None, lacks: str
) -> dict[str, Any]:
    """Answer that there is no account or no number to call from: whether one may comes first."""
    permissions = services.desk.permissions
    verdict = await permissions.check(to, ready.agent.organisation, from_number=from_number)
    if verdict.allowed:
        return _answer(None, lacks)
    reasons = [{"code": r.code, "sentence": r.sentence} for r in verdict.advised.reasons]
    refusal = DiallingRefused(reasons)
    return _answer(None, f"{refusal} Besides: {lacks}", reasons=reasons)


def _options(wish: OutboundCall) -> dict[str, Any]:
    config = wish.telephony_call_config or TelephonyConfig()
    detection = config.twilio_machine_detection
    record = wish.call_recording_enabled or config.twilio_call_recording_enabled
    return {
        "timeout": config.ringing_timeout_secs,
        "record": True if record else None,
        "machine_detection": _DETECTION.get((detection.mode or "") if detection else ""),
    }


def _answer(call: Call | None, message: str, **more: Any) -> dict[str, Any]:
    return {
        "success": call is not None,
        "message": message,
        "conversation_id": conversation_id(call.thread_id) if call else None,
        "callSid": call.sid if call else None,
        **more,
    }
