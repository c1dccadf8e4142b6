"""An agent tried out on a simulated user; see `server/convai/simulation.py` for what is real."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any, Final
from uuid import uuid4

from fastapi import APIRouter
from fastapi.responses import StreamingResponse
from pydantic import Field

from faults import places
from server.analysis.wanted import Criterion, wanted_of
from server.convai.config import AgentPart, ClientData, Open, Sent, Value
from server.convai.mapping import Prepared, Unusable, llm_of
from server.convai.merging import section
from server.convai.opening import prepare
from server.convai.simulation import GRAPH, Simulated, User, analysis, model_of, simulate
from server.routes.convai.agents import found
from server.routes.convai.shapes import Id, refuse, wrong
from server.services import Services, ServicesDep
from tools.rehearsal import Mock

log = logging.getLogger(__name__)
router = APIRouter(tags=["agents"])
DEADLINE_SECS: Final = 300.0
"""Longest simulation."""


class Said(Open):
    """An entry of a transcript."""

    role: str
    message: str | None = None


class Specification(Open):
    """How a conversation is to be simulated."""

    simulated_user_config: AgentPart
    tool_mock_config: dict[str, Mock] | None = None
    partial_conversation_history: list[Said] | None = Field(None, max_length=200)
    dynamic_variables: dict[str, Value | None] | None = None


class Simulation(Sent):
    """A simulation to be run."""

    simulation_specification: Specification
    extra_evaluation_criteria: list[Criterion] | None = None
    new_turns_limit: int | None = Field(None, ge=1, le=100)


@router.post("/agents/{agent_id}/simulate-conversation")
async def simulate_conversation(
    agent_id: Id, body: Simulation, services: ServicesDep
) -> dict[str, Any]:
    """Let an agent of the graph `sdr` talk with a simulated user; no tool acts, nothing is kept.

    The user says the user's lines of `partial_conversation_history` (else `first_message`), the
    agent answering anew, then what the model of `simulated_user_config.prompt` writes, if that is
    one this server has a key for.
    """
    ready, user = await _prepared(services, agent_id, body)
    try:
        async with (
            asyncio.timeout(DEADLINE_SECS),
            aclosing(_run(services, ready, user, body)) as run,
        ):
            *_, last = [now async for now in run]
    except Exception as error:  # of the graph, or of a provider's client
        log.warning("A simulation broke off: %s", places(error))
        refuse(400, "simulation_failed", f"The simulation broke off ({type(error).__name__}).")
    return {
        "simulated_conversation": last.entries(),
        "analysis": await _analysis(services, ready, agent_id, last, body),
    }


@router.post("/agents/{agent_id}/simulate-conversation/stream")
async def simulate_conversation_stream(
    agent_id: Id, body: Simulation, services: ServicesDep
) -> StreamingResponse:
    """Do the same, with a line of JSON for the entries of each turn; the last has `analysis`."""
    ready, user = await _prepared(services, agent_id, body)

    async def lines() -> AsyncIterator[str]:
        sent = 0
        try:
            async with (
                asyncio.timeout(DEADLINE_SECS),
                aclosing(_run(services, ready, user, body)) as run,
            ):
                async for now in run:
                    entries = now.entries()
                    yield json.dumps({"simulated_conversation": entries[sent:]}) + "\n"
                    sent, last = len(entries), now
            done = await _analysis(services, ready, agent_id, last, body)
            yield json.dumps({"simulated_conversation": [], "analysis": done}) + "\n"
        except Exception as error:  # the answer has begun: it can only say so
            log.warning("A simulation broke off: %s", places(error))
            yield json.dumps({"error": f"It broke off ({type(error).__name__})."}) + "\n"

    return StreamingResponse(lines(), media_type="application/json")


def _run(services: Services, ready: Prepared, user: User, body: Simulation) -> Any:
    mocks = body.simulation_specification.tool_mock_config or {}
    return simulate(services, ready, user, mocks, body.new_turns_limit or 20)


async def _prepared(services: Services, agent_id: str, body: Simulation) -> tuple[Prepared, User]:
    """Resolve the agent and the user.

    Raises:
        HTTPException: 404, there is no such agent; 400, its graph cannot be simulated; 422.
    """
    agent = await found(services, agent_id)
    specification = body.simulation_specification
    data = ClientData(dynamic_variables=specification.dynamic_variables)
    try:
        ready = await prepare(services, agent, data, uuid4().hex)
        if ready.graph != GRAPH:
            told = f"Only agents of the graph {GRAPH} can be simulated, for its tools can rest."
            refuse(400, "not_supported", told)
        return ready, await _user(services, specification)
    except Unusable as error:
        wrong(["body", "simulation_specification"], str(error))


async def _user(services: Services, specification: Specification) -> User:
    config = specification.simulated_user_config
    history = specification.partial_conversation_history or []
    lines = [one.message for one in history if one.role == "user" and one.message]
    if not lines and config.first_message:
        lines = [config.first_message]
    given = section({"p": config.prompt.sent() if config.prompt else {}}, "p")
    llm, model = llm_of(given, services.settings, []), None
    if llm.provider != "embedded":
        try:
            model = await model_of(services, llm)
        except Exception as error:  # no key
            refuse(400, "no_model", f"The user's model cannot be used ({type(error).__name__}).")
    if not lines and model is None:
        wrong(
            ["body", "simulation_specification", "simulated_user_config"],
            "There is no model for the user: name one this server has a key for, or give the "
            "user's lines in partial_conversation_history.",
        )
    return User(lines, str(given.get("prompt") or ""), model)


async def _analysis(
    services: Services, ready: Prepared, agent_id: str, last: Simulated, body: Simulation
) -> Any:
    agent = await found(services, agent_id)
    wanted = wanted_of(section(agent.document, "platform_settings"))
    extra = tuple(body.extra_evaluation_criteria or ())
    return await analysis(
        services, ready, last, replace(wanted, criteria=(*wanted.criteria, *extra))
    )
