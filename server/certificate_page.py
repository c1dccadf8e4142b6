"""The decision certificate of a thread, as a document and as a page to read and to print."""

from decimal import Decimal
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader

from graphs.eligibility.certificate import certificate
from graphs.threads import Snapshot

_PAGES = Environment(loader=FileSystemLoader(Path(__file__).parent), autoescape=True)


def document(snapshot: Snapshot) -> dict[str, Any]:
    """Make the certificate of a thread.

    Where the caller did not hear all that an entry says, `heard` has what was, by the entry's
    number; it is no part of the record, which holds what was to be said.
    """
    content = certificate(snapshot.thread_id, snapshot.values["record"])
    kept = {message.id: str(message.text) for message in snapshot.messages}
    heard = {
        str(entry["number"]): kept.get(entry["hash"][:32], "")
        for entry in content["entries"]
        if entry["said"] and kept.get(entry["hash"][:32], "") != entry["said"]
    }
    return content | ({"heard": heard} if heard else {})


def page(snapshot: Snapshot) -> str:
    """Render the certificate of a thread; what was said is escaped."""
    content = document(snapshot)
    cut_short = {int(number): text for number, text in content.get("heard", {}).items()}
    template = _PAGES.get_template("certificate.html")
    return template.render(certificate=content, cut_short=cut_short, words=_WORDS)


def missing_page(thread_id: str) -> str:
    """Tell a person that there is no interview of that id."""
    return _PAGES.get_template("certificate_missing.html").render(thread_id=thread_id)


def _moment(at: str | None) -> str:
    """Write a moment of the record, `2026-11-21T09:30:04.000000Z`, to be read."""
    return f"{at[:10]} {at[11:19]} UTC" if at else "–"


def _shown(value: Any) -> str:
    """Write what the record holds of a fact to be read; a salary is a pair, open where None."""
    match value:
        case [low, high] if low == high:
            return f"{Decimal(low):,}"
        case [low, None]:
            return f"{Decimal(low):,} or more"
        case [None, high]:
            return f"up to {Decimal(high):,}"
        case [low, high]:
            return f"{Decimal(low):,} to {Decimal(high):,}"
        case {"yes": yes, "no": no}:  # what is asked back
            return f"if yes, {_shown(yes)}; if no, {_shown(no)}"
        case None:
            return "–"
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)


_PAGES.filters.update(moment=_moment, shown=_shown)

_WORDS = {
    "en": {
        "title": "Decision certificate",
        "eligible": "Preliminarily eligible",
        "not_eligible": "Not eligible",
        "needs_human": "A person takes over",
        "opted_out": "Asked not to be called",
        "in_progress": "Not decided yet",
        "thread": "Conversation",
        "decided": "Decided",
        "opened": "Opened",
        "rules": "Rules",
        "facts": "Facts",
        "employment": "Employment",
        "salary": "Rupees a month",
        "city": "City",
        "heard": "Heard",
        "understood": "Understood",
        "applied": "Rules applied",
        "said": "Said",
        "cut": "The caller heard only",
        "passed": "met",
        "failed": "not met",
        "silence": "silence",
        "hangup": "the caller hung up",
        "opened_event": "the conversation was opened",
        "chain": "Fingerprint of the whole record (SHA-256)",
        "note": "This records a preliminary finding under the rules named. It grants nothing.",
    },
    "hi": {
        "title": "निर्णय प्रमाणपत्र",
        "eligible": "शुरुआती तौर पर पात्र",
        "not_eligible": "पात्र नहीं",
        "needs_human": "आगे कोई व्यक्ति देखेगा",
        "opted_out": "फ़ोन न करने को कहा",
        "in_progress": "अभी तय नहीं",
        "thread": "बातचीत",
        "decided": "निर्णय का समय",
        "opened": "शुरू हुई",
        "rules": "नियम",
        "facts": "तथ्य",
        "employment": "रोज़गार",
        "salary": "रुपये प्रति माह",
        "city": "शहर",
        "heard": "सुना गया",
        "understood": "समझा गया",
        "applied": "लागू नियम",
        "said": "कहा गया",
        "cut": "सुनने वाले ने केवल इतना सुना",
        "passed": "पूरा",
        "failed": "पूरा नहीं",
        "silence": "मौन",
        "hangup": "फ़ोन रख दिया",
        "opened_event": "बातचीत शुरू हुई",
        "chain": "पूरे अभिलेख की पहचान (SHA-256)",
        "note": "यह बताए गए नियमों के अनुसार शुरुआती नतीजा है। इससे कुछ मंज़ूर नहीं होता।",
    },
}
