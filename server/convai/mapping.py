"""From an agent's ElevenLabs JSON, what a client gave, and variables to the Agent that speaks."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from pydantic import ValidationError

from graphs.sdr.agent import Agent, Llm, TransferNumber
from server.convai.config import ClientData, Value
from server.convai.merging import section
from server.convai.overrides import overridden
from server.convai.variables import SECRET, Variables, collect, filled, named_in
from settings import Settings
from store.admissions import Limits
from tools.conversation import e164
from tools.organisation import WORKSPACE
from tools.specs import tool_spec

_OURS = ("company", "disclose_ai", "record_consent")
"""Fields of `Agent` that ElevenLabs has no name for; they stand in `conversation_config.agent`."""
_FREE: Mapping[str, dict[str, Any]] = {
    "end_call": {},
    "language_detection": {},
    "skip_turn": {},
    "voicemail_detection": {},
}
"""Built-in tools of an agent that names none."""

DAY_SECS: Final = 86_400.0


class Unusable(ValueError):
    """The agent's JSON describes an agent that there cannot be; says which field and why."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A conversation that may begin."""

    agent: Agent
    graph: str
    config: Mapping[str, Any]
    """`conversation_config`, overrides applied."""
    variables: Variables
    data: ClientData
    limits: Limits = Limits()
    warnings: list[str] = field(default_factory=list)

    @property
    def text_only(self) -> bool:
        """Whether nothing is spoken."""
        return section(self.config, "conversation").get("text_only") is True

    @property
    def initiation(self) -> dict[str, Any]:
        """What the client gave, to be kept: without the values of secrets."""
        given = self.data.sent()
        if variables := given.get("dynamic_variables"):
            given["dynamic_variables"] = {
                name: "" if name.startswith(SECRET) else value for name, value in variables.items()
            }
        return given

    def opening(self, conversation_id: str, direction: str, caller: str | None) -> dict[str, Any]:
        """Return what the graph is to know from the start, by keys of its state."""
        return {
            "agent": self.agent.model_dump(mode="json"),
            "conversation_id": conversation_id,
            "direction": direction,
            "caller": caller,
        }


def prepared(
    agent_id: str,
    name: str,
    document: Mapping[str, Any],
    tools: Mapping[str, Mapping[str, Any]],
    data: ClientData,
    system: Mapping[str, Value],
    settings: Settings,
    graphs: Sequence[str],
) -> Prepared:
    """Resolve an agent for one conversation.

    Args:
        agent_id: of the agent.
        name: of the agent.
        document: the agent's JSON.
        tools: configurations of the tools it names, by their ids.
        data: what the client gave.
        system: `system__` variables.
        settings: of the server.
        graphs: names of the graphs served.

    Raises:
        OverrideRefused: the client wants to change what it may not.
        Unusable: the JSON describes no agent.
    """
    config = overridden(document, data.conversation_config_override or {})
    part, tts = section(config, "agent"), section(config, "tts")
    prompt = section(part, "prompt")
    built_in = _built_in(prompt)
    machine = built_in.get("voicemail_detection", {})
    texts = [part.get("first_message") or "", prompt.get("prompt") or ""]
    texts += [str(machine.get("voicemail_message") or "")]
    texts += [str(part.get("max_conversation_duration_message") or "")]
    placeholders = section(part, "dynamic_variables", "dynamic_variable_placeholders")
    system = {"system__agent_id": agent_id, **system}
    variables = collect(data.dynamic_variables or {}, placeholders, system, named_in(*texts))
    warnings = list(variables.warnings)
    first, told, left, last = (filled(text, variables.public) for text in texts)
    if left:
        machine["voicemail_message"] = left
    language = _language(part.get("language"), warnings)
    presets = section(config, "language_presets")
    documents = [str(one["id"]) for one in prompt.get("knowledge_base") or []]
    folder = part.get("organisation")
    transfers = _transfers(prompt, warnings)
    try:
        agent = Agent.model_validate(
            {
                "agent_id": agent_id,
                "name": name or agent_id,
                "organisation": folder or WORKSPACE,
                "first_message": first,
                "prompt": told,
                "language": language,
                "languages": _languages(language, presets),
                "voice": tts.get("voice_id") or None,
                "voices": _voices(presets),
                "llm": llm_of(prompt, settings, warnings),
                "built_in": built_in,
                "tools": _tools(prompt, tools, warnings),
                "documents": documents or (None if folder else []),
                "qualification": part.get("qualification") or [],
                "max_chunks": _chunks(prompt),
                "variables": dict(variables.public),
                "transfer_numbers": transfers,
                "max_duration_secs": _secs(config, "conversation", "max_duration_seconds"),
                "max_duration_message": last,
                "record_voice": _keeps_voice(document),
                "silence_secs": _secs(config, "turn", "turn_timeout"),
                **{key: part[key] for key in _OURS if part.get(key) is not None},
            }
        )
    except ValidationError as error:
        raise Unusable(f"The agent {agent_id} cannot speak: {first_wrong(error)}") from None
    graph = graph_of(part, settings, graphs)
    if graph not in graphs:
        raise Unusable(
            f"conversation_config.agent.graph: there is no graph {graph!r}. Served here: "
            f"{', '.join(graphs)}."
        )
    limits = _limits(section(document, "platform_settings", "call_limits"))
    return Prepared(agent, graph, config, variables, data, limits, warnings)


