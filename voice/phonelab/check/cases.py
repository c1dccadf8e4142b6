"""The calls a graph is checked with: data, each fitted to the moments of a first call."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

from graphs.questions import Answer, NotUnderstood
from voice.phonelab.check.held import PATIENCE_SECS, PAUSE_SECS, Moments, Script
from voice.phonelab.check.watch import Kind, Trouble
from voice.phonelab.faults import Faults
from voice.phonelab.virtual_acts import Act, Coughs, Dies, Drops, HangsUp, Presses, Says

INTERRUPTS = "Wait, stop please."
NONSENSE = "Purple monkeys dishwasher."
AFTER_SECS = 12.0
"""How long a caller stays after the last thing done."""
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
READ_BACK_SECS = 10.0
"""From the beginning of an answer until it was read back, and is confirmed."""
SLOW_SECS = 3.0
TIME_LIMIT_SECS = 60.0

Stage = Callable[[Moments], float | None]


@dataclass(frozen=True, slots=True)
class Case:
    """One call."""

    name: str
    title: str
    script: Callable[[Moments], Script | None]
    """None where the graph gives no occasion for it."""
    needs: str = "a reply"
    """What the graph must show for there to be an occasion."""
    question: str = ""
    """What is to come of an open question: it is `answered`, `asked` again, or either (empty)."""
    asks_once: bool = False
    """Whether the caller asks for one thing, and what else happens asks for nothing."""


def _before(m: Moments) -> float | None:
    return m.asked_at + 1.5


def _in_tool(m: Moments) -> float | None:
    return m.tool_at and m.tool_at + 0.8


def _writing(m: Moments) -> float | None:
    begun = m.reply and m.reply[0].began + 0.3
    return begun if begun and begun < m.writes_until else None


STAGES: dict[str, tuple[str, str, Stage, Kind | None]] = {
    "greeting": (
        "in the greeting",
        "a greeting",
        lambda m: m.greeting[len(m.greeting) // 2].began if m.greeting else None,
        None,
    ),
    "before-audio": ("before the answer begins", "", _before, "node"),
    "first-word": ("in the first word", "a reply", lambda m: m.word(0) if m.reply else None, None),
    "mid-sentence": (
        "in mid-sentence",
        "a reply",
        lambda m: m.word(0.5) if m.reply else None,
        None,
    ),
    "between-sentences": (
        "between two sentences",
        "a reply of two sentences",
        lambda m: m.between_sentences,
        None,
    ),
    "last-word": ("at the last word", "a reply", lambda m: m.word(1) if m.reply else None, None),
    "tool": ("while a tool runs", "a tool that runs", _in_tool, "tool"),
    "writing": ("while the model still writes", "a model that streams", _writing, None),
}
"""Moments of a call: title, what the graph must show, when, and what is slowed down for it."""


def _at_stage(stage: str, act: Callable[[float], Act]) -> Callable[[Moments], Script | None]:
    _, _, when, slowed = STAGES[stage]

    def script(m: Moments) -> Script | None:
        at = when(m)
        if at is None:
            return None
        asked = [] if stage == "greeting" else [Says(m.asks_at, m.says[0])]
        did = act(at)
        end = [] if isinstance(did, HangsUp | Dies) else [HangsUp(at + AFTER_SECS)]
        trouble = Trouble(slowed, m.asked_at, SLOW_SECS) if slowed else None
        return Script([*asked, did, *end], trouble=trouble)

    return script


def _cases_of_stages() -> list[Case]:
    doing: dict[str, tuple[str, Callable[[float], Act], set[str]]] = {
        "barge-in": ("the caller speaks", lambda at: Says(at, INTERRUPTS), {*STAGES}),
        "hang-up": ("the caller hangs up", HangsUp, {*STAGES} - {"between-sentences"}),
        "kill": ("the server dies", Dies, {"before-audio", "mid-sentence", "tool"}),
        "drop": ("the line breaks", Drops, {"mid-sentence", "tool"}),
        "keys": ("the caller presses a key", lambda at: Presses(at, "1"), {"mid-sentence", "tool"}),
        "noise": ("the caller coughs", lambda at: Coughs(at, 0.4), {"mid-sentence", "tool"}),
    }
    return [
        Case(
            f"{name}-{stage}",
            f"{what} {title}",
            _at_stage(stage, act),
            needs or "a reply",
            asks_once=True,
        )
        for name, (what, act, stages) in doing.items()
        for stage, (title, needs, *_) in STAGES.items()
        if stage in stages
    ]


def _asked_then(*acts: Callable[[Moments], Act]) -> Callable[[Moments], Script]:
    def script(m: Moments) -> Script:
        done = [Says(m.asks_at, m.says[0]), *(act(m) for act in acts)]
        return Script([*done, HangsUp(done[-1].at + AFTER_SECS)])

    return script


def _conversation(m: Moments) -> Script:
    """Leave each answer the time the first one took."""
    turn = m.ends_at - m.asks_at + 2 * PAUSE_SECS
    acts = [Says(m.asks_at + turn * n, text) for n, text in enumerate((*m.says, *m.says)[:5])]
    return Script([*acts, HangsUp(acts[-1].at + turn + AFTER_SECS)])


def _with_trouble(
    where: Kind, secs: float = 0.0, *, fails: bool = False
) -> Callable[[Moments], Script | None]:
    def script(m: Moments) -> Script | None:
        if (where == "tool" and m.tool_at is None) or (where == "model" and not m.model):
            return None
        trouble = Trouble(where, m.asked_at, secs, fails)
        second = max(m.ends_at, m.asked_at + secs + 6.0) + 2 * PAUSE_SECS
        acts = [Says(m.asks_at, m.says[0]), Says(second, m.says[-1])]
        return Script([*acts, HangsUp(second + PATIENCE_SECS / 2)], trouble=trouble)

    return script


def _never_stops(m: Moments) -> Script:
    acts = [Says(m.asks_at + 2.0 * n, "And another thing.", 1.5) for n in range(8)]
    return Script([*acts, HangsUp(acts[-1].at + AFTER_SECS)])


def _on_a_line(faults: Faults) -> Callable[[Moments], Script]:
    return lambda m: Script(
        [Says(m.asks_at, m.says[0]), HangsUp(m.ends_at + AFTER_SECS)], faults=faults
    )


def _call_back(at: Callable[[Moments], float]) -> Callable[[Moments], Script]:
    return lambda m: Script(
        [Says(m.asks_at, m.says[0]), HangsUp(at(m))],
        again=[Says(AFTER_SECS, m.says[-1]), HangsUp(2 * AFTER_SECS)],
    )


def _where_asked(script: Callable[[Moments], Script]) -> Callable[[Moments], Script | None]:
    return lambda m: script(m) if m.question else None


def _answered_by(
    source: Literal["speech", "keys"], answers: Sequence[str]
) -> Callable[[Moments], Script | None]:
    """Answer the open question with the first of some answers that it takes."""

    def act(at: float, text: str) -> Act:
        return Presses(at, text) if source == "keys" else Says(at, text, max(1.0, len(text) / 15))

    def script(m: Moments) -> Script | None:
        if m.question is None:
            return None
        expects = m.question.expectation()
        options = expects.get("keywords", []) if source == "speech" else []
        names, between = (DIGITS, " ") if source == "speech" else ("0123456789", "")
        row = between.join(names[n % 10] for n in range(1, expects.get("digits", 0) + 1))
        for text in (*options, row, *answers):
            heard = m.question.hear(text, source)
            if not isinstance(heard, NotUnderstood):
                acts: list[Act] = [act(m.ends_at + PAUSE_SECS, text)]
                if isinstance(heard, Answer) and m.question.part.reads_back(heard.value, source):
                    acts.append(Says(acts[0].at + READ_BACK_SECS, "Yes."))
                return _asked_then(*(lambda _, act=act: act for act in acts))(m)
        return _asked_then(lambda m: act(m.ends_at + PAUSE_SECS, answers[0]))(m)

    return script


QUESTION = "a question of interrupt()"
OPENING, ANSWER = "silence", "answer"
CASES: dict[str, Case] = {
    case.name: case
    for case in [
        Case(OPENING, "the caller says nothing, to the end", lambda _: Script()),
        Case(
            ANSWER,
            "the caller asks once and listens",
            lambda m: Script([Says(m.asks_at, m.says[0]), HangsUp(m.asks_at + PATIENCE_SECS)]),
        ),
        Case("conversation", "five turns", _conversation),
        *_cases_of_stages(),
        Case(
            "double-turn",
            "the caller goes on before there is an answer",
            _asked_then(lambda m: Says(m.asked_at + 0.9, m.says[-1])),
        ),
        Case(
            "same-twice",
            "the caller says the same again",
            _asked_then(lambda m: Says(m.ends_at + PAUSE_SECS, m.says[0])),
        ),
        Case("never-stops", "the caller never stops speaking", _never_stops),
        Case(
            "bad-line",
            "a line with loss, jitter and reordering",
            _on_a_line(Faults(jitter_ms=40, loss=0.03, duplicates=0.03, reordered=0.03)),
        ),
        Case(
            "no-marks",
            "a carrier that acknowledges nothing",
            _on_a_line(Faults(never_ack_marks=True)),
        ),
        Case(
            "call-back", "the caller hangs up and rings again", _call_back(lambda m: m.ends_at + 1)
        ),
        Case("slow-model", "the model takes eight seconds", _with_trouble("model", 8), "a model"),
        Case(
            "slow-tool", "a tool takes eight seconds", _with_trouble("tool", 8), STAGES["tool"][1]
        ),
        Case("time-limit", "a node never comes back", _with_trouble("node", TIME_LIMIT_SECS + 5)),
        Case(
            "failing-model", "the model fails once", _with_trouble("model", fails=True), "a model"
        ),
        Case(
            "failing-tool",
            "a tool fails once",
            _with_trouble("tool", fails=True),
            STAGES["tool"][1],
        ),
        Case("failing-node", "a node fails once", _with_trouble("node", fails=True)),
        Case(
            "question-voice",
            "the open question is answered by voice",
            _answered_by("speech", ["Yes.", "one two three four", "forty thousand", "Pune"]),
            QUESTION,
            "answered",
        ),
        Case(
            "question-key",
            "the open question is answered by key",
            _answered_by("keys", ["1", "1234", "40000"]),
            QUESTION,
            "answered",
        ),
        Case(
            "question-nonsense",
            "the open question gets nonsense",
            _where_asked(_asked_then(lambda m: Says(m.ends_at + PAUSE_SECS, NONSENSE))),
            QUESTION,
        ),
        Case(
            "question-silence",
            "the open question gets silence",
            _where_asked(
                lambda m: Script([Says(m.asks_at, m.says[0]), HangsUp(m.ends_at + PATIENCE_SECS)])
            ),
            QUESTION,
        ),
        Case(
            "question-call-back",
            "the caller hangs up on the open question and rings again",
            _where_asked(_call_back(lambda m: m.ends_at + 1)),
            QUESTION,
            "asked",
        ),
    ]
}
"""All cases, in the order in which they are held."""
