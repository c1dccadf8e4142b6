"""Webhooks: each event reaches each address that wants it, signed, in order, under one id."""

import asyncio
import json
import runpy
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
from elevenlabs.client import ElevenLabs
from hypothesis import given, settings
from hypothesis import strategies as st

from server.jobs.webhooks import Delivery, sign
from server.jobs.work import Retry
from store.outbox import KIND
from store.webhooks import Webhook
from tests.jobs.conftest import Post, open_post
from tests.jobs.receiver import Receiver

TALK = {"agent_id": "agent_1", "conversation_id": "conv_1", "said": "नमस्ते, « 50 € »"}
CLIENT = ElevenLabs(api_key="unused")


async def register(post: Post, here: Receiver, *events: str, **more: Any) -> tuple[Webhook, str]:
    return await post.webhooks.create("test", here.url, events=events or ["*"], **more)


async def only_delivery(post: Post) -> Any:
    (job,) = await post.jobs.list(KIND)
    return job


async def test_a_delivery_is_what_the_official_sdk_takes_for_genuine(
    post: Post, receiving: Receiver
) -> None:
    _, secret = await register(post, receiving)
    await post.outbox.put("post_call_transcription", TALK, key="1")
    await post.workers.run_due()
    (came,) = receiving.came
    signature = came.headers["elevenlabs-signature"]
    event = CLIENT.webhooks.construct_event(came.body.decode(), signature, secret)
    assert (event["type"], event["data"]) == ("post_call_transcription", TALK)
    assert event["event_id"] == came.headers["dialgraph-event-id"]
    with pytest.raises(Exception, match="does not match"):
        CLIENT.webhooks.construct_event(came.body.decode() + " ", signature, secret)
    assert (await only_delivery(post)).state == "done"


async def test_the_verification_of_the_documents_takes_it_and_nothing_else(
    post: Post, receiving: Receiver
) -> None:
    at = Path(__file__).parents[2] / "docs" / "examples" / "webhook_receiver.py"
    verified = runpy.run_path(str(at))["verified"]
    _, secret = await register(post, receiving)
    await post.outbox.put("call.ended", TALK, key="1")
    await post.workers.run_due()
    (came,) = receiving.came
    signature = came.headers["elevenlabs-signature"]
    assert verified(came.body, signature, secret)["data"] == TALK
    for body, key in ((came.body + b" ", secret), (came.body, "another")):
        with pytest.raises(ValueError, match="signature"):
            verified(body, signature, key)


@settings(max_examples=30, deadline=None)
@given(st.dictionaries(st.text(), st.text() | st.floats(allow_nan=False) | st.none()))
def test_any_json_is_signed_so_that_the_sdk_takes_it(data: dict[str, Any]) -> None:
    body = json.dumps(data).encode()
    header = sign(body, "wsec_x", datetime.now(UTC))
    assert CLIENT.webhooks.construct_event(body.decode(), header, "wsec_x") == data


async def test_the_same_event_told_twice_is_delivered_once(post: Post, receiving: Receiver) -> None:
    await register(post, receiving)
    await asyncio.gather(*(post.outbox.put("call.ended", TALK, key="1") for _ in range(10)))
    await post.workers.run_due()
    await post.outbox.put("call.ended", TALK, key="1")
    await post.workers.run_due()
    assert len(receiving.came) == 1


async def test_each_attempt_sends_the_same_bytes_under_the_same_id(
    post: Post, receiving: Receiver
) -> None:
    await register(post, receiving)
    receiving.answer = lambda _: (200 if len(receiving.came) == 4 else 503, {})
    await post.outbox.put("call.ended", TALK, key="1")
    for _ in range(6):
        await post.workers.run_due()
        post.clock.move(hours=7)
    assert len(receiving.came) == 4
    assert len({came.body for came in receiving.came}) == 1
    assert len({*receiving.ids()}) == 1
    attempts = [came.headers["dialgraph-delivery-attempt"] for came in receiving.came]
    assert attempts == ["1", "2", "3", "4"]


async def test_an_address_is_told_only_what_it_wants(post: Post, receiving: Receiver) -> None:
    await register(post, receiving, "call.ended", agent_id="agent_1")
    await post.outbox.put("call.started", TALK, key="1")
    await post.outbox.put("call.ended", {**TALK, "agent_id": "agent_2"}, key="2")
    await post.outbox.put("call.ended", TALK, key="3")
    await post.workers.run_due()
    assert [json.loads(came.body)["type"] for came in receiving.came] == ["call.ended"]