def _keeps_voice(document: Mapping[str, Any]) -> bool:
    """Return whether calls of an agent may be recorded."""
    privacy = section(document, "platform_settings", "privacy")
    return privacy.get("record_voice") is not False and not privacy.get("zero_retention_mode")


def _limits(given: Mapping[str, Any]) -> Limits:
    def limit(name: str) -> int | None:
        most = given.get(name)
        return most if isinstance(most, int) and most >= 0 else None  # -1 is ElevenLabs' for none

    return Limits(limit("agent_concurrency_limit"), limit("daily_limit"))


def graph_of(part: Mapping[str, Any], settings: Settings, graphs: Sequence[str]) -> str:
    """Return the name of the graph that holds an agent's conversations; it may not be served."""
    named = part.get("graph")
    return str(named) if named else ("sdr" if "sdr" in graphs else settings.default_graph)


def _secs(config: Mapping[str, Any], *path: str) -> float | None:
    """Return a limit of a second to a day; None where there is none (ElevenLabs writes -1)."""
    given = section(config, *path[:-1]).get(path[-1])
    if not isinstance(given, int | float) or not given > 0:
        return None
    return float(min(max(given, 1), DAY_SECS))


def _language(given: Any, warnings: list[str]) -> str:
    code = str(given or "en").partition("-")[0].lower()
    if len(code) == 2 and code.isascii() and code.isalpha():
        return code
    warnings.append(f"The language {given} is not an ISO 639-1 code; English is spoken.")
    return "en"


def _languages(own: str, presets: Mapping[str, Any]) -> tuple[str, ...]:
    others = [code.partition("-")[0].lower() for code in presets]
    return tuple(dict.fromkeys([own, *(code for code in others if len(code) == 2)]))


def _voices(presets: Mapping[str, Any]) -> dict[str, str]:
    voices = {
        code.partition("-")[0].lower(): section(presets, code, "overrides", "tts").get("voice_id")
        for code in presets
    }
    return {code: str(voice) for code, voice in voices.items() if voice}


