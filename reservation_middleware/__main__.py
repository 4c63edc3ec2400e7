"""``python -m reservation_middleware`` is ``reservations``."""

from .cli import main

main()
