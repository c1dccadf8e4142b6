"""The lexemes of one utterance in a row, and what can be asked of any place in it."""

from graphs.eligibility.amounts.lexemes import Lexeme
from graphs.eligibility.amounts.lexicon import ROLE


class Row:
    """Lexemes by position; a position outside the row plays no role."""

    __slots__ = ("lexemes", "seen", "size")

    def __init__(self, lexemes: list[Lexeme]) -> None:
        self.lexemes = lexemes
        self.size = len(lexemes)
        self.seen = 0
        """Every role that is played somewhere."""
        self.look_again()

    def __getitem__(self, at: int) -> Lexeme:
        return self.lexemes[at]

    def roles(self, at: int) -> int:
        """The roles played at a position."""
        return self.lexemes[at].roles if 0 <= at < self.size else 0

    def look_again(self) -> None:
        """Bring `seen` up to date after a lexeme's roles were changed."""
        seen = 0
        for lexeme in self.lexemes:
            seen |= lexeme.roles
        self.seen = seen

    def currency_beside(self, first: int, last: int) -> bool:
        """Whether the rupee is named right before `first` or at `last`."""
        before = first - 1
        if self.roles(before) & ROLE["stop"]:
            before -= 1
        return bool((self.roles(before) | self.roles(last)) & ROLE["currency"])
