"""A message as its tokens come: sentences, each as soon as it is certainly complete."""

import re
from dataclasses import dataclass

from voice.speakable.markup import BLOCK_TAGS, FENCE
from voice.speakable.spoken import WRAPPED, Spoken, language_of, say
from voice.speakable.structured import Structure

_CLOSERS = r"[\"'”’)\]*_~`\U0001F000-\U0001FAFF\u2600-\u27BF\uFE0F\u200D]*"
_CANDIDATE = re.compile(rf"\n|[!?।॥]+{_CLOSERS}|[.…]+{_CLOSERS}")
_NEXT = re.compile(r"(?P<space>[ \t]*\n|\s+(?=[^\w₹$€£]*(?P<first>[\w₹$€£])))")
"""The next word's first character: until it comes an emoji or a bracket may still follow."""
_NEVER_LAST = re.compile(
    r"(?:^|[\s(\[*_\"'“])(?:(?:Dr|Mr|Mrs|Ms|Prof|Rs|Nos?|St|Mt|Fig|Vol|Ch|Sec|Art|Sr|Hon|Capt|Col"
    r"|Gen|Sri|Smt|vs|viz|cf|e\.g|i\.e|approx|dept|govt|Jan|Feb|Apr|Aug|Sept?|Oct|Nov|Dec)"
    r"|(?:[A-Z]\.)*[A-Z]|डॉ|श्री|प्रो|रु|लि|सं|नं|कि|मी)\.$"
)
"""Abbreviations and initials that stand before something, so that no sentence ends with them."""
_NUMBERED = re.compile(r"(?:^|\n)[\s>*_]*\d{1,3}\.$")
_FENCE = re.compile(FENCE)
_HTML = re.compile(rf"[ ]{{0,3}}</?(?i:{BLOCK_TAGS})[\s/>]")
_MAY_START_FENCE_OR_HTML = re.compile(
    r"[ \t]*(?:`{0,2}|~{0,2})|[ ]{0,3}<(?:/?[A-Za-z0-9]{0,10}|!-{0,2})"
)
_TABLE_RULE = re.compile(r"[ \t]*\|?[ \t]*:?-+:?[ \t]*\|[ \t|:-]*\n")
_MAY_BE_TABLE_RULE = re.compile(r"[ \t:|-]*")
_STARTS_BLOCK = re.compile(r"[ \t]*(?:[-*+•][ \t]|\d{1,3}[.)][ \t]|[#>|\n<]|`{3}|~{3}|[-*_=]{3})")
_MAY_START_BLOCK = re.compile(r"[ \t]*(?:[-*+•_=]{1,2}|\d{1,3}[.)]?|`{1,2}|~{1,2})?")
_ENDS_OF_BLOCKS = {
    "table": re.compile(r"\n(?=[^|\n]*\n)"),
    "html": re.compile(r"\n(?=[ \t]*\n)"),
    "comment": re.compile(r"-->"),
    "```": re.compile(r"\n[ \t]*`{3,}[ \t]*\n"),
    "~~~": re.compile(r"\n[ \t]*~{3,}[ \t]*\n"),
}
LOOK_BACK = 120
"""Characters over which a bracket that is not closed keeps a sentence together."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A stretch of a message that is said at once.

    Args:
        text: as written, all of it: the sentences of a message put together are the message.
        start: offset of its first character in the message.
        end: offset after its last character.
        language: `en` or `hi`.
        said: what goes to text to speech, and where its words came from.
    """

    text: str
    start: int
    end: int
    language: str
    said: Spoken

    @property
    def spoken(self) -> str:
        """What goes to text to speech; empty for a last stretch that is not said."""
        return self.said.text

    def heard(self, share: float) -> str:
        """Return the part of `text` that was certainly said with the first `share` of the speech.

        Args:
            share: part of the audio that was played, 0 to 1.
        """
        if share >= 1:
            return self.text
        return self.text[: self.said.written(int(len(self.spoken) * max(share, 0.0)))]


