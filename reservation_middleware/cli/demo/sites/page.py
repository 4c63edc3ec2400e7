"""What a host of the demo is: its policy documents, its pages, and what must happen to each.

Types only; the hosts stand in the other files of this folder.
"""

from html import escape
from typing import NamedTuple

from reservation_middleware.model import Action, Headers, Stage

BLOCK, PROCEED = Action.BLOCK, Action.PROCEED
SITE, HEAD, CONTENT = Stage.SITE, Stage.HEADERS, Stage.CONTENT


class SiteAnswer(NamedTuple):
    """What the web says to one URL.

    Attributes:
        delay: seconds before the answer.
        reset: close the connection instead of answering.

    """

    status: int = 200
    headers: Headers = ()
    body: bytes = b""
    delay: float = 0.0
    reset: bool = False


class Expect(NamedTuple):
    """What must happen to a page in enforce mode, and why.

    Attributes:
        action: block or proceed.
        stage: where the decision fell.
        signal: a signal that is among the reasons; None if there are none at all.
        seen: the action once the page was read to its end, as observe mode does; None
            where it is the same. A block before the fetch is provisional.
        offer: whether a licence is on offer.

    """

    action: Action
    stage: Stage
    signal: str | None = None
    seen: Action | None = None
    offer: bool = False


class SitePage(NamedTuple):
    """One page that both crawlers ask for."""

    path: str
    expect: Expect
    answer: SiteAnswer


class SiteHost(NamedTuple):
    """One host: what it is there to show, its policy documents and its pages.

    Attributes:
        files: answers by path that nobody asks for as a page: robots.txt, tdmrep.json …;
            every other path is answered with 404.

    """

    name: str
    about: str
    files: dict[str, SiteAnswer]
    pages: tuple[SitePage, ...]

    def url(self, path: str) -> str:
        """The URL of one of its paths."""
        return f"http://{self.name}{path}"


def robots(text: str, *, delay: float = 0.0) -> dict[str, SiteAnswer]:
    """A robots.txt, as ``files`` of a host."""
    headers = (("content-type", "text/plain"),)
    return {"/robots.txt": SiteAnswer(200, headers, text.encode(), delay=delay)}


def tdmrep(text: str) -> dict[str, SiteAnswer]:
    """A tdmrep.json, as ``files`` of a host."""
    headers = (("content-type", "application/json"),)
    return {"/.well-known/tdmrep.json": SiteAnswer(200, headers, text.encode())}


def file(path: str, kind: str, text: str) -> dict[str, SiteAnswer]:
    """A file of some media type, as ``files`` of a host."""
    return {path: SiteAnswer(200, (("content-type", kind),), text.encode())}


def page(path: str, expect: Expect, *headers: tuple[str, str], metas: str = "") -> SitePage:
    """An HTML page with header fields and metas."""
    title = escape(path.strip("/").replace("/", ", ") or "Welcome")
    body = (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n{metas}'
        f"<title>{title}</title>\n</head>\n<body><h1>{title}</h1>"
        f"{'<p>Words somebody wrote.</p>' * 40}</body>\n</html>\n"
    )
    kind = ("content-type", "text/html; charset=utf-8")
    return SitePage(path, expect, SiteAnswer(200, (kind, *headers), body.encode()))


def media(
    path: str, expect: Expect, kind: str, *headers: tuple[str, str], size: int = 50_000
) -> SitePage:
    """Something that is no HTML."""
    return SitePage(path, expect, SiteAnswer(200, (("content-type", kind), *headers), b"\0" * size))


def document(
    path: str, expect: Expect, kind: str, body: bytes, *headers: tuple[str, str], status: int = 200
) -> SitePage:
    """Any answer at all."""
    return SitePage(path, expect, SiteAnswer(status, (("content-type", kind), *headers), body))


def redirect(path: str, expect: Expect, target: str) -> SitePage:
    """A page that has moved; what is expected is about where it went."""
    return SitePage(path, expect, SiteAnswer(301, (("location", target),)))