async def test_events_of_a_conversation_come_in_order_though_one_fails(
    post: Post, receiving: Receiver
) -> None:
    await register(post, receiving)
    failures = iter([500, 500])
    receiving.answer = lambda _: (next(failures, 200), {})
    for number, kind in enumerate(("call.initiated", "call.started", "call.ended")):
        await post.outbox.put(kind, TALK, key=str(number))
    await post.outbox.put("call.ended", {"conversation_id": "another"}, key="other")
    for _ in range(5):
        await post.workers.run_due()
        post.clock.move(minutes=5)
    taken = [json.loads(came.body) for came in receiving.came]
    mine = [body["type"] for body in taken if body["data"]["conversation_id"] == "conv_1"]
    assert [kind for at, kind in enumerate(mine) if mine.index(kind) == at] == [
        "call.initiated",
        "call.started",
        "call.ended",
    ]
    assert mine[-2:] == ["call.started", "call.ended"]
    assert "another" in {body["data"]["conversation_id"] for body in taken[:3]}


async def test_what_no_attempt_brings_is_a_dead_letter_and_is_redelivered_on_request(
    post: Post, receiving: Receiver
) -> None:
    await register(post, receiving)
    receiving.answer = lambda _: (500, {})
    await post.outbox.put("call.ended", TALK, key="1")
    for _ in range(25):
        await post.workers.run_due()
        post.clock.move(hours=6)
    dead = await only_delivery(post)
    assert (dead.state, dead.attempts, dead.error) == ("dead", 20, "It answered 500.")
    assert len(receiving.came) == 20
    receiving.answer = lambda _: (200, {})
    await post.jobs.again(dead.key, post.clock())
    await post.workers.run_due()
    assert (await only_delivery(post)).state == "done"
    assert len({*receiving.ids()}) == 1


@pytest.mark.parametrize("as_date", [False, True])
async def test_an_address_that_asks_for_patience_gets_it(
    post: Post, receiving: Receiver, as_date: bool
) -> None:
    await register(post, receiving)
    until = (post.clock() + timedelta(hours=3)).replace(microsecond=0)
    patience = format_datetime(until) if as_date else str(3 * 3600)
    receiving.answer = lambda _: (429, {"Retry-After": patience})
    await post.outbox.put("call.ended", TALK, key="1")
    await post.workers.run_due()
    post.clock.move(hours=2.99)
    await post.workers.run_due()
    assert len(receiving.came) == 1
    post.clock.move(hours=0.02)
    await post.workers.run_due()
    assert len(receiving.came) == 2


async def test_an_address_that_fails_for_a_week_is_disabled_and_its_events_are_kept(
    post: Post, receiving: Receiver, caplog: pytest.LogCaptureFixture
) -> None:
    webhook, _ = await register(post, receiving)
    receiving.answer = lambda _: (500, {})
    for number in range(12):
        await post.outbox.put("call.ended", {"number": number}, key=str(number))
        await post.workers.run_due()
        post.clock.move(days=0.7)
    now = await post.webhooks.get(webhook.id)
    assert now and now.is_auto_disabled and "is disabled" in caplog.text
    came = len(receiving.came)
    await post.outbox.put("call.ended", {}, key="later")
    await post.workers.run_due()
    assert len(receiving.came) == came
    kept = {job.state for job in await post.jobs.list(KIND)}
    assert kept == {"dead"} or kept == {"dead", "waiting"}
    receiving.answer = lambda _: (200, {})
    await post.webhooks.update(webhook.id, is_disabled=False)
    for job in await post.jobs.list(KIND):
        await post.jobs.again(job.key, post.clock())
    await post.workers.run_due()
    assert {job.state for job in await post.jobs.list(KIND)} == {"done"}


async def test_ten_failures_in_one_hour_disable_nothing(post: Post, receiving: Receiver) -> None:
    webhook, _ = await register(post, receiving)
    receiving.answer = lambda _: (500, {})
    for number in range(15):
        await post.outbox.put("call.ended", {}, key=str(number))
    await post.workers.run_due()
    now = await post.webhooks.get(webhook.id)
    assert now and (now.failures, now.enabled) == (15, True)


async def test_an_address_that_is_gone_is_told_nothing_more(
    post: Post, receiving: Receiver
) -> None:
    webhook, _ = await register(post, receiving)
    receiving.answer = lambda _: (410, {})
    await post.outbox.put("call.ended", {}, key="1")
    await post.workers.run_due()
    now = await post.webhooks.get(webhook.id)
    assert now and now.is_auto_disabled
    assert (await only_delivery(post)).state == "dead"


