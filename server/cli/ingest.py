"""`dialgraph ingest`: add documents to what an organisation knows."""

from typing import Annotated

import typer


def ingest(
    organisation: Annotated[str, typer.Argument(help="Name of the organisation.")],
    path: Annotated[str, typer.Argument(help="A file, a folder, or an http(s) address.")],
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Delete what was ingested before and is not in this folder."),
    ] = False,
) -> None:
    """Add documents to what an organisation knows: text, Markdown, HTML, PDF, docx, pages.

    A document is known by its path below PATH, or by its address: done again, only what has
    changed is read and embedded, and an interrupted run is gone on with. What is no longer there
    stays known, unless --prune is given. The exit code is 1 when a document was refused; the others
    are there all the same.
    """
    from server.cli.knowledge import ingest_documents

    ingest_documents(organisation, path, prune=prune)
