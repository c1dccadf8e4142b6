"""HTML: what a reader of the page reads, without its menus, scripts, styles, and what is hidden.

Text that a page does not show is not what its owner tells people, and is a place to put words for
a model. What hides it is looked for in the element and in the page's own styles; a style sheet at
another address is not read.
"""

import contextlib
import re

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag
from soupsieve import SelectorSyntaxError

from tools.documents.formats.tables import table_lines
from tools.documents.reading import Read

_UNREAD = ["script", "style", "noscript", "template", "svg", "nav", "form", "iframe", "head"]
_BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "dd", "details", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "footer", "header", "hr", "html", "li", "main", "ol"),
    *("p", "pre", "section", "summary", "ul", "h1", "h2", "h3", "h4", "h5", "h6", "table"),
}
_HIDES = re.compile(
    r"(?:^|[;{\s])(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)"
    r"|opacity\s*:\s*0*(?:\.0+)?\s*(?:[;!}]|$)|font-size\s*:\s*0(?:\.0+)?[a-z%]*\s*(?:[;!}]|$))",
    re.IGNORECASE,
)
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_AT_RULE = re.compile(r"@[^{};]*(?:;|\{(?:[^{}]*\{[^{}]*\})*[^{}]*\})")
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
MAX_DEPTH = 200
"""Elements inside one another; what lies deeper is taken as plain text."""


def read_html(text: str) -> Read:
    """Return the text of a page; damaged HTML is read as browsers would."""
    soup = BeautifulSoup(text, "lxml")
    title = soup.title.get_text(" ", strip=True) if soup.title else ""
    for element in [*_hidden(soup), *soup(_UNREAD)]:
        if not element.decomposed:  # with one around it
            element.decompose()
    parts: list[str] = []
    _walk(soup.body or soup, parts, 0)
    markdown = re.sub(r"[ \t]*\n[ \t]*", "\n", re.sub(r"[ \t\xa0]+", " ", "".join(parts)))
    markdown = re.sub(r"\n{3,}", "\n\n", markdown).strip()
    heading = soup.find("h1")
    return Read(title or (heading.get_text(" ", strip=True) if heading else None), markdown)


def _hidden(soup: BeautifulSoup) -> list[Tag]:
    """Return the elements that the page does not show."""
    found = [
        element
        for element in soup.find_all(True)
        if element.has_attr("hidden")
        or str(element.get("aria-hidden", "")).lower() == "true"
        or _HIDES.search(str(element.get("style", "")))
    ]
    for sheet in soup.find_all("style"):
        rules = _AT_RULE.sub("", _COMMENT.sub("", sheet.get_text()))  # of print, of small screens
        for selector, declarations in _RULE.findall(rules):
            if _HIDES.search(declarations):
                with contextlib.suppress(SelectorSyntaxError, NotImplementedError):
                    found += soup.select(selector.strip())
    return [element for element in found if element.name not in ("html", "body")]


def _walk(element: Tag, parts: list[str], depth: int) -> None:
    for child in element.children:
        if isinstance(child, PreformattedString):
            continue  # comments and declarations
        if isinstance(child, NavigableString):
            parts.append(re.sub(r"\s+", " ", child))
        elif isinstance(child, Tag):
            _element(child, parts, depth)


def _element(tag: Tag, parts: list[str], depth: int) -> None:
    if depth > MAX_DEPTH:
        parts.append(tag.get_text(" ", strip=True))
    elif re.fullmatch(r"h[1-6]", tag.name):
        parts.append(f"\n\n{'#' * int(tag.name[1])} {tag.get_text(' ', strip=True)}\n\n")
    elif tag.name == "table":
        rows = [
            [cell.get_text(" ", strip=True) for cell in row.find_all(["td", "th"])]
            for row in tag.find_all("tr")
        ]
        parts.append("\n\n" + "\n".join(table_lines([row for row in rows if row])) + "\n\n")
    elif tag.name == "br":
        parts.append("\n")
    else:
        gap = "\n" if tag.name in ("li", "dd") else "\n\n" if tag.name in _BLOCKS else ""
        parts.append(gap + ("- " if tag.name == "li" else ""))
        _walk(tag, parts, depth + 1)
        parts.append(gap)
