"""What is around agents, by ElevenLabs' own SDK; raw answers pass the SDK's strict models."""

import json
import threading
from collections.abc import Callable
from typing import Any

import httpx
import pytest
from elevenlabs import AsyncElevenLabs, ElevenLabs
from elevenlabs import types as el
from elevenlabs.conversational_ai.conversation import Conversation, ConversationInitiationData
from elevenlabs.core import ApiError
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.wire.api_server import Running

WEBHOOK = {
    "type": "webhook",
    "name": "look_up",
    "description": "Looks an order up.",
    "api_schema": {"url": "https://example.com/orders", "method": "GET", "later": {"x": 1}},
}

IN_WRITING = {
    "type": "conversation_initiation_client_data",
    "conversation_config_override": {"conversation": {"text_only": True}},
}


@pytest.fixture
def agent(raw: httpx.Client) -> Callable[..., str]:
    """Make an agent of a graph, and return its id."""

    def make(graph: str = "parrot", **document: Any) -> str:
        config = {"agent": {"graph": graph, **document.pop("agent", {})}}
        body = {"conversation_config": config, **document}
        return str(raw.post("/agents/create", json=body).json()["agent_id"])

    return make


# Tools and secrets


def test_the_sdk_makes_reads_changes_and_deletes_a_tool(
    client: ElevenLabs, raw: httpx.Client, agent: Callable[..., str]
) -> None:
    tools = client.conversational_ai.tools
    made = tools.create(request={"tool_config": WEBHOOK})  # type: ignore[arg-type]
    assert tools.get(made.id).tool_config.name == "look_up"
    answer = raw.patch(f"/tools/{made.id}", json={"tool_config": WEBHOOK | {"name": "found"}})
    el.ToolResponseModel.model_validate(answer.json())
    assert answer.json()["tool_config"]["api_schema"] == WEBHOOK["api_schema"]
    el.ToolsResponseModel.model_validate(raw.get("/tools", params={"search": "FOUND"}).json())
    assert made.id in {tool.id for tool in tools.list(search="found").tools}
    agent_id = agent(agent={"prompt": {"tool_ids": [made.id]}})
    users = raw.get(f"/tools/{made.id}/dependent-agents").json()
    el.GetToolDependentAgentsResponseModel.model_validate(users)
    assert [user["id"] for user in users["agents"]] == [agent_id]
    with pytest.raises(ApiError) as refused:
        tools.delete(made.id)
    assert refused.value.status_code == 400
    tools.delete(made.id, force=True)
    with pytest.raises(ApiError):
        tools.get(made.id)
    left = raw.get(f"/agents/{agent_id}").json()["conversation_config"]["agent"]["prompt"]
    assert left["tool_ids"] == []


def test_a_secret_is_never_told(client: ElevenLabs, raw: httpx.Client) -> None:
    made = raw.post("/secrets", json={"type": "new", "name": "crm", "value": "hush-hush"})
    el.PostWorkspaceSecretResponseModel.model_validate(made.json())
    secret_id = made.json()["secret_id"]
    header = {"request_headers": {"Authorization": {"secret_id": secret_id}}}
    config = WEBHOOK | {"api_schema": {"url": "https://example.com", **header}}
    raw.post("/tools", json={"tool_config": config})
    listed = raw.get("/secrets").json()
    el.GetWorkspaceSecretsResponseModel.model_validate(listed)
    one = raw.get(f"/secrets/{secret_id}").json()
    el.ConvAiWorkspaceStoredSecretConfig.model_validate(one)
    assert [tool["name"] for tool in one["used_by"]["tools"]] == ["look_up"]
    changed = raw.patch(f"/secrets/{secret_id}", json={"type": "update", "value": "hush-2"})
    assert "hush" not in json.dumps([made.json(), listed, one, changed.json()])
    secrets = client.conversational_ai.secrets
    assert secret_id in {secret.secret_id for secret in secrets.list().secrets}
    secrets.delete(secret_id)
    assert raw.get(f"/secrets/{secret_id}").status_code == 404


# Telephone numbers


