"""A proof by exhaustion: every reachable state of the interview against every class of answer.

What is abstracted, and nothing else: the turn counter is explored far from its limit and at it,
with a check that it changes nothing in between; time does not enter a decision; the answers are
classes, each stood for by at least one sentence that goes through the real parsers.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from graphs.eligibility.actions import Action, Close, Expect, Say
from graphs.eligibility.replies import FORBIDDEN
from graphs.eligibility.rules import Rules
from graphs.eligibility.state import FINAL, Event, Interview, Salary
from graphs.eligibility.step import step
from tools.data_files import read_data

Step = Callable[[Interview, Event, Rules], tuple[Interview, tuple[Action, ...]]]

_AT = datetime(2026, 1, 1, tzinfo=UTC)
_CLASSES = Path(__file__).parent / "answers.yaml"


@dataclass(frozen=True, slots=True)
class Answer:
    """One class of answer, and a representative of it."""

    name: str
    event: Event


@dataclass(frozen=True, slots=True)
class Transition:
    """One step of the proof."""

    before: Interview
    answer: Answer
    after: Interview
    actions: tuple[Action, ...]

    @property
    def said(self) -> str:
        """What the interview says in it."""
        return next((a.text for a in self.actions if isinstance(a, Say)), "")


@dataclass(frozen=True, slots=True)
class Counterexample:
    """A conversation that breaks a claim."""

    claim: str
    reason: str
    path: tuple[Transition, ...]

    def __str__(self) -> str:
        """The conversation, line by line."""
        lines = [f"{self.claim}: {self.reason}"]
        for transition in self.path:
            event = transition.answer.event
            heard = event.text if event.kind == "said" else f"({event.kind})"
            lines.append(f"  [{transition.before.stage}] {heard}")
            lines.append(f"      -> [{transition.after.stage}] {transition.said or '(nothing)'}")
        return "\n".join(lines)


@dataclass
class Proof:
    """What was explored, and what was found to break a claim."""

    claims: Sequence[str]
    bound: int
    """Turns within which every conversation has ended."""
    states: int = 0
    transitions: int = 0
    answers: int = 0
    outcomes: Counter[str] = field(default_factory=Counter)
    """Transitions into each outcome and reason."""
    counterexamples: list[Counterexample] = field(default_factory=list)

    @property
    def holds(self) -> bool:
        """Whether every claim was proven."""
        return not self.counterexamples


def answers(rules: Rules) -> list[Answer]:
    """Return every class of answer with its representatives, and the events without words."""
    silent = [Answer(kind, Event(kind, _AT)) for kind in ("opened", "silence", "hangup")]
    classes = read_data(_CLASSES)
    sums = {
        "minimum": f"{rules.salary.minimum_monthly:f}",
        "below": f"{rules.salary.minimum_monthly - 1:f}",
        "served": rules.city.name(next(iter(rules.city.served)), "en"),
        "other_served": rules.city.name(list(rules.city.served)[-1], "en"),
    }
    said = [
        Answer(name, Event("said", _AT, str(text).format_map(sums), source))
        for source in ("speech", "keys")
        for name, texts in classes[source].items()
        for text in texts
    ]
    return silent + said


def prove(rules: Rules, step: Step = step, most: int = 3) -> Proof:
    """Explore every state that can be reached and check every claim on every transition.

    Args:
        rules: the rules to prove the interview under.
        step: the interview; another one is given to see that a fault is found.
        most: counterexamples to collect for each claim.
    """
    for proof in _explored(rules, step, most):  # noqa: B007 - to its end
        pass
    return proof


def disprove(rules: Rules, step: Step, claim: str) -> Counterexample | None:
    """Return the first, and so a shortest, conversation that breaks a claim; None if none does.

    Args:
        rules: the rules to prove the interview under.
        step: the interview.
        claim: by its name in `CLAIMS`.
    """
    for proof in _explored(rules, step, most=1):
        if found := next((c for c in proof.counterexamples if c.claim == claim), None):
            return found
    return None


def _explored(rules: Rules, step: Step, most: int) -> Iterator[Proof]:
    """Yield the proof as it grows, state by state, up to the whole."""
    given, limit = answers(rules), rules.limits.turns
    proof = Proof(list(CLAIMS), limit, answers=len(given))
    start = Interview()
    reached: dict[Interview, Transition | None] = {start: None}
    waiting = deque([start])
    while waiting:
        state = waiting.popleft()
        for answer in given:
            transition = _take(step, state, answer, rules)
            proof.transitions += 1
            _check(proof, transition, reached, rules, most)
            for near_limit in _near_the_limit(step, transition, rules):
                _report(proof, "it ends", near_limit, transition, reached, most)
            if transition.after.final and not state.final:
                proof.outcomes[f"{transition.after.outcome}: {transition.after.reasons[0]}"] += 1
            following = _abstract(transition.after, rules)
            if following not in reached:
                reached[following] = transition
                waiting.append(following)
        proof.states = len(reached)
        yield proof


def _abstract(state: Interview, rules: Rules) -> Interview:
    """Forget what no later step can see."""
    if state.final:
        return Interview(
            stage=state.stage,
            language=state.language,
            outcome=state.outcome,
            reasons=state.reasons[:1],
            follow_up=state.follow_up,
        )
    enough = Salary.exactly(rules.salary.minimum_monthly)
    return state._replace(
        turns=0,
        reasons=state.reasons if state.stage == "end" else (),
        salary=state.salary and enough,
        city=state.city and next(iter(rules.city.served)),
    )


def _take(step: Step, state: Interview, answer: Answer, rules: Rules) -> Transition:
    after, actions = step(state, answer.event, rules)
    return Transition(state, answer, after, actions)


def _near_the_limit(step: Step, transition: Transition, rules: Rules) -> Iterator[str]:
    """Say what is wrong where the turn counter stands just before its limit, and at it."""
    limit, state = rules.limits.turns, transition.before
    if transition.answer.event.kind == "opened" and transition.after == state:
        return  # an opening that changes nothing is no turn
    if transition.after.turns != state.turns + 1:
        yield "the turn was not counted"
    if state.final:
        return
    last, _ = step(state._replace(turns=limit - 1), transition.answer.event, rules)
    if not (last.final and last.done):
        yield f"it still goes on after {limit} turns"


def _check(
    proof: Proof,
    transition: Transition,
    reached: Mapping[Interview, Transition | None],
    rules: Rules,
    most: int,
) -> None:
    for claim, broken in CLAIMS.items():
        reason = broken(transition, rules)
        if reason:
            _report(proof, claim, reason, transition, reached, most)


def _report(
    proof: Proof,
    claim: str,
    reason: str,
    transition: Transition,
    reached: Mapping[Interview, Transition | None],
    most: int,
) -> None:
    if sum(found.claim == claim for found in proof.counterexamples) < most:
        path = tuple(_path_to(transition, reached))
        proof.counterexamples.append(Counterexample(claim, reason, path))


def _path_to(
    transition: Transition, reached: Mapping[Interview, Transition | None]
) -> list[Transition]:
    path = [transition]
    while (earlier := reached[path[0].before]) is not None:
        path.insert(0, earlier)
    return path


# The claims: each says why a transition breaks it, or nothing.


def _ends(t: Transition, rules: Rules) -> str | None:
    closed = any(isinstance(action, Close) for action in t.actions)
    if t.after.done != closed:
        return "it is over but does not close, or closes without being over"
    if not t.after.done and t.after.stage != "greeting":
        return None if any(isinstance(a, Expect) for a in t.actions) else "it waits for nothing"
    return None


def _named(t: Transition, rules: Rules) -> str | None:
    if t.after.done and not t.after.reasons:
        return "it ended without a reason"
    if t.after.final != (t.after.stage in FINAL):
        return f"the stage {t.after.stage} does not fit the outcome {t.after.outcome}"
    return None


def _needs_all_facts(t: Transition, rules: Rules) -> str | None:
    if t.before.final or t.after.outcome != "eligible":
        return None
    if t.after.employment not in rules.employment.accepts:
        return f"eligible with the employment {t.after.employment}"
    low = t.after.salary.low if t.after.salary else None
    if low is None or low < rules.salary.minimum_monthly:
        return f"eligible with the salary {t.after.salary}"
    if t.after.city not in rules.city.served:
        return f"eligible with the city {t.after.city}"
    return None


def _refuses_for_cause(t: Transition, rules: Rules) -> str | None:
    if t.before.final or t.after.outcome != "not_eligible":
        return None
    high = t.after.salary.high if t.after.salary else None
    causes = {
        "employment.not_salaried": t.after.employment is not None
        and t.after.employment not in rules.employment.accepts,
        "salary.below_minimum": high is not None and high < rules.salary.minimum_monthly,
        "city.not_served": t.after.city is not None and t.after.city not in rules.city.served,
    }
    if not causes.get(t.after.reasons[0]):
        return f"refused for {t.after.reasons[0]}, which the facts do not show"
    return None


def _asks_nothing_after(t: Transition, rules: Rules) -> str | None:
    if t.after.final and ("?" in t.said or any(isinstance(a, Expect) for a in t.actions)):
        return f"asks after the outcome {t.after.outcome}"
    return None


def _stands(t: Transition, rules: Rules) -> str | None:
    if not t.before.final:
        return None
    kept = t.after._replace(turns=t.before.turns, follow_up=t.before.follow_up)
    kept = kept._replace(language=t.before.language)
    return None if kept == t.before else f"the outcome {t.before.outcome} did not stand"


def _reaches_a_person(t: Transition, rules: Rules) -> str | None:
    if t.answer.name != "person":
        return None
    noted = "person" in t.after.follow_up or t.after.outcome in ("needs_human", "opted_out")
    return None if noted else "the caller asked for a person in vain"


def _obeys_an_opt_out(t: Transition, rules: Rules) -> str | None:
    if t.answer.name != "do_not_call":
        return None
    noted = "do_not_call" in t.after.follow_up or t.after.outcome == "opted_out"
    return None if noted else "the caller asked in vain not to be called"


def _answers_one_question(t: Transition, rules: Rules) -> str | None:
    if t.answer.name not in ("yes", "no", "key_1", "key_2"):
        return None
    changed = sum(t.before.facts[fact] != t.after.facts[fact] for fact in t.after.facts)
    return f"it changed {changed} facts" if changed > 1 else None


def _grants_nothing(t: Transition, rules: Rules) -> str | None:
    return next((f"says {word!r}" for word in FORBIDDEN if word in t.said.lower()), None)


def _answers_always(t: Transition, rules: Rules) -> str | None:
    event = t.answer.event
    silent = event.kind in ("hangup", "silence") or (
        event.kind == "said" and not event.text.strip()
    )
    if t.said or (silent and (t.before.done or event.kind == "hangup")):
        return None
    return "it says nothing"


Claim = Callable[[Transition, Rules], str | None]

CLAIMS: Mapping[str, Claim] = {
    "it ends": _ends,
    "each path ends in a named outcome": _named,
    "nobody is eligible without all three facts": _needs_all_facts,
    "nobody is refused without a cause": _refuses_for_cause,
    "no question after an outcome": _asks_nothing_after,
    "an outcome stands": _stands,
    "a person can be reached from everywhere": _reaches_a_person,
    "an opt-out is obeyed everywhere": _obeys_an_opt_out,
    "a bare yes or no answers one question": _answers_one_question,
    "it never says approved": _grants_nothing,
    "it never leaves the caller without an answer": _answers_always,
}
"""What is proven, in words."""


def truth_table(rules: Rules, step: Step = step) -> list[dict[str, Any]]:
    """Decide every combination of the three facts by holding the conversation.

    The sums stand on either side of the minimum.
    """
    minimum = rules.salary.minimum_monthly
    rows = []
    for employment in ("I am salaried", "I run my own business"):
        for salary in (f"{minimum - 1:f} rupees a month", f"{minimum:f} rupees a month"):
            for city in (*(rules.city.name(city, "en") for city in rules.city.served), "Pune"):
                interview = Interview()
                opened = Event("opened", _AT)
                for event in (opened, *(Event("said", _AT, t) for t in (employment, salary, city))):
                    interview, _ = step(interview, event, rules)
                rows.append(
                    {
                        "employment": employment,
                        "salary": salary,
                        "city": city,
                        "outcome": interview.outcome,
                        "reason": interview.reasons[0],
                    }
                )
    return rows
