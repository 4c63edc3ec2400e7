"""The forms of an inspection, registered in ``report.formats`` under ``check``."""

from reservation_middleware.report.formats import Form, register

from .markdown import markdown
from .page import html
from .plain import plain
from .text import text

#: By form; each takes a ``Summary``.
FORMS = {Form.TEXT: text, Form.JSON: plain, Form.HTML: html, Form.MARKDOWN: markdown}

register("check", FORMS)