def test_a_number_is_answered_by_the_agent_it_is_given_to(
    client: ElevenLabs, raw: httpx.Client, agent: Callable[..., str]
) -> None:
    body = {
        "provider": "twilio",
        "phone_number": "+1 555 010 0177",
        "label": "Sales",
        "sid": "AC1",
        "token": "hush",
    }
    made = raw.post("/phone-numbers", json=body)
    el.CreatePhoneNumberResponseModel.model_validate(made.json())
    number_id = made.json()["phone_number_id"]
    assert raw.post("/phone-numbers", json=body).status_code == 409
    agent_id = agent(name="Desk")
    numbers = client.conversational_ai.phone_numbers
    numbers.update(number_id, agent_id=agent_id)
    shown = raw.get(f"/phone-numbers/{number_id}").json()
    el.GetPhoneNumberTwilioResponseModel.model_validate(shown)
    assert shown["phone_number"] == "+15550100177"
    assert shown["assigned_agent"] == {"agent_id": agent_id, "agent_name": "Desk"}
    assert "hush" not in json.dumps(shown)
    assert numbers.list(agent_id=agent_id)[0].phone_number_id == number_id
    page = raw.get("/v2/phone-numbers").json()
    el.GetPhoneNumbersPageResponseModel.model_validate(page)
    with_number = raw.get(f"/agents/{agent_id}").json()
    el.GetAgentResponseModel.model_validate(with_number)
    assert with_number["phone_numbers"][0]["phone_number_id"] == number_id
    raw.delete(f"/agents/{agent_id}")
    assert raw.get(f"/phone-numbers/{number_id}").json()["assigned_agent"] is None
    numbers.delete(number_id)
    assert raw.get(f"/phone-numbers/{number_id}").status_code == 404


# Documents


def test_the_sdk_adds_reads_and_deletes_documents(
    client: ElevenLabs, raw: httpx.Client, agent: Callable[..., str]
) -> None:
    documents = client.conversational_ai.knowledge_base.documents
    text = documents.create_from_text(text="A lamp costs 40 dollars.", name="Quokka prices")
    file = documents.create_from_file(
        file=("quokka hours.md", b"# Hours\n\nWe open at nine.", "text/markdown")
    )
    el.GetKnowledgeBaseTextResponseModel.model_validate(
        raw.get(f"/knowledge-base/{text.id}").json()
    )
    el.GetKnowledgeBaseFileResponseModel.model_validate(
        raw.get(f"/knowledge-base/{file.id}").json()
    )
    agent_id = agent(
        agent={
            "prompt": {"knowledge_base": [{"type": "text", "name": "Quokka prices", "id": text.id}]}
        }
    )
    ours = {"sort_by": "name", "search": "quokka"}  # other tests have documents of their own
    listed = raw.get("/knowledge-base", params={**ours, "page_size": 1}).json()
    el.GetKnowledgeBaseListResponseModel.model_validate(listed)
    assert listed["documents"][0]["id"] == text.id
    more = {**ours, "cursor": listed["next_cursor"]}
    second = raw.get("/knowledge-base", params=more).json()["documents"]
    assert [document["id"] for document in second] == [file.id]
    users = raw.get(f"/knowledge-base/{text.id}/dependent-agents").json()
    el.GetKnowledgeBaseDependentAgentsResponseModel.model_validate(users)
    assert [user["id"] for user in users["agents"]] == [agent_id]
    assert "40 dollars" in raw.get(f"/knowledge-base/{text.id}/content").text
    chunks = raw.get(f"/knowledge-base/{text.id}/chunks", params={"embedding_model": "x"}).json()
    el.KnowledgeBaseDocumentChunksResponseModel.model_validate(chunks)
    chunk_id = chunks["chunks"][0]["id"]
    chunk = raw.get(f"/knowledge-base/{text.id}/chunk/{chunk_id}").json()
    el.KnowledgeBaseDocumentChunkResponseModel.model_validate(chunk)
    index = raw.post(f"/knowledge-base/{text.id}/rag-index", json={"model": "e5"}).json()
    el.RagDocumentIndexResponseModel.model_validate(index)
    assert index["status"] == "succeeded"
    el.RagDocumentIndexesResponseModel.model_validate(
        raw.get(f"/knowledge-base/{text.id}/rag-index").json()
    )
    el.RagIndexOverviewResponseModel.model_validate(raw.get("/knowledge-base/rag-index").json())
    changed = raw.patch(f"/knowledge-base/{text.id}", json={"content": "A lamp costs 50 dollars."})
    el.GetKnowledgeBaseTextResponseModel.model_validate(changed.json())
    assert "50 dollars" in changed.json()["extracted_inner_html"]
    with pytest.raises(ApiError):
        documents.delete(text.id)
    documents.delete(text.id, force=True)
    left = raw.get(f"/agents/{agent_id}").json()["conversation_config"]["agent"]["prompt"]
    assert left["knowledge_base"] == []
    documents.delete(file.id)
    assert raw.get(f"/knowledge-base/{text.id}").status_code == 404


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/x", "http://169.254.169.254/meta", "file:///etc/passwd", "x"]
)
def test_a_page_of_the_house_is_not_fetched(raw: httpx.Client, url: str) -> None:
    answer = raw.post("/knowledge-base/url", json={"url": url})
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", "url"]


