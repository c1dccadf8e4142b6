"""What the approval keeps of itself in the state of a run; all of it JSON."""

from typing import Any, Literal

from typing_extensions import TypedDict

Step = Literal["answer", "read_back", "code", "check", "execute", "settle"]


class Approving(TypedDict, total=False):
    """The part of a run's state that is the approval's own."""

    approval_id: str | None
    """What is asked, in `store.approvals`; there it is on record how it stands."""
    step: Step
    """What comes next."""
    asked_further: bool
    """Whether the question was put before in this run."""
    words: str
    """What was said and is to be acted on: a question, a code."""
    about: str | None
    """Symbol that was talked of last."""
    exact: str
    """The orders as they were read back; empty before: then the code is not asked for yet."""
    hint: str
    """What is said before the code is asked for again."""
    tries: int
    """Codes given so far."""
    orders: list[dict[str, Any]]
    """What became of what was approved, as `tools.approving.Order`."""
