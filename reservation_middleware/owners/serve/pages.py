"""The pages in HTML: jinja2 with everything escaped, one style, one short script.

The style of a report is that of ``check --format html``.
"""

import re
from functools import cache
from importlib.resources import files
from typing import Any

import jinja2

from reservation_middleware.model.version import SPEC_VERSION, __version__
from reservation_middleware.owners.inspect.forms import page

_TEMPLATES = files(__package__).joinpath("templates")
_STYLE_ELEMENT = re.compile(r"<style>(.*?)</style>", re.DOTALL)


def _report_style() -> str:
    """What stands in the style element of a report: constant, nothing in it is a site's."""
    template = files(page.__package__ or "").joinpath("page.html.jinja").read_text("utf-8")
    found = _STYLE_ELEMENT.search(template)
    assert found
    return found[1]


REPORT_STYLE = _report_style()
STYLE = REPORT_STYLE + _TEMPLATES.joinpath("style.css").read_text("utf-8")
SCRIPT = _TEMPLATES.joinpath("progress.js").read_text("utf-8")


def _printable(value: object) -> object:
    """A value of which browsers show every character: no controls but the ends of lines."""
    if not isinstance(value, str) or value.isprintable():
        return value
    return type(value)("".join(c if c.isprintable() or c == "\n" else " " for c in value))


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: _TEMPLATES.joinpath(name).read_text("utf-8")),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_printable,
    )


def show(name: str, **values: Any) -> str:
    """A page.

    Args:
        name: of the template, without its endings.
        values: what it shows.
    """
    return (
        _environment()
        .get_template(f"{name}.html.jinja")
        .render(
            style=STYLE,
            script=SCRIPT,
            version=__version__,
            spec_version=SPEC_VERSION,
            **values,
        )
    )
