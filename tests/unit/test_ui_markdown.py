"""Markdown of a graph becomes HTML in which nothing runs and nothing is fetched."""

import pytest

from ui.markdown import as_html


@pytest.mark.parametrize(
    ("said", "html"),
    [
        ("Are you salaried?", "Are you salaried?"),
        ("**Yes**\nno", "<strong>Yes</strong><br>\nno"),
        ("- a\n- b", "<ul>\n<li>a</li>\n<li>b</li>\n</ul>"),
        ("<img src=x onerror=f()>", "&lt;img src=x onerror=f()&gt;"),
        ("```\n<b>\n```", "<pre><code>&lt;b&gt;\n</code></pre>"),
        ("[x](javascript:f())", "[x](javascript:f())"),
    ],
)
def test_a_reply_is_rendered_and_its_html_is_text(said: str, html: str) -> None:
    assert as_html(said) == html


def test_a_link_opens_beside_the_conversation_and_does_not_tell_where_from() -> None:
    assert as_html("[terms](https://example.com)") == (
        '<a href="https://example.com" target="_blank" rel="noopener noreferrer">terms</a>'
    )


def test_an_image_is_not_fetched() -> None:
    assert "<img" not in as_html("![x](https://example.com/who-reads.png)")
