"""Ingests a folder, and waits before its third document is written until it is killed."""

import asyncio
import sys
from pathlib import Path
from typing import Any

from settings import get_settings
from store.knowledge import KnowledgeStore
from tests.knowledge.conftest import opened
from tools.knowledge.folders import files_in, ingest


async def main(folder: Path, point: str) -> None:
    done, before = [], getattr(KnowledgeStore, point)

    async def stopping(self: KnowledgeStore, *given: Any, **named: Any) -> Any:
        done.append(given)
        if len(done) == 3:
            sys.stdout.write("stopped\n")
            sys.stdout.flush()
            await asyncio.Event().wait()
        return await before(self, *given, **named)

    setattr(KnowledgeStore, point, stopping)
    async with opened(get_settings()) as knowledge:
        async for _ in ingest(knowledge, "acme", files_in(folder), folder, "ingest"):
            pass


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
