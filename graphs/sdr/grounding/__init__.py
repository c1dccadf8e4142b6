"""What may be said: each claim of an outgoing sentence against what this call has to show."""

from graphs.sdr.grounding.claims import Claim, claims_of, content
from graphs.sdr.grounding.evidence import Evidence, clean
from graphs.sdr.grounding.guard import Checked, Guard
from graphs.sdr.grounding.sentences import Sentences, sentences_of

__all__ = [
    "Checked",
    "Claim",
    "Evidence",
    "Guard",
    "Sentences",
    "claims_of",
    "clean",
    "content",
    "sentences_of",
]
