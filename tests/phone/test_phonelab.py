"""The phone lab rings an application and speaks Media Streams with it, in real time."""

import asyncio
import base64
import wave

import numpy as np
import pytest
from twilio.request_validator import RequestValidator

from tests.phone.phonelab_application import Application, Bot, running
from voice.phonelab import (
    Caller,
    Faults,
    HangUp,
    Interrupt,
    Listen,
    Pause,
    PhoneLab,
    Press,
    ScriptedCaller,
    SilentCaller,
    StatusCallback,
    ToneVoice,
    TypedCaller,
    mulaw,
)

VOICE = ToneVoice()


def scripted(*steps, **options) -> ScriptedCaller:
    return ScriptedCaller(steps, voice=VOICE, settle_secs=0.3, **options)


@pytest.fixture
async def application():
    async with running(Application()) as app:
        yield app


@pytest.fixture
async def lab():
    async with PhoneLab(voice=VOICE, auth_token="secret") as lab:
        yield lab


async def ring(lab: PhoneLab, app: Application, twiml: str, caller: Caller | None = None, **more):
    app.twiml["/voice"] = twiml
    call = lab.ring(f"{app.url}/voice?graph=one", caller or SilentCaller(), **more)
    return await call.wait(30)


def tone(seconds: float) -> bytes:
    samples = 9000 * np.sin(np.arange(int(seconds * mulaw.RATE)) * 0.3)
    return mulaw.encode(samples.astype(np.int16))


async def test_the_stream_begins_as_twilios_does(application, lab):
    async def hear_two_frames(bot: Bot) -> None:
        await bot.event("media")
        await bot.event("media")

    application.behaviour = hear_two_frames
    twiml = application.stream.replace("/>", '><Parameter name="token" value="abc"/></Stream>', 1)
    call = await ring(lab, application, twiml)
    connected, start, first, second = application.bots[0].events[:4]
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": call.streams[0],
        "start": {
            "streamSid": call.streams[0],
            "callSid": call.sid,
            "accountSid": lab.account_sid,
            "tracks": ["inbound"],
            "customParameters": {"token": "abc"},
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        },
    }
    assert (first["sequenceNumber"], second["sequenceNumber"]) == ("2", "3")
    assert [event["media"]["chunk"] for event in (first, second)] == ["1", "2"]
    assert [event["media"]["timestamp"] for event in (first, second)] == ["0", "20"]
    assert len(base64.b64decode(first["media"]["payload"])) == 160
    assert call.errors == []


async def test_webhooks_and_the_media_socket_are_signed(application, lab):
    await ring(lab, application, application.stream, scripted(Pause(0.3), HangUp()))
    (path, form, headers) = application.requests[0]
    validator = RequestValidator("secret")
    assert validator.validate(application.url + path, form, headers["x-twilio-signature"])
    assert not validator.validate(application.url + path, form | {"From": "+1"}, "x")
    socket_url = application.url.replace("http", "ws", 1) + "/media"
    assert application.handshakes[0]["x-twilio-signature"] == validator.compute_signature(
        socket_url, {}
    )
    assert form["CallStatus"] == "ringing" and form["Direction"] == "inbound"


async def test_without_a_token_nothing_is_signed(application):
    async with PhoneLab(voice=VOICE, auth_token=None) as lab:
        await ring(lab, application, "<Response><Hangup/></Response>")
    assert "x-twilio-signature" not in application.requests[0][2]


async def test_a_public_address_is_reached_on_this_machine_and_signed_as_public(application):
    public = "https://voice.example.com"
    application.twiml["/voice"] = (
        '<Response><Connect><Stream url="/media"/></Connect><Redirect>/next</Redirect></Response>'
    )
    async with PhoneLab(voice=VOICE, auth_token="secret", routes={public: application.url}) as lab:
        application.behaviour = Bot.clear
        await lab.ring(f"{public}/voice").wait(10)
    for path, form, headers in application.requests:
        assert headers["x-forwarded-host"] == "voice.example.com"
        assert headers["x-forwarded-proto"] == "https"
        assert RequestValidator("secret").validate(
            public + path, form, headers["x-twilio-signature"]
        )
    assert [path for path, _, _ in application.requests] == ["/voice", "/next"]
    assert len(application.bots) == 1


