"""``python -m reservation_middleware`` is ``reservations``; both start here.

Imports next to nothing until it runs, so that stopping the program while it starts leaves no trace.
"""

import runpy
import sys
from pathlib import Path


def main() -> None:
    """Run the command line."""
    try:
        if sys.argv[1:] == ["--version"]:
            _print_version()
            return
        from reservation_middleware.cli.main import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def _print_version() -> None:
    """Print what the command line would, without importing the package's other modules."""
    versions = runpy.run_path(str(Path(__file__).with_name("model") / "version.py"))
    print(f"reservations {versions['__version__']} (spec {versions['SPEC_VERSION']})")  # noqa: T201


if __name__ == "__main__":
    main()
