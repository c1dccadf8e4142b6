"""ElevenLabs' socket: whatever a client sends, tools of its own, and its voice."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from elevenlabs import ElevenLabs
from elevenlabs.conversational_ai.conversation import (
    AudioInterface,
    ClientTools,
    Conversation,
    ConversationInitiationData,
)
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from settings import Settings
from tests.wire.api_server import SAMPLES, Running, serving
from tests.wire.test_elevenlabs_sdk import IN_WRITING, WEBHOOK
from voice.phonelab import mulaw
from voice.phonelab.voices import EmbeddedVoice

HERE = Path(__file__).parent
PAGE = {
    "type": "client",
    "name": "page",
    "description": "Shows a colour on the page.",
    "expects_response": True,
    "response_timeout_secs": 3,
    "parameters": {
        "type": "object",
        "properties": {
            "colour": {"type": "string", "description": "The colour."},
            "user": {"type": "string", "dynamic_variable": "name"},
        },
        "required": ["colour"],
    },
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    settings = Settings(
        _env_file=None,
        data_dir=tmp_path_factory.mktemp("socket"),
        extra_graphs={
            "parrot": f"{SAMPLES}:parrot",
            "asker": f"{HERE / 'client_graphs.py'}:asker",
        },
    )
    with serving(settings) as running:
        yield running


@pytest.fixture(scope="module")
def agent(server: Running) -> Callable[..., str]:
    def make(graph: str = "parrot", **prompt: Any) -> str:
        config = {"agent": {"graph": graph, "prompt": prompt}}
        url = f"{server.address}/v1/convai/agents/create"
        return str(httpx.post(url, json={"conversation_config": config}).json()["agent_id"])

    return make


def opened(server: Running, agent_id: str) -> ClientConnection:
    return connect(f"ws{server.address[4:]}/v1/convai/conversation?agent_id={agent_id}")


def events(socket: ClientConnection, until: str) -> list[dict[str, Any]]:
    """Read up to an event of a kind."""
    found: list[dict[str, Any]] = []
    while not found or found[-1]["type"] != until:
        found.append(json.loads(socket.recv(timeout=20)))
    return found


def nothing_is_left(server: Running) -> None:
    """No task, client, or conversation in progress stays behind."""

    async def left() -> list[str]:
        names = {task.get_name() for task in asyncio.all_tasks()}
        clients = server.services.desk.clients._clients
        return [*(n for n in names if n.startswith(("convai", "contextual", "call-log"))), *clients]

    def open_records() -> list[str]:
        page = httpx.get(f"{server.address}/v1/convai/conversations").json()["conversations"]
        return [one["status"] for one in page if one["status"] not in ("done", "processing")]

    deadline = time.monotonic() + 20
    while (found := server.run(left()) + open_records()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert found == []


# Whatever a client sends


ODD = [
    '{"foo": 1}',
    '{"type": 7, "text": "hello"}',
    b"\x00\x01binary",
    "no json",
    "[1, 2]",
    "null",
    '{"type": "user_message", "text": 7}',
    '{"type": "user_message", "text": "a\\u0000b"}',
    '{"type": "user_message", "text": "\\ud800"}',
    '{"type": "client_tool_result", "tool_call_id": {}, "result": [1]}',
    '{"user_audio_chunk": 5, "type": 9}',
    "[" * 100_000,
    json.dumps({"type": "user_message", "text": "x" * 600_000}),
    json.dumps({"type": "user_message", "text": "x" * 100_000}),
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd[:24]))
def test_what_is_no_event_is_answered_by_an_error_and_the_conversation_goes_on(
    server: Running, agent: Callable[..., str], odd: str | bytes
) -> None:
    """A binary message ended the conversation with a KeyError, and nothing was told."""
    with opened(server, agent()) as socket:
        socket.send(json.dumps(IN_WRITING))
        events(socket, "agent_response")
        socket.send(odd)
        socket.send(json.dumps({"type": "user_message", "text": "hello"}))
        told = events(socket, "agent_response")
    wrong = [event["error_event"]["message"] for event in told if event["type"] == "error"]
    if odd != ODD[10]:  # of no known type, and nothing is asked of it
        assert len(wrong) == 1 and wrong[0].endswith(".")
    assert told[-1]["agent_response_event"]["agent_response"].strip() == "You said: hello"


@pytest.mark.parametrize("odd", [b"\x00", "no json", "7"])
def test_what_is_no_event_may_come_first(
    server: Running, agent: Callable[..., str], odd: str | bytes
) -> None:
    with opened(server, agent()) as socket:
        socket.send(odd)
        socket.send(json.dumps(IN_WRITING))
        told = events(socket, "agent_response")
    assert [told[0]["type"], told[1]["type"]] == ["error", "conversation_initiation_metadata"]


def test_who_goes_on_sending_no_events_is_cut_off_and_told_why(
    server: Running, agent: Callable[..., str]
) -> None:
    with opened(server, agent()) as socket:
        socket.send(json.dumps(IN_WRITING))
        events(socket, "agent_response")
        with pytest.raises(ConnectionClosed, match="1008.*could not be taken"):
            for _ in range(10_000):
                socket.send("{")
                socket.recv(timeout=20)
    nothing_is_left(server)


def test_who_writes_more_than_can_be_answered_is_cut_off_and_told_why(
    server: Running, agent: Callable[..., str]
) -> None:
    with opened(server, agent()) as socket:
        socket.send(json.dumps(IN_WRITING))
        with pytest.raises(ConnectionClosed, match="1008.*wait for their answer"):
            for _ in range(200):
                socket.send(json.dumps({"type": "user_message", "text": "again"}))
            while True:
                socket.recv(timeout=20)
    nothing_is_left(server)


@pytest.mark.parametrize("agent_id", ["", "nobody", "a%00b", "%ED%A0%80", "x" * 5000])
def test_an_agent_that_there_is_not_is_refused(server: Running, agent_id: str) -> None:
    with opened(server, agent_id) as socket, pytest.raises(ConnectionClosed, match="no agent"):
        socket.recv(timeout=20)


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=2)
        | st.dictionaries(st.sampled_from(["type", "text", "event_id", "x"]), inner, max_size=3)
    ),
    max_leaves=5,
)
EVENTS = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from(
            ["user_message", "contextual_update", "client_tool_result", "pong", IN_WRITING["type"]]
        )
        | ANYTHING,
        "text": ANYTHING,
        "user_audio_chunk": ANYTHING,
        "tool_call_id": ANYTHING,
        "dynamic_variables": ANYTHING,
        "conversation_config_override": ANYTHING,
        "source_info": ANYTHING,
    },
)
MESSAGES = st.lists(
    EVENTS.map(json.dumps) | st.text(max_size=20).map(repr) | st.binary(max_size=20), max_size=5
)


@given(MESSAGES, st.integers(0, 3))
@examples(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_nothing_a_client_sends_or_does_leaves_anything_behind(
    server: Running, agent: Callable[..., str], sent: list[str | bytes], reads: int
) -> None:
    """It may send anything in any order, and leave at any time."""
    socket = opened(server, AGENT.setdefault("id", agent()))
    try:
        socket.send(json.dumps(IN_WRITING))
        for message in sent:
            socket.send(message)
        for _ in range(reads):
            socket.recv(timeout=5)
    except (ConnectionClosed, TimeoutError) as closed:
        assert "1011" not in str(closed)
    finally:
        socket.socket.close() if reads % 2 else socket.close()
    nothing_is_left(server)


AGENT: dict[str, str] = {}


def test_what_is_deleted_is_in_no_file_any_more(server: Running, agent: Callable[..., str]) -> None:
    """Words stayed in the log of SQLite after the SDK had deleted the conversation."""
    with opened(server, agent()) as socket:
        socket.send(json.dumps(IN_WRITING))
        begun = events(socket, "agent_response")[0]
        name = begun["conversation_initiation_metadata_event"]["conversation_id"]
        for text in ("Mangosteen.", "More.", "Mangosteen again."):
            socket.send(json.dumps({"type": "user_message", "text": text}))
            events(socket, "agent_response")
    nothing_is_left(server)
    folder = server.services.settings.data_dir

    def kept() -> list[str]:
        files = [file for file in folder.rglob("*") if file.is_file()]
        return [file.name for file in files if b"angosteen" in file.read_bytes()]

    assert kept()
    assert httpx.delete(f"{server.address}/v1/convai/conversations/{name}").is_success
    assert kept() == []


# Tools of the client


def in_writing(client: ElevenLabs, agent_id: str, tools: ClientTools) -> tuple[Any, Callable]:
    said: list[str] = []
    more = threading.Condition()

    def say(text: str) -> None:
        with more:
            said.append(text)
            more.notify_all()

    def wait(count: int) -> str:
        with more:
            assert more.wait_for(lambda: len(said) >= count, 20)
            return said[count - 1]

    talk = Conversation(
        client,
        agent_id,
        requires_auth=False,
        client_tools=tools,
        config=ConversationInitiationData(dynamic_variables={"name": "Asha"}),
        callback_agent_response=say,
    )
    talk.start_session()
    return talk, wait


@pytest.fixture
def client(server: Running) -> ElevenLabs:
    return ElevenLabs(api_key="any", base_url=server.address)


def test_a_tool_of_the_client_is_used_by_the_sdk_and_its_answer_heard(
    server: Running, client: ElevenLabs, agent: Callable[..., str]
) -> None:
    asked: list[dict[str, Any]] = []

    def page(arguments: dict[str, Any]) -> str:
        asked.append(arguments)
        return "it is red"

    tools = ClientTools()
    tools.register("page", page)
    talk, wait = in_writing(client, agent("asker", tools=[PAGE]), tools)
    assert wait(1) == "Hello."
    talk.send_user_message("Make it red.")
    assert wait(2) == "The page says: it is red"
    assert {k: asked[0][k] for k in ("colour", "user")} == {"colour": "red", "user": "Asha"}
    talk.end_session()
    nothing_is_left(server)


def test_a_tool_of_the_client_that_fails_is_told_as_a_sentence(
    server: Running, client: ElevenLabs, agent: Callable[..., str]
) -> None:
    tools = ClientTools()
    tools.register("page", lambda _: 1 / 0)
    talk, wait = in_writing(client, agent("asker", tools=[PAGE]), tools)
    wait(1)
    talk.send_user_message("Make it red.")
    assert wait(2) == "The page says: page failed: division by zero"
    talk.end_session()


def test_a_client_that_does_not_answer_is_not_waited_for(
    server: Running, agent: Callable[..., str]
) -> None:
    quick = PAGE | {"response_timeout_secs": 1}
    with opened(server, agent("asker", tools=[quick])) as socket:
        socket.send(json.dumps(IN_WRITING | {"dynamic_variables": {"name": "Asha"}}))
        events(socket, "agent_response")
        socket.send(json.dumps({"type": "user_message", "text": "Make it red."}))
        told = events(socket, "agent_response")
    (call,) = [event["client_tool_call"] for event in told if event["type"] == "client_tool_call"]
    assert call["tool_name"] == "page" and call["parameters"]["colour"] == "red"
    assert "did not answer in 1 seconds" in told[-1]["agent_response_event"]["agent_response"]


def test_a_client_that_leaves_during_its_tool_leaves_nothing_behind(
    server: Running, agent: Callable[..., str]
) -> None:
    with opened(server, agent("asker", tools=[PAGE])) as socket:
        socket.send(json.dumps(IN_WRITING | {"dynamic_variables": {"name": "Asha"}}))
        events(socket, "agent_response")
        socket.send(json.dumps({"type": "user_message", "text": "Make it red."}))
        events(socket, "client_tool_call")
    nothing_is_left(server)


def test_an_agent_may_be_given_a_tool_of_the_client_over_the_api(
    server: Running, agent: Callable[..., str]
) -> None:
    """Such a tool was left out with a warning."""
    with httpx.Client(base_url=f"{server.address}/v1/convai") as raw:
        made = [raw.post("/tools", json={"tool_config": one}) for one in (PAGE, WEBHOOK)]
        ids = [answer.json()["id"] for answer in made]
        with opened(server, agent("parrot", tool_ids=ids)) as socket:
            socket.send(json.dumps(IN_WRITING))
            begun = events(socket, "agent_response")[0]
            name = begun["conversation_initiation_metadata_event"]["conversation_id"]
        shown = raw.get(f"/conversations/{name}").json()
    assert shown["metadata"]["warnings"] == []


# Speech


class Caller(AudioInterface):
    """Says something in real time, PCM16 of 16 kHz, and keeps what it hears."""

    def __init__(self, speech: bytes) -> None:
        self.heard = bytearray()
        self.interrupted = 0
        self.speaks = threading.Event()
        self._speech = speech
        self._over = threading.Event()

    def start(self, input_callback: Callable[[bytes], None]) -> None:
        def run() -> None:
            left, quiet = self._speech, bytes(8000)
            while not self._over.wait(0.25):
                now, left = (left[:8000], left[8000:]) if self.speaks.is_set() else (b"", left)
                input_callback(now + quiet[len(now) :])

        threading.Thread(target=run, daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def output(self, audio: bytes) -> None:
        self.heard += audio

    def interrupt(self) -> None:
        self.interrupted += 1


def spoken(text: str) -> bytes:
    """Speech as PCM16 of 16 kHz."""
    sound = asyncio.run(EmbeddedVoice().speak(text))
    at_8000 = mulaw.decode(sound)
    at_16000 = np.interp(np.arange(0, len(at_8000), 0.5), np.arange(len(at_8000)), at_8000)
    return at_16000.astype(np.int16).tobytes()


def test_the_sdk_speaks_and_hears(
    server: Running, client: ElevenLabs, agent: Callable[..., str]
) -> None:
    caller, heard, said = Caller(spoken("I am looking for a blue bicycle.")), [], []
    talk = Conversation(
        client,
        agent(),
        requires_auth=False,
        audio_interface=caller,
        callback_agent_response=said.append,
        callback_user_transcript=heard.append,
    )
    talk.start_session()
    within(lambda: said == ["Hello. Say something."] and len(caller.heard) > 16000)
    time.sleep(2.5)  # until it has been played
    caller.speaks.set()
    within(lambda: len(said) == 2)
    assert "bicycle" in heard[0]
    assert said[1].startswith("You said: ") and "bicycle" in said[1]
    before = len(caller.heard)
    within(lambda: len(caller.heard) > before + 16000)
    assert np.abs(np.frombuffer(bytes(caller.heard), np.int16)).max() > 1000
    talk.send_user_message("goodbye")  # written, beside the speech
    within(lambda: any("goodbye" in answer for answer in said))
    assert talk.wait_for_session_end()
    nothing_is_left(server)


def within(condition: Callable[[], bool], secs: float = 30.0) -> None:
    deadline = time.monotonic() + secs
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