async def test_a_mark_comes_back_when_its_audio_was_played(application, lab):
    async def speak_and_mark(bot: Bot) -> None:
        await bot.play(tone(0.5), chunk=1000)
        await bot.mark("half")
        await bot.play(tone(0.5), chunk=77)
        await bot.mark("whole")
        await bot.event("mark")
        await bot.event("mark")

    application.behaviour = speak_and_mark
    await ring(lab, application, application.stream)
    bot = application.bots[0]
    assert bot.marks == ["half", "whole"]
    heard_before = [
        len([e for e in bot.events[: bot.events.index(mark)] if e["event"] == "media"]) * 0.02
        for mark in bot.named("mark")
    ]
    assert heard_before[0] == pytest.approx(0.5, abs=0.2)
    assert heard_before[1] - heard_before[0] == pytest.approx(0.5, abs=0.1)


async def test_clear_stops_the_audio_and_returns_every_mark_at_once(application, lab):
    async def speak_then_clear(bot: Bot) -> None:
        await bot.play(tone(20), chunk=8000)
        for name in ("one", "two", "three"):
            await bot.mark(name)
        for _ in range(25):
            await bot.event("media")
        await bot.clear()
        for _ in range(3):
            await bot.event("mark")

    application.behaviour = speak_then_clear
    call = await ring(lab, application, application.stream)
    assert application.bots[0].marks == ["one", "two", "three"]
    assert 0.2 < mulaw.last_audible(bytes(call.line.recording.bot)) / mulaw.RATE < 3
    assert call.line.seconds < 5


async def test_an_echo_bot_is_heard_after_the_caller(application, lab):
    async def echo(bot: Bot) -> None:
        await bot.play(tone(0.3))
        while True:
            event = await bot.event("media")
            await bot.send("media", payload=event["media"]["payload"])

    application.behaviour = echo
    caller = scripted("one two three", Pause(0.8), HangUp())
    call = await ring(lab, application, application.stream, caller)
    (turn,) = call.line.ear.turns
    said = bytes(call.line.recording.caller[turn.began : turn.ended + 1])
    assert said in bytes(call.line.recording.bot)
    assert caller.remaining == [] and call.errors == []


async def test_the_wav_holds_both_sides_aligned_in_time(application, lab, tmp_path):
    async def answer(bot: Bot) -> None:
        await bot.play(tone(0.4))
        await bot.read()

    application.behaviour = answer
    call = await ring(lab, application, application.stream, scripted("hello there", HangUp()))
    with wave.open(str(await call.save_wav(tmp_path / "call.wav"))) as wav:
        samples = np.frombuffer(wav.readframes(wav.getnframes()), "<i2").reshape(-1, 2)
    left, right = (np.flatnonzero(np.abs(side) > mulaw.AUDIBLE) for side in samples.T)
    (turn,) = call.line.ear.turns
    ((began, ended),) = call.line.ear.spans
    assert (left[0], left[-1]) == (pytest.approx(turn.began, abs=2), turn.ended)
    assert (right[0], right[-1]) == (began, ended)
    assert right[-1] < left[0]


async def test_a_caller_can_interrupt_and_the_answer_is_measured_from_there(application, lab):
    async def talk_until_interrupted(bot: Bot) -> None:
        await bot.play(tone(10), chunk=4000)
        quiet = base64.b64encode(mulaw.SILENT_FRAME).decode()
        while (await bot.event("media"))["media"]["payload"] == quiet:
            pass
        await bot.clear()
        while (await bot.event("media"))["media"]["payload"] != quiet:
            pass
        await asyncio.sleep(0.3)
        await bot.play(tone(0.3))
        await bot.read()

    application.behaviour = talk_until_interrupted
    caller = scripted(Interrupt("wait please", 0.5), Listen(), HangUp())
    call = await ring(lab, application, application.stream, caller)
    (turn,) = call.line.ear.turns
    assert turn.began / mulaw.RATE < 2
    assert turn.latency_ms is not None and 200 < turn.latency_ms < 2000
    assert caller.remaining == []