def llm_of(prompt: Mapping[str, Any], settings: Settings, warnings: list[str]) -> Llm:
    """Choose the model; one that there is no key for is stood in for by the embedded one."""
    named = str(prompt.get("llm") or "")
    temperature, most = prompt.get("temperature"), prompt.get("max_tokens")
    options: dict[str, Any] = {
        "temperature": min(max(float(temperature or 0), 0.0), 2.0),
        "max_tokens": min(int(most), 4096) if isinstance(most, int) and most > 0 else 300,
    }
    own = section(prompt, "custom_llm")
    if named == "custom-llm" or (own and not named):
        if not own.get("url"):
            raise Unusable("conversation_config.agent.prompt.custom_llm.url is missing.")
        return Llm(
            provider="openai",
            model=str(own.get("model_id") or ""),
            base_url=str(own["url"]),
            api_key_secret=section(own, "api_key").get("secret_id"),
            **options,
        )
    provider = _provider(named, settings)
    if provider is None:
        warnings.append(
            f"There is no key for the model {named} on this server; the embedded responder answers."
        )
        provider = "embedded"
    if not named:
        named = settings.llm_model if provider != "embedded" else ""
    return Llm(provider=provider, model="" if provider == "embedded" else named, **options)


def _provider(named: str, settings: Settings) -> Literal["embedded", "openai", "anthropic"] | None:
    """Return who has a model; None where this server has no access to it."""
    if not named:
        return settings.llm
    if named == "embedded":
        return "embedded"
    if named.startswith("claude"):
        return "anthropic" if settings.llm == "anthropic" else None
    return "openai" if settings.llm == "openai" or settings.openai_api_key else None


def _built_in(prompt: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    inline = {
        str(tool.get("name")): tool
        for tool in prompt.get("tools") or []
        if tool.get("type") == "system"
    }
    named = prompt.get("built_in_tools")
    if named is None and not inline:
        return dict(_FREE)
    return {
        name: dict(section(tool, "params"))
        | ({"description": tool["description"]} if tool.get("description") else {})
        for name, tool in {**inline, **(named or {})}.items()
        if tool is not None
    }


def _transfers(prompt: Mapping[str, Any], warnings: list[str]) -> list[TransferNumber]:
    rules = _built_in(prompt).get("transfer_to_number", {}).get("transfers") or []
    found = []
    for rule in rules if isinstance(rules, list) else []:
        destination = section({"rule": rule}, "rule", "transfer_destination")
        number = e164(
            str(
                destination.get("phone_number")
                or section({"r": rule}, "r").get("phone_number")
                or ""
            )
        )
        if number is None:
            warnings.append("A transfer rule names no telephone number in E.164, and is not used.")
            continue
        found.append(
            TransferNumber(
                to=number,
                when=str(rule.get("condition") or ""),
                warm=rule.get("transfer_type") == "conference",
            )
        )
    return found


def _tools(
    prompt: Mapping[str, Any], tools: Mapping[str, Mapping[str, Any]], warnings: list[str]
) -> list[dict[str, Any]]:
    named = [str(tool_id) for tool_id in prompt.get("tool_ids") or []]
    for tool_id in named:
        if tool_id not in tools:
            warnings.append(f"There is no tool {tool_id}; the agent goes without it.")
    found = [{"id": tool_id, **tools[tool_id]} for tool_id in named if tool_id in tools]
    usable = []
    for tool in [*found, *(prompt.get("tools") or [])]:
        if tool.get("type") == "system":
            continue
        try:
            tool_spec(tool)
        except ValidationError as error:
            warnings.append(f"The tool {tool.get('name')} cannot be used: {first_wrong(error)}")
        else:
            usable.append(dict(tool))
    return usable


def first_wrong(error: ValidationError) -> str:
    """Return the first thing that is wrong, without what was sent."""
    wrong = error.errors(include_url=False, include_input=False)[0]
    return f"{'.'.join(map(str, wrong['loc']))}: {wrong['msg']}."


def _chunks(prompt: Mapping[str, Any]) -> int:
    most = section(prompt, "rag").get("max_retrieved_rag_chunks_count")
    return min(max(most, 1), 20) if isinstance(most, int) else 3
