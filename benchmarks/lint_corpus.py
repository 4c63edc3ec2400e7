"""Lint over the real robots.txt files: how often each finding is met, and samples to read.

    uv run python -m benchmarks.lint_corpus                    # frequency per ident
    uv run python -m benchmarks.lint_corpus --sample 200       # findings drawn at random, by ident

No benchmark of time: the row for that is "lint" of ``python -m benchmarks``.
"""

import argparse
import base64
import gzip
import json
import random
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

from reservation_middleware.model import Document, Outcome
from reservation_middleware.owners.lint.finding import Confidence, Finding
from reservation_middleware.owners.lint.places import LintedSite
from reservation_middleware.owners.lint.run import lint
from reservation_middleware.owners.lint.source import LintSource

CORPUS = Path(__file__).parents[2] / "shared" / "data" / "robots-2019.jsonl.gz"
#: Findings are drawn with it, so that a sample can be drawn again.
SEED = 16


def files() -> Iterator[tuple[str, bytes]]:
    """Each host with its file."""
    with gzip.open(CORPUS, "rt") as lines:
        for line in lines:
            entry = json.loads(line)
            body = entry["body"]
            raw = base64.b64decode(body["base64"]) if isinstance(body, dict) else body.encode()
            yield entry["host"], raw


def site(host: str, body: bytes) -> LintedSite:
    """One file as a site of its own."""
    origin = f"https://{host}"
    document = Document(
        url=f"{origin}/robots.txt",
        resource="robots.txt",
        outcome=Outcome.FETCHED,
        status=200,
        body=body,
    )
    return LintedSite(
        origin=origin, resources=(LintSource(name=f"{host}/robots.txt", document=document),)
    )


def findings(lowest: Confidence) -> Iterator[tuple[str, Finding]]:
    """Each host with each finding in its file."""
    for host, body in files():
        for finding in lint([site(host, body)], lowest=lowest).findings:
            yield host, finding


def main() -> None:
    """Print what was asked for."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--sample", type=int, default=0)
    arguments.add_argument("--ident", default="")
    given = arguments.parse_args()
    hosts: dict[str, set[str]] = defaultdict(set)
    counts: Counter[str] = Counter()
    by_ident: dict[str, list[tuple[str, Finding]]] = defaultdict(list)
    number = 0
    for host, finding in findings(Confidence.PEDANTIC):
        ident = finding.kind.ident
        if given.ident and ident != given.ident:
            continue
        counts[ident] += 1
        hosts[ident].add(host)
        by_ident[ident].append((host, finding))
    number = sum(1 for _ in files())
    if not given.sample:
        print(f"{number} files; ident, findings, files with one")
        for ident, count in counts.most_common():
            print(f"{ident:42} {count:6} {len(hosts[ident]):5}")
        return
    chance = random.Random(SEED)
    idents = sorted(by_ident)
    # By ident in turn, so that rare kinds are read, too.
    drawn: list[tuple[str, Finding]] = []
    for entries in by_ident.values():
        chance.shuffle(entries)
    while len(drawn) < given.sample and any(by_ident.values()):
        for ident in idents:
            if by_ident[ident] and len(drawn) < given.sample:
                drawn.append(by_ident[ident].pop())
    for host, finding in sorted(drawn, key=lambda pair: pair[1].kind.ident):
        lines = finding.source.lines
        first = max(0, (finding.line or 1) - 3)
        print(
            f"## {finding.kind.ident} {host}:{finding.line}:{finding.column} {finding.summary[:150]}"
        )
        for at, line in enumerate(lines[first : first + 5], first + 1):
            print(f"   {'>' if at == finding.line else ' '} {at}: {line[:110]}")


if __name__ == "__main__":
    main()
