"""`dialgraph pipeline-test`: one question through every part of a call, and what each part took."""

import asyncio
import tempfile
import wave
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from settings import get_settings
from tools.organisation import DEFAULT, OrganisationError

if TYPE_CHECKING:
    from settings import Settings
    from voice.pipeline_test import Timed

QUESTION = "How long is the free trial?"


def pipeline_test(
    audio: Annotated[
        Path | None,
        typer.Argument(
            metavar="[FILE.wav]", help="What is asked, mono PCM16; QUESTION spoken, if missing."
        ),
    ] = None,
    organisation: Annotated[
        str | None, typer.Option(help="Whose agent answers; that of the settings if missing.")
    ] = None,
    question: Annotated[str, typer.Option(help="What is asked, where no file is given.")] = (
        QUESTION
    ),
    save: Annotated[
        Path | None, typer.Option(metavar="FILE.wav", help="Where the spoken answer goes.")
    ] = None,
) -> None:
    """Send a question through speech to text, retrieval, the agent and text to speech.

    Prints what came out of each part, and its milliseconds. Nothing is kept and no tool acts. The
    exit code is 1 when a part does not work.
    """
    from rich.console import Console
    from rich.table import Table

    from voice.pipeline_test import PartFailed
    from voice.warm_up import warm_up

    settings = get_settings()
    named = settings.model_copy(update={"organisation": organisation or settings.organisation})
    try:
        warm_up(named)
        parts, sound = asyncio.run(_run(named, _recorded(audio) if audio else None, question))
    except (PartFailed, OrganisationError) as failure:
        typer.echo(str(failure), err=True)
        raise typer.Exit(1) from None
    table = Table(title=f"One turn for {named.organisation or DEFAULT}", title_justify="left")
    for column in ("part", "by", "ms", "result"):
        table.add_column(column, justify="right" if column == "ms" else "left")
    for one in parts:
        table.add_row(one.part, one.by, f"{one.ms:.0f}", one.result)
    heard = sum(one.ms for one in parts if one.part in COUNTED)
    table.add_row("speech to speech", "", f"{heard:.0f}", "the parts a caller waits for, in a row")
    Console().print(table)
    if save:
        _write(save, sound)


COUNTED = ("speech to text", "agent", "first sound")
"""Retrieval is within the agent's turn, and timed by itself besides."""


async def _run(
    settings: "Settings", recorded: tuple[bytes, int] | None, question: str
) -> "tuple[list[Timed], bytes]":
    from dataclasses import replace

    from langchain_core.messages import HumanMessage

    from graphs.sdr.graph import graph
    from graphs.threads import Begin, Reply, Threads
    from store.database import open_checkpointer, open_database
    from tools.desk import open_desk
    from voice.pipeline_test import RATE, PartFailed, Timed, speech_of, timed, words_of

    parts: list[Timed] = []
    if recorded is None:
        (sound, _), ms = await timed(
            "the question", settings.tts, lambda: speech_of(settings, question)
        )
        parts.append(Timed("the question", settings.tts, ms, question))
        recorded = sound, RATE
    pcm, rate = recorded
    text, ms = await timed("speech to text", settings.stt, lambda: words_of(settings, pcm, rate))
    if not text.strip():
        raise PartFailed(f"Speech to text ({settings.stt}) heard no words.")
    parts.append(Timed("speech to text", settings.stt, ms, text.strip()))
    with tempfile.TemporaryDirectory() as apart:
        async with (
            open_database(settings.data_dir, settings.postgres) as engine,
            open_checkpointer(Path(apart)) as checkpoints,
            open_desk(settings, engine) as desk,
        ):
            threads = Threads(
                {"sdr": graph},
                checkpoints,
                turn_timeout=settings.turn_timeout_secs,
                configurable={"desk": replace(desk, rehearsal={})},
            )
            async for _ in threads.turn("sdr", "pipeline-test", Begin({"direction": "inbound"})):
                pass
            await desk.knowledge.search(settings.organisation, text)  # reads and indexes
            found, ms = await timed(
                "retrieval", "", lambda: desk.knowledge.search(settings.organisation, text)
            )
            shown = found.passages[0].title if found.passages else "nothing"
            parts.append(Timed("retrieval", found.embedding_model, ms, shown))

            async def answered() -> str:
                said = HumanMessage(text)
                turn = threads.turn("sdr", "pipeline-test", said)
                return " ".join([one.text async for one in turn if isinstance(one, Reply)])

            answer, ms = await timed("agent", settings.llm, answered)
    if not answer.strip():
        raise PartFailed(f"The agent ({settings.llm}) answered nothing.")
    parts.append(Timed("agent", settings.llm, ms, answer.strip()))
    (spoken, first), ms = await timed(
        "text to speech", settings.tts, lambda: speech_of(settings, answer)
    )
    secs = len(spoken) / 2 / RATE
    parts.append(Timed("first sound", settings.tts, first, "of the answer"))
    parts.append(Timed("text to speech", settings.tts, ms, f"{secs:.1f} s of sound"))
    return parts, spoken


def _recorded(file: Path) -> tuple[bytes, int]:
    try:
        with wave.open(str(file), "rb") as wav:
            if (wav.getnchannels(), wav.getsampwidth()) != (1, 2):
                raise typer.BadParameter(f"{file} is not mono PCM16.")
            return wav.readframes(wav.getnframes()), wav.getframerate()
    except (OSError, EOFError, wave.Error) as error:
        raise typer.BadParameter(f"{file} cannot be read as WAV: {error}") from None


def _write(file: Path, sound: bytes) -> None:
    from voice.pipeline_test import RATE

    with wave.open(str(file), "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(RATE)
        wav.writeframes(sound)