async def test_a_redirect_is_not_followed(post: Post, receiving: Receiver) -> None:
    await register(post, receiving)
    receiving.answer = lambda _: (307, {"Location": receiving.url + "/elsewhere"})
    await post.outbox.put("call.ended", TALK, key="1")
    await post.workers.run_due()
    assert [came.path for came in receiving.came] == ["/hook"]
    assert (await only_delivery(post)).error == "It answered 307."


async def test_an_address_of_the_house_is_not_reached_unless_it_is_listed(
    data_dir: Path, database_url: str | None, receiving: Receiver
) -> None:
    async with open_post(data_dir, database_url) as post:
        await register(post, receiving)
        await post.outbox.put("call.ended", TALK, key="1")
        await post.workers.run_due()
        assert receiving.came == []
        assert "DIALGRAPH_PRIVATE_HOSTS" in ((await only_delivery(post)).error or "")


async def test_an_address_that_never_answers_holds_up_no_other(
    post: Post, receiving: Receiver
) -> None:
    receiving.silent = "/stuck"
    await post.webhooks.create("stuck", f"{receiving.url}/stuck", events=["a"])
    await post.webhooks.create("fine", f"{receiving.url}/fine", events=["b"])
    for number in range(60):
        await post.outbox.put("a", {}, key=str(number))
    await post.outbox.put("b", {}, key="b")
    async with post.workers.open():
        while not any(came.path == "/hook/fine" for came in receiving.came):
            await asyncio.sleep(0.01)
    assert sum(came.path == "/hook/stuck" for came in receiving.came) <= 4


async def test_who_takes_without_answering_is_given_up_after_a_while(
    post: Post, receiving: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.jobs.webhooks.ANSWER_SECS", 0.05)
    receiving.silent = "/hook"
    await register(post, receiving)
    await post.outbox.put("call.ended", TALK, key="1")
    await post.workers.run_due()
    job = await only_delivery(post)
    assert (job.state, job.error) == ("waiting", "No answer within 0.05 s.")


async def test_sound_is_sent_with_its_event_and_its_loss_is_said(
    post: Post, receiving: Receiver, data_dir: Path
) -> None:
    await register(post, receiving)
    (data_dir / "recordings").mkdir()
    (data_dir / "recordings" / "a.wav").write_bytes(b"RIFF sound")
    await post.outbox.put("post_call_audio", {"recording": "a.wav"}, key="1")
    await post.workers.run_due()
    (came,) = receiving.came
    assert json.loads(came.body)["data"] == {"full_audio": "UklGRiBzb3VuZA=="}
    await post.outbox.put("post_call_audio", {"recording": "../../b.wav"}, key="2")
    await post.workers.run_due()
    newest = (await post.jobs.list(KIND))[0]
    assert (newest.state, newest.error) == ("dead", "The recording is gone.")


async def test_a_change_that_is_not_made_is_not_told(post: Post, receiving: Receiver) -> None:
    await register(post, receiving)
    with pytest.raises(RuntimeError):
        async with post.outbox._session.begin() as session:
            await post.outbox.put_in(session, "call.ended", TALK, key="1")
            raise RuntimeError
    await post.workers.run_due()
    assert receiving.came == []


async def test_without_retries_one_attempt_is_made(post: Post, receiving: Receiver) -> None:
    webhook, _ = await register(post, receiving)
    await post.webhooks.update(webhook.id, retry_enabled=False)
    receiving.answer = lambda _: (500, {})
    await post.outbox.put("call.ended", TALK, key="1")
    await post.workers.run_due()
    assert (await only_delivery(post)).state == "dead"


@given(st.integers(1, 19), st.floats(0, 1))
def test_waits_double_up_to_the_longest_with_jitter_in_their_upper_half(
    attempt: int, chance: float
) -> None:
    retry = Retry()
    whole = min(retry.first * 2 ** (attempt - 1), retry.longest)
    wait = retry.wait(attempt, chance)
    assert wait and whole / 2 <= wait <= whole
    assert retry.wait(retry.attempts) is None


def test_a_delivery_is_attempted_for_about_two_days() -> None:
    waits = [Retry().wait(attempt, 0.5) or timedelta() for attempt in range(1, 21)]
    assert timedelta(days=1.4) < sum(waits, timedelta()) < timedelta(days=2.5)
    assert Delivery.work.fget  # the outbox uses these
