"""Every kind of job that a server does."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

from langchain_core.language_models import BaseChatModel
from langchain_core.messages import BaseMessage
from pydantic import SecretStr

from graphs.models import Llm, chat_model
from server.analysis.wanted import Wanted, wanted_of
from server.convai.merging import section
from server.convai.redacting import without_words
from server.jobs.after_call import AfterCall
from server.jobs.agent_calls import CALL_BACKS, AgentCalls
from server.jobs.batches import Campaigns
from server.jobs.stock_scans import StockScans
from server.jobs.subscriptions import excludes_transcript
from server.jobs.webhooks import Delivery
from server.jobs.work import Done, Outcome, Retry, Work
from server.routes.convai.conversations import described
from server.services import Services
from server.stocks.analysing import ANALYSIS, Analysing
from server.stocks.owner import Owner
from server.stocks.reconciling import RECONCILIATION, Reconciling
from store.batches import KIND as BATCH
from store.calls import Call
from store.conversations import AFTER_CALL, Conversation
from store.jobs import Job
from store.outbox import KIND as WEBHOOK
from store.resources import NoSuchResource
from voice.carrier_turn import WORK_SECS
from voice.texting import KIND as TEXT_ANSWER


def kinds_of_work(services: Services) -> Mapping[str, Work]:
    """Return what a server can do, by kind of job."""
    desk, dials = services.desk, services.dials
    conversations = services.workspace.conversations

    async def read(call: Call) -> tuple[list[BaseMessage], Mapping[str, Any]]:
        if call.graph not in services.threads.names:
            return [], {}
        snapshot = await services.threads.snapshot(call.graph, call.thread_id)
        return list(snapshot.messages), snapshot.values

    async def wanted(agent_id: str | None) -> Wanted:
        try:
            agent = await services.workspace.agents.get(agent_id or "")
        except NoSuchResource:
            return Wanted()
        found = wanted_of(section(agent.document, "platform_settings"))
        return replace(found, kept=partial(without_words, document=agent.document))

    async def view(call: Call) -> Mapping[str, Any]:
        about = await conversations.about(call.thread_id)
        told = await described(services, Conversation(call, about))
        if await excludes_transcript(services.workspace, told["agent_id"]):
            del told["transcript"]
        return told

    async def model(call: Call) -> BaseChatModel | None:
        given = (call.opening.get("agent") or {}).get("llm")
        llm = Llm.model_validate(given or {})
        if llm.provider == "embedded":
            return None
        secret = None
        if llm.api_key_secret:
            secret = SecretStr(await services.workspace.secrets.reveal(llm.api_key_secret))
        return chat_model(llm.model_copy(update={"max_tokens": 2000}), services.settings, secret)

    async def text_answer(job: Job) -> Outcome:
        await services.texting.send_later(job.data["turn"])
        return Done()

    delivery = Delivery(
        services.outbox, services.webhooks, desk.outside, services.switchboard.recordings
    )
    after = AfterCall(
        services.calls,
        services.outbox,
        conversations,
        read,
        wanted,
        view,
        model,
        desk.conversation_over,
    )
    agent_calls = AgentCalls(services, desk, services.batches, dials)
    most_at_once = max(1, services.settings.max_calls // 2)
    campaigns = Campaigns(services.batches, services.calls, agent_calls, most_at_once)
    return {
        **stock_scans(services).kinds,
        WEBHOOK: delivery.work,
        AFTER_CALL: after.work,
        TEXT_ANSWER: Work(text_answer, Retry(12, longest=timedelta(minutes=10)), 2 * WORK_SECS),
        BATCH: campaigns.work,
        CALL_BACKS: agent_calls.call_backs,
        ANALYSIS: Analysing(services.threads).work,
        RECONCILIATION: Reconciling(desk).work,
        **Owner(services, desk, dials).kinds,
    }


def stock_scans(services: Services) -> StockScans:
    """Return what scans the market."""
    desk = services.desk
    return StockScans(
        services.settings, services.jobs, services.threads, desk.messages, desk.trading
    )
