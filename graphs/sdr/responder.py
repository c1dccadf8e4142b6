"""Answers without a model: the sentences of the passages that answer, word for word."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from typing import Final, NamedTuple

from graphs.sdr.grounding import clean, content
from graphs.sdr.grounding.claims import claims_of
from tools.knowledge import ANSWERS, Found, Passage
from tools.knowledge.embeddings import likeness

MOST_SENTENCES: Final = 2
LONGEST: Final = 320
"""Characters of an answer, about twenty seconds of speech."""
_WORDS, _MEANING, _HEADING, _PASSAGE = 0.5, 0.5, 0.5, 0.5
"""What counts: the share of what was asked that a sentence or its heading speaks of, how near the
sentence and its heading are in meaning, and how surely the passage answers (docs/knowledge.md)."""
_LEAST: Final = 0.47
"""What a sentence must have of that, without its passage's share, to be said."""
_NEXT: Final = 0.5
"""A sentence that follows is said too if it has this share of the best one's score."""
_TELLS_ASKED: Final = 0.3
"""What a sentence gains that tells what is asked for, such as a duration."""
_SAME_QUESTION: Final = 0.6
"""Share of a heading that must be in the question for its "yes" or "no" to answer it."""
_ANSWER: Final = re.compile(r"(?P<answer>(?:yes|no)[.,!])(?:\s+(?P<rest>.+))?", re.I | re.DOTALL)
_QUALIFIES: Final = re.compile(
    r"(?:after|before|until|from) (?:that|then)\b|(?:otherwise|but|however|except|unless|instead"
    r"|thereafter|afterwards|in that case|only)\b",
    re.IGNORECASE,
)
"""How a sentence begins without which the one before it misleads: "After that there is none."."""
_HOW_LONG: Final = re.compile(r"\b(?:how long|how many (?:days|weeks|months|minutes))\b", re.I)


class _Line(NamedTuple):
    text: str
    heading: str
    passage: int
    at: int
    answer: str = ""
    """The "yes" or "no" before it, which answers the question in the heading and no other."""


def extract(question: str, found: Found, *, kind: str = "") -> list[str]:
    """Return the sentences that answer a question, at most two, in the order of their document.

    One more where it limits what the last one says. Nothing where the knowledge says that there is
    no answer, or none of the sentences is near enough to what was asked.
    Passages that do not answer by themselves take no part.

    Args:
        question: what is asked, or claimed.
        found: what was looked up for it.
        kind: of the claim that is wanted, such as `duration`; by itself what is asked for.
    """
    if not found.answerable:
        return []
    answering = [(at, one) for at, one in enumerate(found.passages) if one.score >= ANSWERS]
    lines = [line for at, passage in answering for line in _lines(at, passage)]
    asked = content(question)
    if not lines or not asked:
        return []
    own = _nearness(question, asked, lines, kind or _wanted(question))
    scores = [
        score + _PASSAGE * found.passages[line.passage].score - 0.004 * line.at
        for score, line in zip(own, lines, strict=True)
    ]
    first = max(range(len(lines)), key=scores.__getitem__)
    if own[first] < _LEAST:
        return []
    said = [lines[first]]
    for score, line in zip(scores[first + 1 :], lines[first + 1 :], strict=True):
        if len(said) == MOST_SENTENCES or line != _following(said[-1], lines):
            break  # "the others" are not others of another sentence
        if score < _NEXT * scores[first] or sum(len(one.text) for one in [*said, line]) > LONGEST:
            break
        said.append(line)
    qualifying = _following(said[-1], lines)
    if qualifying is not None and _QUALIFIES.match(qualifying.text):
        said.append(qualifying)
    return [_spoken(line, asked) for line in said]


def _nearness(
    question: str, asked: frozenset[str], lines: Sequence[_Line], wanted: str
) -> list[float]:
    """Return how near each sentence is to what was asked, by its words and by its meaning."""
    names = frozenset(word.lower() for word in re.findall(r"\b[A-Z]{2,3}\b", question))
    weights = _weights(asked, lines, names)
    texts = [*(line.text for line in lines), *(line.heading for line in lines)]
    near = likeness(question, texts).tolist()
    return [
        _WORDS * _told(line, weights, wanted) + _MEANING * text + _HEADING * heading
        for line, text, heading in zip(lines, near, near[len(lines) :], strict=False)
    ]


def _following(line: _Line, lines: Sequence[_Line]) -> _Line | None:
    """Return the sentence after one, under the same heading."""
    where = (line.passage, line.heading, line.at + 1)
    return next((one for one in lines if (one.passage, one.heading, one.at) == where), None)


def _spoken(line: _Line, asked: frozenset[str]) -> str:
    """Return a sentence as it is said: its "no" only to whom asks what its heading asks."""
    headed = content(line.heading)
    same = headed and len(headed & asked) >= _SAME_QUESTION * len(headed)
    return f"{line.answer} {line.text}" if line.answer and same else line.text


def _lines(at: int, passage: Passage) -> list[_Line]:
    heading, answer = passage.title.rsplit(">", 1)[-1].strip(), ""
    lines = []
    for place, line in enumerate(clean(passage.text)):
        if line.heading:
            heading, answer = line.text, ""
            continue
        text = line.text
        if begins := _ANSWER.fullmatch(text):
            answer, text = begins["answer"], begins["rest"] or ""
        if text and len(text) <= LONGEST:
            lines.append(_Line(_ended(text[0].upper() + text[1:]), heading, at, place, answer))
            answer = ""
    return lines


def _ended(text: str) -> str:
    return text if text[-1:] in ".!?।:" else f"{text}."


def _weights(
    asked: frozenset[str], lines: Sequence[_Line], names: frozenset[str]
) -> dict[str, float]:
    """Weigh what was asked: a word that few sentences have tells more.

    A short word that none has is let go, unless it is a name in capitals, such as SAP.
    """
    seen = Counter(stem for line in lines for stem in content(f"{line.heading} {line.text}"))
    return {
        stem: math.log(1 + (len(lines) + 1) / (0.5 + seen[stem]))
        for stem in asked
        if seen[stem] or len(stem) > 3 or stem in names
    }


def _told(line: _Line, weights: dict[str, float], wanted: str) -> float:
    """Return the share of what was asked that a sentence or its heading speaks of."""
    whole = sum(weights.values())
    if not whole:
        return 0.0
    own, above = content(line.text), content(line.heading)
    spoken = sum(weight for stem, weight in weights.items() if stem in own)
    headed = sum(0.8 * weight for stem, weight in weights.items() if stem in above - own)
    told = _TELLS_ASKED if wanted and spoken + headed and _tells(line.text, wanted) else 0.0
    return (spoken + headed) / whole + told / _WORDS


def _wanted(question: str) -> str:
    """Return the kind of claim that answers: a duration to "how long", else nothing."""
    return "duration" if _HOW_LONG.search(question) else ""


def _tells(text: str, kind: str) -> bool:
    return any(claim.kind == kind for claim in claims_of(text))
