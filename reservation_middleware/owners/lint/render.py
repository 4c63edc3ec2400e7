"""The forms in which a report of lint is written, registered in the one list of forms."""

from collections.abc import Callable, Mapping

from reservation_middleware.report.formats import Form, Renderer, Screen, register

from .render_github import render_github
from .render_html import render_html
from .render_json import render_json
from .render_markdown import render_markdown
from .render_sarif import render_sarif
from .render_text import render_text
from .run import Report

#: The verb, by which its forms are found.
SUBJECT = "lint"
_RENDERERS: Mapping[Form, Callable[[Report], str]] = {
    Form.TEXT: render_text,
    Form.JSON: render_json,
    Form.SARIF: render_sarif,
    Form.GITHUB: render_github,
    Form.HTML: render_html,
    Form.MARKDOWN: render_markdown,
}


def _without_screen(write: Callable[[Report], str]) -> Renderer:
    """A form that is as wide as its lines."""

    def renderer(report: Report, screen: Screen) -> str:
        del screen
        return write(report)

    return renderer


register(SUBJECT, {form: _without_screen(write) for form, write in _RENDERERS.items()})
