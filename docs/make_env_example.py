"""Write `.env.example` from `Settings`: python docs/make_env_example.py."""

import json
import sys
from pathlib import Path

from pydantic import AliasChoices

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from settings import Settings  # noqa: E402

HEADER = """\
# Settings of Dialgraph: copy to .env and uncomment what you need. Made from settings.py.
# Nothing is required: without any of them everything runs on this machine, offline.
"""


def env_example() -> str:
    """Return the file: one line a setting, its meaning above it."""
    blocks = [HEADER]
    for name, field in Settings.model_fields.items():
        alias = field.validation_alias
        usual = str(alias.choices[-1]) if isinstance(alias, AliasChoices) else ""
        variable = usual.replace("XI_API_KEY", "ELEVENLABS_API_KEY") or f"DIALGRAPH_{name.upper()}"
        default = field.get_default(call_default_factory=True)
        value = "" if default is None else default
        text = json.dumps(value) if isinstance(value, dict | list | bool) else str(value)
        about = f"# {field.description}\n" if field.description else ""
        blocks.append(f"{about}# {variable}={text}\n")
    return "\n".join(blocks)


if __name__ == "__main__":
    (ROOT / ".env.example").write_text(env_example())
