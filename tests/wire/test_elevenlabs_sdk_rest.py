"""Routes that no other test asks by ElevenLabs' own SDK: secrets, settings, documents, numbers."""

import io

import httpx
from elevenlabs import ElevenLabs


def test_the_sdk_keeps_and_renames_a_secret(client: ElevenLabs) -> None:
    secrets = client.conversational_ai.secrets
    made = secrets.create(name="shop", value="hidden")
    assert secrets.get(made.secret_id).name == "shop"
    assert secrets.update(made.secret_id, name="store", value="hidden too").name == "store"
    secrets.delete(made.secret_id)


def test_the_sdk_changes_settings(client: ElevenLabs) -> None:
    settings = client.conversational_ai.settings
    changed = settings.update(webhooks={"events": ["transcript"]})
    assert changed.webhooks is not None and changed.webhooks.events == ["transcript"]


def test_the_sdk_reads_a_document_and_its_chunks(client: ElevenLabs) -> None:
    knowledge = client.conversational_ai.knowledge_base
    file = ("lamps.txt", io.BytesIO(b"The Orion lamp costs 59 euros."), "text/plain")
    made = knowledge.documents.create_from_file(file=file)
    assert knowledge.documents.get(made.id).name == "lamps.txt"
    assert "Orion" in str(knowledge.documents.get_content(made.id))
    assert knowledge.documents.get_agents(made.id).agents == []
    assert knowledge.documents.update(made.id, name="prices").name == "prices"
    assert made.id in {one.id for one in knowledge.list(search="prices").documents}
    knowledge.documents.delete(made.id)


def test_the_sdk_makes_a_number_and_a_batch_of_calls(client: ElevenLabs, raw: httpx.Client) -> None:
    ai = client.conversational_ai
    config = {"conversation_config": {"agent": {"graph": "parrot"}}}
    agent_id = raw.post("/agents/create", json=config).json()["agent_id"]
    number = ai.phone_numbers.create(
        request={
            "provider": "twilio",
            "phone_number": "+12025550171",
            "label": "main",
            "sid": "AC1",
            "token": "t",
        }
    )
    assert ai.phone_numbers.get(number.phone_number_id).phone_number == "+12025550171"
    batch = ai.batch_calls.create(
        call_name="people",
        agent_id=agent_id,
        agent_phone_number_id=number.phone_number_id,
        recipients=[{"phone_number": "+12125550142"}],
        scheduled_time_unix=4_102_444_800,
    )
    assert batch.id in {one.id for one in ai.batch_calls.list().batch_calls}
    assert ai.batch_calls.get(batch.id).name == "people"
    assert ai.batch_calls.cancel(batch.id).status == "cancelled"
    ai.batch_calls.delete(batch.id)
    refused = ai.twilio.outbound_call(
        agent_id=agent_id,
        agent_phone_number_id=number.phone_number_id,
        to_number="+12125550142",
    )
    assert not refused.success
