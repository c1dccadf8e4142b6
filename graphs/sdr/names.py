"""The name that somebody gives, and what is none."""

import re
from typing import Final

_NAME_BEFORE: Final = re.compile(
    r"^(?:(?:yes|sure|okay|ok|um+|well|please|it['’]?s|it is|this is"
    r"|(?:the |my )?(?:sur|(?:last|first|full) )?name(?: is|['’]s)"
    r"|i['’]?m|i am|(?:put|book) it (?:on|under|for)|under|on|for|mera naam|naam|call me)"
    r"\b[\s,.]*)+",
    re.IGNORECASE,
)
_NAME_AFTER: Final = re.compile(
    r"[\s,.!?]*(?:please|thanks|thank you|hai|speaking)?[\s,.!?]*$", re.I
)
_MOST_WORDS_OF_A_NAME: Final = 4
_NO_NAME: Final = re.compile(
    r"(?:^|(?<=\s))(?:i|me|my|you|your|it|that|this|these|those|we|us|who|what|which|why|how|when|where"
    r"|the|of|to|in|at|for|not|no|yes|none|nothing|nobody|whatever"
    r"|(?:any|some|every)(?:one|body|thing|where|time|times|how|way|what|day)?"
    r"|is|are|was|be|been|does|did|don['’]?t|doesn['’]?t|didn['’]?t|can['’]?t|could|would|should"
    r"|have|has|had|get|got|just|only|even|still|already|now|later|earlier|again|then|maybe|perhaps"
    r"|know|think|want|need|matters?|mind|care|changed?|forget|skip|cancel|stop|wait|hold|book|put"
    r"|going|come|tell|told|say|ask|sorry|hello|hi|hey|please|thanks|okay|ok|sure|fine|great"
    r"|demo|meeting|appointment|call|name|und|oder|aber|nicht|nein|keine?[nrms]?|ist|egal|ich|sie"
    r"|wie|warum|später|mais|pas|non|je|vous|c['’]est|pero|no|sí|que|qué|esto|eso|nada|da igual"
    r"|nahi|kya|koi|mujhe|aap)(?=$|[\s,.;:!])",
    re.IGNORECASE,
)
"""Words that no name has, unless they stand behind another with a capital: "Minh To"."""


def name_in(text: str) -> str | None:
    """Return the name that somebody gives, or None where it is none."""
    name = _NAME_AFTER.sub("", _NAME_BEFORE.sub("", text.strip())).strip(" .,!")
    words = name.split()
    if (
        not words
        or len(words) > _MOST_WORDS_OF_A_NAME
        or any(c.isdigit() or c in "?@" for c in name)
        or not any(c.isalpha() for c in name)
        or any(_is_none(found) for found in _NO_NAME.finditer(name))
    ):
        return None
    return " ".join(word if any(c.isupper() for c in word) else word.capitalize() for word in words)


def _is_none(found: re.Match[str]) -> bool:
    word = found[0]
    return found.start() == 0 or word == "I" or not word[0].isupper()
