"""The forms in which a report of lint is written, by name; report/formats may register them."""

from collections.abc import Callable, Mapping

from .render_github import render_github
from .render_html import render_html
from .render_json import render_json
from .render_markdown import render_markdown
from .render_sarif import render_sarif
from .render_text import render_text
from .run import Report

RENDERERS: Mapping[str, Callable[[Report], str]] = {
    "text": render_text,
    "json": render_json,
    "sarif": render_sarif,
    "github": render_github,
    "html": render_html,
    "markdown": render_markdown,
}
