"""What a situation is, and how stock and ours are compared in it.

A page counts as *lost* where stock delivers it and ours does not, or delivers something else,
unless the situation names a reason for which ours withholds it; an error counts as lost where it is
of another kind. A rule counts as *broken* where a
page was asked for that the site's robots.txt, read by Protego as stock Scrapy does, disallows for
the User-Agent that was sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from protego import Protego

from web import Answer, Seen

Json = dict[str, Any]
#: What was asked for → ["got", URL, status, digest of the body] or ["failed", error, message].
Told = Mapping[str, list[Any]]

#: Where policies are: what is asked for there is no page.
POLICIES = ("/robots.txt", "/rules.txt", "/.well-known/", "/ai.txt", "/trust.txt", "/tdmrep.json")


@dataclass(frozen=True)
class Side:
    """What one of the two came to.

    Attributes:
        told: outcomes by what was asked for.
        seen: requests that the server saw.
        made: what else is compared, such as files, items and feeds.
        log: WARNING lines and above.
    """

    told: Told
    seen: Sequence[Seen] = ()
    made: Json = field(default_factory=dict)
    log: Sequence[str] = ()

    @property
    def got(self) -> dict[str, list[Any]]:
        """What was delivered."""
        return {name: outcome for name, outcome in self.told.items() if outcome[0] == "got"}


@dataclass(frozen=True)
class Crawl:
    """One crawl of a situation.

    Attributes:
        ask: requests: URLs, or objects as `worker.Lister.request` takes them.
        settings: the project's; `{store}` stands for a folder, `{port}` for the server's port.
        spider: the spider's own attributes.
        kind: of spider, see `worker.SPIDERS`.
        gone: nothing answers any more.
        follow: whether links are followed.
        environ: variables of the environment.
    """

    ask: Sequence[str | Json]
    settings: Json = field(default_factory=dict)
    spider: Json = field(default_factory=dict)
    kind: str = "lister"
    gone: bool = False
    follow: bool = False
    environ: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Situation:
    """A situation that is tried with and without us.

    Attributes:
        name: plain words.
        pages: what the server says, by URL.
        crawls: what is done, one after the other.
        stock: how many outcomes stock delivers: the situation is what it says it is.
        withheld: what ours does not deliver though stock does, with the reason.
        excused: what ours asks for though stock does not, or the rules say no, with the reason.
        rules: of an origin, where its robots.txt is not simply what `pages` says at last.
        agent: whose rules hold, where that is not the User-Agent that is sent.
        limits: finds rules about time and number that a log of requests breaks.
        compares: what of `Side.made` must be the same.
    """

    name: str
    pages: Mapping[str, Answer]
    crawls: Sequence[Crawl]
    stock: int
    withheld: Mapping[str, str] = field(default_factory=dict)
    excused: Mapping[str, str] = field(default_factory=dict)
    rules: Mapping[str, bytes] = field(default_factory=dict)
    agent: str | None = None
    limits: Callable[[Sequence[Seen]], list[str]] | None = None
    compares: Sequence[str] = ()

    @property
    def reasons(self) -> str:
        """Why ours does otherwise; empty where it does not."""
        return "; ".join(dict.fromkeys((*self.withheld.values(), *self.excused.values())))


@dataclass(frozen=True)
class Outcome:
    """The comparison of both sides.

    Attributes:
        stock: what stock came to.
        ours: what ours came to.
        lost: what stock delivered and ours should have.
        stock_broke: rules that stock broke.
        ours_broke: rules that ours broke, also where the situation has a reason for that.
        beyond: what ours asked for that stock did not, and should not have.
        unused: reasons of the situation that nothing needed.
    """

    stock: Side
    ours: Side
    lost: list[str]
    stock_broke: list[str]
    ours_broke: list[str]
    beyond: list[str]
    unused: list[str]


def compare(situation: Situation, stock: Side, ours: Side) -> Outcome:
    """Compare what both came to in a situation."""
    differs = [
        name for name, told in stock.told.items() if not _is_as_good(told, ours.told.get(name))
    ]
    differs += [
        f"made {name}"
        for name in ("ends", *situation.compares)
        if stock.made.get(name) != ours.made.get(name)
    ]
    sent: dict[tuple[str, str], list[Mapping[str, str]]] = defaultdict(list)
    for seen in stock.seen:
        sent[seen.method, seen.url].append(seen.headers)
    differs += [
        f"headers of {seen.url}"
        for seen in pages_of(ours.seen)
        if (seen.method, seen.url) in sent and seen.headers not in sent[seen.method, seen.url]
    ]
    errors = {line[:60] for line in stock.log if line.startswith("ERROR")}
    differs += [
        f"log: {line}" for line in ours.log if line.startswith("ERROR") and line[:60] not in errors
    ]
    asked = {(seen.method, seen.url) for seen in stock.seen}
    beyond = {
        f"{seen.method} {seen.url}".removeprefix("GET ")
        for seen in pages_of(ours.seen)
        if (seen.method, seen.url) not in asked
    }
    ours_broke = broken(situation, ours.seen)
    unused = situation.withheld.keys() - set(differs)
    unused |= situation.excused.keys() - beyond - set(ours_broke)
    return Outcome(
        stock=stock,
        ours=ours,
        lost=[name for name in differs if name not in situation.withheld],
        stock_broke=broken(situation, stock.seen),
        ours_broke=ours_broke,
        beyond=sorted(beyond - situation.excused.keys()),
        unused=sorted(unused),
    )


def _is_as_good(stock: list[Any], ours: list[Any] | None) -> bool:
    """Whether an outcome is the stock's: the same page, or the same kind of error."""
    if stock[0] == "got" or ours is None or ours[0] == "got":
        return stock == ours
    return ours[1] == stock[1] or (stock[1], ours[1]) == ("IgnoreRequest", "ReservedError")


def pages_of(seen: Iterable[Seen]) -> list[Seen]:
    """The requests that are no policy's."""
    return [
        one for one in seen if one.method != "CONNECT" and not path_of(one.url).startswith(POLICIES)
    ]


def path_of(url: str) -> str:
    """Path and query of a URL."""
    return "/" + url.split("/", 3)[3]


def broken(situation: Situation, seen: Iterable[Seen]) -> list[str]:
    """What was asked for against a site's rules."""
    seen = list(seen)
    found = []
    for one in pages_of(seen):
        origin = one.url.removesuffix(path_of(one.url))
        rules = _rules(situation, origin)
        agent = situation.agent or one.headers.get("user-agent", "")
        if not rules.can_fetch(one.url, agent):
            found.append(f"{one.method} {one.url}".removeprefix("GET "))
    if situation.limits is not None:
        found += situation.limits(seen)
    return found


def _rules(situation: Situation, origin: str) -> Protego:
    """The rules of an origin as they are once its server is well."""
    body = situation.rules.get(origin)
    if body is None:
        answer = situation.pages.get(f"{origin}/robots.txt", Answer(404))
        while answer.later is not None:
            answer = answer.later
        well = answer.status == 200 and answer.fault is None and isinstance(answer.body, bytes)
        body = answer.body if well and isinstance(answer.body, bytes) else b""
    return Protego.parse(body.decode(errors="replace"))
