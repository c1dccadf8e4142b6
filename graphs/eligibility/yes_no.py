"""Yes and no in English, Hindi and Hinglish: right, or unclear."""

import itertools
from collections.abc import Sequence

from graphs.eligibility.readings import Reading, Unclear
from graphs.eligibility.understood import YES_NO, unexplained
from graphs.eligibility.utterance import Match, Word, span, uncovered, words

_YES = {"yes", "yes_mild", "yes_idiom"}
_NEGATED_SCOPE = 4
"""Words that an English negation may govern in "no, I don't have a job"."""


def parse_yes_no(text: str) -> Reading[bool] | Unclear | None:
    """Read an answer to a question that wants yes or no.

    Returns:
        The answer; `Unclear` where it could mean more than one thing, or speaks of something that
        yes or no alone cannot settle; None where it holds no yes and no no.
    """
    heard = words(text)
    matches = YES_NO.scan(heard)
    said = [match for match in matches if match.kind != "filler"]
    polar = [match for match in said if match.kind in _YES or match.kind == "no"]
    content = uncovered(heard, matches)
    for match in said:
        if match.kind == "unclear" and (polar or _stands_alone(match.id, content)):
            return _unclear(match.id, heard, [match])
    if not polar:
        mute = [match for match in said if match.kind == "mute"]
        return _unclear(mute[0].id, heard, mute[:1]) if mute and not content else None

    if any(match.id == "tag_question" for match in said):
        return _unclear("tag_question", heard, polar)
    polar, corrected = _after_correction(said, polar)
    kinds = {match.kind == "no" for match in polar}
    if len(kinds) > 1:
        return _unclear("conflict", heard, polar)
    reason = (
        _doubt_no(heard, said, content) if kinds == {True} else _doubt_yes(said, polar, content)
    )
    if reason == "aside":
        return None
    if reason is None and unexplained(heard, matches, "yes_no"):
        reason = "context"
    if reason:
        return _unclear(reason, heard, polar)
    rules = [f"yes_no.{match.id}" for match in polar] + ["yes_no.correction"] * corrected
    return Reading(not kinds.pop(), _cover(heard, polar), tuple(dict.fromkeys(rules)))


def _stands_alone(reason: str, content: list[int]) -> bool:
    """Whether a doubt counts where neither yes nor no was said."""
    if content:
        return reason in {"dont_know", "not_understood"}
    return reason not in {"hello", "question", "mind", "reversed"}


def _after_correction(said: list[Match], polar: list[Match]) -> tuple[list[Match], bool]:
    """Drop what the caller took back: before "sorry" or "I mean", and in "nahi nahi, haan"."""
    marks = [at for at, match in enumerate(said) if match.kind == "correction"]
    if marks:
        kept = [match for match in said[marks[-1] :] if match in polar]
        if kept and len(kept) < len(polar):
            return kept, True
    kept = list(itertools.dropwhile(lambda match: match.kind == "no", polar))
    firmly = any(match.kind == "yes" for match in kept) and "no" not in {m.kind for m in kept}
    return (kept, True) if firmly and len(polar) - len(kept) > 1 else (polar, False)


def _doubt_yes(said: list[Match], polar: list[Match], content: list[int]) -> str | None:
    """Why a yes does not decide; "aside" where a mild one only opens another answer."""
    if any(match.kind == "negation" for match in said):
        return "conflict"
    if content and all(match.kind == "yes_mild" for match in polar):
        return "aside"
    if content and all(match.kind != "yes" for match in polar):
        return "more_said"
    return None


def _doubt_no(heard: Sequence[Word], said: list[Match], content: list[int]) -> str | None:
    """Why a no does not decide: other words stand beside it that it may not govern."""
    if any(match.id == "koi_baat_nahi" for match in said):
        return "koi_baat_nahi"
    if not content:
        return None
    negatives = [match for match in said if match.kind in {"no", "negation"}]
    first = negatives[0]
    if first.kind != "no" or first.first > content[0] or len(negatives) < 2:
        return "no_then_statement"
    last = negatives[-1]
    between = [at for at in content if at < last.first]
    after = [at for at in content if at >= last.last]
    hindi_order = between and not after and heard[last.first].text in {"nahi", "nai"}
    english_order = not between and heard[last.first].text not in {"no", "nahi", "nai", "na"}
    if (hindi_order or english_order) and len(content) <= _NEGATED_SCOPE:
        restarted = any(
            word.text in {"i", "im", "main", "its", "we"} for word in heard[last.last :]
        )
        return "no_then_statement" if restarted else None
    return "no_then_statement"


def _cover(heard: Sequence[Word], matches: list[Match]) -> tuple[int, int]:
    return span(heard, matches[0].first, matches[-1].last)


def _unclear(reason: str, heard: Sequence[Word], matches: list[Match]) -> Unclear:
    rules = tuple(dict.fromkeys(f"yes_no.{match.id}" for match in matches))
    return Unclear(f"yes_no.{reason}", _cover(heard, matches), rules)
