"""From an intent to every file, header snippet and tag that says it, and back.

``generate`` writes nothing to disk: it returns the files of the output folder. A signal that would
say something else than is meant somewhere is left out, and why is told; then everything is read
back by the core that crawlers use.
"""

from collections.abc import Mapping, Sequence
from functools import partial

import msgspec

from reservation_middleware.model.version import SPEC_VERSION, __version__
from reservation_middleware.owners.intent import SiteIntent
from reservation_middleware.syntax.robots import RobotsFile

from . import site_files
from .embedded import Copies, copies
from .heads import Head, heads
from .marked import without_block
from .read_back import ServedPage, read_back
from .regions import Regions, regions
from .servers import is_utf_8, server_files
from .statements import HEAD_SIGNALS, RSL_FILE
from .survival import (
    AgentRow,
    UseRow,
    agent_rows,
    contradictions,
    losses,
    other_groups,
    usage_rows,
)

#: Places of a site that are read of its folder: what stands there stays, or is replaced.
PLACES = (
    "robots.txt",
    "ai.txt",
    ".well-known/ai.txt",
    ".well-known/ai.json",
    "ai.json",
    "trust.txt",
    ".well-known/trust.txt",
    ".well-known/tdmrep.json",
    "license.xml",
)
#: Crawlers that the rest of a robots.txt names and that are asked about.
_MOST_TOKENS = 40


class Generated(msgspec.Struct, frozen=True, kw_only=True):
    """What was written, and what is read back of it.

    Attributes:
        files: the output folder, by path.
        rows: per region and leaf what was meant and what is read.
        agents: the crawlers of the intent.
        heads: header fields and tags by region.
        left_out: sentences: what was not written, and why.
        lost: sentences: what is not read as it was meant.
        notes: sentences: what else an owner should know.
    """

    files: Mapping[str, bytes]
    rows: Sequence[UseRow]
    agents: Sequence[AgentRow]
    heads: Sequence[Head]
    left_out: Sequence[str]
    lost: Sequence[str]
    notes: Sequence[str]

    @property
    def survived(self) -> bool:
        """Whether everything is read as it was meant."""
        return not self.lost


class _Choice:
    """Which signals say the intent without contradicting it, each tried by itself."""

    def __init__(self, intent: SiteIntent, where: Regions) -> None:
        self.intent, self.where = intent, where
        self.left_out: list[str] = []

    def holds(self, what: str, signal: str, files: Mapping[str, bytes]) -> bool:
        """Whether a signal in some files says nothing that is not meant; else why it is left out."""
        problem = self.problem(signal, files)
        if problem:
            self.left_out.append(f"{what} is left out: {problem}")
        return not problem

    def problem(self, signal: str, files: Mapping[str, bytes]) -> str | None:
        """What a signal would say that is not meant, None for nothing."""
        for region in self.where:
            reading = read_back(self.intent.origin + region.sample, files, None, signals=[signal])
            wrong = contradictions(region, reading)
            if wrong:
                read = "yes" if reading.usage[wrong[0]] == "allowed" else "no"
                return f'it would also say "{read}" to {", ".join(wrong)} ({region.shown})'
        return None


