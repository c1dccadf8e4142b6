"""The shape of the project: layers, one Settings, no stray addresses."""

import ast
import importlib.util
import re
import subprocess
import sys
from pathlib import Path

from settings import Settings

ROOT = Path(__file__).parent.parent.parent


def test_each_room_imports_only_from_those_below_it() -> None:
    command = [str(Path(sys.executable).parent / "lint-imports")]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert result.returncode == 0, result.stdout


def test_settings_import_nothing_of_the_project() -> None:
    rooms = {"graphs", "voice", "tools", "ui", "store", "server"}
    imported = set()
    for node in ast.walk(ast.parse((ROOT / "settings.py").read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").split(".")[0])
    assert not imported & rooms


def test_the_example_environment_is_made_from_the_settings() -> None:
    file = ROOT / "docs" / "make_env_example.py"
    spec = importlib.util.spec_from_file_location("make_env_example", file)
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / ".env.example").read_text() == module.env_example(), (
        "run: python docs/make_env_example.py"
    )


def test_every_setting_says_what_it_means() -> None:
    obvious = ("_sid", "_key", "_token")
    missing = [
        name
        for name, field in Settings.model_fields.items()
        if not field.description and not name.endswith(obvious)
    ]
    assert not missing


def test_the_locks_hold_hashes_and_no_addresses() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text
        assert not re.search(r"^(--|-i|-f)", text, re.MULTILINE)


def test_what_is_run_in_production_is_locked_the_same_for_development() -> None:
    def pins(lock: str) -> set[str]:
        return set(re.findall(r"^([\w.-]+==[^\s;]+)", (ROOT / lock).read_text(), re.MULTILINE))

    assert pins("requirements.lock") <= pins("requirements-dev.lock")
