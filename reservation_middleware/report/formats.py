"""Output forms: one protocol, and the one list of who can be shown in which form.

A form is a function from a subject (an inspection, a set of findings, a rollout) to text. Rooms
above register theirs; nothing here knows what a subject holds.
"""

from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple


class Form(StrEnum):
    """Every form that some subject can be shown in."""

    TEXT = "text"
    JSON = "json"
    SARIF = "sarif"
    GITHUB = "github"
    HTML = "html"
    MARKDOWN = "markdown"
    CSV = "csv"


class Detail(StrEnum):
    """How much is shown."""

    QUIET = "quiet"
    FIRST_SCREEN = "first screen"
    ALL = "all"


class Screen(NamedTuple):
    """What text is laid out for.

    Attributes:
        width: columns; None where lines may have any length, as in a pipe.
        color: whether colours may be used.
        detail: how much is shown.
        command: the command line that asked, for the foot of a page.
        links: words and addresses at the head of a page, where a server shows it.
    """

    width: int | None = None
    color: bool = False
    detail: Detail = Detail.FIRST_SCREEN
    command: str = ""
    links: tuple[tuple[str, str], ...] = ()


#: Shows a subject in one form. What a site said is hostile: each form escapes it as it must.
Renderer = Callable[[Any, Screen], str]

#: The renderers that there are, by subject (a verb's name) and form.
FORMS: dict[str, Mapping[Form, Renderer]] = {}


def register(subject: str, renderers: Mapping[Form, Renderer]) -> None:
    """Make a subject showable.

    Args:
        subject: such as ``check``.
        renderers: by form; what was registered before for other forms stays.
    """
    FORMS[subject] = {**FORMS.get(subject, {}), **renderers}


def render(subject: str, form: Form, value: object, screen: Screen) -> str:
    """A subject in one form.

    Raises:
        LookupError: the subject has no such form.
    """
    return FORMS[subject][form](value, screen)
