"""What code finds out of a conversation: words that were said, goals that are rules, facts."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Final

from server.analysis.wanted import Analysis, Criterion, Datum, Found, Judged, Subject, Wanted

NO_MODEL: Final = "No language model is configured that could decide this."
MOST_QUOTED: Final = 3
"""Things the caller said that a summary quotes."""
MOST_CHARS: Final = 160
_WORDS: Final = re.compile(r"\w{3,}")


def analyse(subject: Subject, wanted: Wanted, why_no_model: str = NO_MODEL) -> Analysis:
    """Return what can be found out without a model; the rest is unknown, and says why."""
    return Analysis(
        title=title(subject),
        summary=summary(subject),
        criteria={one.id: _judged(one, subject, why_no_model) for one in wanted.criteria},
        data={name: _found(name, one, subject) for name, one in wanted.data.items()},
    )


def summary(subject: Subject) -> str:
    """Summarise a conversation by what the caller said of most weight, in the caller's words."""
    call = subject.call
    who = {"browser": "A conversation", "inbound": "An incoming call"}.get(
        call.direction, "An outgoing call"
    )
    seconds = round((call.ended_at - call.started_at).total_seconds()) if call.ended_at else 0
    sentences = [f"{who} of {_duration(seconds)}."]
    quoted = _weightiest([text for role, text in subject.lines if role == "Caller"])
    if quoted:
        sentences.append("The caller said: " + " … ".join(f"“{_cut(text)}”" for text in quoted))
    else:
        sentences.append("The caller said nothing.")
    if call.outcome:
        sentences.append(f"Outcome: {call.outcome}.")
    if call.failure:
        sentences.append(call.failure)
    return " ".join(sentences)


def title(subject: Subject) -> str:
    """Return a few words to tell a conversation from others."""
    if subject.call.outcome:
        return subject.call.outcome.replace("_", " ").capitalize()
    quoted = _weightiest([text for role, text in subject.lines if role == "Caller"], 1)
    return _cut(quoted[0], 60) if quoted else "Nothing was said"


def _weightiest(texts: Sequence[str], most: int = MOST_QUOTED) -> list[str]:
    """Return the texts that hold most words which few others hold, in the order of speaking."""
    words = [{word.lower() for word in _WORDS.findall(text)} for text in texts]
    spread = Counter(word for one in words for word in one)
    weights = [sum(1 / spread[word] for word in one) for one in words]
    chosen = sorted(range(len(texts)), key=lambda at: (-weights[at], at))[:most]
    return [texts[at] for at in sorted(chosen)]


def _judged(criterion: Criterion, subject: Subject, why_no_model: str) -> Judged:
    rule, call = criterion.rule, subject.call
    if rule is None:
        return Judged(result="unknown", rationale=why_no_model)
    if call.ended_at is None:
        return Judged(result="unknown", rationale="The call has not ended.")
    seconds = (call.ended_at - call.started_at).total_seconds()
    missed = []
    if rule.outcome is not None and call.outcome not in rule.outcome:
        missed.append(f"the outcome is {call.outcome or 'none'}")
    if rule.tool is not None and not subject.tools.get(rule.tool):
        known = "failed" if rule.tool in subject.tools else "was not called"
        missed.append(f"the tool {rule.tool} {known}")
    if rule.fact is not None and subject.fact(rule.fact) is None:
        missed.append(f"{rule.fact} is not known")
    if rule.min_secs is not None and seconds < rule.min_secs:
        missed.append(f"it took {seconds:.0f} s, less than {rule.min_secs:g}")
    if rule.max_secs is not None and seconds > rule.max_secs:
        missed.append(f"it took {seconds:.0f} s, more than {rule.max_secs:g}")
    if missed:
        return Judged(result="failure", rationale=f"By rule: {'; '.join(missed)}.")
    return Judged(result="success", rationale="By rule: all that it asks for holds.")


def _found(name: str, datum: Datum, subject: Subject) -> Found:
    value = subject.fact(name)
    if value is None:
        return Found(rationale="The conversation left no fact of this name.")
    if not datum.takes(value):
        return Found(rationale=f"The fact of this name is no {datum.type} that is allowed.")
    return Found(value=value, rationale="Gathered by the conversation as a fact.")


def _duration(seconds: int) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _cut(text: str, most: int = MOST_CHARS) -> str:
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"
