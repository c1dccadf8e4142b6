"""Twilio's own client against the phone lab's REST, unmodified."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from tests.phone.phonelab_application import Application, running
from voice.phonelab import PhoneLab, Press, ScriptedCaller, Subscriber, ToneVoice
from voice.phonelab.client import twilio_client

VOICE = ToneVoice()
TO, FROM = "+15550123", "+15550100"
HOLD = '<Response><Pause length="20"/></Response>'


@pytest.fixture
async def application():
    async with running(Application()) as app:
        yield app


@pytest.fixture
async def lab():
    async with PhoneLab(voice=VOICE) as lab:
        yield lab


async def ask(work: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """Use the blocking client off the event loop."""
    return await asyncio.to_thread(work, *args, **kwargs)


async def dial(lab: PhoneLab, **options: Any) -> Any:
    return await ask(lab.client().calls.create, to=TO, from_=FROM, **options)


async def answered(lab: PhoneLab, sid: str) -> None:
    async with asyncio.timeout(10):
        while lab.call(sid).status != "in-progress":
            await asyncio.sleep(0.02)


async def test_a_call_created_with_a_url_follows_its_twiml(application, lab):
    application.twiml["/outgoing"] = '<Response><Pause length="1"/></Response>'
    created = await dial(lab, url=f"{application.url}/outgoing")
    assert created.sid.startswith("CA") and created.status in ("queued", "ringing")
    assert created.direction == "outbound-api"
    assert (created.to, created._from) == (TO, FROM)
    await lab.call(created.sid).wait(10)
    fetched = await ask(lab.client().calls(created.sid).fetch)
    assert fetched.status == "completed" and int(fetched.duration) >= 1
    assert fetched.start_time <= fetched.end_time
    (form,) = application.forms("/outgoing")
    assert form["CallStatus"] == "in-progress" and form["Direction"] == "outbound-api"


async def test_progress_is_reported_in_order(application, lab):
    call = await dial(
        lab,
        twiml="<Response/>",
        status_callback=f"{application.url}/status",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    await lab.call(call.sid).wait(10)
    reports = application.forms("/status")
    assert [report["CallStatus"] for report in reports] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert [report["SequenceNumber"] for report in reports] == ["0", "1", "2", "3"]
    assert {report["CallSid"] for report in reports} == {call.sid}


async def test_without_events_only_the_end_is_reported(application, lab):
    call = await dial(lab, twiml="<Response/>", status_callback=f"{application.url}/status")
    await lab.call(call.sid).wait(10)
    assert [form["CallStatus"] for form in application.forms("/status")] == ["completed"]


@pytest.mark.parametrize(("answers", "status"), [("busy", "busy"), ("never", "no-answer")])
async def test_a_subscriber_who_does_not_answer_ends_the_call(lab, answers, status):
    lab.subscribers[TO] = Subscriber(answers=answers)
    call = await dial(lab, twiml="<Response/>", timeout=1)
    ended = await lab.call(call.sid).wait(10)
    assert (ended.status, ended.verbs) == (status, [])


async def test_a_call_is_ended_by_its_status(lab):
    call = await dial(lab, twiml=HOLD)
    await answered(lab, call.sid)
    await ask(lab.client().calls(call.sid).update, status="completed")
    assert (await lab.call(call.sid).wait(5)).status == "completed"
    assert lab.call(call.sid).line.seconds < 5


async def test_a_call_that_still_rings_is_canceled(lab):
    lab.subscribers[TO] = Subscriber(rings_secs=20)
    call = await dial(lab, twiml=HOLD)
    await ask(lab.client().calls(call.sid).update, status="canceled")
    assert (await lab.call(call.sid).wait(5)).status == "canceled"


async def test_a_call_is_led_to_other_twiml_and_to_another_url(application, lab):
    application.twiml["/other"] = "<Response><Hangup/></Response>"
    call = await dial(lab, twiml=HOLD)
    await answered(lab, call.sid)
    client = lab.client()
    await ask(client.calls(call.sid).update, twiml='<Response><Pause length="9"/></Response>')
    await ask(client.calls(call.sid).update, url=f"{application.url}/other")
    await lab.call(call.sid).wait(5)
    assert lab.call(call.sid).verbs == ["Pause", "Pause", "Hangup"]


async def test_a_redirect_stops_the_media_stream(application, lab):
    call = await dial(lab, twiml=application.stream)
    await answered(lab, call.sid)
    async with asyncio.timeout(5):
        while not (application.bots and application.bots[0].stream_sid):
            await asyncio.sleep(0.02)
    await ask(lab.client().calls(call.sid).update, twiml="<Response><Hangup/></Response>")
    await lab.call(call.sid).wait(5)
    async with asyncio.timeout(5):
        while application.bots[0].events[-1]["event"] != "stop":
            await asyncio.sleep(0.02)
    assert lab.call(call.sid).verbs == ["Connect", "Hangup"]


async def test_digits_are_sent_to_the_one_who_answers(lab):
    call = await dial(lab, twiml="<Response/>", send_digits="ww12#")
    assert (await lab.call(call.sid).wait(5)).line.digits_sent == "12#"


async def test_who_answers_may_follow_a_script(application, lab):
    application.twiml["/got"] = "<Response/>"
    lab.subscribers[TO] = Subscriber(lambda: ScriptedCaller([Press("7")], voice=VOICE))
    gather = f'<Response><Gather numDigits="1" action="{application.url}/got">'
    call = await dial(lab, twiml=gather + "<Say>press a key</Say></Gather></Response>")
    await lab.call(call.sid).wait(10)
    assert [form["Digits"] for form in application.forms("/got")] == ["7"]


async def test_calls_are_listed_by_page_and_filter_and_can_be_deleted(lab):
    client = lab.client()
    sids = [(await dial(lab, twiml="<Response/>")).sid for _ in range(3)]
    for sid in sids:
        await lab.call(sid).wait(5)
    listed = await ask(client.calls.list, page_size=2)
    assert [call.sid for call in listed] == sids[::-1]
    assert await ask(client.calls.list, status="in-progress") == []
    assert len(await ask(client.calls.list, to=TO, limit=1)) == 1
    assert await ask(client.calls(sids[0]).delete)
    assert [call.sid for call in await ask(client.calls.list)] == sids[:0:-1]


async def test_what_was_wrong_with_a_call_is_found_in_its_notifications(lab):
    call = await dial(lab, twiml="<Response><Fax/></Response>")
    await lab.call(call.sid).wait(5)
    (notification,) = await ask(lab.client().calls(call.sid).notifications.list)
    assert (notification.error_code, notification.log) == ("12200", "0")


async def test_a_call_nobody_knows_is_20404(lab):
    with pytest.raises(TwilioRestException) as refused:
        await ask(lab.client().calls("CA" + "0" * 32).fetch)
    assert (refused.value.status, refused.value.code) == (404, 20404)


async def test_wrong_credentials_are_20003(lab):
    client = twilio_client(lab.account_sid, "wrong", lab.url)
    with pytest.raises(TwilioRestException) as refused:
        await ask(client.calls("CA1").fetch)
    assert (refused.value.status, refused.value.code) == (401, 20003)


@pytest.mark.parametrize(
    ("options", "code"),
    [
        ({"to": "", "twiml": "<Response/>"}, 21201),
        ({"to": "12", "twiml": "<Response/>"}, 21211),
        ({"from_": "me", "twiml": "<Response/>"}, 21212),
        ({}, 21205),
        ({"url": "ftp://example.com"}, 21205),
    ],
)
async def test_a_call_that_cannot_be_made_says_why(lab, options, code):
    with pytest.raises(TwilioRestException) as refused:
        await ask(lab.client().calls.create, **{"to": TO, "from_": FROM} | options)
    assert (refused.value.status, refused.value.code) == (400, code)


async def test_a_call_that_is_over_cannot_be_redirected(lab):
    call = await dial(lab, twiml="<Response/>")
    await lab.call(call.sid).wait(5)
    with pytest.raises(TwilioRestException) as refused:
        await ask(lab.client().calls(call.sid).update, twiml=HOLD)
    assert refused.value.code == 21220
