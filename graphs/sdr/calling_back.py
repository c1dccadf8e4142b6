"""When a caller is called back: read from what they say, and looked at before it is promised."""

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from typing import Any, Final

from graphs.sdr.onward import waits
from graphs.sdr.state import Pending
from graphs.sdr.times import wish
from graphs.sdr.turn import Plan, Turn
from graphs.sdr.wishes import spoken_time

SOON: Final = timedelta(minutes=15)
"""When who wants to be called as soon as possible is called."""
_SOON: Final = re.compile(
    r"\b(?:as soon as (?:possible|you can)|asap|right away|straight away|immediately"
    r"|when you can|when (?:it|that) suits you|you choose|as early as possible"
    r"|the sooner the better|earliest|soonest|so bald wie möglich|sofort"
    r"|dès que possible|tout de suite|lo antes posible|cuanto antes|cuando sea|jaldi|kabhi bhi"
    r"|(?:call|ring|phone)(?: me| us)?(?: back)?,?(?: right)? now"
    r"|(?:any ?time|whenever|jederzeit)(?!.*\b(?:but|except|not|before|after|außer|nur|nicht)\b))\b"
    r"|^\W*(?:(?:yes|ok|okay|please|oh|well|just|how about|why not)\W+)*(?:right )?now"
    r"(?:\W+(?:please|if possible|if you can|is (?:good|fine|best)|would be \w+|works))*\W*$",
    re.IGNORECASE,
)
"""Not "I can't talk right now"."""


def call_back(turn: Turn, pending: Pending, at_all: bool = False) -> Plan | None:
    """Propose a call back to the caller; None where they have not said when.

    Args:
        turn: this one.
        pending: what waits, with what was said of the time before.
        at_all: whether a day without a time is enough: its first hour is proposed.
    """
    before = pending["about"].get("text", "")
    about = spoken_time(turn)
    said = wish(turn.text, turn.now, about, bare=bool(about) or pending["asks"] == "when")
    whole = said if said.day else wish(f"{before} {turn.text}", turn.now, bare=bool(before))
    opens = turn.organisation.opens_at
    if at_all and whole.day:
        whole = replace(whole, within=whole.within or (opens, time.max))
    at = whole.earliest(turn.now, opens) or said.earliest(turn.now, opens)
    if at is None and _SOON.search(turn.text):
        at = turn.now.replace(second=0, microsecond=0) + SOON
    if at is None:
        return None
    args = {**pending["args"], "at": at.isoformat(timespec="minutes")}
    if not turn.caller and not args.get("phone"):
        question = turn.say("ask.phone")
        return Plan(says=(question,), update=waits("phone", question, pending["tool"], args))
    return call_back_at(args)


def call_back_at(args: Mapping[str, Any]) -> Plan:
    """Have it read back, or refused, by the tool that does it."""
    calls = (("call_back_later", dict(args)),)
    return Plan(route="use_tools", calls=calls, update={"pending": None, "expects": {}})
