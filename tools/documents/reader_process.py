"""The process that reads documents: bytes in, their text out, until nobody asks any more."""

import json
import os
import resource
import signal
import sys
from typing import BinaryIO

from tools.documents.reading import Unreadable, read

MOST_CPU_SECS = 600
"""Of all documents together; a new process is started for those after them."""


def main(memory_bytes: int) -> None:
    """Answer until the other side closes; each document by its text, or why it has none."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a key that was meant for the server
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECS, MOST_CPU_SECS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # what a library prints must not get between the answers
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    while (about := _given(sys.stdin.buffer)) is not None:
        document = _given(sys.stdin.buffer) or b""
        answer = json.dumps(_answer(document, **json.loads(about))).encode()
        answers.write(len(answer).to_bytes(8, "big") + answer)
        answers.flush()


def _answer(document: bytes, name: str, content_type: str | None) -> dict[str, str | None]:
    try:
        made = read(document, name, content_type)
    except Unreadable as error:
        return {"unreadable": str(error)}
    return {"title": made.title, "markdown": made.markdown}


def _given(stream: BinaryIO) -> bytes | None:
    length = stream.read(8)
    return stream.read(int.from_bytes(length, "big")) if len(length) == 8 else None
