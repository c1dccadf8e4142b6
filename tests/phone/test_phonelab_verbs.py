"""The verbs of TwiML, carried out on a real line."""

import numpy as np
import pytest

from tests.phone.phonelab_application import Application, running
from voice.phonelab import (
    Pause,
    PhoneLab,
    Press,
    ScriptedCaller,
    SilentCaller,
    ToneVoice,
    mulaw,
)

VOICE = ToneVoice(secs_per_char=0.02)


@pytest.fixture
async def application():
    async with running(Application()) as app:
        yield app


@pytest.fixture
async def lab():
    async with PhoneLab(voice=VOICE) as lab:
        yield lab


async def ring(lab: PhoneLab, app: Application, twiml: str, caller=None):
    app.twiml["/voice"] = twiml
    return await lab.ring(f"{app.url}/voice", caller or SilentCaller()).wait(30)


async def test_say_is_heard_as_often_as_asked(application, lab):
    call = await ring(lab, application, '<Response><Say loop="2">ten letter</Say></Response>')
    heard = call.line.ear.heard_secs(0)
    assert heard == pytest.approx(0.4, abs=0.05)
    assert call.status == "completed"


async def test_an_unknown_verb_is_named_and_the_others_are_carried_out(application, lab):
    call = await ring(lab, application, "<Response><Enqueue>+1</Enqueue><Say>abc</Say></Response>")
    (notice,) = call.errors
    assert notice.code == 12200 and "<Enqueue>" in notice.message
    assert call.verbs == ["Say"]


async def test_what_is_not_twiml_ends_the_call_with_12100(application, lab):
    call = await ring(lab, application, "It works!")
    assert (call.status, [notice.code for notice in call.errors]) == ("failed", [12100])


async def test_a_refusal_ends_the_call_with_its_reason(application, lab):
    application.status_code = 403
    call = await ring(lab, application, '{"detail":"The signature is wrong."}')
    (notice,) = call.errors
    assert call.status == "failed" and notice.code == 11200
    assert "answered 403" in notice.message and "The signature is wrong." in notice.message


async def test_an_application_that_is_not_there_is_said_so(lab):
    call = await lab.ring("http://127.0.0.1:9/voice").wait(20)
    (notice,) = call.errors
    assert call.status == "failed" and notice.code == 11205
    assert "Is the server running?" in notice.message


@pytest.mark.parametrize(("reason", "status"), [("busy", "busy"), ("rejected", "no-answer")])
async def test_a_rejected_call_is_never_answered(application, lab, reason, status):
    call = await ring(lab, application, f'<Response><Reject reason="{reason}"/></Response>')
    assert (call.status, call.started_at, call.line.seconds) == (status, None, 0)


async def test_documents_that_lead_to_themselves_end(application, lab):
    call = await ring(lab, application, "<Response><Redirect>/voice</Redirect></Response>")
    assert call.status == "completed"
    assert "the TwiML loops" in call.errors[0].message
    assert len(application.requests) == 100


async def test_a_redirect_may_be_relative_and_get(application, lab):
    application.twiml["/a/next"] = "<Response><Redirect>last</Redirect></Response>"
    application.twiml["/a/last"] = "<Response><Hangup/></Response>"
    await ring(
        lab,
        application,
        '<Response><Redirect method="GET">/a/next?x=1</Redirect><Say>never</Say></Response>',
    )
    first, second, third = application.requests
    assert first[0] == "/voice"
    assert second[0].startswith("/a/next?x=1&") and "CallSid=CA" in second[0]
    assert second[1] == {}
    assert third[0] == "/a/last"


async def test_gathered_keys_go_to_the_action_without_the_finishing_one(application, lab):
    application.twiml["/got"] = "<Response/>"
    caller = ScriptedCaller([Press("40#")], voice=VOICE)
    call = await ring(
        lab,
        application,
        '<Response><Gather action="/got"><Say>how much is it, tell me now</Say></Gather>'
        "<Say>nothing came</Say></Response>",
        caller,
    )
    (form,) = application.forms("/got")
    assert (form["Digits"], form["FinishedOnKey"]) == ("40", "#")
    assert call.verbs == ["Gather", "Say"]


async def test_a_key_stops_the_prompt(application, lab):
    application.twiml["/got"] = "<Response/>"
    call = await ring(
        lab,
        application,
        '<Response><Gather numDigits="1" action="/got">'
        f"<Say>{'long ' * 100}</Say></Gather></Response>",
        ScriptedCaller([Pause(0.4), Press("5", at_once=True)], voice=VOICE, patience_secs=2),
    )
    assert [form["Digits"] for form in application.forms("/got")] == ["5"]
    assert call.line.seconds < 5


async def test_nothing_gathered_goes_on_with_the_next_verb(application, lab):
    call = await ring(
        lab,
        application,
        '<Response><Gather timeout="1" action="/got"/><Say>nothing</Say></Response>',
    )
    assert call.verbs == ["Gather", "Say"]
    assert application.forms("/got") == []


async def test_a_recording_is_kept_and_its_address_sent(application, lab):
    application.twiml["/kept"] = "<Response/>"
    caller = ScriptedCaller(["my message to you", Press("#")], voice=ToneVoice(), settle_secs=0.2)
    call = await ring(
        lab,
        application,
        '<Response><Say>hi</Say><Record action="/kept" finishOnKey="#" timeout="2"/></Response>',
        caller,
    )
    (form,) = application.forms("/kept")
    audio = call.recordings[form["RecordingSid"]]
    assert form["RecordingUrl"].endswith(form["RecordingSid"])
    spoken = np.count_nonzero(np.abs(mulaw.decode(audio)) > 1000) / mulaw.RATE
    assert spoken > 0.5


async def test_the_query_of_a_stream_is_not_passed_on(application, lab):
    application.behaviour = _leave
    call = await ring(lab, application, application.stream.replace("/media", "/media?a=b"))
    (notice,) = call.notices
    assert notice.level == "warning" and "<Parameter>" in notice.message
    assert len(application.bots) == 1


async def test_a_stream_that_cannot_be_opened_is_said_so(application, lab):
    call = await ring(lab, application, application.stream.replace("/media", "/elsewhere"))
    assert [notice.code for notice in call.errors] == [31920]


async def _leave(_bot) -> None:
    return
