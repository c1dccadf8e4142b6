"""A conversation held with the pure interview alone, for tests."""

from dataclasses import dataclass
from datetime import UTC, datetime

from graphs.eligibility.actions import Close, Expect, Say
from graphs.eligibility.rules import load_rules
from graphs.eligibility.state import Event, Interview
from graphs.eligibility.step import step

AT = datetime(2026, 11, 21, tzinfo=UTC)
RULES = load_rules()


@dataclass
class Talk:
    """A conversation held with the step alone."""

    state: Interview
    said: str = ""
    expects: str | None = None
    closed: bool = False

    def hears(self, *events: str | Event) -> "Talk":
        for event in events:
            if isinstance(event, str):
                event = Event("said", AT, event, "speech")
            self.state, actions = step(self.state, event, RULES)
            self.said = " ".join(a.text for a in actions if isinstance(a, Say))
            self.expects = next((a.kind for a in actions if isinstance(a, Expect)), None)
            self.closed = any(isinstance(a, Close) for a in actions)
        return self

    @property
    def outcome(self) -> tuple[str, ...]:
        return (self.state.outcome, *self.state.reasons)


def happens(kind: str) -> Event:
    return Event(kind, AT)  # type: ignore[arg-type]


def keys(digits: str) -> Event:
    return Event("said", AT, digits, "keys")


def opened() -> Talk:
    return Talk(Interview()).hears(happens("opened"))


def at_salary() -> Talk:
    return opened().hears("Yes, I am salaried")


def at_city() -> Talk:
    return at_salary().hears("forty thousand")
