"""A turn is a transaction: it is committed, or it leaves nothing."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AnyMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool as plain_tool
from langgraph.graph import END, START, MessagesState, StateGraph
from langgraph.prebuilt import ToolNode, tools_condition
from langgraph.types import Command, interrupt

from graphs.acting import ProcessJournal
from graphs.events import Asked, Reply, Resume, Snapshot, Token, ToolRun
from graphs.questions import WrongAnswer
from graphs.threads import Graph, ThreadBusy, Threads, TurnSuperseded
from store.database import Checkpoints, open_checkpointer
from tools.effects import IdempotencyKey, perform, tool


class World:
    """What tools change, and when they may go on."""

    def __init__(self) -> None:
        self.done: list[tuple[str, str]] = []
        self.go = asyncio.Event()
        self.began = asyncio.Event()
        self.go.set()

    async def act(self, what: str, key: str) -> str:
        self.began.set()
        await self.go.wait()
        self.done.append((what, key))
        return f"{what} done"


def shop(world: World, script: Callable[[list[AnyMessage]], AIMessage], **retries: Any) -> Graph:
    """An agent whose model is a script, with a tool of each kind."""

    @tool(effect=True)
    async def book(slot: str, key: IdempotencyKey) -> str:
        """Book a slot."""
        return await world.act(f"book {slot}", key)

    @tool(effect=False)
    async def look(slot: str) -> str:
        """Look whether a slot is free."""
        return await world.act(f"look {slot}", "")

    @plain_tool
    async def strange(slot: str) -> str:
        """Do something nobody declared."""
        return await world.act(f"strange {slot}", "")

    async def agent(state: MessagesState) -> dict[str, Any]:
        return {"messages": [script(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_node("tools", ToolNode([book, look, strange]), **retries)
    builder.add_edge(START, "agent")
    builder.add_conditional_edges("agent", tools_condition)
    builder.add_edge("tools", "agent")
    return builder.compile()


def calls(name: str, text: str = "") -> Callable[[list[AnyMessage]], AIMessage]:
    """A model that calls one tool and then says what it answered."""

    def script(messages: list[AnyMessage]) -> AIMessage:
        last = messages[-1]
        if isinstance(last, HumanMessage):
            call = {"name": name, "args": {"slot": last.text}, "id": f"call-{last.text}"}
            return AIMessage(text, id=f"a-{last.text}", tool_calls=[call])
        return AIMessage(f"It is: {last.text}.", id=f"b-{len(messages)}")

    return script


@pytest.fixture
async def saver(tmp_path: Path) -> AsyncIterator[Checkpoints]:
    async with open_checkpointer(tmp_path) as opened:
        yield opened


def kinds(snapshot: Snapshot) -> list[str]:
    return [message.type for message in snapshot.messages]


async def drain(turn: Any) -> list[Any]:
    return [event async for event in turn]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


async def test_an_effect_waits_until_the_turn_is_certain(saver: Checkpoints) -> None:
    world = World()
    threads = Threads({"shop": shop(world, calls("book"))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine", id="h1"))
    await asyncio.sleep(0.1)
    assert world.done == []
    turn.confirm()
    await drain(turn)
    assert world.done == [("book nine", f"shop:t/{turn.id}/call-nine")]
    await turn.commit()
    assert kinds(await threads.snapshot("shop", "t")) == ["human", "ai", "tool", "ai"]


async def test_a_tool_nobody_declared_waits_as_well(saver: Checkpoints) -> None:
    world = World()
    threads = Threads({"shop": shop(world, calls("strange"))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine"))
    await asyncio.sleep(0.1)
    assert world.done == []
    assert await turn.withdraw()
    assert world.done == []


async def test_a_tool_that_only_reads_runs_while_the_turn_is_in_doubt(saver: Checkpoints) -> None:
    world = World()
    threads = Threads({"shop": shop(world, calls("look"))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine"))
    events = await drain(turn)
    assert [e.text for e in events if isinstance(e, Reply)] == ["It is: look nine done."]
    assert await turn.withdraw()
    assert not (await threads.snapshot("shop", "t")).exists


async def test_a_withdrawn_turn_leaves_nothing(saver: Checkpoints) -> None:
    world = World()
    threads = Threads({"shop": shop(world, calls("look"))}, saver)
    await drain(threads.turn("shop", "t", HumanMessage("one", id="h1")))
    before = await threads.snapshot("shop", "t")
    turn = await threads.begin("shop", "t", HumanMessage("two", id="h2"))
    await drain(turn)
    assert await turn.withdraw()
    assert await threads.snapshot("shop", "t") == before


async def test_a_committed_turn_of_which_nothing_came_can_be_undone(saver: Checkpoints) -> None:
    threads = Threads({"shop": shop(World(), calls("look"))}, saver)
    for before in range(2):
        turn = await threads.begin("shop", "t", HumanMessage("two", id=f"h{before}"))
        turn.confirm()
        await drain(turn)
        found = await threads.snapshot("shop", "t")
        await turn.commit({}, final=False)
        assert await threads.undo("shop", "t", turn)
        assert (await threads.snapshot("shop", "t")).values == found.values
        await drain(threads.turn("shop", "t", HumanMessage("one", id=f"k{before}")))
        assert not await threads.undo("shop", "t", turn)


async def test_an_effect_that_has_begun_is_finished_and_its_result_kept(saver: Checkpoints) -> None:
    """Cancelling LangGraph in a tool leaves a call without an answer, and the effect done."""
    world = World()
    world.go.clear()
    threads = Threads({"shop": shop(world, calls("book"))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine", id="h1"))
    turn.confirm()
    await world.began.wait()
    withdrawing = asyncio.create_task(turn.withdraw())
    await asyncio.sleep(0.05)
    assert not withdrawing.done()
    world.go.set()
    assert await withdrawing is False
    await turn.commit({})
    after = await threads.snapshot("shop", "t")
    assert kinds(after)[:3] == ["human", "ai", "tool"]
    assert after.messages[2].text == "book nine done"
    assert after.next == ()
    assert len(world.done) == 1
    *_, later = await drain(threads.turn("shop", "t", HumanMessage("ten", id="h2")))
    assert len(world.done) == 2
    assert kinds(later)[-4:] == ["human", "ai", "tool", "ai"]


async def test_nothing_heard_takes_the_message_and_the_answers_of_its_tools(
    saver: Checkpoints,
) -> None:
    threads = Threads({"shop": shop(World(), calls("look", "Let me look."))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine", id="h1"))
    turn.confirm()
    replies = [e.message_id for e in await drain(turn) if isinstance(e, Reply)]
    await turn.commit(dict.fromkeys(replies, ""))
    assert kinds(await threads.snapshot("shop", "t")) == ["human"]


async def test_what_was_done_stays_though_nothing_was_heard(saver: Checkpoints) -> None:
    threads = Threads({"shop": shop(World(), calls("book", "I book it."))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine", id="h1"))
    turn.confirm()
    replies = [e.message_id for e in await drain(turn) if isinstance(e, Reply)]
    await turn.commit(dict.fromkeys(replies, ""))
    after = await threads.snapshot("shop", "t")
    assert kinds(after) == ["human", "ai", "tool"]
    assert after.messages[1].text == ""


async def test_a_message_is_cut_to_what_was_heard_and_grows_as_more_is(saver: Checkpoints) -> None:
    threads = Threads({"shop": shop(World(), calls("look"))}, saver)
    turn = await threads.begin("shop", "t", HumanMessage("nine", id="h1"))
    turn.confirm()
    (reply,) = [e.message_id for e in await drain(turn) if isinstance(e, Reply)]

    async def last() -> AIMessage:
        found = (await threads.snapshot("shop", "t")).messages[-1]
        assert isinstance(found, AIMessage)
        return found

    await turn.commit({reply: ""}, final=False)
    assert kinds(await threads.snapshot("shop", "t"))[-1] != "ai"
    for heard in ("It", "It is: look"):
        await threads.amend(
            "shop", "t", lambda ms, heard=heard: turn.as_heard(ms, {reply: heard}, final=False)
        )
        assert (await last()).text == heard
        assert (await last()).additional_kwargs["interrupted"]
    whole = "It is: look nine done."
    await threads.amend("shop", "t", lambda ms: turn.as_heard(ms, {reply: whole}, final=True))
    assert (await last()).text == whole
    assert "interrupted" not in (await last()).additional_kwargs


async def test_an_effect_runs_once_though_its_node_is_tried_again(saver: Checkpoints) -> None:
    world, tries = World(), []

    @tool(effect=True)
    async def charge(sum: int, key: IdempotencyKey) -> str:
        """Charge."""
        return await world.act(f"charge {sum}", key)

    async def agent(state: MessagesState) -> dict[str, Any]:
        call = {"name": "charge", "args": {"sum": 5}, "id": "c", "type": "tool_call"}
        answer = await charge.ainvoke(call)
        tries.append(answer)
        if len(tries) < 3:
            raise ConnectionError
        return {"messages": [AIMessage(answer.text)]}

    from langgraph.types import RetryPolicy

    builder = StateGraph(MessagesState)
    builder.add_node(
        "agent", agent, retry_policy=RetryPolicy(initial_interval=0.01, max_attempts=3)
    )
    builder.add_edge(START, "agent")
    threads = Threads({"g": builder.compile()}, saver)
    *_, after = await drain(threads.turn("g", "t", HumanMessage("go")))
    assert len(world.done) == 1
    assert after.messages[-1].text == "charge 5 done"


async def test_an_effect_that_has_begun_outlives_a_neighbour_that_fails(saver: Checkpoints) -> None:
    """LangGraph cancels the other nodes of a step when one fails."""
    world = World()
    world.go.clear()

    async def charge(_state: MessagesState) -> dict[str, Any]:
        await perform("charge", lambda key: world.act("charge", key))
        return {}

    async def fail(_state: MessagesState) -> dict[str, Any]:
        await world.began.wait()
        raise ConnectionError

    builder = StateGraph(MessagesState)
    for node in (charge, fail):
        builder.add_node(node)
        builder.add_edge(START, node.__name__)
    threads = Threads({"g": builder.compile()}, saver)
    turn = asyncio.create_task(drain(threads.turn("g", "t", HumanMessage("go", id="h"))))
    await world.began.wait()
    await asyncio.sleep(0.05)  # the neighbour has failed
    world.go.set()
    with pytest.raises(ConnectionError):
        await turn
    await until(lambda: bool(world.done))
    assert [what for what, _ in world.done] == ["charge"]


async def test_an_effect_before_an_interrupt_is_not_done_again_by_its_answer(
    saver: Checkpoints,
) -> None:
    world = World()

    @tool(effect=True)
    async def charge(sum: int, key: IdempotencyKey) -> str:
        """Charge."""
        return await world.act(f"charge {sum}", key)

    async def agent(state: MessagesState) -> dict[str, Any]:
        await charge.ainvoke({"name": "charge", "args": {"sum": 5}, "id": "c", "type": "tool_call"})
        answer = interrupt({"question": "Send a receipt?", "kind": "yes_no"})
        return {"messages": [AIMessage(f"Receipt: {answer}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_edge(START, "agent")
    threads = Threads({"g": builder.compile()}, saver)
    *_, asked, after = await drain(threads.turn("g", "t", HumanMessage("go")))
    assert isinstance(asked, Asked) and asked.text == "Send a receipt?"
    assert len(after.interrupts) == 1
    *_, again, _ = await drain(threads.turn("g", "t", HumanMessage("purple")))
    assert isinstance(again, Asked)
    *_, after = await drain(threads.turn("g", "t", HumanMessage("yes")))
    assert after.messages[-1].text == "Receipt: True"
    assert after.interrupts == []
    assert len(world.done) == 1


async def test_several_open_questions_are_answered_one_by_one(saver: Checkpoints) -> None:
    def asks(name: str) -> Any:
        async def node(state: MessagesState) -> dict[str, Any]:
            return {"messages": [AIMessage(f"{name}={interrupt(f'What is your {name}?')}")]}

        return node

    builder = StateGraph(MessagesState)
    for name in ("name", "town"):
        builder.add_node(name, asks(name))
        builder.add_edge(START, name)
    threads = Threads({"g": builder.compile()}, saver)
    *_, after = await drain(threads.turn("g", "t", None))
    first, second = after.interrupts
    *_, after = await drain(threads.turn("g", "t", Resume({second.id: "Pune"})))
    assert [i.id for i in after.interrupts] == [first.id]
    *_, after = await drain(threads.turn("g", "t", Resume({first.id: "Asha"})))
    assert sorted(m.text for m in after.messages) == ["name=Asha", "town=Pune"]


async def test_a_thread_left_with_a_call_nobody_answered_is_mended(saver: Checkpoints) -> None:
    world = World()
    graph = shop(world, calls("look"))
    threads = Threads({"shop": graph}, saver)
    config: Any = {"configurable": {"thread_id": "shop:t"}}
    stored = graph.copy(update={"checkpointer": saver})
    call = {"name": "book", "args": {"slot": "x"}, "id": "lost"}
    orphan = [HumanMessage("x"), AIMessage("", tool_calls=[call]), HumanMessage("hello?")]
    await stored.aupdate_state(config, {"messages": orphan}, as_node="tools")
    *_, after = await drain(threads.turn("shop", "t", HumanMessage("nine")))
    assert not [
        m
        for m in after.messages
        if isinstance(m, AIMessage) and m.tool_calls and m.tool_calls[0]["id"] == "lost"
    ]
    assert world.done == [("look nine", "")]


async def test_a_process_that_died_in_an_effect_goes_on_with_the_same_key(
    saver: Checkpoints,
) -> None:
    world, journal = World(), ProcessJournal()
    world.go.clear()
    dying = Threads({"shop": shop(world, calls("book"))}, saver, journal=journal)
    turn = await dying.begin("shop", "t", HumanMessage("nine", id="h1"))
    turn.confirm()
    await world.began.wait()  # and here its process is killed: the effect never returns
    living = World()
    threads = Threads({"shop": shop(living, calls("book"))}, saver, journal=journal)
    *_, after = await drain(threads.turn("shop", "t", None))
    assert living.done == [("book nine", f"shop:t/{turn.id}/call-nine")]
    assert kinds(after) == ["human", "ai", "tool", "ai"]


class Refusing(World):
    """A world in which who is asked is away."""

    async def act(self, what: str, key: str) -> str:
        raise ConnectionError(what)


async def test_a_server_starts_though_what_it_had_begun_cannot_be_finished(
    saver: Checkpoints, caplog: pytest.LogCaptureFixture
) -> None:
    """One such thread kept every server from starting, until the provider was back."""
    world, journal = World(), ProcessJournal()
    world.go.clear()
    dying = Threads({"shop": shop(world, calls("book"))}, saver, journal=journal)
    for thread_id in ("t", "u"):
        turn = await dying.begin("shop", thread_id, HumanMessage("nine", id="h1"))
        turn.confirm()
        await world.began.wait()
        world.began.clear()

    def script(messages: list[AnyMessage]) -> AIMessage:
        return AIMessage("Hello.") if messages[-1].text == "hello" else calls("book")(messages)

    away = Threads({"shop": shop(Refusing(), script)}, saver, journal=journal)
    await away.recover()
    assert len(await journal.unsettled()) == 2 and "was not finished" in caplog.text
    *_, after = await drain(away.turn("shop", "u", HumanMessage("hello", id="h2")))
    assert [m.text for m in after.messages] == ["nine", "hello", "Hello."]
    living = World()
    await Threads({"shop": shop(living, calls("book"))}, saver, journal=journal).recover()
    assert [what for what, _ in living.done] == ["book nine"]


async def test_the_same_message_twice_is_one_turn(saver: Checkpoints) -> None:
    world = World()
    threads = Threads({"shop": shop(world, calls("look"))}, saver)
    first = await drain(threads.turn("shop", "t", HumanMessage("nine", id="h1")))
    second = await drain(threads.turn("shop", "t", HumanMessage("nine", id="h1")))
    assert len(world.done) == 1
    assert [e.text for e in second if isinstance(e, Reply)] == [
        e.text for e in first if isinstance(e, Reply)
    ]


async def test_a_message_whose_turn_failed_is_answered_when_it_is_sent_again(
    saver: Checkpoints,
) -> None:
    """What was done in the turn is not done again, though its node runs once more."""
    world, failures = World(), iter([True, False])

    async def note(state: MessagesState) -> dict[str, Any]:
        """Change something, and then fail once."""
        await perform("note", lambda key: world.act("note", key))
        if next(failures):
            raise RuntimeError("no database")
        return {"messages": [AIMessage("Noted.")]}

    builder = StateGraph(MessagesState)
    builder.add_node("note", note)
    builder.add_edge(START, "note")
    threads = Threads({"notes": builder.compile()}, saver)
    said = HumanMessage("nine", id="h1")
    with pytest.raises(RuntimeError):
        await drain(threads.turn("notes", "t", said))
    for _ in range(2):
        events = await drain(threads.turn("notes", "t", said))
        assert [e.text for e in events if isinstance(e, Reply)] == ["Noted."]
    assert [m.text for m in events[-1].messages] == ["nine", "Noted."]
    assert [what for what, _ in world.done] == ["note"]


async def test_a_message_in_whose_turn_a_process_died_is_answered_when_it_is_sent_again(
    saver: Checkpoints,
) -> None:
    world, journal = World(), ProcessJournal()
    world.go.clear()
    dying = Threads({"shop": shop(world, calls("book", "I book."))}, saver, journal=journal)
    said = HumanMessage("nine", id="h1")
    turn = await dying.begin("shop", "t", said)
    turn.confirm()
    await world.began.wait()  # and here its process is killed
    living = World()
    graph = shop(living, calls("book", "I book."))
    threads = Threads({"shop": graph}, saver, journal=journal)
    await threads.recover()
    for _ in range(2):
        events = await drain(threads.turn("shop", "t", said))
        replies = [e.text for e in events if isinstance(e, Reply)]
        assert replies == ["I book.", "It is: book nine done."]
    assert kinds(events[-1]) == ["human", "ai", "tool", "ai"]
    assert living.done == [("book nine", f"shop:t/{turn.id}/call-nine")]


def two_questions() -> Graph:
    """Two questions of one node, and then a third."""

    def first(_state: MessagesState) -> dict[str, Any]:
        said = [interrupt({"question": q, "kind": "yes_no"}) for q in ("One?", "Two?")]
        return {"messages": [AIMessage(f"{said}")]}

    def then(_state: MessagesState) -> dict[str, Any]:
        return {"messages": [AIMessage(f"{interrupt({'question': 'Last?', 'kind': 'yes_no'})}")]}

    builder = StateGraph(MessagesState)
    builder.add_node("first", first)
    builder.add_node("then", then)
    builder.add_edge(START, "first")
    builder.add_edge("first", "then")
    return builder.compile()


async def test_an_answer_that_is_sent_again_answers_no_other_question(saver: Checkpoints) -> None:
    """Who repeats "yes" after a lost connection has not agreed to what comes next."""
    threads = Threads({"asks": two_questions()}, saver)
    told = []
    for key in (None, "y1", "y1", "y2", "y2", "y3", "y3"):
        said = HumanMessage("yes", id=key) if key else None
        *events, after = await drain(threads.turn("asks", "t", said))
        told.append([e.text for e in events if isinstance(e, Asked | Reply)])
    assert told[1:] == [
        *[["Two?"]] * 2,
        *[["[True, True]", "Last?"]] * 2,
        *[["True"]] * 2,
    ]
    assert not after.interrupts and kinds(after) == ["ai", "ai"]


async def test_what_is_typed_and_no_answer_is_told_why(saver: Checkpoints) -> None:
    def pin(_state: MessagesState) -> dict[str, Any]:
        return {"messages": [interrupt({"question": "Your PIN?", "kind": "digits", "digits": 4})]}

    builder = StateGraph(MessagesState)
    builder.add_node("pin", pin)
    builder.add_edge(START, "pin")
    threads = Threads({"asks": builder.compile()}, saver)
    await drain(threads.turn("asks", "t", None))
    (again, _) = await drain(threads.turn("asks", "t", HumanMessage("12")))
    assert again.text == "It has 4 digits. Your PIN?"


async def test_of_two_programs_that_answer_at_once_the_second_is_told(saver: Checkpoints) -> None:
    threads = Threads({"asks": two_questions()}, saver)
    *_, after = await drain(threads.turn("asks", "t", None))
    said = Resume({after.interrupts[0].id: True})
    results = await asyncio.gather(
        *(drain(threads.turn("asks", "t", said)) for _ in range(2)), return_exceptions=True
    )
    assert [type(result) for result in results] == [list, WrongAnswer]


async def test_a_turn_may_be_refused_or_supersede(saver: Checkpoints) -> None:
    world = World()
    world.go.clear()
    threads = Threads({"shop": shop(world, calls("look"))}, saver)
    first = asyncio.create_task(drain(threads.turn("shop", "t", HumanMessage("one", id="h1"))))
    await world.began.wait()
    with pytest.raises(ThreadBusy, match="A turn is running on the thread 't'"):
        await drain(threads.turn("shop", "t", HumanMessage("two"), policy="reject"))
    world.go.set()
    second = drain(threads.turn("shop", "t", HumanMessage("three", id="h3"), policy="supersede"))
    *_, after = await second
    with pytest.raises(TurnSuperseded):
        await first
    assert [m.text for m in after.messages if m.type == "human"] == ["three"]


async def test_who_stops_listening_does_not_stop_the_turn(saver: Checkpoints) -> None:
    world = World()
    world.go.clear()
    threads = Threads({"shop": shop(world, calls("book"))}, saver)
    listening = threads.turn("shop", "t", HumanMessage("nine"))
    await anext(e async for e in listening if isinstance(e, ToolRun))
    await listening.aclose()
    world.go.set()
    *_, after = await drain(threads.turn("shop", "t", HumanMessage("ten")))
    assert len(world.done) == 2
    assert kinds(after) == ["human", "ai", "tool", "ai"] * 2


def planner(plan_metadata: dict[str, Any] | None = None) -> Graph:
    """A graph whose first node thinks with a model, and whose second one speaks with it."""

    def model(text: str) -> GenericFakeChatModel:
        return GenericFakeChatModel(messages=iter([AIMessage(text)]))

    async def plan(state: MessagesState) -> Command[str]:
        await model("She wants a table. I must be brief.").ainvoke(state["messages"])
        return Command(goto="answer")

    async def answer(state: MessagesState) -> dict[str, Any]:
        return {"messages": [await model("For how many people?").ainvoke(state["messages"])]}

    builder = StateGraph(MessagesState)
    builder.add_node("plan", plan, destinations=("answer",), metadata=plan_metadata)
    builder.add_node("answer", answer)
    builder.add_edge(START, "plan")
    builder.add_edge("answer", END)
    return builder.compile()


async def test_what_a_model_thinks_in_a_node_is_never_certain_to_be_speech(
    saver: Checkpoints,
) -> None:
    threads = Threads({"g": planner()}, saver)
    for turn in range(3):
        events = await drain(threads.turn("g", "t", HumanMessage("A table")))
        certain = "".join(e.text for e in events if isinstance(e, Token) and e.certain)
        (reply,) = [e for e in events if isinstance(e, Reply)]
        assert reply.text == "For how many people?"
        assert certain in ("", reply.text)
        assert reply.streamed is (turn > 0)
        assert bool(certain) is reply.streamed


async def test_a_private_node_is_not_even_shown(saver: Checkpoints) -> None:
    threads = Threads({"g": planner({"speech": "private"})}, saver)
    events = await drain(threads.turn("g", "t", HumanMessage("A table")))
    assert "".join(e.text for e in events if isinstance(e, Token)) == "For how many people?"


async def test_a_message_to_no_channel_is_not_said(saver: Checkpoints) -> None:
    class State(MessagesState):
        draft: AIMessage

    async def node(state: State) -> dict[str, Any]:
        return {
            "draft": AIMessage("secret draft"),
            "messages": [
                AIMessage("internal", additional_kwargs={"speech": "private"}),
                AIMessage("Hello."),
            ],
        }

    builder = StateGraph(State)
    builder.add_node("node", node)
    builder.add_edge(START, "node")
    threads = Threads({"g": builder.compile()}, saver)
    events = await drain(threads.turn("g", "t", None))
    assert [e.text for e in events if isinstance(e, Reply)] == ["Hello."]


async def test_a_run_that_fails_keeps_what_was_said(saver: Checkpoints) -> None:
    async def agent(state: MessagesState) -> dict[str, Any]:
        raise ConnectionError

    builder = StateGraph(MessagesState)
    builder.add_node("agent", agent)
    builder.add_edge(START, "agent")
    threads = Threads({"g": builder.compile()}, saver)
    with pytest.raises(ConnectionError):
        await drain(threads.turn("g", "t", HumanMessage("hi")))
    after = await threads.snapshot("g", "t")
    assert kinds(after) == ["human"]
    assert isinstance(after.messages[0], HumanMessage) and not isinstance(after, ToolMessage)