class Speakable:
    """Cuts one message into sentences and turns each into what is said.

    Args:
        language: of the whole message, `en` or `hi`; each sentence's own letters decide without it,
            and one without letters is said as the one before.
    """

    def __init__(self, language: str | None = None) -> None:
        self._language = language
        self._last_language = language or "en"
        self._pending = ""
        self._start = 0
        self._at = 0
        """Where the search for an end goes on, in what is pending."""
        self._line = 0
        """Where the line of `_at` begins; negative when part of it was said."""
        self._line_known = False
        """Whether it was decided what begins with the line."""
        self._block: str | None = None
        self._structure: Structure | None = Structure()

    def feed(self, token: str) -> list[Sentence]:
        """Take the next piece of the message and return the sentences it completes."""
        self._pending += token
        if self._structure:
            if self._structure.feed(token):
                return []
            self._structure = None
        return self._complete()

    def flush(self) -> list[Sentence]:
        """Return what is left: the message is whole."""
        sentences = []
        if self._structure:
            self._structure = None
            if not say(self._pending).text:
                return self._rest()
            sentences = self._complete()
        return sentences + self._rest()

    def _rest(self) -> list[Sentence]:
        if not self._pending:
            return []
        language = self._language_of(self._pending)
        return [self._cut(len(self._pending), language, say(self._pending.strip(), language))]

    def _complete(self) -> list[Sentence]:
        sentences = []
        while (end := self._end()) is not None:
            text = self._pending[:end]
            language = self._language_of(text)
            said = say(text.strip(), language)
            if said.text:
                sentences.append(self._cut(end, language, said))
            else:  # it goes with what follows
                self._go_on(end)
        return sentences

    def _cut(self, end: int, language: str, said: Spoken) -> Sentence:
        self._go_on(end)
        text, self._pending = self._pending[:end], self._pending[end:]
        sentence = Sentence(text, self._start, self._start + end, language, said)
        self._start += end
        self._at -= end
        self._line -= end
        self._last_language = language
        return sentence

    def _go_on(self, end: int) -> None:
        self._at, self._block = end, None
        if self._pending[:end].rstrip(" \t").endswith("\n"):
            self._line, self._line_known = end, False

    def _language_of(self, text: str) -> str:
        return self._language or language_of(text, self._last_language)

    def _end(self) -> int | None:
        """Return where the first sentence of what is pending ends; None while that is open."""
        while True:
            if not self._line_known and not self._look_at_line():
                return None
            if self._block:
                return self._end_of_block(self._block)
            found = _CANDIDATE.search(self._pending, self._at)
            if not found:
                self._at = len(self._pending)
                return None
            self._at = found.start()
            if found[0] == "\n":
                ends = self._is_end_of_line(found.end())
                end = found.end()
            else:
                ends, end = self._is_end_of_sentence(found)
            if ends is None:
                return None
            if ends:
                return end
            if self._block is None:
                self._at = found.end()
                if found[0] == "\n":
                    self._line = self._at

    def _look_at_line(self) -> bool:
        """Decide what begins with a line; False while its first characters leave that open."""
        rest = self._pending[self._line :]
        if fence := _FENCE.match(rest):
            self._block = fence["fence"][:3]
        elif rest.lstrip(" \t").startswith("|"):
            self._block = "table"
        elif rest.lstrip(" ").startswith("<!--"):
            self._block = "comment"
        elif _HTML.match(rest):
            self._block = "html"
        elif _MAY_START_FENCE_OR_HTML.fullmatch(rest):
            return False
        self._line_known = True
        return True

    def _end_of_block(self, block: str) -> int | None:
        if found := _ENDS_OF_BLOCKS[block].search(self._pending, max(self._at, 0)):
            return found.end()
        self._at = max(self._line, self._pending.rfind("\n", 0, -1), self._at)
        return None

    def _is_end_of_line(self, end: int) -> bool | None:
        """Whether a line break ends what is said; not where a long line was wrapped."""
        following = self._pending[end:]
        if "|" in self._pending[max(self._line, 0) : end]:
            if _TABLE_RULE.match(following):
                self._block = "table"
                self._at = end
                return False
            if _MAY_BE_TABLE_RULE.fullmatch(following):
                return None
        if end - self._line <= WRAPPED or _STARTS_BLOCK.match(following):
            return True
        return None if _MAY_START_BLOCK.fullmatch(following) else False

    def _is_end_of_sentence(self, found: re.Match[str]) -> tuple[bool | None, int]:
        """Whether a mark ends a sentence, and where the next one then begins."""
        end = found.end()
        if end == len(self._pending):
            return None, end
        if not self._pending[end].isspace():
            return found[0][0] in "।॥", end
        before = self._pending[max(0, found.start() - 20) : found.start() + 1]
        if found[0][0] == "." and (_NUMBERED.search(before) or _NEVER_LAST.search(before)):
            return False, end
        following = _NEXT.match(self._pending, end)
        if not following:
            return None, end
        if found[0][0] in ".…" and (following["first"] or "").islower():
            return False, end
        return not self._is_within(end), following.end()

    def _is_within(self, end: int) -> bool:
        """Whether a bracket or a piece of code that has been opened is still open."""
        text = self._pending[max(0, end - LOOK_BACK) : end]
        code, link = text.count("`") % 2 == 1, text.rfind("](") > text.rfind(")")
        return code or link or text.rfind("[") > text.rfind("]")
