"""A server that is killed, again and again, while it goes through a batch of calls.

Run as a program it forks the whole server, which kills itself (SIGKILL) at the n-th statement or
commit of its database, or just before or after it asks the carrier for a call; the last one lives
to see everybody called. What is imported and made before it serves is paid once.
"""

import asyncio
import os
import random
import signal
import sys
import traceback
from pathlib import Path
from typing import Any, Final

import uvicorn
from fastapi import FastAPI
from sqlalchemy import Engine, event

import server.app
import voice.placing
from tests.jobs.test_promised_calls import rules
from tests.phone.placing import settings_for
from tests.phone.test_dialler import greeter
from voice.phonelab.virtual_speech import offered

MOST_POINTS: Final = 400
"""A server that goes through a batch of a dozen passes more of them than this."""
MOST_KILLED: Final = 6


def application(folder: Path, url: str | None, carrier: str, port: int) -> FastAPI:
    """Make a server that may call anybody who agreed, at any hour."""
    here = f"http://127.0.0.1:{port}"
    more = {"public_url": here, "twilio_api_url": carrier, "database_url": url}
    setattr(server.app, "warm_up", lambda _: None)  # noqa: B010 - nobody speaks
    chosen = settings_for(folder, **rules(folder.parent), **more)
    return server.app.create_app(chosen, {"graph": greeter()})


def die_at(number: int) -> None:
    """Have this process die at the point of that number."""
    passed, asking = 0, voice.placing.Placing.ask

    def point(*_: object) -> None:
        nonlocal passed
        passed += 1
        if passed == number:
            os.kill(os.getpid(), signal.SIGKILL)

    async def ask(placing: Any, *asked: Any) -> Any:
        point()
        answer = await asking(placing, *asked)
        point()
        return answer

    setattr(voice.placing.Placing, "ask", ask)  # noqa: B010
    setattr(voice.placing, "READ_BACK_SECS", (0.0, 0.1, 0.2))  # noqa: B010
    for name in ("before_cursor_execute", "after_cursor_execute", "commit"):
        event.listen(Engine, name, point)


async def serve(app: FastAPI, port: int) -> None:
    """Serve until everybody has been called."""
    serving = uvicorn.Server(uvicorn.Config(app, port=port, log_level="error"))
    served = asyncio.create_task(serving.serve())
    while not serving.started:
        await asyncio.sleep(0.01)
    batches = app.state.services.batches
    (batch,) = await batches.page(limit=1)
    while await batches.recipients(batch.id, statuses=("pending", "dispatched")):
        await asyncio.sleep(0.2)
    serving.should_exit = True
    await served


def spawn(app: FastAPI, port: int, point: int) -> int:
    """Fork a server that dies at a point and return how it ended."""
    if child := os.fork():
        return os.waitpid(child, 0)[1]
    code = 1
    try:
        die_at(point)
        with offered():
            asyncio.run(serve(app, port))
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


def main(folder: str, url: str, carrier: str, port: str, seed: str) -> None:
    """Kill servers at random points, then let one come to the end; prints how many were killed."""
    chance, killed = random.Random(int(seed)), 0  # noqa: S311
    app = application(Path(folder), url or None, carrier, int(port))
    for _ in range(MOST_KILLED):
        status = spawn(app, int(port), chance.randint(1, MOST_POINTS))
        assert os.WIFSIGNALED(status) or status == 0
        killed += status != 0
    assert spawn(app, int(port), 0) == 0
    os.write(1, f"killed {killed}\n".encode())


if __name__ == "__main__":
    main(*sys.argv[1:6])
