"""Calls apart from the world: with settings, records and a desk of their own, which reach nobody.

What a graph's tools do in such a call (book, write, send) stays in the call's folder.
"""

import contextlib
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, Final

from settings import Settings, get_settings
from store.database import Database
from tools.desk import open_desk
from tools.outside import Outside

OF_THE_MODEL: Final = (
    *("organisation", "llm", "llm_model", "llm_base_url", "openai_api_key", "openai_base_url"),
    *("anthropic_api_key", "llm_first_token_secs", "llm_next_token_secs", "llm_answer_secs"),
)
"""Settings that say what an agent knows and which model speaks for it."""


class SettingsApart(Settings):
    """Settings that are given, and otherwise the defaults; no key of this machine is looked at."""

    @classmethod
    def settings_customise_sources(
        cls, settings_cls: Any, init_settings: Any, *_: Any, **__: Any
    ) -> tuple[Any, ...]:
        """Take what is given, and nothing from the environment."""
        return (init_settings,)


@contextlib.asynccontextmanager
async def desk_apart(settings: Settings, engine: Database) -> AsyncIterator[Mapping[str, Any]]:
    """Open what tools act with, on records of their own, as `Threads` takes it.

    It knows the organisations of this machine, and nobody outside.

    Args:
        settings: those of the call, see `SettingsApart`.
        engine: the records of the call.
    """
    own = get_settings().data_dir / "organisations"
    if own.is_dir() and not (settings.data_dir / own.name).exists():
        shutil.copytree(own, settings.data_dir / own.name)
    async with open_desk(settings, engine, Outside(resolve=_nowhere)) as desk:
        yield {"desk": desk}


async def _nowhere(host: str, _port: int) -> Sequence[str]:
    """Know no address: nothing that is done in such a call is done in the world."""
    raise OSError(f"A call that is held apart reaches nobody, not {host}.")
