"""Documents that agents know: texts, pages, files, their chunks, and how far they are indexed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from fastapi.responses import PlainTextResponse
from pydantic import Field

from server.convai.config import Sent, Text
from server.routes.convai.shapes import (
    ACCESS,
    Actor,
    Cursor,
    Filter,
    Id,
    PageSize,
    Search,
    missing,
    refuse,
    unix,
    wrong,
)
from server.routes.convai.tools import agents_by, agents_with, dependents, take_from
from server.services import Services, ServicesDep
from store.knowledge import Document
from store.pages import BadCursor, Key, decode, encode
from store.resources import Resource
from tools.knowledge import Unreadable
from tools.organisation import WORKSPACE
from tools.outside import NotAllowed, NotFetched

_KEYS: dict[str, type[Key]] = {
    "name": str,
    "created_at": datetime,
    "updated_at": datetime,
    "size": int,
}
router = APIRouter(prefix="/knowledge-base", tags=["knowledge base"])


class NewText(Sent):
    """A text."""

    text: Text = Field(min_length=1)
    name: Text | None = Field(None, max_length=512)
    parent_folder_id: Text | None = None


class NewUrl(Sent):
    """The address of a page."""

    url: Text = Field(min_length=1, max_length=4096)
    name: Text | None = Field(None, max_length=512)
    parent_folder_id: Text | None = None


class ChangedDocument(Sent):
    """Another name, or another text of a document that was given as text."""

    name: Text | None = Field(None, min_length=1, max_length=512)
    content: Text | None = Field(None, min_length=1)


class IndexWish(Sent):
    """A model that a document is to be found by; there is one here, whatever is named."""

    model: str = ""


class IndexWishes(Sent):
    """Documents that are to be indexed."""

    items: list[dict[str, Any]] = Field(max_length=100)


@router.post("/text")
async def add_text(body: NewText, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Add a text."""
    _no_folders(body.parent_folder_id)
    name = body.name or body.text.strip().partition("\n")[0][:80] or "Text"
    try:
        document = await services.knowledge.add_text(WORKSPACE, body.text, name=name)
    except Unreadable as error:
        wrong(["body", "text"], str(error))
    return await _added(services, document, actor)


@router.post("/url")
async def add_url(body: NewUrl, services: ServicesDep, actor: Actor) -> dict[str, Any]:
    """Add a page of the open Internet; the same address again replaces what it said."""
    _no_folders(body.parent_folder_id)
    try:
        document = await services.knowledge.add_url(WORKSPACE, body.url, name=body.name)
    except (NotAllowed, NotFetched, Unreadable) as error:
        wrong(["body", "url"], str(error))
    return await _added(services, document, actor)


@router.post("/file")
async def add_file(
    services: ServicesDep,
    actor: Actor,
    file: Annotated[UploadFile, File()],
    name: Annotated[Annotated[Text, Form(max_length=512)] | None, Form()] = None,
    parent_folder_id: Annotated[str | None, Form()] = None,
) -> dict[str, Any]:
    """Add a file: text, Markdown, HTML, PDF or docx."""
    _no_folders(parent_folder_id)
    data, file_name = await file.read(), (file.filename or "file").replace("\0", "")
    try:
        document = await services.knowledge.add_file(
            WORKSPACE, data, name=file_name, content_type=file.content_type
        )
    except Unreadable as error:
        wrong(["body", "file"], str(error))
    if name:
        await services.knowledge.rename(WORKSPACE, document.id, name)
        document = document.model_copy(update={"name": name})
    return await _added(services, document, actor)


@router.get("")
async def list_documents(
    services: ServicesDep,
    page_size: PageSize = 30,
    cursor: Cursor = None,
    search: Search = None,
    show_only_owned_documents: bool | None = None,
    created_by_user_id: Filter = None,
    types: Annotated[list[Literal["file", "url", "text", "folder"]] | None, Query()] = None,
    sort_direction: Literal["asc", "desc"] = "desc",
    sort_by: Literal["name", "created_at", "updated_at", "size"] = "created_at",
) -> dict[str, Any]:
    """List documents, the newest first; `search` is part of the name."""
    documents = [
        document
        for document in await services.knowledge.documents(WORKSPACE)
        if (not types or document.kind in types)
        and (not search or search.casefold() in document.name.casefold())
    ]
    keyed = sorted(((_order(one, sort_by), one.id, one) for one in documents), key=lambda k: k[:2])
    try:
        if cursor:
            place = decode(cursor, _KEYS[sort_by])
            keyed = [
                k for k in keyed if (k[:2] > place if sort_direction == "asc" else k[:2] < place)
            ]
    except BadCursor as error:
        wrong(["query", "cursor"], str(error))
    if sort_direction == "desc":
        keyed.reverse()
    shown, more = keyed[:page_size], len(keyed) > page_size
    users = await agents_by(services, "knowledge_base")
    return {
        "documents": [_summary(document, users) for *_, document in shown],
        "next_cursor": encode(shown[-1][0], shown[-1][1]) if more else None,
        "has_more": more,
    }