def generate(
    intent: SiteIntent, existing: Mapping[str, bytes], media: Copies | None = None
) -> Generated:
    """Write an intent in all signals, and read it back.

    Args:
        intent: what is meant.
        existing: files of the site as it is, by path; ``PLACES`` and the policy matter.
        media: images of the site, with what was written into their copies.

    Raises:
        ConfigurationError: a file has markers that do not match.
    """
    where = regions(intent)
    choice = _Choice(intent, where)
    notes = [
        f"path {pattern!r} has no page of its own: narrower paths cover all that it matches"
        for pattern in where.hidden
    ]
    site, with_rsl = _site_files(intent, where, existing, choice, notes)
    signals = [name for name in HEAD_SIGNALS if name != "rsl" or with_rsl]
    head = heads(intent, where, signals)
    before = {name: body for name, body in existing.items() if name != "index.html"}
    after = {**before, **site}
    pages = {
        page_head.region.pattern: ServedPage(page_head.fields, page_head.page) for page_head in head
    }
    rows = usage_rows(intent, where, before, after, pages)
    agents = agent_rows(intent, before, after, where.rest.sample)
    lost = losses(rows)
    lost += [
        f"{row.token}: crawl {row.meant} is meant, and robots.txt says otherwise"
        for row in agents
        if not row.survived
    ]
    rest = RobotsFile(without_block(existing.get("robots.txt", b""), "robots.txt"))
    lost += other_groups(intent, where, after, [t for t in rest.tokens if t != "*"][:_MOST_TOKENS])
    if media is not None:
        lost += media.lost
        notes += media.notes
    files = {f"site/{name}": body for name, body in site.items()}
    files |= {f"site/{name}": body for name, body in (media.files if media else {}).items()}
    files |= {f"html/{page_head.file}": page_head.document for page_head in head if page_head.tags}
    notes += [
        f"{name} is not UTF-8: frameworks, the Worker and WordPress leave it to the web server"
        for name, body in site.items()
        if not is_utf_8(body)
    ]
    files |= server_files(intent, head, site)
    found = Generated(
        files=files,
        rows=rows,
        agents=agents,
        heads=head,
        left_out=choice.left_out,
        lost=lost,
        notes=notes,
    )
    return msgspec.structs.replace(
        found, files={**files, "report.json": report_json(intent, found)}
    )


def _site_files(
    intent: SiteIntent,
    where: Regions,
    existing: Mapping[str, bytes],
    choice: _Choice,
    notes: list[str],
) -> tuple[dict[str, bytes], bool]:
    """The files to publish, and whether there is an RSL document among them."""
    site: dict[str, bytes] = {}

    def robots(signals: Sequence[str], *, with_rsl: bool, text: bytes = b"") -> bytes:
        return site_files.robots_txt(intent, where, text, signals=signals, with_rsl=with_rsl)

    lines = [
        name
        for name in ("content-signals", "aipref")
        if choice.holds(
            f"the lines of {name} in robots.txt",
            name,
            {"robots.txt": robots([name], with_rsl=False)},
        )
    ]
    rsl = None
    for priced in (True, False):
        rsl = site_files.rsl_file(intent, where, priced=priced)
        if rsl is None:
            break
        tried = {"robots.txt": robots([], with_rsl=True), RSL_FILE: rsl}
        if choice.problem("rsl", tried) is None:
            break
        if not priced and not choice.holds(RSL_FILE, "rsl", tried):
            rsl = None
    if rsl is not None:
        site[RSL_FILE] = rsl
    site["robots.txt"] = robots(
        lines, with_rsl=rsl is not None, text=existing.get("robots.txt", b"")
    )
    if not site["robots.txt"]:
        del site["robots.txt"]
    tdmrep = site_files.tdmrep_json(intent, where)
    if tdmrep and choice.holds(site_files.TDMREP, "tdmrep", {site_files.TDMREP: tdmrep}):
        site[site_files.TDMREP] = tdmrep
    policy = site_files.policy_file(intent, where)
    if policy is not None:
        name, text = policy
        if name in existing and b'"@context"' not in existing[name]:
            notes.append(f"{name} is the site's own and stays as it is")
        else:
            site[name] = text
    ai_txt = partial(site_files.ai_txt, intent, where)
    trust_txt = partial(site_files.trust_txt, where)
    for name, signal, written in (
        ("ai.txt", "ai-txt", ai_txt),
        ("trust.txt", "trust-txt", trust_txt),
    ):
        alone = written(b"")
        if alone and choice.holds(name, signal, {name: alone}):
            site[name] = written(existing.get(name, b"")) or alone
    notes += [
        f"{name} replaces the one that the site has"
        for name in (RSL_FILE, site_files.TDMREP)
        if name in site and existing.get(name, site[name]) != site[name]
    ]
    return site, rsl is not None


def report_json(intent: SiteIntent, found: Generated) -> bytes:
    """The report, as JSON."""
    report = {
        "version": 1,
        "site": intent.origin,
        "survived": found.survived,
        "matrix": found.rows,
        "agents": found.agents,
        "lost": found.lost,
        "left_out": found.left_out,
        "notes": found.notes,
        "files": sorted(found.files),
        "written_by": f"reservation-middleware {__version__} (spec {SPEC_VERSION})",
    }
    return msgspec.json.format(msgspec.json.encode(report)) + b"\n"


__all__ = ["PLACES", "Copies", "Generated", "Regions", "copies", "generate", "regions"]
