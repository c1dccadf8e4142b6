"""What is sent in writing when a caller asks for it."""

from collections.abc import Mapping
from typing import Any

from graphs.sdr.answers import email_in
from graphs.sdr.onward import waits, writing
from graphs.sdr.price_list import price_list
from graphs.sdr.turn import Plan, Turn


def sender(turn: Turn) -> str:
    """Return in whose name something is sent."""
    return turn.company or turn.agent.name


def send(turn: Turn) -> Plan:
    """Offer to send what we have in writing: the price list, and how to reach us."""
    text = " ".join([*price_list(turn), *turn.organisation.contact.values()])
    if "sms" in turn.sends and turn.caller and "mail" not in turn.text.lower():
        return _confirm_sending(turn, "send_sms", {"text": f"{sender(turn)}: {text}"})
    if "email" not in turn.sends and turn.heard and turn.heard.rule == "intent.rule.send":
        says = (turn.say("send.none"), *writing(turn))  # "don't call, text me"
        return Plan(says=says, update={"pending": None, "expects": {}})
    if "email" not in turn.sends:
        question = turn.say("call_back.offer")
        args = {"about": turn.text.strip()[:200]}
        update = waits("when", question, "call_back_later", args)
        return Plan(says=(turn.say("send.none"), question), update=update)
    args = {"subject": sender(turn), "text": text}
    contact = turn.state.get("contact") or {}
    address = email_in(turn.text) or contact.get("email") or turn.agent.variables.get("email")
    if not address:
        question = turn.say("ask.email")
        return Plan(says=(question,), update=waits("email", question, "send_email", args))
    return _confirm_sending(turn, "send_email", {**args, "email": str(address)})


def _confirm_sending(turn: Turn, tool: str, args: Mapping[str, Any]) -> Plan:
    question = turn.say(f"confirm.{tool}", **args)
    return Plan(says=(question,), update=waits("confirm", question, tool, args))
