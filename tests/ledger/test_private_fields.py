"""Fields of heads that hold secrets are kept nowhere, and no decision changes for it."""

import gzip
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from evidence import only
from test_replay import NOW, asked, replayed, told

from reservation_middleware.decide.profiles import profile
from reservation_middleware.ledger.share.prove import prove
from reservation_middleware.ledger.verify.ledger import verify
from reservation_middleware.ledger.write.ledger import Ledger
from reservation_middleware.model import PAGE, Document, Outcome
from reservation_middleware.runtime.cache.codec import checked, pack
from reservation_middleware.syntax.redact import PRIVATE_FIELDS

SECRET = "s3cr3t-of-one-session"
PLACES = {
    "robots.txt": (200, b"User-agent: *\nDisallow: /private/\nContent-Usage: train-ai=n\n"),
    "tdmrep.json": (404, b"nothing"),
}


def document(resource: str, status: int, body: bytes, *more: tuple[str, str]) -> Document:
    path = {"tdmrep.json": ".well-known/tdmrep.json", PAGE: "x"}.get(resource, resource)
    secrets = [(name, f"a={SECRET}; Path=/") for name in sorted(PRIVATE_FIELDS)]
    location = ("location", f"https://a.example/next?token={SECRET}&page=2")
    return Document(
        url=f"https://a.example/{path}",
        resource=resource,
        outcome=Outcome.of(status),
        status=status,
        headers=(("content-type", "text/html"), *secrets, location, *more),
        body=body,
        fetched_at=NOW,
        expires=NOW + timedelta(hours=1),
    )


@pytest.mark.parametrize("upper", [False, True])
def test_a_ledger_holds_none_and_replays(upper: bool, tmp_path: Path) -> None:
    policy = profile()
    documents = [document(name, *answer) for name, answer in PLACES.items()]
    documents.append(document(PAGE, 200, b"<p>", ("tdm-reservation", "1")))
    if upper:  # as a library may give them
        documents = [
            msgspec.structs.replace(one, headers=tuple((n.title(), v) for n, v in one.headers))
            for one in documents[:-1]
        ] + documents[-1:]
    folder = tmp_path / "ledger"
    with Ledger.open(folder, clock=lambda: NOW) as ledger:
        decision = told(ledger, asked("https://a.example/x", policy, documents), policy=policy)
    assert decision.blocked
    assert replayed(folder) == [(None, [])]
    assert verify(folder, strict=True).ok
    place, name = only(folder)
    archive = gzip.decompress(place.archive(name).read_bytes())
    lines = place.log(name).read_bytes()
    for kept in (archive, lines, prove(folder, "a.example")):
        assert SECRET.encode() not in kept
        for field in PRIVATE_FIELDS:
            assert field.encode() not in kept.lower()
    assert b"token=REDACTED&page=2" in archive


def test_a_cache_that_others_read_holds_none() -> None:
    given = document("robots.txt", *PLACES["robots.txt"])
    found = checked(*(pack(given)[::2]))
    assert found.body == given.body
    assert {name for name, _ in found.headers} == {"content-type", "location"}
