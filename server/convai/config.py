"""The parts of an agent's JSON that mean something here; what else it holds is kept as it is."""

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from server.storable import storable

Value = str | int | float | bool
"""What a dynamic variable may be."""
Json = Annotated[Any, AfterValidator(storable)]
Text = Annotated[str, AfterValidator(storable)]


class Open(BaseModel):
    """An object that may hold more than is named here."""

    model_config = ConfigDict(extra="allow")

    def sent(self) -> dict[str, Any]:
        """Return what was sent, no default added."""
        return self.model_dump(mode="json", exclude_unset=True)


class Sent(Open):
    """A whole body: all of it, known or not, must be such as can be kept."""

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, given: Any) -> Any:
        return storable(given)


class DynamicVariables(Open):
    """Variables of prompts, as `{{name}}`."""

    dynamic_variable_placeholders: dict[str, Value] | None = Field(
        None, description="What stands in for a variable that is not given."
    )


class KnowledgeLocator(Open):
    """A document an agent knows."""

    id: str
    name: str | None = None
    type: str | None = None
    usage_mode: str | None = None


class CustomLlm(Open):
    """A model at an address of one's own, compatible with OpenAI's."""

    url: str
    model_id: str | None = None
    api_key: dict[str, Any] | None = Field(None, description='{"secret_id": "..."}')


class Rag(Open):
    """Retrieval."""

    enabled: bool | None = None
    max_retrieved_rag_chunks_count: int | None = None


class Prompt(Open):
    """What the model is told, and what it may use."""

    prompt: str | None = None
    llm: str | None = Field(
        None, description="Name of a model, `embedded` for the one without a key, or `custom-llm`."
    )
    temperature: float | None = None
    max_tokens: int | None = None
    tool_ids: list[str] | None = None
    built_in_tools: dict[str, dict[str, Any] | None] | None = None
    tools: list[dict[str, Any]] | None = None
    knowledge_base: list[KnowledgeLocator] | None = None
    custom_llm: CustomLlm | None = None
    rag: Rag | None = None


class AgentPart(Open):
    """What the agent says and knows."""

    first_message: str | None = None
    language: str | None = None
    dynamic_variables: DynamicVariables | None = None
    prompt: Prompt | None = None
    graph: str | None = Field(
        None, description="The LangGraph graph that holds the conversation (not ElevenLabs')."
    )
    organisation: str | None = Field(
        None, description="Folder of the organisation it speaks for (not ElevenLabs')."
    )


class Tts(Open):
    """The voice."""

    voice_id: str | None = None


class ConversationPart(Open):
    """Limits of a conversation."""

    text_only: bool | None = None
    max_duration_seconds: int | None = None
    client_events: list[str] | None = None


class LanguagePreset(Open):
    """What is otherwise in another language."""

    overrides: dict[str, Any] | None = None


class ConversationConfig(Open):
    """How a conversation is held."""

    agent: AgentPart | None = None
    tts: Tts | None = None
    conversation: ConversationPart | None = None
    language_presets: dict[str, LanguagePreset] | None = None
    asr: dict[str, Any] | None = None
    turn: dict[str, Any] | None = None
    vad: dict[str, Any] | None = None


class WebhookAddress(Open):
    """An address that is asked, with headers."""

    url: str
    request_headers: dict[str, str | dict[str, Any]] = Field(default_factory=dict)


class WorkspaceOverrides(Open):
    """What is otherwise for this agent than for the workspace."""

    conversation_initiation_client_data_webhook: WebhookAddress | None = None
    webhooks: dict[str, Any] | None = None


class Overrides(Open):
    """What a client may change of an agent for one conversation."""

    conversation_config_override: dict[str, Any] | None = None
    custom_llm_extra_body: bool | None = None
    enable_conversation_initiation_client_data_from_webhook: bool | None = None


class Criterion(Open):
    """A goal that a conversation is judged by."""

    id: str
    name: str
    conversation_goal_prompt: str


class Evaluation(Open):
    """How a conversation is judged."""

    criteria: list[Criterion] | None = None


class DataPoint(Open):
    """Something to be found out."""

    type: str
    description: str | None = None


class CallLimits(Open):
    """How many conversations an agent may hold."""

    agent_concurrency_limit: int | None = None
    daily_limit: int | None = None


class PlatformSettings(Open):
    """What is around a conversation."""

    evaluation: Evaluation | None = None
    data_collection: dict[str, DataPoint] | None = None
    overrides: Overrides | None = None
    workspace_overrides: WorkspaceOverrides | None = None
    call_limits: CallLimits | None = None
    privacy: dict[str, Any] | None = None
    archived: bool | None = None


class CreateAgent(Sent):
    """A new agent."""

    conversation_config: ConversationConfig
    platform_settings: PlatformSettings | None = None
    workflow: dict[str, Any] | None = None
    name: str | None = None
    tags: list[str] | None = None


class ChangeAgent(Sent):
    """What is to be otherwise of an agent."""

    conversation_config: ConversationConfig | None = None
    platform_settings: PlatformSettings | None = None
    workflow: dict[str, Any] | None = None
    name: str | None = None
    tags: list[str] | None = None


class ClientData(Sent):
    """What a client gives a conversation when it begins (`conversation_initiation_client_data`)."""

    conversation_config_override: dict[str, Any] | None = None
    custom_llm_extra_body: dict[str, Any] | None = None
    user_id: str | None = None
    source_info: dict[str, Any] | None = None
    dynamic_variables: dict[str, Value | None] | None = None
