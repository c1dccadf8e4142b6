"""What a graph says, in the Markdown that models write, as HTML of which none is its own."""

from typing import Any

from markdown_it import MarkdownIt

# HTML in a reply is shown as text, addresses such as javascript: make no link, and an image, which
# would tell a foreign server who reads here, is shown as a link.
_MARKDOWN = MarkdownIt("js-default", {"breaks": True}).disable("image")


def _opened_link(self: Any, tokens: Any, index: int, options: Any, env: Any) -> str:
    tokens[index].attrs |= {"target": "_blank", "rel": "noopener noreferrer"}
    return str(self.renderToken(tokens, index, options, env))


_MARKDOWN.add_render_rule("link_open", _opened_link)


def as_html(text: str) -> str:
    """Render a reply; one that is a plain paragraph needs no element around it."""
    tokens = _MARKDOWN.parse(text)
    if [token.type for token in tokens] == ["paragraph_open", "inline", "paragraph_close"]:
        tokens = tokens[1:2]
    return str(_MARKDOWN.renderer.render(tokens, _MARKDOWN.options, {})).strip()
