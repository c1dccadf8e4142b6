"""The phone lab: a local carrier that speaks the public protocol of Twilio.

`PhoneLab` is the carrier, `ScriptedCaller` the usual caller; `docs/phone-lab.md` shows how.
"""

from voice.phonelab import mulaw
from voice.phonelab.callers import (
    BotSilent,
    Caller,
    HangUp,
    Interrupt,
    Listen,
    Pause,
    PlayWav,
    Press,
    Say,
    ScriptedCaller,
    SilentCaller,
    Step,
    TypedCaller,
)
from voice.phonelab.calls import Happening, LabCall, StatusCallback
from voice.phonelab.clock import Clock, RealClock
from voice.phonelab.exchange import Subscriber
from voice.phonelab.faults import Faults
from voice.phonelab.handset import Handset
from voice.phonelab.lab import PhoneLab
from voice.phonelab.line import LineClosed, Waited
from voice.phonelab.machines import AnsweringMachine
from voice.phonelab.notices import Notice
from voice.phonelab.playout import PlayoutBuffer
from voice.phonelab.voices import EmbeddedVoice, ToneVoice, Voice

__all__ = [
    "AnsweringMachine",
    "BotSilent",
    "Caller",
    "Clock",
    "EmbeddedVoice",
    "Faults",
    "HangUp",
    "Handset",
    "Happening",
    "Interrupt",
    "LabCall",
    "LineClosed",
    "Listen",
    "Notice",
    "Pause",
    "PhoneLab",
    "PlayWav",
    "PlayoutBuffer",
    "Press",
    "RealClock",
    "Say",
    "ScriptedCaller",
    "SilentCaller",
    "StatusCallback",
    "Step",
    "Subscriber",
    "ToneVoice",
    "TypedCaller",
    "Voice",
    "Waited",
    "mulaw",
]
