"""Telephone carriers: one file each, registering one frozen spec here, its only source of truth."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from pipecat.serializers.base_serializer import FrameSerializer

from settings import Settings


@dataclass(frozen=True, slots=True)
class Answer:
    """What a webhook answers the carrier."""

    content: str
    media_type: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class Webhook:
    """What the carrier has sent to a webhook, or asks at the handshake of a stream.

    Parameters:
        url: the address as the carrier knows it.
        fields: form or query fields.
        headers: HTTP headers, keys in lower case.
    """

    url: str
    fields: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class StreamStart:
    """What the carrier says when a media stream begins."""

    call_sid: str
    stream_sid: str
    parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Carrier:
    """How one carrier talks."""

    name: str
    sample_rate: int
    """Audio of its media stream, in Hz."""
    configured: Callable[[Settings], bool]
    """Whether its credentials are set; without them only this machine may call."""
    proof: str
    """HTTP header without which nothing comes from it, in lower case."""
    genuine: Callable[[Webhook, Settings], bool]
    """Whether a webhook was sent by the carrier; asked only when it is configured."""
    connect: Callable[[str, Mapping[str, str], str], Answer]
    """Answer that opens a media stream: address, parameters, address to go on to afterwards."""
    refuse: Callable[[str], Answer]
    """Answer that says a sentence and hangs up."""
    hang_up: Callable[[], Answer]
    """Answer that hangs up."""
    read_start: Callable[[Mapping[str, Any]], StreamStart | None]
    """Reads the message that begins a stream; None for any other message."""
    serializer: Callable[[StreamStart], FrameSerializer]
    """Makes the protocol of one stream."""
    sample_bytes: int = 1
    """Bytes of a sample on its media stream."""

    @property
    def bytes_per_sec(self) -> int:
        """Bytes of a second of its audio."""
        return self.sample_rate * self.sample_bytes


CARRIERS: dict[str, Carrier] = {}


def register(carrier: Carrier) -> None:
    """Offer a carrier under its name."""
    CARRIERS[carrier.name] = carrier


def load_carriers() -> None:
    """Import every file of this folder, so that each registers itself."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")


def read_json(data: str | bytes) -> Mapping[str, Any]:
    """Read a JSON object; anything else is an empty one."""
    try:
        message = json.loads(data)
    except (ValueError, RecursionError):
        return {}
    return message if isinstance(message, dict) else {}
