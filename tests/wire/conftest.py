"""Settings that point every provider at a local server."""

from collections.abc import Callable, Iterator

import httpx
import pytest
from elevenlabs import ElevenLabs

from settings import Settings
from tests.wire.api_server import SAMPLES, Running, serving
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


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """Serve the whole application on loopback, for clients of its API."""
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("api"),
        extra_graphs={name: f"{SAMPLES}:{name}" for name in ("parrot", "counter", "broken")},
    )
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="session")
def client(server: Running) -> ElevenLabs:
    """Return ElevenLabs' own client, pointed at the server."""
    return ElevenLabs(api_key="any", base_url=server.address)


@pytest.fixture
def raw(server: Running) -> Iterator[httpx.Client]:
    """Return a client that shows the answers as they are."""
    with httpx.Client(base_url=f"{server.address}/v1/convai", timeout=30) as http:
        yield http
