"""What starts a turn, and what the graph is made to do about it."""

from collections.abc import Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphs.acting import Journal, effect_key
from graphs.contract import speech_of
from graphs.events import Asked, Begin, Event, Node, Recover, Reply, Resume, Snapshot, TurnEvent
from graphs.messages import unanswered
from graphs.questions import Answer, Onward, Question, broken
from graphs.staging import Staging
from graphs.turn import Graph, Turn

Said = HumanMessage | Begin | Event | Resume | Recover | None
"""What starts a turn; None opens, or reopens, the conversation."""


async def start(
    turn: Turn, before: Sequence[BaseMessage], said: Said, told: Sequence[Reply] | None = None
) -> None:
    """Run the graph on what was said, where it can run.

    Args:
        turn: in which it runs.
        before: the messages of the thread.
        said: what starts it.
        told: what was answered, where it is a message that has answered a question before.
    """
    turn.before = before
    if isinstance(said, Recover) or told is not None:
        turn.stand_for([*(told or ()), await turn.snapshot()])
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


async def died_acting(at: tuple[str, str], staging: Staging, journal: Journal) -> bool:
    """Whether a process died in the last turn of the thread `at` while it did something."""
    turn_id = await staging.turn_id() or ""
    for call in unanswered(await staging.messages()):
        key = effect_key(graph=at[0], thread_id=at[1], turn_id=turn_id, call=call)
        if await journal.get(key):
            return True
    return False


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

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._half: dict[str, Question] = {}
        """Questions of several parts that a chat is in the middle of, by the interrupt's id."""

    async def told(self, at: tuple[str, str], said: Said) -> list[Reply] | None:
        """Return what was answered to a message that has answered a question of the thread `at`."""
        if not isinstance(said, HumanMessage) or said.id is None:
            return None
        kept = await self._journal.get(_key(at, said.id))
        return [Reply(*reply) for reply in kept.result] if kept and kept.finished_at else None

    async def keep(self, at: tuple[str, str], turn: Turn, said: Said, told: list[Reply]) -> None:
        """Note that a message has answered a question: it is on no thread, to be known again."""
        if not isinstance(said, HumanMessage) or said.id is None:
            return
        key, (graph, thread_id) = _key(at, said.id), at
        of = {"graph": graph, "thread_id": thread_id, "turn_id": turn.id}
        begun = await self._journal.begin(key, **of, tool="answer", arguments={})
        if begun == "begun" or begun.finished_at is None:
            await self._journal.finish(key, [[reply.message_id, reply.text] for reply in told])
        await self._journal.settle(**of)

    async def take(self, turn: Turn, said: Said) -> TurnEvent:
        """Go on with the graph if it is an answer; else put the question again."""
        snapshot = await turn.snapshot()
        interrupt = turn.asks[0]
        question = self._half.pop(interrupt.id, None) or Question.of(interrupt)
        comes_back, why = not isinstance(said, HumanMessage), ""
        if isinstance(said, HumanMessage):
            heard = question.hear(str(said.text), "text")
            if isinstance(heard, Answer):
                turn.resume({interrupt.id: heard.value})
                return Node("__resume__")
            if isinstance(heard, Onward):
                question = heard.question
            else:
                why = broken(heard, _language(snapshot))
        if question.known:
            self._half[interrupt.id] = question
        turn.stand_for([snapshot])
        return _put(question, snapshot, why, anew=comes_back)


def _key(at: tuple[str, str], message_id: str) -> str:
    return f"{':'.join(at)}/answer/{message_id}"


def first_question(snapshot: Snapshot, why: str | None = None) -> Asked:
    """Return the question that a thread waits to have answered first.

    Args:
        snapshot: of the thread.
        why: why it is asked again, in a sentence for the person.
    """
    return _put(Question.of(snapshot.interrupts[0]), snapshot, why)


def _put(
    question: Question, snapshot: Snapshot, why: str | None = None, *, anew: bool = False
) -> Asked:
    language = _language(snapshot)
    text = question.anew(language) if anew else question.text(language)
    return Asked(question.interrupt_id, f"{why} {text}" if why else text)


def _language(snapshot: Snapshot) -> str:
    return snapshot.expects.get("language", "en")
