"""What a call that was held shows: each judge looks for one thing."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

from langchain_core.messages import AIMessage, BaseMessage, HumanMessage

from graphs.contract import speech_of
from graphs.questions import Question
from graphs.threads import Graph
from voice.phonelab.check.cases import Case
from voice.phonelab.check.findings import Finding
from voice.phonelab.check.held import Held
from voice.phonelab.check.structure import undeclared
from voice.phonelab.invariants import Known, violations
from voice.phonelab.virtual import Result
from voice.phrases import PHRASES
from voice.speakable import Speakable
from voice.speakable.structured import is_structured

LONGEST_WAIT_SECS = 3.0
"""From the caller's last word to the bot's first, before the caller thinks the line is dead."""
LONGEST_REPLY_SECS = 25.0
TELLING = 24
"""Characters in a row, copied from what a tool answered, that are no chance."""
CONVERSATION_GROWTH = 6
"""Items of a list in the state after five turns that are taken for one more each turn."""
ON_PAGE = {
    "a table": re.compile(r"^\s*\|.+\|\s*$", re.M),
    "code": re.compile(r"```"),
    "HTML": re.compile(r"</?(?:p|div|br|b|ul|li|a|span|h\d|table|strong|em)\b[^>]*>", re.I),
    "a link": re.compile(r"https?://\S+"),
    "a list": re.compile(r"(?:^\s*(?:[-*]|\d+\.)\s+\S.*\n?){3,}", re.M),
    "markdown": re.compile(r"\*\*\S.*?\*\*|^#{1,6}\s", re.M),
}
"""What is written for the eye; the first that is found is named."""
UNREADABLE = {"a table", "code", "HTML"}

Judge = Callable[[Graph, Case, Held], Iterator[Finding]]


def judged(graph: Graph, case: Case, held: Held) -> list[Finding]:
    """Return what a call shows, without the name of its case."""
    return [finding for judge in JUDGES for finding in judge(graph, case, held)]


def _failures(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    for failure in held.watch.failures:
        if not failure.planned:
            place = f" at {failure.where}" if failure.where else ""
            opening = not held.result.said or failure.at < held.result.said[0].began
            remedy = "mend it, or answer the error in the graph."
            if opening:
                remedy = "let the graph take empty `messages`: a call opens without a word said."
            yield Finding(
                "wrong",
                "fails",
                f"The graph raises {failure.error}{place}: the caller hears an apology.",
                remedy,
                f"{failure.error}{opening}",
            )


def _is_spoken(message: AIMessage) -> bool:
    private = speech_of(message) == "private"
    return bool(message.text.strip()) and not private and not is_structured(message.text)


def _promises(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    known = Known(spoken=_is_spoken, said=_said)
    beyond = ["nothing goes wrong unseen"] if held.watch.failures or held.script.trouble else []
    for result in held.calls():
        for broken in violations(result, known, beyond):
            yield Finding(
                "wrong",
                "promise",
                f"A promise is broken: {broken}.",
                "is the thread changed by more than add_messages? If not, report this case.",
                broken.partition(":")[0],
            )


def _silent(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    """Find a turn without a word."""
    result = held.result
    if case.name == "silence" and not held.reply_after(0)[:1]:
        yield Finding("wrong", "mute", "The caller never hears a word.", "answer in `messages`.")
    nobody = not _replies(result.messages) and not result.interrupts  # who asks has greeted
    if case.name == "silence" and nobody and not held.watch.failures:
        yield Finding(
            "costly",
            "no-greeting",
            "Nobody answers: the caller hears silence until 'Are you still there?'.",
            "greet when `messages` is empty.",
        )
    if case.name != "answer" or held.watch.failures or result.interrupts:
        return
    asked = [n for n, m in enumerate(result.messages) if isinstance(m, HumanMessage)]
    after = result.messages[asked[0] + 1 :] if asked else []
    if asked and not [m for m in _replies(after) if not is_structured(m.text)]:
        others = sorted({type(m).__name__ for m in after})
        values = [k for k, v in result.values.items() if isinstance(v, str) and len(v) > 20]
        found = [f"there is only {', '.join(others)}"] if others else []
        found += [f"there is text in {', '.join(map(repr, values))}"] if values else []
        yield Finding(
            "wrong",
            "no-answer",
            f"The caller gets no answer{': ' if found else ''}{'; '.join(found)}.",
            "end the turn with an AIMessage in `messages`: nothing else is spoken.",
        )


def _waiting(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    """Find long waits, and replies that take long."""
    if case.name != "answer" or not held.result.said:
        return
    ended = held.result.said[-1].ended
    if not (reply := held.reply_after(ended)):
        return
    if (waited := reply[0].began - ended) > LONGEST_WAIT_SECS:
        spans = [s for s in held.watch.of("node") if s.began >= ended and s.ended]
        slowest = max(spans, key=lambda s: (s.ended or 0) - s.began, default=None)
        node = f", most of it in {slowest.name!r}" if slowest else ""
        yield Finding(
            "costly",
            "slow",
            f"The caller hears nothing for {waited:.1f} s{node}, and asks whether anyone is there.",
            "write with a model that streams, put slow work into a tool (a tool has a filler), or "
            "say a sentence first.",
        )
    if (secs := reply[-1].ended - reply[0].began) > LONGEST_REPLY_SECS:
        yield Finding(
            "costly",
            "long",
            f"The bot speaks for {secs:.0f} s without a pause ({len(reply)} words).",
            "ask the model for two sentences; a caller cannot skim.",
        )


def _written_for_the_eye(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    for message in _replies(held.result.messages):
        text = str(message.text)
        node = _node_of(held, text)
        if is_structured(text):
            yield Finding(
                "wrong",
                "structured",
                f"A message of {node!r} is JSON ({_short(text)}): the caller hears nothing of it.",
                "keep it out of `messages`, or declare the node: metadata=graphs.contract.PRIVATE.",
                node,
            )
            continue
        if what := next((what for what, form in ON_PAGE.items() if form.search(text)), None):
            unreadable = what in UNREADABLE
            yield Finding(
                "wrong" if unreadable else "costly" if what == "a link" else "hint",
                "markup",
                f"A message of {node!r} has {what} ({_short(text)}): "
                + ("it is not read out." if unreadable else "it is read, but made for the eye."),
                "tell the model that it is on the telephone and speaks plain sentences.",
                what,
            )


def _tool_output(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    for span in held.watch.of("tool"):
        for output in span.texts:
            data = is_structured(output) or output.strip().startswith(("{", "[", "<"))
            for message in _replies(held.result.messages):
                text = str(message.text)
                if len(output) >= TELLING and output[:80] in text and (data or output in text):
                    yield Finding(
                        "wrong" if data else "costly",
                        "tool-output",
                        f"The caller hears what the tool {span.name!r} answered, word for word "
                        f"({_short(output)}).",
                        "let the model say it in a sentence.",
                        span.name,
                    )


def _internal(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    """Find what was thought, routed or delegated, and is spoken."""
    nodes = set(graph.builder.nodes) | {"FINISH", "END"}
    result = held.result
    for message in _replies(result.messages):
        if str(message.text).strip(" .`'\"") in nodes:
            yield Finding(
                "wrong",
                "routing-spoken",
                f"The caller hears {message.text!r}, the name of a node.",
                "route with Command(goto=...) or a field of its own, not with a message.",
                str(message.text),
            )
    callers = {said.text for said in result.record.transcript if said.role == "caller"}
    if held.again is None:
        for said in (m for m in result.messages if isinstance(m, HumanMessage)):
            text = str(said.text)
            if text.strip() and not any(words in text or text in words for words in callers):
                node = _node_of(held, text)
                yield Finding(
                    "wrong",
                    "words-of-the-caller",
                    f"What {node!r} has written ({_short(text)}) is not spoken, and stands on the "
                    "thread as words of the caller.",
                    "return an AIMessage: a HumanMessage is what the caller said.",
                    node,
                )
    if case.name == "answer":
        yield from _speakers(graph, held)


def _speakers(graph: Graph, held: Held) -> Iterator[Finding]:
    asked = [n for n, m in enumerate(held.result.messages) if isinstance(m, HumanMessage)]
    after = held.result.messages[asked[-1] + 1 :] if asked else ()
    speakers = [_node_of(held, str(m.text)) for m in _replies(after) if not m.tool_calls]
    if len(set(speakers)) > 1:
        inner = list(dict.fromkeys(speakers))[:-1]
        yield Finding(
            "costly",
            "several-speak",
            f"One answer is {len(speakers)} messages, of {', '.join(dict.fromkeys(speakers))}: the "
            "caller hears all of them.",
            "where one is internal: builder.add_node(..., metadata=graphs.contract.PRIVATE) for "
            + " and ".join(map(repr, inner))
            + ".",
        )
    spoken = {str(m.text).strip() for m in held.result.messages}
    for node in dict.fromkeys(span.node for span in held.watch.of("model") if span.texts):
        texts = {t.strip() for s in held.watch.of("model") if s.node == node for t in s.texts}
        declares = (graph.builder.nodes[node].metadata or {}) if node in graph.builder.nodes else {}
        if node and not texts & spoken and "speech" not in declares:
            yield Finding(
                "hint",
                "internal-model",
                f"What the model writes in {node!r} stays inside, but nothing says so.",
                f"declare it: builder.add_node({node!r}, ..., metadata=graphs.contract.PRIVATE).",
                node,
            )


def _blocking(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    where: Counter[str] = Counter()
    for seconds, place in held.watch.blocked:
        where[place] = max(where[place], round(seconds, 1))  # type: ignore[assignment]
    for place, seconds in where.items():
        yield Finding(
            "wrong",
            "blocking",
            f"{place} holds the event loop for {seconds} s: every call on the server goes silent, "
            "and nobody can interrupt.",
            "await it, or make the node an ordinary def: those run in a thread.",
            place,
        )


def _undeclared(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    for span in held.watch.of("tool"):
        if not span.declared:
            yield undeclared(span.name)


def _effects(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    """Find what changes something and was done again though it was asked for once."""
    if not case.asks_once:
        return
    acts = [span for span in held.watch.of("tool") if span.effect and span.declared]
    for (name, given), times in Counter((span.name, span.given) for span in acts).items():
        if times > 1:
            yield Finding(
                "wrong",
                "effect-twice",
                f"The tool {name!r} changed the same thing {times} times ({_short(given)}), though "
                f"it was asked for once ({case.title}).",
                "see on the thread whether it is done, or have the tool refuse what is done.",
                name,
            )


def _growth(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    if case.name != "conversation":
        return
    for name, value in held.result.values.items():
        if isinstance(value, list | str) and _grows(value):
            yield Finding(
                "hint",
                "grows",
                f"`{name}` grows with each turn ({len(value)} after five): long calls become slow.",
                "keep what the next turn needs, or trim it.",
                name,
            )
    times = Counter((type(m).__name__, str(m.text)) for m in held.result.messages if m.text)
    turns = sum(isinstance(m, HumanMessage) for m in held.result.messages)
    said = len(held.result.said and held.result.record.transcript)
    if times and len(held.result.messages) > 12 + 6 * max(turns, said):
        yield Finding(
            "wrong",
            "thread-doubles",
            f"The thread has {len(held.result.messages)} messages after {turns} turns: the model "
            "reads the same again and again.",
            "return only new messages from a node.",
        )


def _grows(value: list[object] | str) -> bool:
    if isinstance(value, list):
        return len(value) >= CONVERSATION_GROWTH
    return len(value) > 2000


def _recovers(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    """Find a graph that one failure breaks for good."""
    trouble, result = held.script.trouble, held.result
    if not trouble or not trouble.fails or not any(f.planned for f in held.watch.failures):
        return
    last = max((word.ended for word in result.said), default=0.0)
    phrases = {phrase for phrases in PHRASES.values() for phrase in phrases.values()}
    answered = any(
        said.role == "bot" and said.text not in phrases for said in result.record.transcript[-1:]
    )
    later = [f for f in held.watch.failures if f.at > last and not f.planned]
    if later or (not held.reply_after(last) and not answered):
        yield Finding(
            "wrong",
            "no-recovery",
            f"After one failure of a {trouble.where} the caller gets no answer any more.",
            "leave no half-done state behind: what failed is run again with the next turn.",
            trouble.where,
        )


def _questions(graph: Graph, case: Case, held: Held) -> Iterator[Finding]:
    """Find questions of `interrupt()` that no answer closes, or that are lost."""
    if case.question == "answered" and held.result.interrupts:
        asks = _short(Question.of(held.result.interrupts[0]).text())
        yield Finding(
            "costly",
            "question-stays",
            f"The question {asks} is asked again after an answer ({case.title}).",
            "say what may be answered: the shapes of docs/questions.md.",
            case.name,
        )
    if case.question == "asked" and held.again and not held.again.played:
        yield Finding(
            "wrong",
            "question-lost",
            "Who rings again is not asked the question that is open.",
            "let interrupt() stand first in its node, so that it can run again.",
        )


JUDGES: Sequence[Judge] = (
    _failures,
    _promises,
    _silent,
    _waiting,
    _written_for_the_eye,
    _tool_output,
    _internal,
    _blocking,
    _undeclared,
    _effects,
    _growth,
    _recovers,
    _questions,
)


def never_ends(graph: Graph, results: Sequence[Result]) -> Iterator[Finding]:
    """Yield the finding that a graph with `done` has set it in no call."""
    if "done" in graph.channels and not any(result.values.get("done") for result in results):
        yield Finding(
            "hint",
            "done-unseen",
            "In none of these calls the bot has ended the conversation (`done`).",
            "check that the end is reached: --say the answers it takes.",
        )


def _replies(messages: Sequence[BaseMessage]) -> list[AIMessage]:
    return [
        m
        for m in messages
        if isinstance(m, AIMessage) and m.text.strip() and speech_of(m) != "private"
    ]


def _node_of(held: Held, text: str) -> str:
    """Return the node that has put a text on the thread, cut or not."""
    for span in held.watch.of("node"):
        if any(known.startswith(text) for known in span.texts) and span.node:
            return span.node
    return "the graph"


def _said(written: str) -> str:
    """Return what the voice makes of a message."""
    if is_structured(written):
        return ""
    speakable = Speakable()
    sentences = [*speakable.feed(written), *speakable.flush()]
    return " ".join(sentence.spoken for sentence in sentences)


def _short(text: str) -> str:
    line = " ".join(text.split())
    return repr(line if len(line) <= 40 else f"{line[:37]}...")