@router.get("/search")
async def search_documents(
    services: ServicesDep,
    query: Annotated[Text, Query(min_length=1, max_length=1000)],
    page_size: PageSize = 10,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """Look something up in all documents; what would be retrieved, best first, on one page."""
    found = await services.knowledge.search(WORKSPACE, query, limit=page_size)
    documents = {d.id: d for d in await services.knowledge.documents(WORKSPACE)}
    users = await agents_by(services, "knowledge_base")
    return {
        "results": [
            {
                "document": _summary(documents[passage.document_id], users),
                "text": passage.text,
                "chunk_id": passage.chunk_id,
                "score": passage.score,
                "matches": [],
            }
            for passage in found.passages
            if passage.document_id in documents
        ],
        "next_cursor": None,
    }


@router.post("/rag-index")
async def index_documents(body: IndexWishes, services: ServicesDep) -> dict[str, Any]:
    """Return how far documents are indexed; each is indexed as it is added."""
    answers: dict[str, Any] = {}
    for item in body.items:
        document_id = str(item.get("document_id"))
        if await services.knowledge.get(WORKSPACE, document_id):
            state = await _index(services, document_id)
            answers[document_id] = {"status": "success", "data": state}
        else:
            answers[document_id] = {
                "status": "failure",
                "error_code": 404,
                "error_status": "not_found",
                "error_message": "There is no such document.",
            }
    return answers


@router.get("/rag-index")
async def index_overview(services: ServicesDep) -> dict[str, Any]:
    """Return what the vectors of all documents take, in bytes."""
    model = services.knowledge.embedder.model
    used = await services.knowledge.used_bytes(WORKSPACE)
    most = 2**53 - 1  # as far as the disk goes: there is no limit
    return {
        "total_used_bytes": used,
        "total_max_bytes": most,
        "models": [{"model": model, "used_bytes": used}],
    }


@router.get("/{document_id}")
async def get_document(
    document_id: Id, services: ServicesDep, agent_id: Filter = None
) -> dict[str, Any]:
    """Return a document with the text that was read from it, as Markdown."""
    document = await _found(services, document_id)
    content = await services.knowledge.content(WORKSPACE, document_id) or ""
    more = {"filename": document.name} if document.kind == "file" else {}
    return {
        **_shown(document),
        **more,
        "extracted_inner_html": content,
        "content_format": "markdown",
    }


@router.patch("/{document_id}")
async def change_document(
    document_id: Id, body: ChangedDocument, services: ServicesDep, actor: Actor
) -> dict[str, Any]:
    """Give a document another name, or a text other words."""
    document = await _found(services, document_id)
    if body.content is not None:
        if document.kind != "text":
            wrong(["body", "content"], f"A document that is a {document.kind} keeps its content.")
        try:
            await services.knowledge.add_text(
                WORKSPACE, body.content, name=body.name or document.name, document_id=document_id
            )
        except Unreadable as error:
            wrong(["body", "content"], str(error))
    elif body.name is not None:
        await services.knowledge.rename(WORKSPACE, document_id, body.name)
    await services.workspace.audit.note(actor, "update", "document", document_id)
    return await get_document(document_id, services)


@router.delete("/{document_id}")
async def delete_document(
    document_id: Id, services: ServicesDep, actor: Actor, force: bool = False
) -> dict[str, Any]:
    """Delete a document; one that agents know only by `force`."""
    await _found(services, document_id)
    users = await agents_with(services, "knowledge_base", document_id)
    if users and not force:
        names = ", ".join(agent.name for agent in users[:5])
        refuse(400, "document_in_use", f"Agents know it ({names}); delete it with force=true.")
    await services.knowledge.delete(WORKSPACE, document_id)
    await take_from(services, "knowledge_base", document_id, users, actor)
    await services.workspace.audit.note(actor, "delete", "document", document_id)
    return {}


@router.get("/{document_id}/content", response_class=PlainTextResponse)
async def document_content(document_id: Id, services: ServicesDep) -> PlainTextResponse:
    """Return the text that was read from a document."""
    await _found(services, document_id)
    return PlainTextResponse(await services.knowledge.content(WORKSPACE, document_id) or "")


@router.get("/{document_id}/chunks")
async def document_chunks(
    document_id: Id,
    services: ServicesDep,
    embedding_model: Filter = None,
    page_size: PageSize = 30,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List the pieces that a document was split into, in its order."""
    document = await _found(services, document_id)
    try:
        after = int(str(decode(cursor, int)[0])) if cursor else -1
    except BadCursor as error:
        wrong(["query", "cursor"], str(error))
    chunks = await services.knowledge.chunks(WORKSPACE, document_id)
    left = [chunk for chunk in chunks if chunk.position > after]
    shown, more = left[:page_size], len(left) > page_size
    return {
        "chunks": [{"id": c.id, "name": document.name, "content": c.full_text} for c in shown],
        "next_cursor": encode(shown[-1].position, shown[-1].id) if more else None,
    }


@router.get("/{document_id}/chunk/{chunk_id}")
async def document_chunk(
    document_id: Id, chunk_id: Id, services: ServicesDep, embedding_model: Filter = None
) -> dict[str, Any]:
    """Return one piece of a document."""
    document = await _found(services, document_id)
    chunk = await services.knowledge.chunk(WORKSPACE, document_id, chunk_id)
    if chunk is None:
        missing("chunk", chunk_id)
    return {"id": chunk.id, "name": document.name, "content": chunk.full_text}


@router.get("/{document_id}/dependent-agents")
async def document_agents(
    document_id: Id,
    services: ServicesDep,
    dependent_type: Literal["direct", "transitive", "all"] | None = None,
    page_size: PageSize = 30,
    cursor: Cursor = None,
) -> dict[str, Any]:
    """List the agents that know a document."""
    await _found(services, document_id)
    return dependents(await agents_with(services, "knowledge_base", document_id))


@router.post("/{document_id}/rag-index")
async def index_document(document_id: Id, body: IndexWish, services: ServicesDep) -> dict[str, Any]:
    """Index a document; what is indexed already stays so."""
    await _found(services, document_id)
    await services.knowledge.embed_pending(WORKSPACE)
    return await _index(services, document_id)


@router.get("/{document_id}/rag-index")
async def document_indexes(document_id: Id, services: ServicesDep) -> dict[str, Any]:
    """List the indexes of a document: there is one."""
    await _found(services, document_id)
    return {"indexes": [await _index(services, document_id)]}


async def _found(services: Services, document_id: str) -> Document:
    document = await services.knowledge.get(WORKSPACE, document_id)
    if document is None:
        missing("document", document_id)
    return document


async def _added(services: Services, document: Document, actor: str) -> dict[str, Any]:
    await services.workspace.audit.note(actor, "create", "document", document.id)
    return {"id": document.id, "name": document.name, "folder_path": []}


def _no_folders(parent_folder_id: str | None) -> None:
    if parent_folder_id:
        wrong(["body", "parent_folder_id"], "There are no folders of documents here.")


def _order(document: Document, by: str) -> Any:
    return {
        "name": document.name.casefold(),
        "created_at": document.created_at,
        "updated_at": document.updated_at,
        "size": document.size_bytes,
    }[by]


def _shown(document: Document) -> dict[str, Any]:
    return {
        "type": document.kind,
        "id": document.id,
        "name": document.name,
        "metadata": {
            "created_at_unix_secs": unix(document.created_at),
            "last_updated_at_unix_secs": unix(document.updated_at),
            "size_bytes": document.size_bytes,
        },
        "supported_usages": ["prompt", "auto"],
        "access_info": ACCESS,
        "folder_parent_id": None,
        "folder_path": [],
        **({"url": document.source} if document.kind == "url" else {}),
    }


def _summary(document: Document, users: Mapping[str, list[Resource]]) -> dict[str, Any]:
    agents = dependents(users.get(document.id, []))["agents"]
    return {**_shown(document), "dependent_agents": agents}


async def _index(services: Services, document_id: str) -> dict[str, Any]:
    state = await services.knowledge.index_state(WORKSPACE, document_id)
    return {
        "id": f"{document_id}-{state.model}",
        "model": state.model,
        "status": "succeeded" if state.done else "processing",
        "progress_percentage": 100.0 * state.embedded / state.chunks if state.chunks else 100.0,
        "document_model_index_usage": {"used_bytes": state.used_bytes},
    }
