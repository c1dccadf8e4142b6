"""Text messages through the phone lab and e-mail through an SMTP server: each once for its key."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from settings import Settings
from store.claims import Claims
from store.database import open_database
from store.permissions import PermissionRecords
from tools.conversation import Conversation
from tools.messages import MOST_AN_HOUR, InDoubt, Messages, NotSent, message_tools
from tools.permissions import Permissions
from tools.sms import TwilioSms
from tools.smtp import SmtpEmail
from voice.phonelab import PhoneLab

ASHA, MAIL = "+12125550142", "asha@example.com"


@dataclass
class Smtp:
    """As much of RFC 5321 as a client needs to hand over a message."""

    mails: list[EmailMessage] = field(default_factory=list)
    refuse: str = ""
    """Address that is not known here."""
    hang_up_after_data: bool = False
    """Whether the message is taken, and the answer to it lost."""

    async def talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        def say(line: str) -> None:
            writer.write(f"{line}\r\n".encode())

        say("220 local ESMTP")
        with contextlib.suppress(ConnectionError):
            while line := await reader.readline():
                word = line.decode().strip().upper()
                if word.startswith("RCPT") and self.refuse and self.refuse.upper() in word:
                    say("550 No such user here")
                elif word == "DATA":
                    say("354 Go on")
                    data = await reader.readuntil(b"\r\n.\r\n")
                    mail: Any = message_from_bytes(data[:-5], policy=policy.default)
                    self.mails.append(mail)
                    if self.hang_up_after_data:
                        break
                    say("250 Taken")
                elif word == "QUIT":
                    say("221 Goodbye")
                    break
                else:
                    say("250 local")
                await writer.drain()
        writer.close()


@dataclass
class Post:
    """What messages are sent by, and where they arrive."""

    messages: Messages
    claims: Claims
    lab: PhoneLab
    smtp: Smtp
    sms: TwilioSms
    settings: Settings
    permissions: Permissions
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def texts(self) -> list[str]:
        return [message.body for message in self.lab.messages]

    async def tool(self, name: str, call_id: str = "k", **arguments: Any) -> Any:
        talk = Conversation(id="c", organisation="acme", caller=ASHA)
        made = {one.name: one for one in message_tools(self.messages, self.permissions, talk)}
        made[name].handle_tool_error = True
        given = {"type": "tool_call", "name": name, "args": arguments, "id": call_id}
        return await made[name].ainvoke(given)


@pytest.fixture
async def post(tmp_path: Path) -> AsyncIterator[Post]:
    smtp = Smtp()
    server = await asyncio.start_server(smtp.talk, "127.0.0.1", 0)
    async with server, PhoneLab() as lab, open_database(tmp_path) as engine:
        settings = Settings(
            twilio_account_sid=lab.account_sid,
            twilio_auth_token=lab.auth_token,
            twilio_api_url=lab.url,
            twilio_number="+15550199000",
            smtp_host="127.0.0.1",
            smtp_port=server.sockets[0].getsockname()[1],
            smtp_security="none",
            email_from="Acme <hello@acme.example>",
            call_countries="US",
        )
        claims, sms = Claims(engine), TwilioSms(settings)
        permissions = Permissions(PermissionRecords(engine), settings)
        made = Post(
            Messages(claims, {"sms": sms, "email": SmtpEmail(settings)}, lambda: made.now),
            claims, lab, smtp, sms, settings, permissions,
        )  # fmt: skip
        yield made


async def test_a_text_message_is_sent_once_for_its_key(post: Post) -> None:
    sent = {await post.messages.send("sms", ASHA, "Hello", key="1") for _ in range(3)}
    assert len(sent) == 1 and post.texts() == ["Hello"]
    await post.messages.send("sms", ASHA, "Hello", key="2")
    assert post.texts() == ["Hello", "Hello"]


async def test_a_text_message_that_was_sent_before_the_process_died_is_found(post: Post) -> None:
    await post.claims.begin("sms:k", "sms", ASHA, post.now)
    await post.sms.send(ASHA, "", "Hello", "k")
    await post.messages.send("sms", ASHA, "Hello", key="k")
    assert post.texts() == ["Hello"]


async def test_one_that_was_not_sent_before_the_process_died_is_sent_when_that_is_certain(
    post: Post,
) -> None:
    await post.claims.begin("sms:k", "sms", ASHA, post.now)
    with pytest.raises(InDoubt):
        await post.messages.send("sms", ASHA, "Hello", key="k")
    assert post.texts() == []
    post.now += timedelta(minutes=2)
    await post.messages.send("sms", ASHA, "Hello", key="k")
    assert post.texts() == ["Hello"]


async def test_what_the_carrier_refuses_is_told_and_may_be_sent_again(post: Post) -> None:
    with pytest.raises(NotSent, match="21617"):
        await post.messages.send("sms", ASHA, "x" * 1601, key="k")
    await post.messages.send("sms", ASHA, "shorter", key="k")
    assert post.texts() == ["shorter"]


async def test_an_email_arrives_as_it_was_written_once(post: Post) -> None:
    for _ in range(3):
        await post.messages.send("email", MAIL, "Grüße,\n₹500", key="1", subject="Angebot für नीना")
    (mail,) = post.smtp.mails
    assert (mail["To"], mail["From"]) == (MAIL, "Acme <hello@acme.example>")
    assert mail["Subject"] == "Angebot für नीना"
    assert mail.get_content().split("\r\n")[:2] == ["Grüße,", "₹500"]
    assert mail["Message-ID"].endswith("@acme.example>")


async def test_an_email_in_doubt_is_not_sent_again(post: Post) -> None:
    post.smtp.hang_up_after_data = True
    with pytest.raises(InDoubt):
        await post.messages.send("email", MAIL, "Hello", key="1", subject="s")
    post.smtp.hang_up_after_data = False
    post.now += timedelta(hours=2)
    with pytest.raises(InDoubt):
        await post.messages.send("email", MAIL, "Hello", key="1", subject="s")
    assert len(post.smtp.mails) == 1


async def test_an_email_that_was_certainly_not_sent_may_be_sent_again(post: Post) -> None:
    post.smtp.refuse = MAIL
    with pytest.raises(NotSent, match="does not take mail"):
        await post.messages.send("email", MAIL, "Hello", key="1", subject="s")
    with pytest.raises(NotSent):
        await post.messages.send("email", "a@b.example", "x", key="2", subject="a\nBcc: c@d.e")
    post.smtp.refuse = ""
    await post.messages.send("email", MAIL, "Hello", key="1", subject="s")
    assert len(post.smtp.mails) == 1


async def test_no_conversation_sends_anybody_too_many_within_the_hour(post: Post) -> None:
    for n in range(MOST_AN_HOUR):
        await post.messages.send("sms", ASHA, f"{n}", key=f"{n}", most_an_hour=MOST_AN_HOUR)
    refused = await post.tool("send_sms", text="more")
    assert "within the hour" in refused.content
    await post.messages.send("sms", ASHA, "0", key="0", most_an_hour=MOST_AN_HOUR)
    assert len(post.texts()) == MOST_AN_HOUR
    await post.messages.send("sms", ASHA, "An answer to what they wrote.", key="answer")
    post.now += timedelta(hours=2)
    await post.messages.send("sms", ASHA, "later", key="later", most_an_hour=MOST_AN_HOUR)
    assert len(post.texts()) == MOST_AN_HOUR + 2


async def test_the_tool_writes_to_who_is_on_the_line(post: Post) -> None:
    told = await post.tool("send_sms", text="See you on Monday.")
    assert told.content == f'{{"sent": true, "to": "{ASHA}"}}'
    assert (
        await post.tool("send_email", email=MAIL, subject="Demo", text="Hi")
    ).status == "success"
    assert (post.texts(), len(post.smtp.mails)) == (["See you on Monday."], 1)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ({"text": " "}, "1 to 480"),
        ({"text": "x" * 481}, "1 to 480"),
        ({"text": "x", "phone": "+442079460018"}, "Numbers of GB"),
        ({"text": "x", "phone": "+881612345678"}, "toll fraud"),
        ({"text": "x", "phone": "5550142"}, "country's code"),
    ],
)
async def test_a_message_that_may_not_be_sent_is_told_in_a_sentence(
    post: Post, arguments: dict[str, str], why: str
) -> None:
    told = await post.tool("send_sms", **arguments)
    assert told.status == "error" and why in told.content and post.texts() == []


async def test_who_has_opted_out_gets_no_text_message(post: Post) -> None:
    await post.permissions.opt_out(ASHA, "sms")
    assert "not to be called" in (await post.tool("send_sms", text="x")).content
    assert post.texts() == []


async def test_what_is_not_configured_is_no_tool(post: Post) -> None:
    talk = Conversation(id="c", organisation="acme")
    assert message_tools(Messages(post.claims, {}), post.permissions, talk) == []
    assert not SmtpEmail.configured(Settings()) and not TwilioSms.configured(Settings())