# Conversations


class Heard:
    """What the SDK's conversation was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.answers: list[str] = []
        self.parts: list[str] = []
        self.ended = threading.Event()
        self._said = threading.Condition()

    def say(self, text: str) -> None:
        with self._said:
            self.answers.append(text)
            self._said.notify_all()

    def wait(self, count: int) -> list[str]:
        with self._said:
            assert self._said.wait_for(lambda: len(self.answers) >= count, 20)
            return self.answers


def talk(
    client: ElevenLabs, agent_id: str, *, signed: bool = True, **data: Any
) -> tuple[Conversation, Heard]:
    heard = Heard()
    conversation = Conversation(
        client,
        agent_id,
        "user-7",
        requires_auth=signed,
        config=ConversationInitiationData(**data),
        callback_agent_response=heard.say,
        callback_agent_chat_response_part=lambda text, kind: heard.parts.append(text),
        callback_disconnect=lambda details: heard.ended.set(),
    )
    conversation.start_session()
    return conversation, heard


@pytest.mark.parametrize("signed", [True, False])
def test_the_sdk_talks_in_writing_and_finds_what_was_said(
    client: ElevenLabs, raw: httpx.Client, agent: Callable[..., str], signed: bool
) -> None:
    agent_id = agent()
    conversation, heard = talk(client, agent_id, signed=signed)
    assert heard.wait(1) == ["Hello. Say something."]
    conversation.send_user_message("one two")
    assert heard.wait(2)[1].strip() == "You said: one two"
    assert "".join(heard.parts).count("You said: one two") == 1
    conversation.send_user_message("goodbye")
    heard.wait(3)
    assert heard.ended.wait(20)
    conversation_id = conversation.wait_for_session_end()
    got = raw.get(f"/conversations/{conversation_id}").json()
    el.GetConversationResponseModel.model_validate(got)
    assert [(t["role"], (t["message"] or "").strip()) for t in got["transcript"]][:3] == [
        ("agent", "Hello. Say something."),
        ("user", "one two"),
        ("agent", "You said: one two"),
    ]
    assert got["status"] in ("processing", "done")
    assert got["user_id"] == "user-7"
    assert got["metadata"]["text_only"] is True
    assert got["metadata"]["conversation_initiation_source"] == "python_sdk"
    assert got["metadata"]["termination_reason"] == "said_goodbye"
    conversations = client.conversational_ai.conversations
    assert conversations.get(str(conversation_id)).agent_id == agent_id
    page = raw.get("/conversations", params={"agent_id": agent_id}).json()
    el.GetConversationsPageResponseModel.model_validate(page)
    assert [c["conversation_id"] for c in page["conversations"]] == [conversation_id]
    assert page["conversations"][0]["message_count"] == 5


async def test_the_async_sdk_lists_reads_judges_and_deletes_conversations(
    client: ElevenLabs, server: Running, agent: Callable[..., str]
) -> None:
    agent_id = agent()
    conversation, heard = talk(client, agent_id)
    heard.wait(1)
    conversation.send_user_message("goodbye")
    assert heard.ended.wait(20)
    conversation_id = str(conversation.wait_for_session_end())
    api = AsyncElevenLabs(api_key="any", base_url=server.address).conversational_ai.conversations
    listed = await api.list(agent_id=agent_id, user_id="user-7", text_only=True)
    assert [c.conversation_id for c in listed.conversations] == [conversation_id]
    await api.feedback.create(conversation_id, feedback="like")
    got = await api.get(conversation_id)
    assert got.metadata.feedback.likes == 1  # type: ignore[union-attr]
    with pytest.raises(ApiError) as silent:
        [chunk async for chunk in api.audio.get(conversation_id)]
    assert silent.value.status_code == 404
    await api.delete(conversation_id)
    with pytest.raises(ApiError):
        await api.get(conversation_id)


def test_a_conversation_is_found_by_what_was_said_and_by_when(
    client: ElevenLabs, raw: httpx.Client, agent: Callable[..., str]
) -> None:
    agent_id = agent()
    conversation, heard = talk(client, agent_id)
    heard.wait(1)
    conversation.send_user_message("शुभ Lampenschirm 100%")
    heard.wait(2)
    conversation.send_user_message("goodbye")
    assert heard.ended.wait(20)
    conversation_id = conversation.wait_for_session_end()

    def listed(**query: Any) -> list[str]:
        page = raw.get("/conversations", params={"agent_id": agent_id, **query}).json()
        return [c["conversation_id"] for c in page["conversations"]]

    for search in ("शुभ", "lampenSCHIRM", "100%"):
        assert listed(search=search) == [conversation_id]
    assert listed(search="100_") == []
    assert listed(call_start_after_unix=4_000_000_000) == []
    assert listed(call_start_before_unix=4_000_000_000) == [conversation_id]
    assert listed(call_duration_min_secs=3600) == []
    assert listed(call_duration_max_secs=3600) == [conversation_id]
    assert listed(exclude_statuses=["processing", "done"]) == []
    assert listed(exclude_statuses=["failed", "in-progress"]) == [conversation_id]
    assert listed(call_successful="unknown") == [conversation_id]
    assert listed(tool_names="look_up") == []


def test_a_list_that_cannot_be_filtered_as_asked_is_refused(client: ElevenLabs) -> None:
    """It was the list of everything, which looks like one that is filtered."""
    with pytest.raises(ApiError) as refused:
        client.conversational_ai.conversations.list(rating_min=3)
    assert refused.value.status_code == 422 and "rating_min" in str(refused.value.body)


def test_variables_and_warnings_are_kept_and_secrets_are_not(
    client: ElevenLabs, raw: httpx.Client, agent: Callable[..., str], server: Running
) -> None:
    agent_id = agent(agent={"first_message": "Hi {{name}} {{missing}}"})
    variables = {"name": "Asha", "secret__token": "hush-hush"}
    conversation, heard = talk(client, agent_id, dynamic_variables=variables)
    heard.wait(1)
    conversation.send_user_message("goodbye")
    assert heard.ended.wait(20)
    answer = raw.get(f"/conversations/{conversation.wait_for_session_end()}")
    assert answer.json()["conversation_initiation_client_data"]["dynamic_variables"] == {
        "name": "Asha",
        "secret__token": "",
    }
    assert any("missing" in warning for warning in answer.json()["metadata"]["warnings"])
    data_dir = server.services.settings.data_dir
    kept = b"".join(file.read_bytes() for file in data_dir.rglob("*") if file.is_file())
    assert b"hush-hush" not in kept


def test_an_override_that_is_not_allowed_ends_the_conversation_and_says_why(
    server: Running, agent: Callable[..., str]
) -> None:
    address = f"ws{server.address[4:]}/v1/convai/conversation?agent_id={agent()}"
    override = {"agent": {"prompt": {"prompt": "Lie."}}}
    with connect(address) as socket:
        begin = {"type": "conversation_initiation_client_data"}
        socket.send(json.dumps(begin | {"conversation_config_override": override}))
        with pytest.raises(Exception, match=r"1008.*agent\.prompt\.prompt is not allowed"):
            socket.recv(timeout=20)


def test_a_signature_opens_one_conversation_with_its_agent_only(
    raw: httpx.Client, server: Running, agent: Callable[..., str]
) -> None:
    agent_id, other = agent(), agent()
    query = {"agent_id": agent_id, "include_conversation_id": True}
    answer = raw.get("/conversation/get-signed-url", params=query).json()
    el.ConversationSignedUrlResponseModel.model_validate(answer)
    with connect(answer["signed_url"]) as socket:
        socket.send(json.dumps(IN_WRITING))
        begun = json.loads(socket.recv(timeout=20))
        event = begun["conversation_initiation_metadata_event"]
        assert event["conversation_id"] == answer["conversation_id"]
    with connect(answer["signed_url"]) as socket:
        socket.send(json.dumps(IN_WRITING))
        with pytest.raises(Exception, match="has been used"):
            socket.recv(timeout=20)
    for forged in (
        answer["signed_url"].replace(agent_id, other),
        answer["signed_url"][:-3] + "AAA",
        answer["signed_url"].partition("conversation_signature=")[0] + "conversation_signature=x",
    ):
        with pytest.raises(InvalidStatus):
            connect(forged)
    token = raw.get("/conversation/token", params={"agent_id": agent_id}).json()
    el.TokenResponseModel.model_validate(token)


def test_a_client_that_says_nothing_first_is_answered_all_the_same(
    server: Running, agent: Callable[..., str]
) -> None:
    address = f"ws{server.address[4:]}/v1/convai/conversation?agent_id={agent()}"
    with connect(address) as socket:
        socket.send(json.dumps({"type": "user_message", "text": "x"}))
        kinds = [json.loads(socket.recv(timeout=20))["type"] for _ in range(3)]
    assert kinds[0] == "conversation_initiation_metadata"


def test_what_a_client_knows_is_put_on_the_thread_and_not_answered(
    server: Running, agent: Callable[..., str], raw: httpx.Client
) -> None:
    address = f"ws{server.address[4:]}/v1/convai/conversation?agent_id={agent()}"
    with connect(address) as socket:
        socket.send(json.dumps(IN_WRITING))
        begun = json.loads(socket.recv(timeout=20))
        conversation_id = begun["conversation_initiation_metadata_event"]["conversation_id"]
        socket.send(json.dumps({"type": "contextual_update", "text": "Looks at page 7."}))
        socket.send(json.dumps({"type": "user_message", "text": "hello"}))
        said = []
        while len(said) < 2:
            event = json.loads(socket.recv(timeout=20))
            if event["type"] == "agent_response":
                said.append(event["agent_response_event"]["agent_response"].strip())
    assert said == ["Hello. Say something.", "You said: hello"]
    thread_id = conversation_id.removeprefix("conv_")
    messages = httpx.get(f"{server.address}/api/threads/parrot/{thread_id}").json()["messages"]
    assert ("system", "Looks at page 7.") in {(m["type"], m["content"]) for m in messages}


def test_a_failing_graph_closes_the_socket_and_fails_the_conversation(
    server: Running, agent: Callable[..., str], raw: httpx.Client
) -> None:
    agent_id = agent("broken")
    address = f"ws{server.address[4:]}/v1/convai/conversation?agent_id={agent_id}"
    with connect(address) as socket:
        socket.send(json.dumps(IN_WRITING))
        socket.recv(timeout=20)
        with pytest.raises(Exception, match="1011"):
            while True:
                socket.recv(timeout=20)
    page = raw.get("/conversations", params={"agent_id": agent_id}).json()
    assert page["conversations"][0]["status"] == "failed"
    got = raw.get(f"/conversations/{page['conversations'][0]['conversation_id']}").json()
    el.GetConversationResponseModel.model_validate(got)
    assert "RuntimeError" in got["metadata"]["error"]["reason"]


def test_settings_of_the_workspace_are_kept(client: ElevenLabs, raw: httpx.Client) -> None:
    webhook = {"url": "https://example.com/who", "request_headers": {"a": "b"}}
    body = {"conversation_initiation_client_data_webhook": webhook}
    el.GetConvAiSettingsResponseModel.model_validate(raw.patch("/settings", json=body).json())
    got = client.conversational_ai.settings.get()
    assert got.conversation_initiation_client_data_webhook.url == webhook["url"]  # type: ignore[union-attr]
    raw.patch("/settings", json={"conversation_initiation_client_data_webhook": None})
    assert raw.get("/settings").json()["conversation_initiation_client_data_webhook"] is None
