"""How help and errors of usage look: as wide as the terminal, no names of Python types, one line.

Knows typer; nothing here knows a verb.
"""

from typing import Any

import typer
from typer.core import TyperCommand

#: Columns of help at the most; on a terminal that is narrower as many as it has.
MAX_HELP = 120
#: What typer raises for what was typed wrongly; it names its base classes nowhere else.
_UsageError = typer.BadParameter.__mro__[1]


class Command(TyperCommand):
    """A verb whose help shows arguments by their names, without the types behind them."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        for parameter in self.params:
            if parameter.param_type_name == "argument":
                vars(parameter)["display_type_rich"] = _nothing


def _nothing(*_args: object, **_options: object) -> None:
    """No type."""


def usage_error(error: Exception) -> str | None:
    """What was typed wrongly and where help is, on one line; None for another error.

    Of a verb that was typed alone it is the whole help.
    """
    if not isinstance(error, _UsageError):
        return None
    message: str = getattr(error, "format_message", error.__str__)()
    context = getattr(error, "ctx", None)
    path = getattr(context, "command_path", "reservations")
    if type(error).__name__ == "NoArgsIsHelpError":
        return f"which verb? ({path} --help lists them)"
    return f"{message.rstrip('.')} ({path} --help says more)"
