"""What is checked before the server says that it is ready, each failure in one sentence."""

import os
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path

from filelock import BaseFileLock, FileLock, Timeout
from pydantic import AliasChoices, ValidationError

from settings import Settings, get_settings
from store.private import private_folder


class CannotStart(ValueError):
    """A setting makes the server useless; says which, and what to do."""


def read_settings() -> Settings:
    """Read the settings of the process.

    Raises:
        CannotStart: a variable has a value that is not allowed.
    """
    try:
        return get_settings()
    except ValidationError as error:
        wrong = [
            f"{'.'.join(map(str, problem['loc'])).upper()}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_context=False)
        ]
        raise CannotStart("A setting is wrong. " + "; ".join(map(_with_prefix, wrong))) from None
    except ValueError as error:  # a value that is to be JSON and is not
        raise CannotStart(f"A setting is wrong, expected JSON: {error}.") from None


def check(settings: Settings, graphs: Iterable[str]) -> None:
    """Check what would otherwise fail at the first conversation; imports graphs and voice.

    Raises:
        CannotStart: with the first thing found.
    """
    from graphs.eligibility.rules import RulesError, load_rules
    from voice.providers import STT, TTS, ProviderNotConfigured, load_providers

    served = list(graphs)
    wanted = {settings.default_graph, *settings.numbers.values()}
    if missing := sorted(wanted - set(served)):
        raise CannotStart(
            f"There is no graph {missing[0]!r}, which DIALGRAPH_DEFAULT_GRAPH or DIALGRAPH_NUMBERS "
            f"names. Served here: {', '.join(served)}."
        )
    try:
        load_rules(settings.eligibility_rules)
    except RulesError as error:
        raise CannotStart(f"DIALGRAPH_ELIGIBILITY_RULES: {error}") from None
    _check_trading(settings)
    if settings.postgres:
        _check_postgres(settings.postgres)
    load_providers(settings.stt, settings.tts)
    try:
        STT[settings.stt].create(settings, 8000)
        TTS[settings.tts].create(settings, 8000)
    except ProviderNotConfigured as error:
        raise CannotStart(str(error)) from None


def _check_trading(settings: Settings) -> None:
    """Refuse what is half set: who wants real money must not learn later that it is paper."""
    if (settings.alpaca_key is None) != (settings.alpaca_secret is None):
        raise CannotStart("APCA_API_KEY_ID and APCA_API_SECRET_KEY go together; one is missing.")
    needed = {
        "APCA_API_KEY_ID": settings.alpaca_key,
        "DIALGRAPH_ALPACA_LIVE_ACCOUNT": settings.alpaca_live_account,
    }
    missing = [name for name, value in needed.items() if not value]
    if settings.alpaca_live and missing:
        raise CannotStart(
            "DIALGRAPH_ALPACA_LIVE trades with real money, on one account that is named; missing: "
            f"{' and '.join(missing)}. Without DIALGRAPH_ALPACA_LIVE it is paper trading."
        )


def _check_postgres(url: str) -> None:
    from store.postgres import Unreachable, address, check_reachable

    try:
        check_reachable(address(url))
    except (ValueError, Unreachable) as error:
        raise CannotStart(f"DATABASE_URL: {error}") from None


def make_data_folder(folder: Path) -> None:
    """Make the data folder, and see that it can be written to.

    Raises:
        CannotStart: it cannot.
    """
    try:
        private_folder(folder)
        trial = folder / f".written-by-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise CannotStart(
            f"The data folder {folder} cannot be written: {error.strerror}. "
            "Name another with DIALGRAPH_DATA_DIR."
        ) from None


def keep_data_folder(folder: Path) -> BaseFileLock:
    """Keep the data folder for this process; it is let go when the process ends, however it ends.

    Two servers on one folder would lose what is said on a thread that both of them serve.

    Raises:
        CannotStart: another server has it.
    """
    lock = FileLock(folder / ".server.lock")
    try:
        lock.acquire(blocking=False)
    except Timeout:
        raise CannotStart(
            f"Another server works with the data folder {folder}, or is still coming to its end. "
            "Stop that one, or name another folder with DIALGRAPH_DATA_DIR."
        ) from None
    return lock


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """Return a sentence for each variable that looks like a setting and is none."""
    known = {f"DIALGRAPH_{name.upper()}" for name in Settings.model_fields}
    for field in Settings.model_fields.values():
        if isinstance(field.validation_alias, AliasChoices):
            known |= {str(choice) for choice in field.validation_alias.choices}
    sentences = []
    for name in sorted(environment):
        if name.startswith("DIALGRAPH_") and name.upper() not in known:
            near = get_close_matches(name.upper(), known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            sentences.append(f"{name} is not a setting and is ignored.{hint}")
    return sentences


def _with_prefix(text: str) -> str:
    return text if text.startswith("DIALGRAPH_") else f"DIALGRAPH_{text}"
