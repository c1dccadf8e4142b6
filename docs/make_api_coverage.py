"""Make docs/api-coverage.md: ElevenLabs' own routes, from its SDK, beside those served here.

python docs/make_api_coverage.py
"""

import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

PAGE = Path(__file__).parent / "api-coverage.md"
ALIASES = {
    ("GET", "/v1/convai/conversation/token"): "for the socket's `token=`, not for WebRTC",
    ("POST", "/v1/convai/exotel/outbound-call"): "answers that Exotel only brings calls in",
    ("POST", "/v1/convai/sip-trunk/outbound-call"): "answers that there are no SIP trunks",
    ("POST", "/v1/convai/phone-numbers"): "Twilio and Exotel, no SIP trunks",
    ("GET", "/v1/convai/conversations"): "the filters of docs/api.md",
    ("POST", "/v1/convai/knowledge-base/rag-index"): "documents are indexed as they are added",
}
"""What is served otherwise than there."""
MODELS = {
    "conversation_config": "ConversationalConfig",
    "conversation_config.agent": "AgentConfig",
    "conversation_config.agent.prompt": "PromptAgentApiModelOutput",
    "conversation_config.agent.prompt.custom_llm": "CustomLlm",
    "conversation_config.agent.prompt.rag": "RagConfigOutput",
    "conversation_config.tts": "TtsConversationalConfigOutput",
    "conversation_config.turn": "TurnConfig",
    "conversation_config.conversation": "ConversationConfigOutput",
    "platform_settings": "AgentPlatformSettingsResponseModel",
    "platform_settings.workspace_overrides": "AgentWorkspaceOverridesOutput",
    "platform_settings.workspace_overrides.webhooks": "ConvAiWebhooks",
    "platform_settings.call_limits": "AgentCallLimits",
    "platform_settings.privacy": "PrivacyConfigOutput",
}
"""The SDK's models of the objects of an agent that it can set."""
_CALL = re.compile(r"(?:request|stream)\(\s*f?\"([^\"]+)\",.*?method=\"(\w+)\"", re.DOTALL)
_PARAMETER = re.compile(r"\{[^}]*\}")
Route = tuple[str, str]


def of_the_sdk() -> dict[Route, str]:
    """Return the routes under /v1/convai and of webhooks that the SDK asks, with their resource."""
    spec = find_spec("elevenlabs")
    if spec is None or spec.origin is None:
        raise SystemExit("Install the development dependencies first: make install.")
    root = Path(spec.origin).parent
    found: dict[Route, str] = {}
    for area in ("conversational_ai", "webhooks"):
        for file in sorted((root / area).rglob("raw_client.py")):
            resource = str(file.parent.relative_to(root / area)) if area != "webhooks" else area
            for path, method in _CALL.findall(file.read_text()):
                found[method, "/" + path.lstrip("/")] = resource if resource != "." else "general"
    return found


def served() -> Iterator[Route]:
    """Yield the routes that this server answers, of those that ElevenLabs may have."""
    sys.path.insert(0, str(PAGE.parent.parent))
    from server.app import create_app
    from settings import Settings

    paths = create_app(Settings(_env_file=None)).openapi()["paths"]
    for path, operations in paths.items():
        if path.startswith(("/v1/convai", "/v1/workspace")):
            yield from ((method.upper(), path) for method in operations)


def anonymous(route: Route) -> Route:
    """Return a route without the names of its parameters."""
    return route[0], _PARAMETER.sub("{}", route[1])


def settings_of_agents() -> Iterator[str]:
    """Yield a row for each object of an agent: what of it is acted upon, and what only kept."""
    from elevenlabs import types

    from server.convai.acted_upon import ACTED_UPON

    for path, name in MODELS.items():
        fields, known = set(getattr(types, name).model_fields), ACTED_UPON[path]
        cells = (fields & known, known - fields, fields - known)
        shown = (", ".join(f"`{field}`" for field in sorted(cell)) for cell in cells)
        yield f"| `{path}` | {' | '.join(shown)} |"


def page() -> str:
    """Write the page."""
    theirs, ours = of_the_sdk(), {anonymous(route): route for route in served()}
    rows: dict[str, list[str]] = defaultdict(list)
    supported = 0
    for route, resource in sorted(theirs.items(), key=lambda item: (item[1], item[0][1])):
        there = anonymous(route) in ours
        supported += there
        shown = re.sub(r"\{jsonable_encoder\((\w+)\)\}", r"{\1}", route[1])
        state = ALIASES.get(route, "yes") if there else "no"
        rows[resource].append(f"| {route[0]} | `{shown}` | {state} |")
    extra = sorted(set(ours) - {anonymous(route) for route in theirs})
    lines = [
        "# Which of ElevenLabs' routes are served",
        "",
        "Made by `python docs/make_api_coverage.py` from the routes that the official Python SDK",
        "asks, and those of this server; a test keeps it current. What *yes* means is in",
        "[the API](api.md). In the tests the SDK asks every one of them, and its models, made",
        "strict, take each answer (`tests/wire/test_sdk_drives_every_route.py`).",
        "",
        f"**{supported} of {len(theirs)}** routes are served.",
        "",
    ]
    partly = sorted(name for name in rows if any(not row.endswith("| no |") for row in rows[name]))
    for name in partly:
        lines += [f"## {name}", "", "| method | path | served |", "|---|---|---|", *rows[name], ""]
    none = sorted(set(rows) - set(partly))
    lines += ["## Not served at all", "", ", ".join(f"{n} ({len(rows[n])})" for n in none), ""]
    lines += ["## Served here, and not asked by the SDK", "", "| method | path |", "|---|---|"]
    lines += [f"| {method} | `{ours[method, path][1]}` |" for method, path in extra]
    lines += ["| WebSocket | `/v1/convai/conversation` |", ""]
    lines += [
        "## Settings of an agent",
        "",
        "From the SDK's models, and `server/convai/acted_upon.py`. What is only kept comes back as",
        "it was sent and changes nothing; the log names it when it is set.",
        "",
        "| object | acted upon | ours | only kept |",
        "|---|---|---|---|",
        *settings_of_agents(),
        "",
        "Besides, `workflow` and whatever ElevenLabs adds later are only kept.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page())
