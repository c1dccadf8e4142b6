"""E-mail by SMTP, on a thread of its own."""

import asyncio
import hashlib
import smtplib
import ssl
from datetime import datetime
from email.message import EmailMessage
from email.utils import formatdate

from settings import Settings
from tools.messages import InDoubt, NotSent

TIMEOUT_SECS = 20.0


class SmtpEmail:
    """Sends e-mail; see `tools.messages.Sender`.

    The id of a message is made of its key, so that a mailbox that gets it twice shows it once.
    What is in doubt is still not sent again: SMTP has no way to ask.

    Args:
        settings: the server and the address to send from.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    @staticmethod
    def configured(settings: Settings) -> bool:
        """Whether there is a server, and an address to send from."""
        return bool(settings.smtp_host and settings.email_from)

    async def send(self, to: str, subject: str, text: str, key: str) -> str:
        """Send an e-mail; see `Sender`."""
        message = EmailMessage()
        try:
            message["From"] = self._settings.email_from
            message["To"] = to
            message["Subject"] = subject
        except ValueError as error:
            raise NotSent(f"It cannot be addressed: {error}") from None
        message["Date"] = formatdate(usegmt=True)
        domain = str(self._settings.email_from).rpartition("@")[2].rstrip(">")
        message["Message-ID"] = f"<{hashlib.sha256(key.encode()).hexdigest()[:40]}@{domain}>"
        message.set_content(text)
        await asyncio.to_thread(self._deliver, message)
        return str(message["Message-ID"])

    async def find(self, to: str, text: str, key: str, since: datetime) -> str | None:
        """Nobody can say; see `Sender`."""
        raise InDoubt("The mail server was asked before, and its answer was lost.")

    def _deliver(self, message: EmailMessage) -> None:
        settings, stage = self._settings, "before"
        context = ssl.create_default_context()
        try:
            with self._connect(context) as server:
                if settings.smtp_security == "starttls":
                    server.starttls(context=context)
                if settings.smtp_user and settings.smtp_password:
                    server.login(settings.smtp_user, settings.smtp_password.get_secret_value())
                stage = "meanwhile"
                server.send_message(message)
                stage = "after"
        except (smtplib.SMTPException, OSError) as error:
            if stage != "after":  # what goes wrong with the goodbye does not matter
                raise _failure(error, stage == "meanwhile") from None

    def _connect(self, context: ssl.SSLContext) -> smtplib.SMTP:
        host, port = str(self._settings.smtp_host), self._settings.smtp_port
        if self._settings.smtp_security == "tls":
            return smtplib.SMTP_SSL(host, port, timeout=TIMEOUT_SECS, context=context)
        return smtplib.SMTP(host, port, timeout=TIMEOUT_SECS)


def _failure(error: Exception, handed_over: bool) -> NotSent | InDoubt:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return NotSent("The mail server does not take mail for that address.")
    if isinstance(error, smtplib.SMTPResponseException):
        return NotSent(f"The mail server refused it with code {error.smtp_code}.")
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return NotSent("The mail server lacks what the settings ask of it.")
    if handed_over:
        return InDoubt("The connection broke while it was handed over.")
    return NotSent("The mail server could not be reached.")
