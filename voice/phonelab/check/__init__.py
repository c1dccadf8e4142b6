"""Checks a stranger's graph on the telephone before anyone rings: some forty calls, in seconds.

    for event in Check(graph).run():
        ...  # Progress, then Findings as they come

The calls are held in virtual time on the phone lab, with the project's own bridge, threads and
database. Two first calls show how long greeting and reply are, which tools run and whether the
model streams; the others are fitted to that (`cases.py`), so that the caller speaks, hangs up or
loses the line exactly in the tool, in the first word, at the last. `judging.py` says what a call
shows.
"""

import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from graphs.threads import Graph
from voice.phonelab.check.cases import ANSWER, CASES, OPENING, Case
from voice.phonelab.check.findings import Finding, Severity
from voice.phonelab.check.held import Held, Moments, Script, asking, hold, moments_of
from voice.phonelab.check.judging import judged, never_ends
from voice.phonelab.check.structure import structural

__all__ = ["CASES", "SAYS", "CannotCheck", "Case", "Check", "Finding", "Progress", "Severity"]

SAYS = ("Hello, can you help me please?", "Yes.", "Thank you.")


class CannotCheck(RuntimeError):
    """The graph cannot be called at all; says why and what to do."""


@dataclass(frozen=True, slots=True)
class Progress:
    """A case that was held, or was not."""

    case: Case
    number: int
    of: int
    held: bool
    findings: tuple[Finding, ...] = ()


@dataclass
class Check:
    """Checks one graph.

    Args:
        graph: compiled.
        says: what the caller says, in turn.
        only: names of cases; all when empty.
        real: whether the time of the graph is real, for one that needs a network.

    Raises:
        ValueError: there is no such case.
    """

    graph: Graph
    says: Sequence[str] = SAYS
    only: Sequence[str] = ()
    real: bool = False
    findings: list[Finding] = field(default_factory=list)
    """Each thing once, with the first case that shows it."""

    def __post_init__(self) -> None:
        for name in self.only:
            if name not in CASES:
                raise ValueError(f"There is no case {name!r}. There are: {', '.join(CASES)}.")

    def run(self) -> Iterator[Progress]:
        """Hold the calls and yield how it goes.

        Raises:
            CannotCheck: the graph needs a network and `real` is not set.
        """
        self._add(structural(self.graph), "")
        opening = self._hold(Script())
        answer = self._hold(asking(opening, self.says[0]))
        moments = moments_of(opening, answer, self.says)
        first = {OPENING: opening, ANSWER: answer}
        chosen = [case for name, case in CASES.items() if not self.only or name in self.only]
        results = []
        for number, case in enumerate(chosen, 1):
            held = first.get(case.name) or self._at(case, moments)
            found: tuple[Finding, ...] = ()
            if held:
                results.append(held.result)
                found = self._add(judged(self.graph, case, held), case.name)
            yield Progress(case, number, len(chosen), held is not None, found)
            if case.name == ANSWER and self._never_answers(opening, answer):
                return
        if not self.only:
            self._add(never_ends(self.graph, results), "")

    def _at(self, case: Case, moments: Moments) -> Held | None:
        script = case.script(moments)
        return self._hold(script) if script else None

    def _hold(self, script: Script) -> Held:
        with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
            held = hold(self.graph, script, Path(folder), real=self.real)
        if held.watch.network and not self.real:
            raise CannotCheck(
                f"The graph reaches for {', '.join(sorted(held.watch.network)[:3])}, and virtual "
                "time does not wait for a network. Run with --real: the graph then takes the time "
                "it takes (and its model costs what it costs); or check it with a model that "
                "writes from a list."
            )
        return held

    @staticmethod
    def _never_answers(*calls: Held) -> bool:
        return all(any(not failure.planned for failure in held.watch.failures) for held in calls)

    def _add(self, found: Iterator[Finding] | list[Finding], case: str) -> tuple[Finding, ...]:
        known = {(finding.kind, finding.subject) for finding in self.findings}
        new = []
        for finding in found:
            if (finding.kind, finding.subject) not in known:
                known.add((finding.kind, finding.subject))
                new.append(replace(finding, case=case))
        self.findings += new
        return tuple(new)
