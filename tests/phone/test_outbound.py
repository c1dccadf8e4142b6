"""Calls placed by Twilio's own client, through the lab, on the real speech models."""

import asyncio
from typing import Any

import httpx

from tests.phone.call_graphs import GREETING
from tests.phone.conftest import Serve
from voice.phonelab import AnsweringMachine, LabCall, PhoneLab, Subscriber, mulaw
from voice.phonelab.virtual_time import virtually

TO, FROM = "+15550123", "+15550100"
MACHINE = "You have reached Asha. Please leave a message after the tone."
MESSAGE = "This is the test line. We will ring again."


async def place(lab: PhoneLab, base: str, **options: Any) -> LabCall:
    """Ring `TO`, whose call goes to the server's webhook."""
    create = lab.client().calls.create
    url = f"{base}/voice/incoming"
    made = await asyncio.to_thread(create, to=TO, from_=FROM, url=url, **options)
    return await lab.call(str(made.sid)).wait(60)


def detection(base: str) -> dict[str, Any]:
    return {
        "machine_detection": "DetectMessageEnd",
        "async_amd": "true",
        "async_amd_status_callback": f"{base}/voice/answered",
    }


@virtually
async def test_a_real_greeting_and_its_tone_are_heard_and_then_the_message_is_left(
    serve: Serve,
) -> None:
    machine = Subscriber(lambda: AnsweringMachine(MACHINE))
    async with (
        serve(voicemail="leave_message", voicemail_message=MESSAGE) as server,
        PhoneLab(auth_token=None, subscribers={TO: machine}) as lab,
    ):
        call = await place(lab, server.base)
        record = await server.record(call.sid)
    assert (record.direction, record.answered_by) == ("outbound", "machine")
    assert [said.text for said in record.transcript if said.role == "bot"] == [MESSAGE]
    tone_ended = call.line.ear.turns[-1].ended / mulaw.RATE
    assert call.line.ear.spans, "No message was left."
    assert call.line.ear.spans[0][0] / mulaw.RATE >= tone_ended
    assert call.errors == []


@virtually
async def test_the_carrier_s_word_for_a_machine_ends_the_call(serve: Serve) -> None:
    machine = Subscriber(
        lambda: AnsweringMachine("La la la.", tone=False),
        answered_by="machine_start",
        detection_secs=1.0,
    )
    async with (
        serve(voicemail="hang_up") as server,
        PhoneLab(auth_token=None, subscribers={TO: machine}) as lab,
    ):
        call = await place(lab, server.base, **detection(server.base))
        record = await server.record(call.sid)
        fetched = await asyncio.to_thread(lab.client().calls(call.sid).fetch)
    assert record.answered_by == "machine"
    assert fetched.answered_by == "machine_start"
    assert GREETING not in [said.text for said in record.transcript]
    assert call.line.seconds < 10


@virtually
async def test_what_the_carrier_knows_before_it_connects_the_call_is_used(serve: Serve) -> None:
    menu = Subscriber(answered_by="fax", detection_secs=0.2)
    async with (
        serve(voicemail="leave_message") as server,
        PhoneLab(auth_token=None, subscribers={TO: menu}) as lab,
    ):
        call = await place(lab, server.base, machine_detection="Enable")
        record = await server.record(call.sid)
    assert record.answered_by == "fax"
    assert record.transcript == []


@virtually
async def test_nobody_but_the_carrier_says_who_has_answered(serve: Serve) -> None:
    async with (
        serve(twilio_auth_token="secret", voicemail="hang_up") as server,
        httpx.AsyncClient(base_url=server.base, trust_env=False) as stranger,
    ):
        told = {"CallSid": "CA1", "AnsweredBy": "machine_start"}
        answer = await stranger.post("/voice/answered", data=told)
    assert answer.status_code == 403
