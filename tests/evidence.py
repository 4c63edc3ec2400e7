"""Small real ledgers for tests: decided by the core, written by the real writer."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from reservation_middleware import Agent, Check, Document, Outcome, profile
from reservation_middleware.ledger.format.folder import Folder
from reservation_middleware.ledger.write.ledger import Ledger, Page
from reservation_middleware.model import Headers, Mode

HTML: Headers = (("content-type", "text/html"),)
RESERVED: Headers = (*HTML, ("tdm-reservation", "1"))
START = datetime(2026, 11, 22, 5, 30, tzinfo=UTC)
AGENT = Agent("ExampleBot")
ROBOTS = b"User-agent: *\nDisallow: /private/\n"


class Clock:
    """A clock that goes on by a second each time it is asked."""

    def __init__(self, start: datetime = START) -> None:
        self.now = start

    def __call__(self) -> datetime:
        self.now += timedelta(seconds=1)
        return self.now


def fetched(
    url: str, resource: str, body: bytes | None, headers: Headers = HTML, at: datetime = START
) -> Document:
    """A document as it was answered."""
    return Document(
        url=url,
        resource=resource,
        outcome=Outcome.FETCHED if body is not None else Outcome.UNAVAILABLE,
        status=200 if body is not None else 404,
        headers=headers,
        body=body,
        fetched_at=at,
        expires=at + timedelta(days=1),
        address="192.0.2.1",
    )


def log_page(
    ledger: Ledger,
    url: str,
    *,
    robots: bytes | None = ROBOTS,
    body: bytes | None = None,
    headers: Headers = RESERVED,
    linked: tuple[Document, ...] = (),
    at: datetime = START,
) -> str:
    """Decide about one page of a site that has a robots.txt, and log it."""
    origin = "/".join(url.split("/")[:3])
    documents = (
        fetched(f"{origin}/robots.txt", "robots.txt", robots, at=at),
        Document(
            url=f"{origin}/.well-known/tdmrep.json",
            resource="tdmrep.json",
            outcome=Outcome.UNREACHABLE,
            problem="connection reset",
            fetched_at=START,
        ),
    )
    policy = profile("opt-out")
    check = Check(url, agent=AGENT, policy=policy, now=START)
    for document in documents:
        check.feed(document)
    page = fetched(url, "page", body if body is not None else b"", headers)
    check.feed(page)
    return ledger.decision(
        check.decide(),
        (*documents, *linked),
        policy=policy,
        mode=Mode.ENFORCE,
        adapter="scrapy",
        blocked=True,
        page=Page(page, "spoke" if body else "silent"),
        octets=len(body or b""),
    )


def small(folder: Path, *, pages: int = 2, hosts: tuple[str, ...] = ("a", "b")) -> Ledger:
    """A ledger that is not closed: some pages of some hosts under .example."""
    ledger = Ledger.open(folder, clock=Clock())
    for host in hosts:
        for page in range(pages):
            log_page(
                ledger,
                f"https://{host}.example/{page}",
                robots=ROBOTS + b"# " + host.encode() if host != "c" else ROBOTS + b"# a",
                body=b'<meta name="robots" content="noai">' if page else None,
                # Fetched again, and still the same.
                at=START + timedelta(hours=page if host == "c" else 0),
            )
    return ledger


def closed(folder: Path, **keywords: object) -> Path:
    """The folder of a ledger that was closed."""
    small(folder, **keywords).close()  # type: ignore[arg-type]
    return folder


def only(folder: Path) -> tuple[Folder, str]:
    """The ledger's one segment."""
    place = Folder(folder)
    (name,) = place.segments()
    return place, name


def key_of(folder: Path) -> str:
    """The text of the ledger's private key."""
    return folder.with_name(f"{folder.name}.key").read_text()
