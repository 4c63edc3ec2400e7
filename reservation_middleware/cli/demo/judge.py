"""Do the adapters agree, did every page go as expected, and does the web's log bear it out?

Each question is answered with a list of sentences about what is wrong, empty if nothing is.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from reservation_middleware.decide.reading import is_policy_resource, probed
from reservation_middleware.model import Action, Mode, Stage
from reservation_middleware.report.words import listed

from .crawl import MODES, RUNS, Crawls, Run
from .sites import SiteHost, SitePage
from .task import PROBES, Visit

Record = dict[str, Any]


def pages(hosts: Sequence[SiteHost]) -> list[tuple[str, SitePage]]:
    """Every page that is asked for, with its URL."""
    return [(host.url(page.path), page) for host in hosts for page in host.pages]


def without_decisions(hosts: Sequence[SiteHost], crawls: Crawls) -> str:
    """A sentence on the hosts that the ledger has no decisions about, "" where there are none."""
    decided = {
        urlsplit(visit.record["url"]).hostname
        for visits in crawls.visits.values()
        for visit in visits.values()
        if visit.record
    }
    names = [host.name for host in hosts if host.name not in decided]
    if not names:
        return ""
    verb = "has no decisions of its own: it leads" if len(names) == 1 else "have none: they lead"
    number = len(hosts) - len(names)
    return f"Decisions are about {number} of {len(hosts)} hosts; {listed(names)} {verb} to others."


def differences(hosts: Sequence[SiteHost], crawls: Crawls) -> list[str]:
    """Where the two adapters do not agree."""
    found = []
    for mode in MODES:
        for url, page in pages(hosts):
            first, second = (
                crawls.visits[adapter, mode].get(url) for adapter in ("scrapy", "aiohttp")
            )
            where = f"{url} ({mode})"
            if first is None or second is None or first.record is None or second.record is None:
                found += [
                    f"{where}: {adapter} came to no decision: {visit.error if visit else 'no visit'}"
                    for adapter, visit in (("scrapy", first), ("aiohttp", second))
                    if visit is None or visit.record is None
                ]
                continue
            if first.blocked is not second.blocked:
                found.append(f"{where}: only {'scrapy' if first.blocked else 'aiohttp'} blocked it")
            mine, theirs = _comparable(first.record, page), _comparable(second.record, page)
            found += [
                f"{where}: {key}: scrapy {mine.get(key)!r}, aiohttp {theirs.get(key)!r}"
                for key in sorted(mine.keys() | theirs.keys())
                if mine.get(key) != theirs.get(key)
            ]
    return found


def surprises(hosts: Sequence[SiteHost], crawls: Crawls) -> list[str]:
    """Pages that did not go as the demo's web expects it, in either adapter."""
    return [
        f"{url} ({adapter}, {mode}): {wrong}"
        for adapter, mode in RUNS
        for url, page in pages(hosts)
        if (visit := crawls.visits[adapter, mode].get(url)) and visit.record
        for wrong in _unexpected(visit, visit.record, page, mode)
    ]


def contradictions(hosts: Sequence[SiteHost], crawls: Crawls) -> list[str]:
    """What the webs' own logs say against the crawlers."""
    found = []
    # aiohttp asks once more on its own when the connection was reset.
    reset = {
        host.url(path) for host in hosts for path, answer in host.files.items() if answer.reset
    }
    wanted = {
        host.url(place.path)
        for host in hosts
        if host.pages
        for place in probed(PROBES)
        if place.path
    }
    for run in RUNS:
        counts = Counter(seen.url for seen in crawls.logs[run])
        where = ", ".join(run)
        for visit in crawls.visits[run].values():
            if visit.record and visit.blocked and visit.record["stage"] == Stage.SITE:
                url = visit.record["url"]
                if counts[url]:
                    found.append(f"{url} ({where}): blocked before the fetch, but asked for")
        found += [
            f"{url} ({where}): fetched {counts[url]} times"
            for url in sorted(wanted | set(filter(is_policy_resource, counts)))
            if counts[url] != 1 and not (url in reset and counts[url])
        ]
    return found


def policy_fetches(crawls: Crawls, run: Run) -> int:
    """How many policy resources a run's web was asked for."""
    return sum(is_policy_resource(seen.url) for seen in crawls.logs[run])


def _unexpected(visit: Visit, record: Record, page: SitePage, mode: str) -> list[str]:
    expect = page.expect
    action, stage = expect.action, expect.stage
    observing = mode == Mode.OBSERVE
    if observing and expect.seen is not None:
        action = expect.seen
    wrong = []
    if record["action"] != action:
        wrong.append(f"expected {action}, got {record['action']}")
    if visit.blocked is not (expect.action is Action.BLOCK and not observing):
        wrong.append("blocked" if visit.blocked else "not blocked")
    if not observing and record["stage"] != stage:
        wrong.append(f"expected at stage {stage}, got {record['stage']}")
    signals = {reason["signal"] for reason in record["reasons"]}
    if expect.signal not in signals and (expect.signal or (signals and not observing)):
        wrong.append(f"expected {expect.signal} among the reasons, got {sorted(signals)}")
    if not observing and bool(record["offers"]) is not expect.offer:
        wrong.append(f"expected {'an' if expect.offer else 'no'} offer")
    return wrong


def _comparable(record: Record, page: SitePage) -> Record:
    """A record without what may differ between two crawls that agree.

    That is when the documents expire, the HTTP library's words for a broken connection,
    and how far a body was read that is no HTML: Scrapy always has it, aiohttp leaves it
    to the caller.
    """
    plain = {key: value for key, value in record.items() if key != "expires"}
    plain["reasons"] = [
        {**reason, "text": "unreachable"} if _unreachable(reason) else reason
        for reason in record["reasons"]
    ]
    if any(map(_unreachable, record["reasons"])):
        plain["notes"] = [{**note, "summary": ""} for note in record["notes"]]
    kind = dict(page.answer.headers).get("content-type", "text/html")
    if not kind.startswith("text/html"):
        for key in ("stage", "consulted", "not_reached"):
            del plain[key]
        plain["reasons"] = [
            {**reason, "digest": None} if reason["document"] == record["url"] else reason
            for reason in plain["reasons"]
        ]
    return plain


def _unreachable(reason: Record) -> bool:
    return str(reason["text"]).startswith("unreachable: ")
