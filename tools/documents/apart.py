"""Reads documents in a process of its own, which a hostile file may hold up or fill, and no more.

PDF, docx and HTML are read by libraries that take their time, or the machine's memory, with files
made for that. The process has no variables of the environment, may not write files, has so much
memory and processor time, and is killed when a document takes too long. It is kept for the next
one, for it takes a third of a second to start.
"""

import asyncio
import contextlib
import json
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from pathlib import Path
from typing import Final

from tools.documents.reading import Read, Unreadable, kind_of, read

ROOT: Final = Path(__file__).parents[2]
READ_SECS: Final = 60.0
"""Longest a document may take to be read."""
MEMORY_BYTES: Final = 1_500_000_000
"""Most memory of the process, program and libraries included."""
LONGEST_ANSWER: Final = 64_000_000
"""More bytes than any text that is taken has as JSON."""
_PROGRAM: Final = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from tools.documents.reader_process import main; main(int(sys.argv[2]))"
)


class Reader:
    """Reads one document after the other.

    Args:
        secs: longest a document may take.
        memory_bytes: most memory of the process that reads.
    """

    def __init__(self, secs: float = READ_SECS, memory_bytes: int = MEMORY_BYTES) -> None:
        self._secs = secs
        self._memory = memory_bytes
        self._process: Process | None = None
        self._reading = asyncio.Lock()

    async def read(self, data: bytes, name: str, content_type: str | None = None) -> Read:
        """Return the text of a document, see `tools.documents.reading.read`.

        Raises:
            Unreadable: as there; or it takes too long, or too much memory.
        """
        if await asyncio.to_thread(kind_of, data, name, content_type) == "text":
            return await asyncio.to_thread(read, data, name, content_type)
        async with self._reading:
            try:
                async with asyncio.timeout(self._secs):
                    answer = await self._asked(data, name, content_type)
            except TimeoutError:
                raise Unreadable(
                    f"{name} takes more than {self._secs:g} s to be read. Split it, or save it "
                    "anew from the program that made it."
                ) from None
            except (OSError, EOFError, ValueError):
                raise Unreadable(
                    f"{name} cannot be read: it takes too much memory, or breaks what reads it. "
                    "Save it anew from the program that made it."
                ) from None
            finally:
                if self._process and self._process.returncode is None and self._busy:
                    await self.close()
        if "unreadable" in answer:
            raise Unreadable(answer["unreadable"])
        return Read(answer["title"], answer["markdown"])

    _busy: bool = False
    """Whether a document was given to the process and not answered."""

    async def _asked(self, data: bytes, name: str, content_type: str | None) -> dict[str, str]:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-c", _PROGRAM, str(ROOT), str(self._memory)),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                env={},
            )
        given, answers = self._process.stdin, self._process.stdout
        if given is None or answers is None:
            raise EOFError
        self._busy = True
        about = json.dumps({"name": name, "content_type": content_type}).encode()
        given.writelines([_length(about), about, _length(data), data])
        await given.drain()
        length = int.from_bytes(await answers.readexactly(8), "big")
        if length > LONGEST_ANSWER:
            raise ValueError("the process has lost its way")
        answer: dict[str, str] = json.loads(await answers.readexactly(length))
        self._busy = False
        return answer

    async def close(self) -> None:
        """End the process, whatever it does."""
        process, self._process, self._busy = self._process, None, False
        if process and process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


def _length(data: bytes) -> bytes:
    return len(data).to_bytes(8, "big")