async def test_keys_reach_the_stream_one_by_one(application, lab):
    async def ask(bot: Bot) -> None:
        await bot.play(tone(0.2))
        await bot.read()

    application.behaviour = ask
    await ring(lab, application, application.stream, scripted(Press("40#"), HangUp()))
    pressed = [event["dtmf"] for event in application.bots[0].named("dtmf")]
    assert [key["digit"] for key in pressed] == ["4", "0", "#"]
    assert {key["track"] for key in pressed} == {"inbound_track"}


async def test_a_caller_who_hangs_up_sends_stop_and_ends_the_call(application, lab):
    call = await ring(lab, application, application.stream, scripted(Pause(0.2), HangUp()))
    last = application.bots[0].events[-1]
    assert last["event"] == "stop"
    assert last["stop"] == {"accountSid": lab.account_sid, "callSid": call.sid}
    assert call.status == "completed"
    assert call.verbs == ["Connect"]


async def test_when_the_bot_closes_the_stream_the_next_verb_follows(application, lab):
    async def leave(_bot: Bot) -> None:
        return

    application.behaviour = leave
    twiml = application.stream.replace("</Response>", "<Redirect>/next</Redirect></Response>")
    application.twiml["/next"] = "<Response><Hangup/></Response>"
    call = await ring(lab, application, twiml)
    assert call.verbs == ["Connect", "Redirect", "Hangup"]
    assert [path for path, _, _ in application.requests] == ["/voice?graph=one", "/next"]
    assert call.errors == []


async def test_a_malformed_message_is_warned_of_once_and_the_stream_goes_on(application, lab):
    async def stammer(bot: Bot) -> None:
        await bot.socket.send_text("not json")
        await bot.send("media", payload="%%%")
        await bot.send("dance")
        await bot.mark("alive")
        await bot.event("mark")

    application.behaviour = stammer
    call = await ring(lab, application, application.stream)
    assert application.bots[0].marks == ["alive"]
    (notice,) = call.notices
    assert (notice.code, notice.level) == (31951, "warning")
    assert "not JSON" in notice.message


async def test_status_callbacks_arrive_signed_and_in_order(application, lab):
    callback = StatusCallback(
        f"{application.url}/status", events=frozenset({"ringing", "answered", "completed"})
    )
    await ring(
        lab,
        application,
        '<Response><Pause length="1"/></Response>',
        status_callback=callback,
    )
    forms = application.forms("/status")
    assert [form["CallStatus"] for form in forms] == ["ringing", "in-progress", "completed"]
    assert [form["SequenceNumber"] for form in forms] == ["0", "1", "2"]
    assert int(forms[-1]["CallDuration"]) >= 1 and "CallDuration" not in forms[0]
    for path, form, headers in application.requests:
        assert RequestValidator("secret").validate(
            application.url + path, form, headers["x-twilio-signature"]
        )


async def test_a_server_that_never_hears_of_its_marks_gets_the_rest(application, lab):
    async def mark(bot: Bot) -> None:
        await bot.mark("lost")
        for _ in range(20):
            await bot.event("media")

    application.behaviour = mark
    await ring(lab, application, application.stream, faults=Faults(never_ack_marks=True))
    assert application.bots[0].marks == []
    assert len(application.bots[0].named("media")) == 20


async def test_lost_frames_leave_gaps_in_the_chunks(application, lab):
    async def listen(bot: Bot) -> None:
        for _ in range(30):
            await bot.event("media")

    application.behaviour = listen
    await ring(lab, application, application.stream, faults=Faults(loss=0.5, seed=1))
    chunks = [int(event["media"]["chunk"]) for event in application.bots[0].named("media")]
    assert chunks == sorted(set(chunks))
    assert len(chunks) < chunks[-1]


async def test_jitter_delays_the_frames_and_keeps_their_order(application, lab):
    async def listen(bot: Bot) -> None:
        for _ in range(30):
            await bot.event("media")

    application.behaviour = listen
    await ring(lab, application, application.stream, faults=Faults(jitter_ms=100, seed=1))
    chunks = [int(event["media"]["chunk"]) for event in application.bots[0].named("media")]
    assert chunks == list(range(1, 31))


