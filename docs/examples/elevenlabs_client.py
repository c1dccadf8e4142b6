"""A program written for ElevenLabs Agents, pointed at this server: `python FILE http://host:port`."""

import sys
import threading

from elevenlabs import ElevenLabs
from elevenlabs.conversational_ai.conversation import Conversation

client = ElevenLabs(api_key="any-on-this-machine", base_url=sys.argv[1])
agent = client.conversational_ai.agents.create(
    name="Interview",
    conversation_config={"agent": {"graph": "eligibility", "first_message": "Hello {{name}}"}},
)

heard = threading.Condition()
answers: list[str] = []


def on_answer(text: str) -> None:
    with heard:
        answers.append(text)
        heard.notify_all()


conversation = Conversation(
    client, agent.agent_id, requires_auth=True, callback_agent_response=on_answer
)
conversation.start_session()
with heard:
    heard.wait_for(lambda: answers, 30)
conversation.send_user_message("I am salaried, forty thousand a month, and I live in Mumbai")
with heard:
    heard.wait_for(lambda: len(answers) > 1, 30)
conversation.end_session()

found = client.conversational_ai.conversations.get(str(conversation.wait_for_session_end()))
for entry in found.transcript:
    print(f"{entry.role}: {entry.message}")  # noqa: T201
