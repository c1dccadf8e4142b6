"""TwiML as the lab understands it: parsing and checking, without doing anything.

What the lab does not know is named, never passed over in silence: a verb it cannot carry out is an
error, an attribute or a child it does not use is a warning (both 12200, as Twilio's schema check).
"""

from dataclasses import dataclass, field
from xml.etree import ElementTree  # noqa: S405 - see `parse`

from voice.phonelab.notices import CarrierError, Notice

PARSE_FAILURE = 12100
SCHEMA_WARNING = 12200


@dataclass(frozen=True, slots=True)
class _Shape:
    attributes: frozenset[str] = frozenset()
    children: frozenset[str] = frozenset()
    required: frozenset[str] = frozenset()


def _shape(attributes: str = "", children: str = "", required: str = "") -> _Shape:
    needed = frozenset(required.split())
    return _Shape(frozenset(attributes.split()) | needed, frozenset(children.split()), needed)


SHAPES = {
    "Response": _shape(
        children="Connect Dial Gather Hangup Message Pause Play Record Redirect Reject Say",
    ),
    "Connect": _shape("action method", children="Stream"),
    "Stream": _shape("name track", children="Parameter", required="url"),
    "Parameter": _shape(required="name value"),
    "Conference": _shape(
        "beep endConferenceOnExit maxParticipants muted participantLabel startConferenceOnEnter "
        "statusCallback statusCallbackEvent statusCallbackMethod waitMethod waitUrl",
    ),
    "Dial": _shape(
        "action answerOnBridge callerId hangupOnStar method timeLimit timeout",
        children="Conference Number",
    ),
    "Gather": _shape(
        "action method timeout speechTimeout finishOnKey numDigits input actionOnEmptyResult "
        "hints language",
        children="Say Play Pause",
    ),
    "Hangup": _shape(),
    "Message": _shape("action from method statusCallback to", children="Body"),
    "Body": _shape(),
    "Number": _shape("method statusCallback statusCallbackEvent statusCallbackMethod url"),
    "Pause": _shape("length"),
    "Play": _shape("loop digits"),
    "Record": _shape("action method timeout finishOnKey maxLength playBeep"),
    "Redirect": _shape("method"),
    "Reject": _shape("reason"),
    "Say": _shape("voice language loop"),
}
"""Every element the lab carries out, with what it may hold."""


@dataclass(frozen=True, slots=True)
class Verb:
    """One element of a document."""

    name: str
    attributes: dict[str, str] = field(default_factory=dict)
    text: str = ""
    children: tuple["Verb", ...] = ()

    def seconds(self, attribute: str, default: int) -> int:
        """Return an attribute that counts, such as `length` or `timeout`.

        Raises:
            CarrierError: it is not a whole number from 0 on.
        """
        value = self.attributes.get(attribute, str(default))
        if not value.isdigit():
            raise CarrierError(
                SCHEMA_WARNING,
                f'<{self.name} {attribute}="{value}">: expected a whole number from 0 on.',
            )
        return int(value)


@dataclass(frozen=True, slots=True)
class Document:
    """The verbs of a response in order, and what was wrong with it."""

    verbs: tuple[Verb, ...]
    notices: tuple[Notice, ...]


def parse(text: str) -> Document:
    """Read a TwiML document.

    Raises:
        CarrierError: it is not XML, or its root is not Response (12100).
    """
    # The document comes from the application under test; without a DOCTYPE no entity can grow.
    if "<!DOCTYPE" in text.upper():
        raise CarrierError(PARSE_FAILURE, "The TwiML has a DOCTYPE, which is not allowed.")
    try:
        root = ElementTree.fromstring(text.strip().encode())  # noqa: S314
    except ElementTree.ParseError as error:
        begin = " ".join(text.split())[:80]
        raise CarrierError(
            PARSE_FAILURE, f"The document is not XML ({error}). It begins: {begin!r}."
        ) from error
    if root.tag != "Response":
        raise CarrierError(PARSE_FAILURE, f"The root is <{root.tag}>, expected <Response>.")
    notices: list[Notice] = []
    response = _verb(root, notices)
    return Document(response.children, tuple(notices))


def _verb(element: ElementTree.Element, notices: list[Notice]) -> Verb:
    """Turn an element whose shape is known into a verb, noting what is not known inside it."""
    shape = SHAPES[element.tag]
    for attribute in sorted(set(element.attrib) - shape.attributes):
        notices.append(
            Notice(
                SCHEMA_WARNING,
                "warning",
                f"The lab does not know the attribute {attribute!r} of <{element.tag}>.",
            )
        )
    for attribute in sorted(shape.required - set(element.attrib)):
        raise CarrierError(
            SCHEMA_WARNING, f"<{element.tag}> has no attribute {attribute!r}, which it needs."
        )
    children = []
    for child in element:
        if child.tag in shape.children:
            children.append(_verb(child, notices))
        else:
            known = ", ".join(sorted(shape.children)) or "nothing"
            notices.append(
                Notice(
                    SCHEMA_WARNING,
                    "error",
                    f"The lab does not know <{child.tag}> inside <{element.tag}>; "
                    f"it knows there: {known}.",
                )
            )
    return Verb(element.tag, dict(element.attrib), (element.text or "").strip(), tuple(children))
