"""The whole application and the phone lab in virtual time, each reaching the other's HTTP."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from graphs.threads import Graph
from server.app import create_app
from server.services import Services
from settings import Settings
from voice.phonelab import PhoneLab, Subscriber
from voice.phonelab.virtual_speech import NAME, SpellingVoice, offered

BASE, TOKEN = "http://127.0.0.1", "of the lab"
OURS, ASHA, PERSON = "+15550100", "+15550123", "+15550177"


def settings_for(folder: Path, **more: Any) -> Settings:
    """Settings of a server that places its calls through the lab, its speech spelled."""
    from voice.phonelab.lab import ACCOUNT_SID, IN_MEMORY

    chosen: dict[str, Any] = {
        "data_dir": folder,
        "default_graph": "graph",
        "public_url": BASE,
        "twilio_account_sid": ACCOUNT_SID,
        "twilio_auth_token": TOKEN,
        "twilio_api_url": IN_MEMORY,
        "twilio_number": OURS,
        **more,
    }
    made = Settings(_env_file=None, **chosen)
    made.stt = made.tts = NAME  # type: ignore[assignment]  # not for all
    return made


@contextlib.asynccontextmanager
async def world(
    folder: Path,
    graph: Graph,
    subscribers: Mapping[str, Subscriber] | None = None,
    permission: bool = False,
    **more: Any,
) -> AsyncIterator[tuple[PhoneLab, Services, FastAPI]]:
    """Run the application and the lab; everybody may be called, unless `permission` is asked."""
    with offered():
        app = create_app(settings_for(folder, **more), {"graph": graph})
        async with (
            PhoneLab(
                auth_token=TOKEN, app=app, subscribers=subscribers, voice=SpellingVoice()
            ) as lab,
            app.router.lifespan_context(app),
        ):
            if not permission:
                app.state.services.dialler._may_call = None
            yield lab, app.state.services, app
