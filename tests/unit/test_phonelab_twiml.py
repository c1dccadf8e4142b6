"""Reading TwiML: what is known is carried out, what is not is named."""

import pytest
from twilio.twiml.voice_response import Connect, Gather, VoiceResponse

from voice.phonelab.notices import CarrierError
from voice.phonelab.twiml import parse


def test_what_twilios_own_builder_writes_is_read_back():
    response = VoiceResponse()
    connect = Connect()
    connect.stream(url="wss://example.com/ws").parameter(name="token", value="t & t")
    response.append(connect)
    response.append(Gather(num_digits=1, action="/keys"))
    response.redirect("/continue", method="GET")
    document = parse(str(response))
    assert [verb.name for verb in document.verbs] == ["Connect", "Gather", "Redirect"]
    stream = document.verbs[0].children[0]
    assert stream.attributes == {"url": "wss://example.com/ws"}
    assert stream.children[0].attributes == {"name": "token", "value": "t & t"}
    assert document.verbs[2].text == "/continue"
    assert document.notices == ()


def test_an_unknown_verb_is_an_error_that_names_it_and_the_known_ones():
    document = parse("<Response><Fax>x</Fax><Hangup/></Response>")
    (notice,) = document.notices
    assert (notice.code, notice.level) == (12200, "error")
    assert "<Fax> inside <Response>" in notice.message and "Connect" in notice.message
    assert [verb.name for verb in document.verbs] == ["Hangup"]


def test_an_unknown_attribute_is_a_warning_that_names_it():
    (notice,) = parse('<Response><Pause lenght="2"/></Response>').notices
    assert (notice.code, notice.level) == (12200, "warning")
    assert "'lenght' of <Pause>" in notice.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("<Response><Say>", "not XML"),
        ('{"detail":"no"}', "not XML"),
        ("", "not XML"),
        ("<html/>", "<html>, expected <Response>"),
        ('<!DOCTYPE a [<!ENTITY b "c">]><Response/>', "DOCTYPE"),
    ],
)
def test_what_is_no_twiml_is_a_parse_failure(text, said):
    with pytest.raises(CarrierError, match=said) as failed:
        parse(text)
    assert failed.value.notice.code == 12100


def test_a_stream_without_address_is_refused():
    with pytest.raises(CarrierError, match="<Stream> has no attribute 'url'"):
        parse("<Response><Connect><Stream/></Connect></Response>")


def test_a_length_that_is_no_number_is_refused():
    (pause,) = parse('<Response><Pause length="long"/></Response>').verbs
    with pytest.raises(CarrierError, match='<Pause length="long">: expected a whole number'):
        pause.seconds("length", 1)
