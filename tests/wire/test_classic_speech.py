"""The files of a call in the classic form, spoken by ElevenLabs over the wire."""

import io
import wave
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fastapi import Response
from fastapi.responses import HTMLResponse

from settings import Settings
from store.carrier_turns import CarrierTurns
from store.database import open_database
from store.locks import open_locks
from tests.wire.servers import Faults, served, speech
from tests.wire.servers.elevenlabs import ElevenLabs
from voice.carrier_turn import Once
from voice.classic import RATE, Classic, Step

Configured = Callable[[str], Settings]
BRIEFING = "This is paper trading. Two shares."


async def briefing(_keys: str, _kept: object) -> Step:
    return Step(BRIEFING, keys=1)


@asynccontextmanager
async def classic(
    server: ElevenLabs, configured: Configured, folder: Path
) -> AsyncIterator[Classic]:
    async with served(server.app) as url, open_database(folder) as engine:
        settings = configured(url).model_copy(update={"tts": "elevenlabs"})
        turns = CarrierTurns(engine)
        async with open_locks(folder) as locks:
            yield Classic(settings, turns, Once(turns, locks), folder / "audio")


async def told(call: Classic) -> ElementTree.Element:
    answer = await call.answer("CA1", "ab" * 16, 0, "", briefing, "https://voice.example.com")
    return ElementTree.fromstring(answer.content)  # noqa: S314 - our own


async def test_the_briefing_is_played_from_a_file_that_elevenlabs_has_spoken(
    configured: Configured, tmp_path: Path
) -> None:
    server = ElevenLabs()
    async with classic(server, configured, tmp_path) as call:
        gather = (await told(call)).find("Gather")
        assert gather is not None
        address = str(gather.findtext("Play"))
        path = call.file(address.rpartition("/")[2])
        assert path is not None and address.startswith("https://voice.example.com/audio/")
        with wave.open(io.BytesIO(path.read_bytes())) as file:
            assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
            assert file.readframes(file.getnframes()) == await speech(BRIEFING, RATE)
        await told(call)  # the carrier asks again
        await call.forget("ab" * 16)
        assert not path.exists()
    assert server.spoken == [BRIEFING]
    assert server.voices == ["21m00Tcm4TlvDq8ikWAM"]
    assert server.queries[0]["output_format"] == "pcm_8000"


@pytest.mark.parametrize(
    ("faults", "instead"),
    [
        pytest.param([401], [], id="a wrong key"),
        pytest.param([429], [], id="too many"),
        pytest.param([500], [], id="a failure"),
        pytest.param([], [HTMLResponse("<html>Just a moment...</html>")], id="a page with 200"),
        pytest.param([], [Response(b"", media_type="audio/pcm")], id="nothing"),
    ],
)
async def test_where_no_speech_comes_the_carrier_says_the_same_words(
    configured: Configured, tmp_path: Path, faults: list[int], instead: list[Response]
) -> None:
    server = ElevenLabs(faults=Faults(refuse=faults), instead=instead)
    async with classic(server, configured, tmp_path) as call:
        gather = (await told(call)).find("Gather")
        assert gather is not None and gather.find("Play") is None
        assert gather.findtext("Say") == BRIEFING
