"""What was decided, as JSON lines in a file: one for each event of the package's loggers."""

import json
import logging
from datetime import UTC, datetime


class JsonLines(logging.Formatter):
    """Log records as JSON; events hold the decision's id, verdict and reasons as plain values."""

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        for name in ("reservation", "reservations"):  # a decision; the sum at a crawl's end
            if hasattr(record, name):
                line[name] = getattr(record, name)
        return json.dumps(line, default=str)


def install(file: str, level: int = logging.DEBUG) -> None:
    """Decisions are logged at DEBUG; what the aiohttp client blocked is at INFO."""
    handler = logging.FileHandler(file, encoding="utf-8")
    handler.setFormatter(JsonLines())
    logger = logging.getLogger("reservation_middleware")
    logger.addHandler(handler)
    logger.setLevel(level)
    logger.propagate = False  # not a second time in the crawl's own log
