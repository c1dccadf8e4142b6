"""What agents look up: documents of organisations, searched by words and by meaning."""

from tools.documents.reading import Unreadable
from tools.knowledge.knowledge import (
    ANSWERS,
    Found,
    Knowledge,
    Passage,
    open_knowledge,
)
from tools.knowledge.library import IndexState

__all__ = [
    "ANSWERS",
    "Found",
    "IndexState",
    "Knowledge",
    "Passage",
    "Unreadable",
    "open_knowledge",
]
