"""What can go wrong with a provider, by what can be done about it."""

from typing import ClassVar

from tools.market.provider import ProviderFailed


class NoAnswer(ProviderFailed):
    """A provider gave no data; the message is a sentence, without keys."""

    kind: ClassVar[str] = "failed"
    """Short name, for counters."""


class NotConfigured(NoAnswer):
    """A setting is missing; nothing was asked."""

    kind = "not_configured"


class Refused(NoAnswer):
    """The key is wrong, or its plan does not hold what was asked for."""

    kind = "refused"


class Rejected(NoAnswer):
    """The request makes no sense to the provider: a series or a symbol that it does not have."""

    kind = "rejected"


class Rationed(NoAnswer):
    """The quota is used up: ours, before anything was asked, or the provider said so.

    Args:
        sentence: what was wrong.
        retry_after: seconds until it may be asked again, as far as that is known.
        asked: whether the provider was asked; our own quota stops us before.
    """

    kind = "rationed"

    def __init__(self, sentence: str, retry_after: float, *, asked: bool = True) -> None:
        super().__init__(sentence)
        self.retry_after = retry_after
        self.asked = asked


class Unreachable(NoAnswer):
    """No answer in time, a broken connection, or a fault on the provider's side.

    Args:
        sentence: what was wrong.
        asked: whether the provider may have had the request.
    """

    kind = "unreachable"

    def __init__(self, sentence: str, *, asked: bool = True) -> None:
        super().__init__(sentence)
        self.asked = asked


class Absent(NoAnswer):
    """The provider has nothing there (404); who asks decides whether that is a failure."""

    kind = "absent"


class Unreadable(NoAnswer):
    """An answer that is not what the provider documents: a web page, half an answer."""

    kind = "unreadable"
