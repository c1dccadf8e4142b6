"""The agents that a list of choices offers."""

from ui.backend import Ask


async def agents_by_name(ask: Ask) -> list[tuple[str, str]]:
    """Return the name and id of agents, by name; the first hundred."""
    query = {"page_size": 100, "sort_by": "name", "sort_direction": "asc"}
    found = await ask("GET", "/v1/convai/agents", query=query)
    return [(one["name"], one["agent_id"]) for one in found["agents"]]
