"""Markdown and HTML as a model writes them, without their marks.

No parser of documents: a piece of a message must be read before the rest is written, so marks are
known by their place, as the eye knows them, and a pair that is cut apart loses both its halves.
"""

import html
import re
from collections.abc import Iterator, Mapping
from typing import Final

BLOCK_TAGS: Final = (
    r"(?:table|div|p|ul|ol|dl|pre|form|section|article|header|footer|nav|aside|figure|iframe|script"
    r"|style|svg|video|audio|details|blockquote|h[1-6]|html|head|body|canvas|object|template)"
)
FENCE: Final = r"[ \t]*(?P<fence>`{3,}|~{3,})"
EMOJI: Final = (
    r"(?:[\U0001F000-\U0001FAFF\U000E0020-\U000E007F\u2600-\u27BF\u2B00-\u2BFF\u231A-\u23FF"
    r"\u3030\u303D\u3297\u3299]\u200D?|[\uFE0E\uFE0F\u20E3])"
)

_PATTERN = re.compile(
    rf"""
    (?:^|(?=[`~<!\[\]\\&*_=\n【]|{EMOJI}))  # the rest is tried at these only, for speed
    (?:(?P<code>^{FENCE}[^\n]*(?:\n(?:.*\n)*?(?:[ \t]*(?P=fence)[`~]*[ \t]*$|.*\Z)|\Z))
    |(?P<comment><!--(?s:.*?)(?:-->|\Z))
    |(?P<table>^[ \t]*\|.*(?:\n[ \t]*\|.*)*
        |^.*\|.*\n[ \t]*\|?[ \t]*:?-+:?[ \t]*\|[ \t|:-]*(?:\n.*\|.*)*)
    |(?P<html>^[ ]{{0,3}}</?(?i:{BLOCK_TAGS})(?=[\s/>])(?s:.*?)(?=\n[ \t]*\n|\Z))
    |(?P<silent>^[ \t]*(?:(?:-[ \t]*){{3,}}|(?:\*[ \t]*){{3,}}|(?:_[ \t]*){{3,}}|=+[ \t]*)$
        |^[ ]{{0,3}}\[[^\]\n]+\]:[ \t]*\S.*$)
    |(?P<heading>^[ \t]*\#{{1,6}}(?=[ \t]))
    |(?P<item>^(?:[ \t]*>)*[ \t]*
        (?:[-*+•][ \t]+(?:\[[ xX]\][ \t]+)?|(?:(?P<nth>\d{{1,3}})[.)])(?=[ \t]))
        |^[ \t]*(?:>[ \t]*)+)
    |(?P<image>!\[(?P<alt>[^\]\n]*)\](?:\([^)\n]*\)|\[[^\]\n]*\]))
    |(?P<note>(?:(?<=\S)|(?<=\S[ ]))\[\^?\d+\](?![(:])|\[\^[^\]\n]+\]|【[^】]*】)
    |(?P<link>\[(?=[^\]\n]*\](?:\(|\[[^\]\n]*\])))
    |(?P<target>\]\((?:[^()\n]|\([^()\n]*\))*\)|\]\[[^\]\n]*\])
    |(?P<span>(?P<ticks>`+)(?P<inside>.+?)(?P=ticks)(?!`))
    |(?P<autolink><(?P<address>(?:https?://|mailto:)?[^\s<>]+[.@:][^\s<>]+)>)
    |(?P<escape>\\(?P<escaped>[!-/:-@\[-`{{-~]))
    |(?P<tag></?[A-Za-z][^<>\n]*>)
    |(?P<entity>&\#?\w+;)
    |(?P<emphasis>\*+(?=\S)|(?<=\S)\*+(?!\d)|~~|==(?=\w)|(?<=\w)==|(?<!\w)_+(?=\S)|(?<=\S)_+(?!\w)|`)
    |(?P<emoji>{EMOJI}+[ ]?)
    |(?P<newline>\\?\n(?:[ \t]*\n)*))
    """,
    re.X | re.M,
)
_PRODUCT = re.compile(r"\d\*\d")


def unmarked(text: str, phrases: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """Yield what stays of a text when its marks are gone.

    Args:
        text: a piece of a message, as written.
        phrases: said in the place of `code`, `table`, `html` and of an `image` without a text.

    Returns:
        Words, and the offset in the text after what they stand for. Where a new block begins, the
        words have a blank line.
    """
    at = 0
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup or ""
        if kind == "emphasis" and _PRODUCT.fullmatch(text, match.start() - 1, match.end() + 1):
            continue
        if match.start() > at:
            yield text[at : match.start()], match.start()
        yield _left(kind, match, phrases), match.end()
        at = match.end()
    if at < len(text):
        yield text[at:], len(text)


def _left(kind: str, match: re.Match[str], phrases: Mapping[str, str]) -> str:
    """Return what is said of a mark."""
    if kind in ("code", "table", "html"):
        return f"\n\n{phrases[kind]}\n\n"
    if kind in ("item", "heading"):
        return f"\n\n{match['nth']}." if match["nth"] else "\n\n"
    if kind == "image":
        return f"{phrases['image']}: {match['alt']}" if match["alt"].strip() else phrases["image"]
    if kind == "span":
        return re.sub(r"(?<=\w)_(?=\w)", " ", match["inside"].strip())
    if kind == "autolink":
        return match["address"].removeprefix("mailto:")
    if kind == "escape":
        return match["escaped"]
    if kind == "entity":
        return html.unescape(match[0])
    if kind == "newline":
        return match[0].strip(" \t\\")
    return " " if match[0].lower().startswith("<br") else ""
