"""Lint's findings beside those of the PyPI package ai-crawler-robots, over the real files.

    uv run --with ai-crawler-robots==1.0.10 python -m benchmarks.lint_peer

Files, not findings, are counted: both cut off after some findings of a kind. The package is no
dependency; uv installs it for this run only.
"""

from collections import defaultdict
from collections.abc import Mapping
from importlib import import_module

from reservation_middleware.owners.lint.finding import Confidence

from .lint_corpus import files, findings

#: Its codes, each with our idents that say that.
PAIRS: Mapping[str, tuple[str, ...]] = {
    "html_response": ("robots-is-html",),
    "bom": ("site-byte-order-mark",),
    "empty": ("site-empty-file",),
    "noindex_in_robots": ("site-noindex-line",),
    "path_without_slash": ("site-rule-without-slash",),
    "rule_before_user_agent": ("robots-rule-outside-group",),
    "relative_sitemap": ("compat-lighthouse-sitemap",),
    "dollar_not_at_end": ("compat-lighthouse-pattern",),
    "user_agent_is_a_ua_string": (
        *("robots-agent-string", "robots-agent-browser", "robots-agent-unreadable"),
        "site-parsers-disagree",
    ),
    "duplicate_group": ("site-parsers-disagree",),
    "no_colon": ("robots-line-unreadable", "robots-misspelling-read", "robots-is-html"),
    "misspelled_directive": ("robots-misspelling-read", "robots-key-misspelt"),
}


def main() -> None:
    """Print files by code: both, only ours, only theirs."""
    ours: dict[str, set[str]] = defaultdict(set)
    for host, finding in findings(Confidence.PEDANTIC):
        ident = finding.kind.ident
        ours[ident].add(host)
        # One kind for several constructs: the second group is told apart by its words.
        if ident == "site-parsers-disagree":
            ours[f"{ident}: {finding.detail.split(',')[0]}"].add(host)
    theirs: dict[str, set[str]] = defaultdict(set)
    lint = import_module("ai_crawler_robots").lint
    for host, body in files():
        for finding in lint(body.decode("utf-8", "replace"))["findings"]:
            theirs[finding["code"]].add(host)
    print(f"{'code':28} {'both':>5} {'only ours':>10} {'only theirs':>12}")
    for code, idents in PAIRS.items():
        own = {host for ident in idents for host in ours[_narrow(code, ident)]}
        print(
            f"{code:28} {len(own & theirs[code]):5} {len(own - theirs[code]):10} "
            f"{len(theirs[code] - own):12}  {sorted(theirs[code] - own)[:3]}"
        )
    for code in sorted(theirs.keys() - PAIRS.keys()):
        print(f"{code:28} {'':5} {'':10} {len(theirs[code]):12}")


def _narrow(code: str, ident: str) -> str:
    """The ident, with the words of the construct that a code is about."""
    words = {
        "duplicate_group": "a second group for one name",
        "user_agent_is_a_ua_string": "more than a name",
    }
    return f"{ident}: {words[code]}" if ident == "site-parsers-disagree" else ident


if __name__ == "__main__":
    main()
