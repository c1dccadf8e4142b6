"""What `interrupt()` asks, put as a question to a caller or a chat, and what an answer means."""

from graphs.questions.asking import Asking, Resume, Say, broken
from graphs.questions.given import WrongAnswer, given
from graphs.questions.kinds import Answer, NotUnderstood, Source
from graphs.questions.question import Onward, Question

__all__ = [
    "Answer",
    "Asking",
    "NotUnderstood",
    "Onward",
    "Question",
    "Resume",
    "Say",
    "Source",
    "WrongAnswer",
    "broken",
    "given",
]
