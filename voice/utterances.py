"""What the bot is saying, and what it still has to say after a noise cut it off."""

from dataclasses import dataclass, field

SPEECH_DEADLINE_SECS = 15.0
"""Longest wait for text to speech to begin an utterance, or to go on with it, in seconds."""


@dataclass(slots=True)
class Utterance:
    """A message on its way to the caller's ear."""

    utterance_id: str
    text: str
    pushed_at: float
    interruptible: bool = True
    handed_over: bool = False


@dataclass(slots=True)
class Utterances:
    """The messages of one call that are being said; pure, the time is handed in."""

    _open: list[Utterance] = field(default_factory=list)
    _unsaid: list[tuple[str, str]] = field(default_factory=list)
    heard_out: dict[str, str] = field(default_factory=dict)
    """Messages that were heard to their end, by id."""

    def begin(
        self, utterance_id: str, text: str, now: float, *, interruptible: bool = True
    ) -> None:
        """Note that a message goes to text to speech."""
        self._open.append(Utterance(utterance_id, text, now, interruptible))

    def write(self, utterance_id: str, text: str) -> None:
        """Note the whole text of a message that was streamed."""
        for utterance in self._open:
            if utterance.utterance_id == utterance_id:
                utterance.text = text

    def hand_over(self, utterance_id: str) -> None:
        """Note that all audio of a message has gone to the client."""
        for utterance in self._open:
            if utterance.utterance_id == utterance_id:
                utterance.handed_over = True

    @property
    def pending(self) -> bool:
        """Whether speech is on its way from text to speech to the client."""
        return any(not utterance.handed_over for utterance in self._open)

    @property
    def unsaid(self) -> bool:
        """Whether something is still to be said."""
        return bool(self._unsaid)

    @property
    def handed_over(self) -> list[Utterance]:
        """The messages that are being said of which all audio has gone to the client."""
        return [utterance for utterance in self._open if utterance.handed_over]

    @property
    def uninterruptible(self) -> list[Utterance]:
        """The messages that are being said, and that the caller can not cut short."""
        return [utterance for utterance in self._open if not utterance.interruptible]

    @property
    def protected(self) -> bool:
        """Whether what is said, or the rest of it, began with what can not be cut short."""
        return bool(self.uninterruptible)

    def heard(self, utterance: Utterance) -> None:
        """Note that one of the open messages was heard to its end."""
        self._open.remove(utterance)
        self.heard_out[utterance.utterance_id] = utterance.text

    @property
    def open(self) -> dict[str, str]:
        """Texts of the messages that are being said, by id."""
        return {utterance.utterance_id: utterance.text for utterance in self._open}

    def cut(self) -> None:
        """Note that the caller did not hear the open messages out."""
        self._unsaid += [(utterance.utterance_id, utterance.text) for utterance in self._open]
        self._open.clear()

    def played(self) -> list[tuple[str, str]]:
        """Note that everything open was heard; returns the ids and texts."""
        heard = [(u.utterance_id, u.text) for u in self._open if u.handed_over]
        self.heard_out |= dict(heard)
        self._open.clear()
        return heard

    def withhold(self, utterance_id: str, text: str) -> None:
        """Keep a message that must not be said now."""
        self._unsaid.append((utterance_id, text))

    def take_unsaid(self) -> list[tuple[str, str]]:
        """Remove what is still to be said: ids and texts, in order."""
        taken, self._unsaid = self._unsaid, []
        return taken

    def drop_overdue(self, now: float, silent_since: float) -> bool:
        """Give up the messages that text to speech does not speak; returns whether there were any.

        Args:
            now: in seconds.
            silent_since: when the last audio was played, from when on more of it is waited for.
        """
        left = [
            utterance
            for utterance in self._open
            if utterance.handed_over
            or now - max(utterance.pushed_at, silent_since) <= SPEECH_DEADLINE_SECS
        ]
        dropped = len(left) < len(self._open)
        self._open = left
        return dropped
