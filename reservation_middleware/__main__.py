"""``python -m reservation_middleware`` is ``reservations``; both start here.

Imports next to nothing until it runs, so that stopping the program while it starts leaves no trace.
"""

import runpy
import sys
from pathlib import Path
from typing import NoReturn


def main() -> None:
    """Run the command line."""
    try:
        if sys.argv[1:] == ["--version"]:
            _print_version()
        from reservation_middleware.cli.main import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _print_version() -> NoReturn:
    """Print what the command line would, without importing the package's other modules."""
    from reservation_middleware.cli.standard_streams import run, write_text  # noqa: PLC0415

    found = runpy.run_path(
        str(Path(__file__).with_name("model").joinpath("version").with_suffix(".py"))
    )
    text = f"reservations {found['__version__']} (spec {found['SPEC_VERSION']})"

    def command() -> NoReturn:
        write_text(text)
        raise SystemExit(0)

    run(command, explain=lambda _error: None)


if __name__ == "__main__":
    main()
