"""The interview itself: `step(state, event, rules) -> (state, actions)`, pure and deterministic."""

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal

from graphs.eligibility.actions import Action, Close, Expect, Say, Understood
from graphs.eligibility.facts import Taken, take
from graphs.eligibility.hearing import Heard, hear, hear_keys
from graphs.eligibility.replies import KEYS
from graphs.eligibility.rules import Rules
from graphs.eligibility.state import QUESTIONS, Event, Interview, Outcome, Question

_KINDS: Mapping[Question, Literal["employment", "amount", "city"]] = {
    "employment": "employment",
    "salary": "amount",
    "city": "city",
}
_TYPED_KEYS = frozenset("123456789")


def step(state: Interview, event: Event, rules: Rules) -> tuple[Interview, tuple[Action, ...]]:
    """Take one event into the interview.

    Every event counts as a turn, except an opening that changes nothing; at the limit of turns a
    person takes over, whatever was said.

    Returns:
        The interview after it, and what is to be done, in order.
    """
    turn = _Turn(state, event, rules)
    if state.final:
        turn.after_the_outcome()
    elif event.kind == "hangup":
        turn.hang_up()
    elif event.kind == "said" and event.text.strip():
        turn.listen()
    elif event.kind == "opened" or state.stage == "greeting":
        turn.open()
    else:
        turn.hear_nothing()
    if event.kind != "opened" or turn.state != state:
        turn.change(turns=state.turns + 1)
    if not turn.state.final and turn.state.turns >= rules.limits.turns:
        turn.conclude("needs_human", "turns.exhausted")
    return turn.state, turn.actions()


