"""The official SDK asks every route that is served, and its strict models take every answer."""

import io
import re
import threading
import wave
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from typing import Any, Final

import elevenlabs.conversational_ai
import elevenlabs.webhooks
import httpx
import pytest
from elevenlabs import ElevenLabs, WebhookHmacSettings
from elevenlabs.core.unchecked_base_model import construct_type
from pydantic import TypeAdapter

from docs.make_api_coverage import anonymous, of_the_sdk, served
from settings import Settings
from store.calls import Call
from tests.wire.api_server import SAMPLES, Running, serving
from tests.wire.test_elevenlabs_sdk import WEBHOOK

OURS: Final = {anonymous(route) for route in served()}
ROUTES: Final = sorted({anonymous(route) for route in of_the_sdk()} & OURS)
SOON: Final = 4_102_444_800
CONVERSATION: Final = "conv_0b7e3c1e8f5d4a069d8e4b9a5f5d9c22"


def strictly(*, type_: Any, object_: Any) -> Any:
    """Read an answer as the SDK does, and refuse one that its models refuse."""
    TypeAdapter(type_).validate_python(object_)
    return construct_type(type_=type_, object_=object_)


@pytest.fixture(scope="module")
def strict() -> Iterator[None]:
    """Have every part of the SDK read strictly."""
    with pytest.MonkeyPatch.context() as patch:
        for package in (elevenlabs.conversational_ai, elevenlabs.webhooks):
            names = [m.name for m in walk_packages(package.__path__, f"{package.__name__}.")]
            for name in names:
                if name.endswith("raw_client"):
                    patch.setattr(import_module(name), "construct_type", strictly, raising=False)
        yield


class Page(BaseHTTPRequestHandler):
    """A page of the Internet."""

    def do_GET(self) -> None:  # noqa: N802
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<html><title>Lamps</title><p>The Orion lamp costs 59 euros.</p></html>")

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def page() -> Iterator[str]:
    web = ThreadingHTTPServer(("127.0.0.1", 0), Page)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{web.server_address[1]}/lamps"
    web.shutdown()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("every"),
        extra_graphs={"parrot": f"{SAMPLES}:parrot"},
        private_hosts="127.0.0.1",
    )
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="module")
def driven(running: Running, strict: None, page: str) -> set[tuple[str, str]]:
    """Use the SDK as a program would, and return the routes that it asked with success."""
    asked: set[tuple[str, str]] = set()

    def note(response: httpx.Response) -> None:
        request = response.request
        response.read()
        assert response.status_code == 200, f"{request.method} {request.url}: {response.text}"
        asked.add((request.method, request.url.path))

    with httpx.Client(event_hooks={"response": [note]}, timeout=60) as http:
        client = ElevenLabs(api_key="any", base_url=running.address, httpx_client=http)
        agent_id = agents(client)
        tools_and_secrets(client, agent_id)
        documents(client, page)
        numbers_and_calls(client, agent_id)
        conversations(client, running, agent_id)
        webhooks(client, page)
    return {route for method, path in asked for route in ROUTES if _is(route, method, path)}


def _is(route: tuple[str, str], method: str, path: str) -> bool:
    """Whether a request was for a route, and for none with its path written out."""
    literal = (method, path) in ROUTES and route[1] != path
    pattern = re.escape(route[1]).replace(r"\{\}", "[^/]+")
    return route[0] == method and not literal and bool(re.fullmatch(pattern, path))


def agents(client: ElevenLabs) -> str:
    ai = client.conversational_ai.agents
    config: Any = {"agent": {"graph": "sdr", "first_message": "Hello."}}
    made = ai.create(conversation_config=config, name="Desk")
    assert ai.get(made.agent_id).name == "Desk"
    assert ai.update(made.agent_id, name="Counter").name == "Counter"
    copy = ai.duplicate(made.agent_id, name="Copy")
    assert {copy.agent_id, made.agent_id} <= {one.agent_id for one in ai.list().agents}
    ai.delete(copy.agent_id)
    line: Any = {"role": "user", "message": "Goodbye.", "time_in_call_secs": 0}
    specification: Any = {
        "simulated_user_config": {"prompt": {"llm": "embedded"}},
        "partial_conversation_history": [line],
    }
    tried = ai.simulate_conversation(made.agent_id, simulation_specification=specification)
    assert tried.simulated_conversation[0].message
    ai.simulate_conversation_stream(made.agent_id, simulation_specification=specification)
    return made.agent_id


def tools_and_secrets(client: ElevenLabs, agent_id: str) -> None:
    ai = client.conversational_ai
    tool: Any = {"tool_config": WEBHOOK}
    made = ai.tools.create(request=tool)
    renamed: Any = {"tool_config": WEBHOOK | {"name": "found"}}
    assert ai.tools.update(made.id, request=renamed).tool_config.name == "found"
    config: Any = {"agent": {"prompt": {"tool_ids": [made.id]}}}
    ai.agents.update(agent_id, conversation_config=config)
    (user,) = ai.tools.get_dependent_agents(made.id).agents
    assert user.id == agent_id  # type: ignore[union-attr]
    assert ai.tools.get(made.id).id in {one.id for one in ai.tools.list().tools}
    ai.tools.delete(made.id, force=True)
    secret = ai.secrets.create(name="shop", value="hidden")
    assert ai.secrets.get(secret.secret_id).name == "shop"
    assert ai.secrets.update(secret.secret_id, name="store", value="other").name == "store"
    assert secret.secret_id in {one.secret_id for one in ai.secrets.list().secrets}
    ai.secrets.delete(secret.secret_id)
    changed = ai.settings.update(webhooks={"events": ["transcript"]})
    assert changed.webhooks == ai.settings.get().webhooks


