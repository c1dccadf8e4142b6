"""What is said of what a model writes: tables of cases per language, and what always holds."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from num2words import num2words

from graphs.eligibility.amounts import parse_amount
from graphs.eligibility.readings import Reading
from voice.speakable import LANGUAGES, Speakable, say
from voice.speakable.english import English

ENGLISH = {
    "marks": {
        "**Hello** _world_ and ***both***": "Hello world and both.",
        "~~old~~ `code` snake_case": "old code snake case.",
        "# Your plan": "Your plan.",
        "> quoted": "quoted.",
        "- item one\n- item two\n": "item one. item two.",
        "1. Open the app\n2) Tap **Pay**": "one. Open the app. two. Tap Pay.",
        "- [x] done": "done.",
        "3 \\* 4 &amp; x<br>y <b>bold</b>": "three times four and x y bold.",
        "2 * 3 and 2*3": "two times three and two times three.",
        "As shown [1], it works[^2].": "As shown, it works.",
        "Hi 😊! 👍🏽 Great ✅": "Hi! Great.",
    },
    "links": {
        "see [our site](https://x.com/a_b)": "see our site.",
        "at https://www.dialgraph.com/docs?x=1.": "at dialgraph dot com.",
        "<https://x.com>, www.my-shop.co.in": "x dot com, my dash shop dot co dot in.",
        "on quickrupee.in today": "on quickrupee dot in today.",
        "Mail help.me@dialgraph.com!": "Mail help dot me at dialgraph dot com!",
        "![a cat](c.png) here": "a picture: a cat here.",
    },
    "not read": {
        "| a | b |\n|---|---|\n| 1 | 2 |": "I have put a table in the chat.",
        "a | b\n--|--\n1 | 2": "I have put a table in the chat.",
        "```python\nx = 1\n```": "I have put some code in the chat.",
        "~~~\nopen": "I have put some code in the chat.",
        "<div>\n<p>x</p>\n</div>": "I have put something in the chat that I cannot read out.",
        '{"a": 1}': "",
        '```json\n[1, {"b": null}]\n```': "",
        '{"cut": "off in the mid': "",
        "[]": "",
        "---": "",
        "<!-- note -->": "",
        "😊": "",
    },
    "numbers": {
        "1,50,000": "one lakh fifty thousand.",
        "150,000": "one hundred and fifty thousand.",
        "25000 people": "twenty-five thousand people.",
        "1,000,000": "one million.",
        "3.14": "three point one four.",
        "-5 and 0": "minus five and zero.",
        "3.5 % or 10-15%": "three point five percent or ten to fifteen percent.",
        "10-15 days": "ten to fifteen days.",
        "the 21st and 3rd": "the twenty-first and third.",
        "1/2 or 24/7": "half or twenty-four seven.",
        "version 3.11.2": "version three point eleven point two.",
        "in 2024, the 1990s": "in twenty twenty-four, the nineteen nineties.",
        "FY 2023-24": "FY twenty twenty-three to twenty-four.",
        "COVID-19, 5G, Q3": "COVID nineteen, five G, Q three.",
        "~50 & #7": "about fifty and number seven.",
        "50k, 2.5M": "fifty thousand, two point five million.",
    },
    "money": {
        "₹1,50,000": "one lakh fifty thousand rupees.",
        "Rs. 12,34,56,789": (
            "twelve crore thirty-four lakh fifty-six thousand seven hundred and eighty-nine rupees."
        ),
        "Rs 4,500.50": "four thousand five hundred rupees and fifty paise.",
        "₹1": "one rupee.",
        "₹0.50": "fifty paise.",
        "₹150000": "one lakh fifty thousand rupees.",
        "₹10-15 lakh": "ten to fifteen lakh rupees.",
        "₹1.5 Cr": "one point five crore rupees.",
        "₹50k/month": "fifty thousand rupees per month.",
        "INR 500/-": "five hundred rupees.",
        "4 LPA": "four lakhs per annum.",
        "$5.99": "five dollars and ninety-nine cents.",
        "$1.2 million": "one point two million dollars.",
        "€1,200 or 30 €": "one thousand two hundred euros or thirty euros.",
        "£1": "one pound.",
        "$5-$10": "five dollars to ten dollars.",
        "10.5%–12%": "ten point five percent to twelve percent.",
    },
    "dates and times": {
        "2024-08-15": "fifteenth August twenty twenty-four.",
        "2024-08-15T10:05:00Z": "fifteenth August twenty twenty-four, ten oh five.",
        "15/08/2024": "fifteenth August twenty twenty-four.",
        "08/15/2024": "fifteenth August twenty twenty-four.",
        "Aug 15, 2005": "August fifteenth two thousand and five.",
        "15th August": "fifteenth August.",
        "1 Sept. at 10:00": "first September at ten o'clock.",
        "March 2024": "March twenty twenty-four.",
        "5:30 pm": "five thirty p m.",
        "At 3 PM. Shall I book it?": "At three p m. Shall I book it?",
        "10 AM": "ten a m.",
        "14:30": "fourteen thirty.",
        "10:30-11:15": "ten thirty to eleven fifteen.",
        "9-11 am": "nine to eleven a m.",
    },
    "digit by digit": {
        "+91 98765 43210": "plus nine one, nine eight seven six five, four three two one zero.",
        "9876543210": "nine eight seven six five, four three two one zero.",
        "1800-123-4567": "one eight zero zero, one two three, four five six seven.",
        "OTP is 482913": "OTP is four eight two, nine one three.",
        "card 4111 1111 1111 1111": "card four one one one, "
        + ", ".join(["one one one one"] * 3)
        + ".",
        "room 302": "room three zero two.",
        "PIN code: 560001": "PIN code: five six zero, zero zero one.",
        "007": "zero zero seven.",
    },
    "units and short forms": {
        "5 km, 1 kg": "five kilometres, one kilogram.",
        "-5 °C": "minus five degrees Celsius.",
        "5m tall, 2 m": "five metres tall, two metres.",
        "80 km/h": "eighty kilometres per hour.",
        "Dr. Rao, e.g. here": "Doctor Rao, for example here.",
        "No. 5": "number five.",
        "A → B": "A to B.",
    },
}
HINDI = {
    "numbers": {
        "₹1,50,000 महीने": "एक लाख पचास हज़ार रुपये महीने।",
        "आपकी सैलरी 45,500 रुपये है।": "आपकी सैलरी पैंतालीस हज़ार पाँच सौ रुपये है।",
        "₹4,500.50": "चार हज़ार पाँच सौ रुपये और पचास पैसे।",
        "₹1.5 करोड़": "एक दशमलव पाँच करोड़ रुपये।",
        "१०-१५ लाख": "दस से पंद्रह लाख।",
        "3.5 %": "तीन दशमलव पाँच प्रतिशत।",
        "5वें": "पाँचवाँ।",
        "ओटीपी 482913 है": "ओटीपी चार आठ दो, नौ एक तीन है।",
        "1,000,000": "दस लाख।",
        "5 km दूर": "पाँच किलोमीटर दूर।",
    },
    "dates and times": {
        "10:30 बजे": "साढ़े दस बजे।",
        "1:30": "डेढ़ बजे।",
        "2:30": "ढाई बजे।",
        "10:45": "पौने ग्यारह बजे।",
        "6:15 pm": "शाम सवा छह बजे।",
        "14:20": "चौदह बजकर बीस मिनट।",
        "15/08/1947 को": "पंद्रह अगस्त उन्नीस सौ सैंतालीस को।",
        "1 फ़रवरी 2024": "पहली फ़रवरी दो हज़ार चौबीस।",
    },
    "marks": {
        "**नमस्ते** [यहाँ](http://x.in) देखिए": "नमस्ते यहाँ देखिए।",
        "help@x.com": "help ऐट x डॉट com।",
        "| क | ख |\n|---|---|": "मैंने चैट में एक तालिका लिख दी है।",
        "डॉ. शर्मा": "डॉक्टर शर्मा।",
    },
}


def cases(table: dict[str, dict[str, str]]) -> list[tuple[str, str]]:
    return [case for group in table.values() for case in group.items()]


def cut(message: str, size: int = 1, language: str | None = None) -> list:
    speakable = Speakable(language)
    sentences = []
    for at in range(0, len(message), size):
        sentences += speakable.feed(message[at : at + size])
    return sentences + speakable.flush()


@pytest.mark.parametrize(("written", "said"), cases(ENGLISH))
def test_english_is_said_as_a_person_reads_it(written, said):
    assert say(written, "en").text == said


@pytest.mark.parametrize(("written", "said"), cases(HINDI))
def test_hindi_is_said_as_a_person_reads_it(written, said):
    assert say(written, "hi").text == said


SENTENCES = {
    "Rs. 4,500.50 is due, Dr. Rao. It is 3.5 % of it.": 2,
    "E.g. this, i.e. that. See www.x.com now! Version 3.11.2 works.": 3,
    "1. item one is here.\n2. item two": 2,
    "I met A. B. Sharma of the U.S. Senate. He left.": 2,
    "Well... okay. Hello!!! Really?!": 3,
    "He said “Stop.” Then he left. (Truly.) Yes": 4,
    "नमस्ते। डॉ. शर्मा आए हैं। कब? आज।": 4,
    "[Who? Me.](http://x.com/a.b) It is fine.": 1,
    "Use `a. B` here. Then go.": 2,
    "Hello! 😊 Bye! 👍": 2,
    "# Plan\n\nFirst.\n\n| a | b |\n|---|---|\n| 1. X | 2 |\n\nLast.": 4,
    "Text.\n```py\nx = 1. Y\n\nz\n```\nDone.": 3,
    "Name: Asha\nCity: Pune\nDone": 3,
    "A line of more than sixty characters which a person has wrapped by\nhand is one sentence.": 1,
    "A line of more than sixty characters which ends without a full stop in it\n- one\n- two": 3,
}


@pytest.mark.parametrize(("message", "number"), SENTENCES.items())
def test_a_message_is_cut_where_its_sentences_end(message, number):
    assert len(cut(message)) == number, [s.text for s in cut(message)]


@pytest.mark.parametrize(
    ("tokens", "first"),
    [
        (["The fee", " is 4", ".", "5", " %.", " Then"], 5),
        (["Hello", " there", "!", " How"], 3),
        (["नमस्ते", "।", "कैसे"], 2),
        (["- one", "\n", "- two"], 1),
        (["One.", "\n", "\n"], 1),
        (["Dr", ".", " Rao", " came", ".", " He"], 5),
        (["```", "py\n", "x\n", "```", "\n"], 4),
        (["| a |", "\n|-", "-|\n", "| 1 |\n", "\n"], 4),
        (["[1", "]", " says", " so.", " And"], 4),
        (["{name", "}", " is", " here.", " And"], 4),
    ],
)
def test_a_sentence_comes_with_the_token_that_makes_its_end_certain(tokens, first):
    speakable = Speakable()
    assert [bool(speakable.feed(token)) for token in tokens].index(True) == first


def test_a_sentence_without_letters_is_said_in_the_language_before_it():
    said = [s.spoken for s in cut("कितने? ₹50,000. In English now. 12!")]
    assert said == ["कितने?", "पचास हज़ार रुपये.", "In English now.", "twelve!"]


def test_a_message_with_text_beside_its_json_is_said():
    assert [s.spoken for s in cut('```json\n{"a": 1}\n```\nThat is all.')] == [
        "I have put some code in the chat. That is all."
    ]
    assert [s.spoken for s in cut("[1, 2] are the keys.")] == ["[one, two] are the keys."]


always = settings(deadline=None)
ALPHABET = st.sampled_from(
    [
        *'ab B1.,!?-*_#`|[]()<>{}":\n ₹%😊।कि',
        "```",
        "\n\n",
        "http://x.com ",
        "| a |\n|--|\n",
        "<div>",
    ]
)
MESSAGES = st.lists(ALPHABET, max_size=60).map("".join)
BLOCKS = st.lists(
    st.sampled_from(
        [
            "Your **EMI** is ₹12,500.50, Dr. Rao. It ends on 2027-03-31.",
            "# The plan",
            "- first item\n- second *item*. And more",
            "1. Open the app\n2. Tap Pay",
            "| a | b |\n|---|---|\n| 1 | 2 |",
            "```py\nx = {1: 2}\n```",
            "See [the site](https://x.com/a_b.html?c=1) or mail a.b@x.com! 😊",
            "---",
            "आपकी EMI ₹12,500 है। ठीक है?",
            "> A quote. With two sentences",
        ]
    ),
    max_size=6,
).map("\n\n".join)


@always
@given(message=MESSAGES, size=st.integers(1, 7))
def test_the_sentences_put_together_are_the_message(message, size):
    sentences = cut(message, size)
    assert "".join(s.text for s in sentences) == message
    assert [message[s.start : s.end] for s in sentences] == [s.text for s in sentences]
    assert all(s.spoken for s in sentences[:-1])


@always
@given(message=MESSAGES, size=st.integers(2, 9))
def test_it_does_not_matter_how_a_message_is_cut_into_tokens(message, size):
    assert cut(message, size) == cut(message, 1)


@always
@given(message=BLOCKS, size=st.integers(1, 9))
def test_a_streamed_message_says_the_words_of_the_whole_one(message, size):
    words = lambda text: re.findall(r"\w+", text)  # noqa: E731
    said = [words(s.spoken) for s in cut(message, size, "en")]
    assert sum(said, []) == words(say(message, "en").text)


@always
@given(message=BLOCKS)
def test_no_mark_digit_or_address_is_said(message):
    for sentence in cut(message, 3):
        assert not re.search(r"[*#|`<>\[\]{}_₹@\d😊]|https?:|---", sentence.spoken)


@always
@given(message=st.one_of(BLOCKS, MESSAGES), shares=st.lists(st.floats(0, 1), max_size=8))
def test_what_was_heard_is_a_part_of_what_is_written_and_grows(message, shares):
    for sentence in cut(message, 4):
        heard = [sentence.heard(share) for share in sorted(shares)]
        assert all(sentence.text.startswith(part) for part in heard)
        assert [len(part) for part in heard] == sorted(len(part) for part in heard)
        assert sentence.heard(1) == sentence.text


def test_of_what_has_words_of_its_own_all_or_nothing_was_heard():
    sentence = cut("It is **₹1,50,000** now.")[0]
    assert sentence.spoken == "It is one lakh fifty thousand rupees now."
    said = len("It is one lakh fifty thousand rupees") / len(sentence.spoken)
    assert sentence.heard(said - 0.05) == "It is"
    assert sentence.heard(said + 0.001) == "It is **₹1,50,000"


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
).filter(lambda value: isinstance(value, (dict, list)))


@always
@given(
    value=JSON,
    indent=st.sampled_from([None, 2]),
    fence=st.sampled_from(["{}", "```json\n{}\n```", "```\n{}\n```\n", "\n {}\n"]),
    size=st.integers(1, 9),
)
def test_a_message_that_is_json_is_never_said(value, indent, fence, size):
    message = fence.replace("{}", json.dumps(value, indent=indent, ensure_ascii=False))
    assert [s.spoken for s in cut(message, size)] == [""]


@always
@given(number=st.integers(0, 10**15 - 1))
def test_an_english_number_is_what_the_library_says(number):
    said = English().cardinal(number)
    assert said == str(num2words(number)).replace(",", "")
    indian = English().cardinal(number, indian=True)
    assert ("lakh" in indian) == (number // 100_000 % 100 > 0 or number // 10**12 % 100 > 0)


@always
@given(number=st.integers(0, 10**7))
def test_a_number_is_heard_as_itself_by_our_own_ears(number):
    for said in (say(f"₹{number}", "hi").text, say(f"₹{number}", "en").text):
        heard = parse_amount(said)
        assert isinstance(heard, Reading) and heard.value.rupees == number, said


@always
@given(text=st.text(max_size=80), language=st.sampled_from(sorted(LANGUAGES)))
def test_any_text_at_all_can_be_said(text, language):
    say(text, language)


@pytest.mark.parametrize(
    "markdown",
    [
        "Some **bold** and *it*, `code`, [a link](http://x.com) and ***all***.",
        "Snake_case_name stays, _this_ goes, ~~that~~ too.",
        "A \\*star\\* and &quot;quotes&quot; here.",
        "Half **bo**ld words and **bold *nested* text**.",
    ],
)
def test_marks_go_as_in_commonmark(markdown):
    parser = MarkdownIt().enable("strikethrough")
    inline = parser.parseInline(markdown)[0].children or []
    text = "".join(t.content for t in inline if t.type in ("text", "code_inline", "text_special"))
    assert say(markdown).text == text.replace("_case_", " case ")
