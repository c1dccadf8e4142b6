"""What would be found for a question: the knowledge of an organisation, or of an agent."""

from typing import Annotated

from fastapi import APIRouter, HTTPException, Query

from server.convai.config import ClientData
from server.convai.mapping import Unusable, prepared
from server.services import Services, ServicesDep
from store.resources import NoSuchResource
from tools.knowledge import Found

router = APIRouter(prefix="/api/knowledge", tags=["knowledge"])

MAX_QUESTION_CHARS = 2000


@router.get(
    "/search",
    responses={404: {"description": "No such agent."}, 422: {"description": "Not a search."}},
)
async def search(
    services: ServicesDep,
    q: Annotated[str, Query(min_length=1, max_length=MAX_QUESTION_CHARS)],
    agent_id: Annotated[str | None, Query(max_length=200)] = None,
    organisation: Annotated[str | None, Query(min_length=1, max_length=200)] = None,
    k: Annotated[int, Query(ge=1, le=50)] = 3,
) -> Found:
    """Return the passages that an agent would be given for a question, the best first.

    With `agent_id` its organisation and its documents are searched, with `organisation` all that
    one knows, with neither what the default organisation knows.
    """
    if agent_id and organisation:
        raise HTTPException(422, "Give agent_id or organisation, not both.")
    documents: tuple[str, ...] | None = None
    if agent_id:
        organisation, documents = await _of_agent(services, agent_id)
    return await services.knowledge.search(
        organisation or services.settings.organisation, q, documents=documents, limit=k
    )


async def _of_agent(services: Services, agent_id: str) -> tuple[str, tuple[str, ...] | None]:
    try:
        resource = await services.workspace.agents.get(agent_id)
    except NoSuchResource:
        raise HTTPException(404, f"There is no agent {agent_id!r}.") from None
    try:
        agent = prepared(
            agent_id,
            resource.name,
            resource.document,
            {},
            ClientData(),
            {},
            services.settings,
            services.threads.names,
        ).agent
    except Unusable as error:
        raise HTTPException(422, str(error)) from None
    return agent.organisation, agent.documents
