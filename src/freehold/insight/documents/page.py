"""A document as one HTML file that needs no other: light and dark, and laid out for paper."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup, escape

from freehold.insight.documents.declared import BUILTIN, DocumentFile

if TYPE_CHECKING:
    from markdown_it import MarkdownIt

_PAGE = """\
<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="Freehold">
<title>{title}</title>
<style>
{style}</style>
</head>
<body>
<main>
{body}</main>
<footer>{footnote}</footer>
</body>
</html>
"""


def page(file: DocumentFile, text: str, footnote: str) -> str:
    """Return Markdown as one HTML file."""
    style = Markup(_style())
    return str(Markup(_PAGE).format(title=file.name, style=style, body=body(text), footnote=escape(footnote)))


def body(text: str, *, below: int = 0) -> Markup:
    """Return Markdown as HTML, its headings so many levels lower; markup in it is shown as it is written."""
    reader = _reader()
    tokens = reader.parse(text)
    for token in tokens if below else ():
        if token.type.startswith("heading"):
            token.tag = f"h{min(6, int(token.tag[1]) + below)}"
    return Markup(reader.renderer.render(tokens, reader.options, {}))


@cache
def _reader() -> MarkdownIt:
    from markdown_it import MarkdownIt

    made = MarkdownIt("commonmark", {"html": False}).enable("table").disable("image")
    made.add_render_rule("table_open", _table_open)
    made.add_render_rule("table_close", _table_close)
    return made


def _table_open(*_: Any) -> str:
    return '<div class="scroll" tabindex="0"><table>\n'  # wider than a phone, it scrolls by itself


def _table_close(*_: Any) -> str:
    return "</table></div>\n"


@cache
def _style() -> str:
    return (BUILTIN / "document.css").read_text(encoding="utf-8")
