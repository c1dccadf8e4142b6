"""Settings that point every provider at a local server."""

from collections.abc import Callable

import pytest

from settings import Settings
from tests.wire.servers import KEY
from voice.providers import load_providers

load_providers()


@pytest.fixture
def configured(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Settings]:
    """Return settings with keys for every provider at an address."""
    for name in ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "OPENAI_BASE_URL", "ELEVENLABS_API_KEY"):
        monkeypatch.delenv(name, raising=False)

    def at(address: str) -> Settings:
        return Settings(
            _env_file=None,
            deepgram_api_key=KEY,
            deepgram_url=address,
            openai_api_key=KEY,
            openai_base_url=f"{address}/v1",
            elevenlabs_api_key=KEY,
            elevenlabs_url=address,
        )

    return at
