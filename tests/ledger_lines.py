"""What tests of the ledger share: a line of every kind, the schema, documents and decisions.

Not here: assertions, fixtures.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]
from referencing import Registry, Resource

from reservation_middleware.decide.check import Check
from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.format.canonical import time_text
from reservation_middleware.ledger.format.lines import (
    Archive,
    ArchiveLine,
    Counted,
    DecisionLine,
    DocumentLine,
    EndLine,
    Entry,
    EpochLine,
    ErasedArchive,
    ErasedLine,
    GapLine,
    NotePart,
    PagePart,
    PolicyLine,
    RecoveredLine,
    SegmentLine,
)
from reservation_middleware.model import (
    Action,
    Agent,
    Decision,
    Document,
    Headers,
    Identifier,
    Level,
    Mode,
    Offer,
    Outcome,
    Policy,
    Preference,
    Reason,
    Stage,
)
from reservation_middleware.model.vocabulary import LEAVES
from support import SPEC

NOW = datetime(2026, 11, 22, 5, 30, 0, 123456, UTC)
_TIME = time_text(NOW)
_NAME = "20261122T053000Z-0123abcd"
_DIGEST = "ab" * 32
_ARCHIVE = Archive(file=f"policy/{_NAME}.warc.gz", offset=10, length=20, sha256=_DIGEST)
_PAGE = PagePart(status=200, headers=(("x-robots-tag", "noai"),), document=4, content="kept")

#: A line of every kind that says all it can.
EVERY: dict[str, Entry] = {
    "segment": SegmentLine(
        salt="01" * 16,
        segment=_NAME,
        time=_TIME,
        software="reservation-middleware/0",
        spec_version="2026-11-29",
        key="reservations+0123abcd+AAAA",
        others=((_NAME, 7, _DIGEST),),
    ),
    "policy": PolicyLine(policy={"profile": "opt-out", "licences": []}),
    "archive": ArchiveLine(archive=_ARCHIVE),
    "document": DocumentLine(
        url="https://a.example/robots.txt",
        location="https://b.example/robots.txt",
        address="192.0.2.1",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        fetched_at=_TIME,
        expires=_TIME,
        problem="…",
        stale="…",
        digest=_DIGEST,
        archive=_ARCHIVE,
        body=3,
    ),
    "decision": DecisionLine(
        id="0123456789ab7def8123456789abcdef",
        time=_TIME,
        mode=Mode.ENFORCE,
        adapter="scrapy",
        blocked=True,
        octets=1000,
        policy=1,
        documents=(2, 3),
        page=_PAGE,
        url="https://a.example/",
        agent="ExampleBot",
        purposes=("ai-train",),
        profile="opt-out",
        stage=Stage.CONTENT,
        action=Action.BLOCK,
        verdict=Preference.DISALLOWED,
        crawl=Preference.ALLOWED,
        usage={**dict.fromkeys(LEAVES, Preference.UNKNOWN), "tdm": None},
        reasons=(
            Reason(
                *("tdmrep", "header", "tdm", Preference.DISALLOWED, "https://a.example/", None),
                *("tdm-reservation: 1", False, ("tdm",), _DIGEST, ("x",)),
            ),
        ),
        offers=(Offer(kind="contact", signal="tdmrep", contact="a@a.example", document="u"),),
        identifiers=(Identifier(scheme="doi", value="10.1/x", signal="rsl", document="u"),),
        notes=(
            NotePart(
                ident="conflict",
                level=Level.INFO,
                document="u",
                line=1,
                summary="s",
                remedy="r",
                reference="https://a.example/",
            ),
        ),
        consulted=("robots.txt",),
        not_reached=("ai.txt",),
        expires=_TIME,
        spec_version="2026-11-29",
    ),
    "epoch": EpochLine(
        time=_TIME,
        until=_TIME,
        origin="https://a.example",
        agent="ExampleBot",
        purposes=("ai-train",),
        profile="opt-out",
        mode=Mode.OBSERVE,
        adapter="aiohttp",
        policy=1,
        documents=(2,),
        counts=(
            Counted(
                action=Action.PROCEED,
                verdict=Preference.UNKNOWN,
                crawl=Preference.ALLOWED,
                stage=Stage.CONTENT,
                decisions=5,
                octets=1000,
            ),
        ),
    ),
    "gap": GapLine(time=_TIME, since=_TIME, lost=3, why="No space left on device"),
    "recovered": RecoveredLine(time=_TIME, cut=17, archive_cut=0),
    "end": EndLine(time=_TIME),
    "erased": ErasedLine(
        erased=_DIGEST, archive=ErasedArchive(file=_ARCHIVE.file, offset=1, length=100)
    ),
}


def _schema() -> Draft202012Validator:
    schemas = [
        json.loads((SPEC / "schemas" / f"{name}.schema.json").read_text("utf-8"))
        for name in ("ledger", "decision")
    ]
    registry: Registry[Any] = Registry().with_resources(
        (schema["$id"], Resource.from_contents(schema)) for schema in schemas
    )
    return Draft202012Validator(schemas[0], registry=registry)


SCHEMA = _schema()


def document(
    url: str = "https://a.example/robots.txt",
    body: bytes | None = b"User-agent: *\nDisallow: /private/\n",
    *,
    resource: str = "robots.txt",
    status: int | None = 200,
    headers: Headers = (("content-type", "text/plain"),),
    fetched_at: datetime | None = NOW,
    **others: Any,
) -> Document:
    """A policy document; ``status`` None for one that could not be reached."""
    return Document(
        url=url,
        resource=resource,
        outcome=Outcome.UNREACHABLE if status is None else Outcome.of(status),
        status=status,
        headers=headers if status else (),
        body=body if status else None,
        fetched_at=fetched_at,
        expires=NOW + timedelta(days=1),
        **others,
    )


def policy_documents(host: str = "a.example") -> tuple[Document, ...]:
    """What most sites have: a robots.txt, and no tdmrep.json."""
    tdmrep = f"https://{host}/.well-known/tdmrep.json"
    return (
        document(f"https://{host}/robots.txt"),
        document(tdmrep, None, resource="tdmrep.json", status=404),
    )


def decision(
    url: str = "https://a.example/x",
    documents: Sequence[Document] | None = None,
    policy: Policy | None = None,
) -> Decision:
    """What follows from some documents for a page."""
    check = Check(url, agent=Agent("ExampleBot"), policy=policy or profile(), now=NOW)
    for one in policy_documents() if documents is None else documents:
        check.feed(one)
    return check.decide()
