"""``python -m reservation_middleware`` is ``reservations``; both start here.

Imports nothing until it runs, so that stopping the program while it starts leaves no trace.
"""


def main() -> None:
    """Run the command line."""
    try:
        from reservation_middleware.cli.main import main as run  # noqa: PLC0415 - see above

        run()
    except KeyboardInterrupt:
        raise SystemExit(130) from None


if __name__ == "__main__":
    main()
