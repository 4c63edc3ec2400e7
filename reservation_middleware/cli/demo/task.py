"""What a crawl of the demo is given and what it hands back; both adapters use the same.

Plain values, since the Scrapy crawl runs in a process of its own.
"""

from typing import Any

import msgspec

from reservation_middleware.decide.record import record
from reservation_middleware.model import Decision, Probes

#: Who crawls in the demo, and what for.
AGENT = "ExampleBot"
PURPOSES = ("ai-train",)
#: Every well-known place is asked, so that every signal is seen.
PROBES = Probes.ALL
USER_AGENT = f"{AGENT}/1.0 (+http://examplebot.example/about)"


class Task(msgspec.Struct, frozen=True):
    """What to crawl: every URL, through one proxy for each mode; and the ledger's folder."""

    urls: tuple[str, ...]
    proxies: dict[str, str]
    ledger: str


class Visit(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one URL.

    Attributes:
        asked: the URL that was asked for; the record's is the one where it led to.
        blocked: whether the crawler was stopped.
        error: what went wrong instead of a decision.
        record: the decision, as records are kept; None if there was none.

    """

    adapter: str
    mode: str
    asked: str
    blocked: bool = False
    error: str | None = None
    record: dict[str, Any] | None = None


def visit(adapter: str, mode: str, asked: str, decision: Decision, *, blocked: bool) -> Visit:
    """A visit that ended with a decision; plain JSON values, so that any two compare."""
    plain = msgspec.json.decode(msgspec.json.encode(record(decision)))
    return Visit(adapter=adapter, mode=mode, asked=asked, blocked=blocked, record=plain)
