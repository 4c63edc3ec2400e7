"""A report of lint as one HTML file without script; what a site said is escaped."""

from functools import cache
from typing import TYPE_CHECKING

from reservation_middleware.model import Level
from reservation_middleware.model.version import SPEC_VERSION, __version__

from .render_text import summary
from .run import Report

if TYPE_CHECKING:
    from jinja2 import Template

_TITLES = {Level.ERROR: "Errors", Level.WARNING: "Warnings", Level.INFO: "Worth knowing"}
_MARKS = {Level.ERROR: "✕", Level.WARNING: "!", Level.INFO: "i"}


def render_html(report: Report) -> str:
    """The report as a page."""
    groups = [
        (level, findings)
        for level in _TITLES
        if (findings := [f for f in report.worst_first if f.kind.level is level])
    ]
    return _template().render(
        groups=groups,
        titles=_TITLES,
        marks=_MARKS,
        not_tested=report.not_tested,
        stale=report.stale,
        summary=summary(report),
        version=__version__,
        spec=SPEC_VERSION,
    )


@cache
def _template() -> "Template":
    from jinja2 import Environment, PackageLoader  # noqa: PLC0415 - only this form needs it

    return Environment(loader=PackageLoader(__package__, "."), autoescape=True).get_template(
        "report.html.jinja"
    )