class _Turn:
    """One event on its way through the interview: the state as it changes, what is said, why."""

    def __init__(self, state: Interview, event: Event, rules: Rules) -> None:
        if state.language not in event.languages:
            state = state._replace(language=event.languages[0])
        self.state, self.event, self.rules = state, event, rules
        self._notes: list[Action] = []
        self._said: list[tuple[str, str]] = []

    def change(self, **fields: Any) -> None:
        """Change fields of the state."""
        self.state = self.state._replace(**fields)

    def say(self, key: str, amount: Decimal | None = None) -> None:
        """Add a reply to what is said in this turn, with the sum it names."""
        replies, values = self.rules.replies[self.state.language], self._values(key)
        if amount is not None:
            values["amount"] = replies.rupees(amount)
        self._said.append((key, replies.say(key, **values)))

    def put(self, form: Literal["question", "reask"]) -> None:
        """Put the open question, or the confirmation within it."""
        confirm = self.state.confirm
        if confirm:
            self.say(confirm.reply, amount=confirm.yes.low)
        else:
            self.say(f"{form}.{self.state.question}")

    def actions(self) -> tuple[Action, ...]:
        """Everything to be done after this turn, in order."""
        actions = list(self._notes)
        if self._said and self.event.kind != "hangup":
            text = " ".join(text for _, text in self._said)
            actions.append(Say(text, tuple(key for key, _ in self._said)))
        if self.state.done:
            actions.append(Close(self.state.outcome))
        elif self.state.stage != "greeting":
            actions.append(self._expectation())
        return tuple(actions)

    # What can happen

    def open(self) -> None:
        """Greet who is new, welcome back who returns, and ask the open question."""
        self.say("welcome_back" if self.state.met else "greeting")
        self.change(reasks=0, silences=0)
        self.ask()

    def hang_up(self) -> None:
        """Leave the open question open: the thread can go on, by whichever way it comes back."""
        if self.state.stage != "end":
            self.change(reasons=("caller.hung_up",))

    def hear_nothing(self) -> None:
        """Ask again after silence, and close politely when it goes on."""
        if self.state.stage == "end":
            return
        silences = self.state.silences + 1
        self.change(silences=silences)
        if silences > self.rules.limits.silences:
            self.close("silence")
        else:
            self.say("silence")
            self.ask()

    def listen(self) -> None:
        """Take what was said: facts first, then what was asked for, then the next question."""
        self.change(met=True)
        heard = self._hear()
        if self.event.unheard:
            heard = replace(heard, yes_no=None)
        request = heard.request.value if heard.request else None
        if heard.request:
            self._notes.append(
                Understood("request", request, heard.request.span, heard.request.rules)
            )
        if request == "do_not_call":
            return self.conclude("opted_out", "caller.opted_out")
        if request == "person":
            return self.conclude("needs_human", "caller.asked_for_person")
        if request == "not_interested":
            heard = replace(heard, yes_no=None)  # a no to the loan is none to the question
        self._choose_language(heard, request)
        taken = take(self.state, self.event.text, heard, self.rules)
        before, self.state = self.state, taken.state
        self._notes += taken.understood
        if self._decide():
            return None
        self._go_on(before, taken, request)
        return None

    def after_the_outcome(self) -> None:
        """Close politely; the outcome stands, but an opt-out or a wish for a person is noted."""
        outcome = self.state.outcome
        if self.event.kind in ("silence", "hangup"):
            return
        request = self._hear().request if self.event.kind == "said" else None
        wish = request.value if request else None
        if request and wish in ("person", "do_not_call") and outcome != "opted_out":
            if wish not in self.state.follow_up:
                self.change(follow_up=(*self.state.follow_up, wish))
            self._notes.append(Understood("request", wish, request.span, request.rules))
            self.say("after.person" if wish == "person" else "after.opted_out")
        else:
            self.say(f"after.{outcome}")

    # How the interview goes on

    def conclude(self, outcome: Outcome, reason: str) -> None:
        """Reach an outcome that stands."""
        self.change(stage=outcome, outcome=outcome, reasons=(reason,), confirm=None)
        key = outcome if outcome == "eligible" else f"{outcome}.{reason}"
        self._said.clear()
        self.say(key)

    def close(self, reason: str) -> None:
        """End the conversation before a decision; it may be taken up again."""
        self.change(stage="end", reasons=(reason,), reasks=0, silences=0)
        self._said.clear()
        self.say(f"closed.{reason}")

    def ask(self) -> None:
        """Ask the open question, or the confirmation within it."""
        self.change(stage=self.state.question, reasons=())
        self.put("question")

    def _hear(self) -> Heard:
        text = self.event.text
        if self.event.source == "keys" or (self._offers_keys() and text.strip() in _TYPED_KEYS):
            return hear_keys(text.strip(), self.state, self.rules)
        return hear(text, self.rules.cities)

    def _offers_keys(self) -> bool:
        """Whether the open question was put with what to press, which a chat types."""
        return bool(self.state.reasks) and self.state.question in ("employment", "city")

    def _choose_language(self, heard: Heard, request: str | None) -> None:
        asked = {"language_hindi": "hi", "language_english": "en"}.get(request or "")
        wanted = asked or (None if self.state.language_asked else heard.language)
        if wanted in self.event.languages:
            self.change(language=wanted, language_asked=bool(asked) or self.state.language_asked)

    def _decide(self) -> bool:
        """Apply the rules to the facts known; a refusal or all three facts decide."""
        verdicts = []
        for question in QUESTIONS:
            verdict = self.rules.judge(self.state, question)
            if verdict is None:
                continue
            verdicts.append(verdict)
            if not verdict.passed:
                self._notes += verdicts
                self.change(question=question)
                self.conclude("not_eligible", verdict.reason)
                return True
        self._notes += verdicts
        if len(verdicts) == len(QUESTIONS):
            self.change(question=QUESTIONS[-1])
            self.conclude("eligible", "rules.passed")
            return True
        return False

    def _go_on(self, before: Interview, taken: Taken, request: str | None) -> None:
        """Answer what was asked for, acknowledge what was learned, and put the open question."""
        if request in ("goodbye", "call_later", "not_interested") or (
            request == "wrong_number" and not taken.understood
        ):
            return self.close(f"caller.{request}")
        self.change(
            silences=0,
            question=next(q for q in QUESTIONS if self.rules.judge(self.state, q) is None),
        )
        if self.state.question != before.question:
            self.change(reasks=0)
        if taken.learned:
            self._acknowledge(taken)
        if request is not None:
            self._answer(request)
        elif taken.asks or not taken.learned:
            return self._ask_again(before, taken)
        if request != "wait":
            self.ask()
        return None

    def _ask_again(self, before: Interview, taken: Taken) -> None:
        """Ask the open question again; at the limit a person takes over."""
        if before.stage == "greeting":
            return self.open()
        if before.stage == "end" and not taken.understood:
            return self.say(f"closed.{before.reasons[0]}")
        reasks = self.state.reasks + (not taken.reads_back)
        if reasks > self.rules.limits.reasks:
            return self.conclude("needs_human", "reasks.exhausted")
        self.change(reasks=reasks, stage=self.state.question, reasons=())
        return self.put("reask")

    def _acknowledge(self, taken: Taken) -> None:
        """Thank for what was learned; a yearly salary is said back by the month."""
        if taken.yearly and taken.yearly.low is not None:
            self.say("noted.yearly", amount=taken.yearly.low)
        else:
            self.say("corrected" if taken.corrected else "noted")

    def _answer(self, request: str) -> None:
        """Answer what was asked beside the question."""
        self.change(stage=self.state.question, reasons=())
        if request == "why":
            self.say(f"why.{self.state.question}")
        elif request in ("bot", "wait", "explain"):
            self.say(request)
        elif request.startswith("language_"):
            asked = "hi" if request == "language_hindi" else "en"
            able = asked == self.state.language
            self.say("language.switched" if able else "language.unavailable")

    # Words

    def _values(self, key: str) -> dict[str, str]:
        """Fill the placeholders that a reply may use."""
        return {name: self._value(name) for name in KEYS[key] if name != "amount"}

    def _value(self, name: str) -> str:
        rules, language = self.rules, self.state.language
        replies = rules.replies[language]
        if name == "minimum":
            return replies.rupees(rules.salary.minimum_monthly)
        names = [rules.city.name(city, language) for city in rules.city.served]
        return replies.menu(names) if name == "keys" else replies.either(names)

    def _expectation(self) -> Expect:
        keywords = self.rules.keywords(self.state.question, self.state.language)
        if self.state.confirm:
            return Expect("yes_no", self.rules.keywords("yes_no", self.state.language))
        if self.state.question == "city" and self.state.reasks:
            return Expect("choice", keywords)
        return Expect(_KINDS[self.state.question], keywords)