def documents(client: ElevenLabs, page: str) -> None:
    ai = client.conversational_ai
    knowledge, documents = ai.knowledge_base, ai.knowledge_base.documents
    text = documents.create_from_text(text="The Vega lamp costs 40 euros.", name="Vega")
    file = documents.create_from_file(file=("hours.md", io.BytesIO(b"We open at nine.")))
    web = documents.create_from_url(url=page, name="Orion")
    assert documents.get(web.id).type == "url"
    assert "Orion" in str(documents.get_content(web.id))
    assert documents.update(text.id, name="Vega lamp").name == "Vega lamp"
    assert documents.get_agents(text.id).agents == []
    assert {text.id, file.id, web.id} <= {one.id for one in knowledge.list().documents}
    model: Any = "multilingual_e5_large_instruct"
    assert knowledge.document.compute_rag_index(text.id, model=model).status == "succeeded"
    items: Any = [{"document_id": file.id, "model": model, "create_if_missing": True}]
    assert file.id in knowledge.get_or_create_rag_indexes(items=items)
    assert ai.get_document_rag_indexes(text.id).indexes
    assert ai.rag_index_overview().total_used_bytes > 0
    (chunk,) = documents.chunks.list(text.id, embedding_model=model).chunks
    shown = documents.chunk.get(text.id, chunk.id, embedding_model=model)
    assert "Vega" in shown.content
    found = knowledge.search(query="What does the Vega lamp cost?")
    assert found
    for one in (text, file, web):
        documents.delete(one.id)


def numbers_and_calls(client: ElevenLabs, agent_id: str) -> None:
    ai = client.conversational_ai
    wanted: Any = {
        "provider": "twilio",
        "phone_number": "+12025550172",
        "label": "main",
        "sid": "AC1",
        "token": "t",
    }
    number_id = ai.phone_numbers.create(request=wanted).phone_number_id
    ai.phone_numbers.update(number_id, agent_id=agent_id)
    assert ai.phone_numbers.get(number_id).assigned_agent.agent_id == agent_id  # type: ignore[union-attr]
    assert [one.phone_number_id for one in ai.phone_numbers.list()] == [number_id]
    assert len(ai.phone_numbers.list_v_2(search="main").phone_numbers) == 1
    batch = ai.batch_calls.create(
        call_name="people",
        agent_id=agent_id,
        agent_phone_number_id=number_id,
        recipients=[{"phone_number": "+12125550142"}],  # type: ignore[list-item]
        scheduled_time_unix=SOON,
    )
    assert batch.id in {one.id for one in ai.batch_calls.list().batch_calls}
    assert ai.batch_calls.get(batch.id).recipients[0].phone_number == "+12125550142"
    table = b"".join(ai.batch_calls.export(batch.id))
    assert b"+12125550142" in table
    assert ai.batch_calls.cancel(batch.id).status == "cancelled"
    assert ai.batch_calls.retry(batch.id).id == batch.id
    ai.batch_calls.cancel(batch.id)
    ai.batch_calls.delete(batch.id)
    line: Any = {
        "agent_id": agent_id,
        "agent_phone_number_id": number_id,
        "to_number": "+12125550143",
    }
    for door in (ai.twilio, ai.exotel, ai.sip_trunk):  # there is no carrier here
        assert not door.outbound_call(**line).success  # type: ignore[attr-defined]
    ai.phone_numbers.delete(number_id)


def conversations(client: ElevenLabs, running: Running, agent_id: str) -> None:
    ai = client.conversational_ai.conversations
    assert "conversation_signature" in ai.get_signed_url(agent_id=agent_id).signed_url
    assert ai.get_webrtc_token(agent_id=agent_id).token
    now = datetime.now(UTC)
    call = Call(
        sid="CA22",
        graph="sdr",
        thread_id=CONVERSATION.removeprefix("conv_"),
        direction="inbound",
        carrier="twilio",
        status="completed",
        from_number="+12125550142",
        to_number="+12025550172",
        started_at=now - timedelta(seconds=9),
        ended_at=now,
        agent_id=agent_id,
        recording="CA22.wav",
    )
    _sound(running.services.switchboard.recordings / "CA22.wav")
    running.run(running.services.calls.create(call))
    assert CONVERSATION in {one.conversation_id for one in ai.list(agent_id=agent_id).conversations}
    assert ai.get(CONVERSATION).has_audio
    assert b"".join(ai.audio.get(CONVERSATION))[:4] == b"RIFF"
    ai.feedback.create(CONVERSATION, feedback="like")
    ai.delete(CONVERSATION)


def _sound(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(32_000))


def webhooks(client: ElevenLabs, page: str) -> None:
    hooks = client.webhooks
    made = hooks.create(settings=WebhookHmacSettings(name="crm", webhook_url=page))
    hooks.update(made.webhook_id, is_disabled=True, name="crm 2")
    assert [one.name for one in hooks.list().webhooks] == ["crm 2"]
    hooks.delete(made.webhook_id)


@pytest.mark.parametrize("route", ROUTES, ids=" ".join)
def test_the_sdk_asks_it_and_takes_the_answer(
    driven: set[tuple[str, str]], route: tuple[str, str]
) -> None:
    assert route in driven


def test_an_answer_that_is_not_in_shape_is_refused(strict: None) -> None:
    """Else the SDK would make objects of Nones, and the tests above could not fail."""
    from elevenlabs.conversational_ai.agents import raw_client

    with pytest.raises(ValueError, match="agent_id"):
        raw_client.construct_type(type_=elevenlabs.types.GetAgentResponseModel, object_={})
