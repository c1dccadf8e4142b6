"""A receiver of webhooks, over a real socket: keeps what comes, and answers as it is told."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field

Answer = tuple[int, Mapping[str, str]]


@dataclass
class Received:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where to deliver, and what came."""

    url: str
    host: str
    came: list[Received] = field(default_factory=list)
    answer: Callable[[Received], Answer] = lambda _: (200, {})
    silent: str = " "
    """What the path of a request ends with that is never answered."""

    def ids(self) -> list[str]:
        """Ids of the events in the order in which they came."""
        return [request.headers["dialgraph-event-id"] for request in self.came]


@contextlib.asynccontextmanager
async def receiver() -> AsyncIterator[Receiver]:
    """Listen while the context lasts."""
    held: set[asyncio.StreamWriter] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        held.add(writer)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
                headers = dict(line.lower().split(": ", 1) for line in head[1:] if line)
                raw = {line.partition(": ")[0].lower(): line.partition(": ")[2] for line in head}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                kept = {name: raw[name] for name in headers}
                request = Received(head[0].split()[1], kept, body)
                here.came.append(request)
                if request.path.endswith(here.silent):
                    continue
                status, more = here.answer(request)
                lines = [f"HTTP/1.1 {status} X", "Content-Length: 0"]
                lines += [f"{name}: {value}" for name, value in more.items()]
                writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    here = Receiver(f"http://127.0.0.1:{port}/hook", f"127.0.0.1:{port}")
    try:
        yield here
    finally:
        server.close()
        for writer in held:
            writer.close()
