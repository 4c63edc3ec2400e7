"""The tables of a survey: one Arrow schema each, whose field metadata is the data contract.

Every engine writes exactly these columns, in this order, nullable where it is said. ``CAPTURES``
is what the kernel takes. Reference: docs/survey.md.
"""

from collections.abc import Iterable, Mapping
from typing import Any

import pyarrow as pa  # type: ignore[import-untyped, unused-ignore]

from reservation_middleware.model import LEAVES

_TEXT, _WORDS = pa.string(), pa.list_(pa.field("element", pa.string(), nullable=False))
_TIME = pa.timestamp("us", tz="UTC")


def _field(name: str, kind: Any, about: str, *, null: str = "") -> Any:
    """A column; ``null`` says what a missing value means, "" that there is none."""
    about += f"; null: {null}" if null else ""
    return pa.field(name, kind, nullable=bool(null), metadata={"description": about})


def _table(fields: Iterable[Any], about: str) -> Any:
    return pa.schema(list(fields), metadata={"description": about, "contract": "survey/1"})


_HOST = _field("host", _TEXT, "host name in lower case, ASCII, without port")
_WAVE = _field("wave", _TEXT, "which round of the survey, as the input or --wave names it")
_ORIGIN = _field("origin", _TEXT, "scheme, host and port that the robots.txt belongs to")

SITES = _table(
    (
        _HOST,
        _field("surt_host_name", _TEXT, "the host's key as in Common Crawl's tables, www dropped"),
        _field("registrable_domain", _TEXT, "by the Public Suffix List, private part included"),
        _WAVE,
        _ORIGIN,
        _field("capture", _TEXT, "how asking for robots.txt ended: one of eight words (M1)"),
        _field("status", pa.int16(), "final HTTP status", null="not known"),
        _field("digest", _TEXT, "SHA-256 of the body, hex", null="no body was read"),
        _field("bytes", pa.int64(), "octets of the body that were read", null="no body was read"),
        _field("fetched_at", _TIME, "when it was fetched", null="not known"),
        _field("signals", _WORDS, "families of signals that say anything about the site, sorted"),
        _field("conflicts", _WORDS, "leaf:no-family>yes-family where families contradict"),
        _field("agents_named", pa.int32(), "product tokens that robots.txt names, * not counted"),
    ),
    "one row per host and wave",
)
AGENTS = _table(
    (
        _HOST,
        _WAVE,
        _ORIGIN,
        _field("agent", _TEXT, "catalogue's spelling, else as written in lower case; * for all"),
        _field("access", _TEXT, "full, partial, none, explicit-allow or unknown (M2)"),
        _field("line", pa.int32(), "the line that names the agent", null="no group names it"),
    ),
    "one row per host, wave and agent that robots.txt names, and one for *",
)
STATEMENTS = _table(
    (
        _HOST,
        _WAVE,
        _ORIGIN,
        _field("agent", _WORDS, "product tokens in lower case that it speaks to, in file order"),
        _field("document", _TEXT, "URL of the document that it stands in"),
        _field("signal", _TEXT, "the family; fingerprint for marks that are no statements (M8)"),
        _field("carrier", _TEXT, "robots.txt, header, meta, tdmrep.json …"),
        _field("path", _TEXT, "path pattern", null="all that the carrier covers"),
        _field("category", _TEXT, "a leaf, crawl, or the native term if it maps to none"),
        _field("preference", _TEXT, "allowed, disallowed or unknown"),
        _field("inferred", pa.bool_(), "drawn from words aimed at somebody else"),
        _field("near_miss", pa.bool_(), "clearly meant and not spelled as its text has it"),
        _field("line", pa.int32(), "line in the document", null="it has no lines"),
        _field("text", _TEXT, "the words as they stand there, cut at 400 characters"),
    ),
    "one row per statement and leaf that it covers",
)
PAGES = _table(
    (
        _field("url", _TEXT, "the page"),
        _field("url_surtkey", _TEXT, "its key as in Common Crawl's index"),
        _HOST,
        _field("fetch_time", _TIME, "when it was fetched", null="not known"),
        _field("action", _TEXT, "what the profile opt-out does, by the page's own head and body"),
        _field("verdict", _TEXT, "about ai-train: allowed, disallowed or unknown"),
        _field("crawl", _TEXT, "by the page itself; robots.txt is in agents: unknown"),
        *(
            _field(leaf.replace("-", "_"), _TEXT, f"about {leaf}: allowed, disallowed or unknown")
            for leaf in LEAVES
        ),
        _field("reasons", _WORDS, "signal, carrier and words of what decides"),
    ),
    "one row per page and time",
)

#: The tables by name, in the order in which they are written.
TABLES: Mapping[str, Any] = {
    "sites": SITES,
    "agents": AGENTS,
    "statements": STATEMENTS,
    "pages": PAGES,
}

#: What the kernel takes: one row per fetch, whether anything came of it or not.
CAPTURES = pa.schema(
    [
        pa.field("url", _TEXT, nullable=False),
        pa.field("wave", _TEXT, nullable=False),
        pa.field("status", pa.int16()),
        pa.field("fields", pa.list_(pa.string())),  # name, value, name, value …
        pa.field("body", pa.large_binary()),
        pa.field("fetched_at", _TIME),
        pa.field("problem", _TEXT),
    ]
)