async def test_what_is_typed_is_said_line_by_line(application, lab):
    async def answer(bot: Bot) -> None:
        await bot.play(tone(0.2))
        await bot.event("dtmf")
        await bot.play(tone(0.2))
        await bot.read()

    application.behaviour = answer
    told = []
    lines = ["/keys 1\n", "\n", "/keys x\n", "/dance\n", "hello\n", "/bye\n", "never\n"]
    application.twiml["/voice"] = application.stream
    call = lab.ring(f"{application.url}/voice", TypedCaller(lines, voice=VOICE, polite=True))
    call.watchers.append(lambda happening: told.append((happening.kind, happening.text)))
    await call.wait(30)
    assert [turn.said for turn in call.line.ear.turns] == ["[keys 1]", "hello"]
    remarks = [text for kind, text in told if kind == "remark"]
    assert "'x' cannot be pressed" in remarks[0] and "/dance is not known" in remarks[1]
    assert call.errors == []


async def test_a_connection_that_breaks_is_an_error_and_the_call_goes_on(application, lab):
    twiml = application.stream.replace("</Response>", "<Pause/><Hangup/></Response>")
    call = await ring(lab, application, twiml, faults=Faults(dropped_after_secs=0.2))
    assert [notice.code for notice in call.errors] == [31903]
    assert call.verbs == ["Connect", "Pause", "Hangup"]


async def test_a_fault_can_be_that_of_the_first_stream_only(application, lab):
    async def listen(bot: Bot) -> None:
        for _ in range(30):
            await bot.event("media")

    application.behaviour = listen
    twiml = application.stream.replace("</Response>", "<Redirect>/next</Redirect></Response>")
    application.twiml["/next"] = application.stream
    faults = Faults(dropped_after_secs=0.2, streams=1)
    call = await ring(lab, application, twiml, faults=faults)
    assert [notice.code for notice in call.errors] == [31903]
    assert len(application.bots[1].named("media")) == 30


async def test_a_half_dead_socket_stays_open_and_says_nothing_more(application, lab):
    caller = scripted(Pause(0.8), HangUp())
    await ring(
        lab, application, application.stream, caller, faults=Faults(half_dead_after_secs=0.2)
    )
    events = application.bots[0].events
    assert 0 < len([event for event in events if event["event"] == "media"]) < 30
    assert events[-1]["event"] != "stop"


async def test_a_script_the_bot_leaves_unanswered_says_where_it_stopped(application, lab):
    caller = scripted("hello", patience_secs=0.5)
    await ring(lab, application, application.stream, caller)
    assert caller.failure and "before 'hello'" in caller.failure
    assert len(caller.remaining) == 1


async def test_a_caller_who_fails_ends_the_call_with_the_reason(application, lab):
    class Fainting(SilentCaller):
        async def talk(self, phone) -> None:
            raise LookupError("no air")

    call = await ring(lab, application, application.stream, Fainting())
    assert call.status == "failed"
    assert "LookupError: no air" in call.errors[0].message


async def test_a_lab_that_is_closed_in_the_middle_of_a_call_leaves_nothing_behind(application):
    before = asyncio.all_tasks()
    async with PhoneLab(voice=VOICE) as lab:
        application.twiml["/voice"] = application.stream
        call = lab.ring(f"{application.url}/voice", scripted("never said"))
        async with asyncio.timeout(10):
            while not application.bots:
                await asyncio.sleep(0.02)
    assert call.status == "completed" and call.line.closed
    async with asyncio.timeout(5):
        while asyncio.all_tasks() - before:
            await asyncio.sleep(0.02)


async def test_a_lab_that_is_not_open_says_how_to_open_it():
    with pytest.raises(RuntimeError, match="async with PhoneLab"):
        PhoneLab(voice=VOICE).ring("http://127.0.0.1:9/")


async def test_two_calls_at_once_do_not_mix(application, lab):
    async def introduce(bot: Bot) -> None:
        await bot.play(tone(0.3))
        await bot.read()

    application.behaviour = introduce
    callers = [scripted(Press(digit), HangUp()) for digit in "12"]
    calls = await asyncio.gather(
        *(ring(lab, application, application.stream, caller) for caller in callers)
    )
    digits = {
        bot.events[1]["start"]["callSid"]: bot.named("dtmf")[0]["dtmf"]["digit"]
        for bot in application.bots
    }
    assert digits == {calls[0].sid: "1", calls[1].sid: "2"}
