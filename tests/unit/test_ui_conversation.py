"""What the page shows of a conversation, without the page."""

from collections.abc import AsyncIterator

import pytest
from langchain_core.messages import AIMessage
from langgraph.checkpoint.memory import InMemorySaver

from graphs.call_actions import Transfer, action
from graphs.threads import Threads, is_thread_id
from tests.browser.graphs_for_pages import survey, troubled
from ui.conversation import View, _lines, find, new_thread_id, open_conversation, say


@pytest.fixture
def threads() -> Threads:
    return Threads({"survey": survey(), "troubled": troubled()}, InMemorySaver(), turn_timeout=0.5)


async def last(views: AsyncIterator[View]) -> View:
    return [view async for view in views][-1]


async def test_an_open_conversation_is_shown_again_and_not_opened_twice(threads: Threads) -> None:
    await last(open_conversation(threads, "survey", "t"))
    again = await last(open_conversation(threads, "survey", "t"))
    assert [line["content"] for line in again.lines] == ["Hello. What is your name?"]
    assert again.ran == ["greet"]


async def test_the_nodes_of_the_last_turn_alone_count_as_run(threads: Threads) -> None:
    await last(open_conversation(threads, "survey", "t"))
    await last(say(threads, "survey", "t", "Asha"))
    assert await threads.ran("survey", "t") == ["ask_city"]
    assert await threads.ran("survey", "never opened") == []


async def test_what_was_written_is_shown_before_the_graph_answers(threads: Threads) -> None:
    await last(open_conversation(threads, "survey", "t"))
    views = say(threads, "survey", "t", "Asha")
    assert (await anext(views)).lines[-1] == {"role": "user", "content": "Asha"}
    await last(views)


async def test_after_a_turn_that_fails_the_thread_is_shown_as_it_is_kept(threads: Threads) -> None:
    await last(open_conversation(threads, "troubled", "t"))
    view = await last(say(threads, "troubled", "t", "fail"))
    assert view.unsent == ""
    assert "failed on this turn" in view.notice
    assert [line["role"] for line in view.lines] == ["assistant", "user"]


async def test_an_unknown_graph_is_a_notice_that_names_those_served(threads: Threads) -> None:
    view = await last(open_conversation(threads, "nonsense", "t"))
    assert view.notice == "There is no graph 'nonsense'. Served here: survey, troubled."


async def test_a_conversation_is_found_on_whichever_graph_has_it(threads: Threads) -> None:
    thread_id = new_thread_id()
    await last(open_conversation(threads, "survey", thread_id))
    view = await find(threads, "troubled", thread_id)
    assert view is not None
    assert view.graph == "survey"
    assert await find(threads, "troubled", "unknown") is None


@pytest.mark.parametrize("text", ["", "x" * 129, "line\nbreak", "nul\x00"])
def test_what_cannot_be_an_id_is_not_taken_for_one(text: str) -> None:
    assert not is_thread_id(text)


async def test_what_the_telephone_would_do_is_shown_behind_the_words() -> None:
    message = AIMessage("One moment.", additional_kwargs=action(Transfer(to="+15550100")))
    (line,) = _lines([message])
    assert line["content"] == "One moment. *[would transfer to +15550100]*"
