"""What starts a turn, and what the graph is made to do about it."""

from collections.abc import Sequence
from dataclasses import replace

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphs.contract import speech_of
from graphs.events import Asked, Begin, Event, Node, Recover, Reply, Resume, Snapshot, TurnEvent
from graphs.questions import Answer, Onward, Question
from graphs.staging import Staging
from graphs.turn import Graph, Turn

Said = HumanMessage | Begin | Event | Resume | Recover | None
"""What starts a turn; None opens, or reopens, the conversation."""


async def start(turn: Turn, before: Sequence[BaseMessage], said: Said) -> None:
    """Run the graph on what was said, where it can run."""
    turn.before = before
    if isinstance(said, Recover):
        turn.stand_for([await turn.snapshot()])
    elif isinstance(said, HumanMessage) and said.id in {m.id for m in before if m.id}:
        told = _answered(before, said.id)
        if turn.unfinished:
            await turn.go_on(told)
        else:
            turn.stand_for([*told, await turn.snapshot()])
    elif isinstance(said, Resume):
        if said.answers.keys() & {asked.id for asked in turn.asks}:
            turn.resume(said.answers)
        else:  # it was answered meanwhile, on another line
            turn.stand_for([await turn.snapshot()])
    elif turn.asks:
        return
    elif isinstance(said, Event):
        event = {"kind": said.kind} | ({"detail": said.detail} if said.detail else {})
        turn.run({"event": event})
    elif isinstance(said, Begin):
        known = turn.channels
        turn.run({"messages": []} | {k: v for k, v in said.values.items() if k in known})
    else:
        turn.run({"messages": [said] if said else []})


async def goes_on(graph: Graph, staging: Staging, said: Said) -> bool:
    """Whether it is the newest message of a thread, sent again, and its turn failed or died."""
    if not isinstance(said, HumanMessage) or said.id is None:
        return False
    taken = [m.id for m in await staging.messages() if isinstance(m, HumanMessage)]
    if taken[-1:] != [said.id]:
        return False
    staged = graph.copy(update={"checkpointer": staging})
    left = await staged.aget_state({"configurable": {"thread_id": staging.thread_id}})
    return bool(left.next) or await staging.cut_short()


def _answered(messages: Sequence[BaseMessage], message_id: str | None) -> list[Reply]:
    """Return what was answered to a message that is on the thread."""
    at = next(n for n, message in enumerate(messages) if message.id == message_id)
    replies: list[Reply] = []
    for message in messages[at + 1 :]:
        if isinstance(message, HumanMessage):
            break
        if isinstance(message, AIMessage) and message.text and speech_of(message) != "private":
            replies.append(Reply(message.id or "", str(message.text)))
    return replies


class WrittenAnswers:
    """Reads what is written, in a chat, as the answer to the question that a thread waits on."""

    def __init__(self) -> None:
        self._half: dict[str, Question] = {}
        """Questions of several parts that a chat is in the middle of, by the interrupt's id."""

    async def take(self, turn: Turn, said: Said) -> TurnEvent:
        """Go on with the graph if it is an answer; else put the question again."""
        snapshot = await turn.snapshot()
        interrupt = turn.asks[0]
        question = self._half.pop(interrupt.id, None) or Question.of(interrupt)
        comes_back = not isinstance(said, HumanMessage)
        if isinstance(said, HumanMessage):
            heard = question.hear(str(said.text), "text")
            if isinstance(heard, Answer):
                turn.resume({interrupt.id: heard.value})
                return Node("__resume__")
            if isinstance(heard, Onward):
                question = heard.question
        if question.known:
            self._half[interrupt.id] = question
        turn.stand_for([snapshot])
        return _put(question, snapshot, anew=comes_back)


def first_question(snapshot: Snapshot, why: str | None = None) -> Asked:
    """Return the question that a thread waits to have answered first.

    Args:
        snapshot: of the thread.
        why: why it is asked again, in a sentence for the person.
    """
    asked = _put(Question.of(snapshot.interrupts[0]), snapshot)
    return replace(asked, text=f"{why} {asked.text}") if why else asked


def _put(question: Question, snapshot: Snapshot, *, anew: bool = False) -> Asked:
    language = snapshot.expects.get("language", "en")
    text = question.anew(language) if anew else question.text(language)
    return Asked(question.interrupt_id, text)
