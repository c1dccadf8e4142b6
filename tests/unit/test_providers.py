"""The registry of speech providers, and what it says when one is not configured."""

import pytest

from settings import Settings
from voice.providers import STT, TTS, ProviderNotConfigured, load_providers, without_markup
from voice.providers.hosted import websocket_address

load_providers()


@pytest.fixture(autouse=True)
def without_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DEEPGRAM_API_KEY", "OPENAI_API_KEY", "ELEVENLABS_API_KEY", "XI_API_KEY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"DIALGRAPH_{name}", raising=False)


def test_every_provider_the_settings_offer_is_registered():
    assert set(STT) == {"embedded", "deepgram", "openai", "openai_realtime"}
    assert set(TTS) == {"embedded", "deepgram", "openai", "elevenlabs"}


def test_hindi_is_offered_only_where_it_can_be_spoken():
    speaks_hindi = {name for name, provider in TTS.items() if "hi" in provider.languages}
    assert speaks_hindi == {"openai", "elevenlabs"}


@pytest.mark.parametrize(
    ("provider", "variable"),
    [
        (STT["deepgram"], "DEEPGRAM_API_KEY"),
        (STT["openai"], "OPENAI_API_KEY"),
        (STT["openai_realtime"], "OPENAI_API_KEY"),
        (TTS["deepgram"], "DEEPGRAM_API_KEY"),
        (TTS["openai"], "OPENAI_API_KEY"),
        (TTS["elevenlabs"], "ELEVENLABS_API_KEY"),
    ],
)
def test_a_missing_key_is_named_with_the_variable_to_set(provider, variable):
    with pytest.raises(ProviderNotConfigured, match=f"Set {variable}"):
        provider.create(Settings(_env_file=None), 8000)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("https://api.deepgram.com", "wss://api.deepgram.com"),
        ("https://api.openai.com/v1/", "wss://api.openai.com/v1"),
        ("http://127.0.0.1:9000", "ws://127.0.0.1:9000"),
        ("ws://127.0.0.1:9000", "ws://127.0.0.1:9000"),
        ("wss://example.org/v1", "wss://example.org/v1"),
        ("api.deepgram.com", "wss://api.deepgram.com"),
    ],
)
def test_an_address_is_turned_into_its_websocket_form(address, expected):
    assert websocket_address(address) == expected


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("**Yes**, see [our terms](https://example.com/t?a=1).", "Yes, see our terms."),
        ("# Result\n- `two` items", "Result\ntwo items"),
        ("One<br/>two <img src=x onerror='f()'>", "One two  "),
        ("Press * then #, 2 < 3 > 1, a_b_c.", "Press * then #, 2 < 3 > 1, a_b_c."),
    ],
)
async def test_marks_of_formatting_are_not_read_aloud(written, said):
    assert await without_markup(written, "sentence") == said
