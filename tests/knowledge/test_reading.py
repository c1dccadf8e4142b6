"""Files of every kind become Markdown, and what cannot be read says why."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.knowledge.files import archive, pdf, word
from tools.documents.reading import MAX_TEXT_CHARS, kind_of, read
from tools.knowledge import Unreadable


def test_html_is_what_its_reader_reads() -> None:
    page = b"""<html><head><title>Our prices</title><style>p {}</style></head><body>
      <nav>Home | Blog</nav><h1>Prices</h1><script>track()</script><p>Basic costs <b>29</b>
      dollars.</p><ul><li>one</li><li>two</li></ul><!-- secret -->
      <table><tr><th>Plan</th><th>Price</th></tr><tr><td>Pro</td><td>$49</td></tr></table>"""
    made = read(page, "prices.html")
    assert made.title == "Our prices"
    assert made.markdown == (
        "# Prices\n\nBasic costs 29 dollars.\n\n- one\n\n- two\n\n| Plan | Price |\n"
        "| --- | --- |\n| Pro | $49 |"
    )


def test_a_pdf_gives_its_text() -> None:
    assert read(pdf("Refunds within", "14 days."), "a.pdf").markdown == "Refunds within\n14 days."


def test_a_docx_gives_headings_lists_and_tables() -> None:
    data = word(
        ("Title", "Handbook"),
        ("Heading 2", "Hours"),
        ("Normal", "From nine to five."),
        ("List Bullet", "never on Sunday"),
        table=[["Day", "Hours"], ["Monday", "9-5"]],
    )
    assert read(data, "handbook.docx").markdown == (
        "# Handbook\n\n## Hours\n\nFrom nine to five.\n\n- never on Sunday\n\n"
        "| Day | Hours |\n| --- | --- |\n| Monday | 9-5 |"
    )


@pytest.mark.parametrize("name", ["a.txt", "a.docx", "a", "a.html"])
def test_what_a_file_is_decides_and_not_its_name(name: str) -> None:
    assert "Refunds" in read(pdf("Refunds"), name).markdown
    assert "Hours" in read(word(("Heading 1", "Hours"), ("Normal", "Nine.")), name).markdown


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("The lamp has a warranty of five years. éè", "latin-1"),
        ("It costs 20 £ – that’s “cheap”—always.", "cp1252"),
        ("L’été dernier, nous étions à Nîmes où la fête a été célébrée.", "cp1252"),
        ("Мы открыты с девяти до шести", "cp1251"),
        ("営業時間は九時から六時までです。火曜日は休みです。", "shift_jis"),
        ("We are open from nine to six.", "utf-16"),
        ("Otwarte od dziewiątej do szóstej. Zamknięte we wtorki i w święta, " * 9, "cp1250"),
    ],
)
def test_a_few_accents_are_neither_ideographs_nor_another_countrys_letters(
    text: str, encoding: str
) -> None:
    """`éè` at the end of an English text in Latin-1 became a Chinese character."""
    assert read(text.encode(encoding), "a.txt").markdown == text


@pytest.mark.parametrize("encoding", ["utf-8", "shift_jis"])
@pytest.mark.parametrize("before", ["", "a", "ab"])
def test_a_long_text_is_text_wherever_its_beginning_ends(encoding: str, before: str) -> None:
    text = before + "営業時間は九時から六時までです。火曜日は休みです。\n" * 5_000
    assert kind_of(text.encode(encoding), "a.txt") == "text"
    assert kind_of(("<!doctype html><p>" + text).encode(), "a.txt") == "html"
    assert read(text.encode(encoding), "a.txt").markdown == text


def test_text_is_read_in_its_encoding() -> None:
    assert read("Grüße aus München, schöne Grüße überall".encode("latin-1"), "a.txt").markdown == (
        "Grüße aus München, schöne Grüße überall"
    )
    assert read("\ufeffHello".encode(), "a.txt").markdown == "Hello"
    assert "कीमत" in read("कीमत पाँच सौ रुपये".encode("utf-16"), "a.txt").markdown


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "is empty"),
        (b" \n\t ", "is empty"),
        (b"<html><body><script>x</script></body></html>", "is empty"),
        (pdf("secret", password="abc"), "is encrypted"),
        (pdf(), "holds no text. If it is a scan"),
        (pdf("hello")[:200], "damaged PDF"),
        (b"%PDF-1.7\ngarbage", "damaged PDF"),
        (word(("Normal", "Hello"))[:-200], "damaged"),
        (archive(**{"a.txt": b"hi"}), "ZIP archive and no docx"),
        (archive(**{"word/document.xml": b"<not xml"}), "damaged docx"),
        (archive(**{"word/document.xml": b"x" * (20 * MAX_TEXT_CHARS + 1)}), "unpacks to"),
        (b"\x89PNG\r\n\x1a\n", "PNG image"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "Save it as .docx or PDF"),
        (bytes(range(256)) * 40, "binary file|no text in any known encoding"),
        (b"a\0b\0c", "binary file"),
        (b"a" * (MAX_TEXT_CHARS + 1), "at most 5,000,000"),
    ],
)
def test_what_cannot_be_read_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        read(data, "thing.bin")


@given(st.binary(max_size=400), st.sampled_from([b"", b"%PDF-1.4\n", b"PK\x03\x04", b"<html>"]))
def test_any_bytes_are_read_or_refused(data: bytes, start: bytes) -> None:
    try:
        assert read(start + data, "x").markdown.strip()
    except Unreadable as error:
        assert str(error).startswith("x ")


def test_html_nested_beyond_measure_is_read() -> None:
    assert read(b"<html><body>" + b"<div>" * 20_000 + b"deep", "x.html").markdown == "deep"


@pytest.mark.parametrize(
    "hidden",
    [
        '<p style="display:none">SECRET</p>',
        '<p style="color: red; DISPLAY : None !important">SECRET</p>',
        '<div style="visibility:hidden"><p>SECRET</p></div>',
        '<p style="font-size:0px">SECRET</p>',
        '<p style="opacity: 0">SECRET</p>',
        "<p hidden>SECRET</p>",
        '<p aria-hidden="true">SECRET</p>',
        "<style>/* x */ .a .b, #c { display: none }</style><p id=c>SECRET</p>",
        "<style>.a > .b { color: red; display:none; }</style><i class=a><b class=b>SECRET</b></i>",
        '<p style="display:none">SECRET <span style="display:none">SECRET</span></p>',
    ],
)
def test_what_a_page_does_not_show_is_not_read(hidden: str) -> None:
    """A page could teach the agent what none of its readers sees."""
    assert read(f"<body>{hidden}<p>Shown.</p></body>".encode(), "a.html").markdown == "Shown."


@pytest.mark.parametrize(
    "shown",
    [
        '<p style="opacity:0.5; font-size: 0.9em">TEXT</p>',
        "<style>@media print { .a { display: none } }</style><p class=a>TEXT</p>",
        "<style>] nonsense { display: none }</style><p>TEXT</p>",
        '<body style="display:none"><p>TEXT</p>',  # until a script has run
    ],
)
def test_what_a_page_shows_is_read(shown: str) -> None:
    assert read(f"<!doctype html>{shown}".encode(), "a.html").markdown == "TEXT"
