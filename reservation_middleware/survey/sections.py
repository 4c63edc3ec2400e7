"""The sections of a survey's report: what each asks, from which metric, with which plot."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from . import plots

Rows = Sequence[Mapping[str, Any]]

#: Rows of a table and of a plot.
MOST = 12
_FOCUS = ("GPTBot", "CCBot", "ClaudeBot", "Google-Extended", "Bytespider")


class Section(NamedTuple):
    """One question.

    Attributes:
        name: of the files that it makes.
        title: the question.
        metric: the query that answers it.
        choose: which rows are shown, of all that the query finds.
        plot: makes a chart of them; None for a table only.
        columns: those of the table.
        denominator: what the shares are of, and what is missing; a format over ``known``,
            ``missing`` and ``wave``.
    """

    name: str
    title: str
    metric: str
    choose: Callable[[Rows], Rows]
    plot: Callable[[Rows], Any] | None
    columns: tuple[str, ...]
    denominator: str


def last_wave(rows: Rows) -> list[Mapping[str, Any]]:
    """The rows of the latest wave."""
    latest = max((row["wave"] for row in rows), default=None)
    return [row for row in rows if row["wave"] == latest]


def _top(rows: Rows) -> list[Mapping[str, Any]]:
    return last_wave(rows)[:MOST]


def _agents(rows: Rows) -> list[Mapping[str, Any]]:
    found = [row for row in last_wave(rows) if row["full_sites"]]
    return (found or last_wave(rows))[:MOST]


def _focus(rows: Rows) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["agent"] in _FOCUS]


def _signals(rows: Rows) -> list[Mapping[str, Any]]:
    return [
        {
            **row,
            "label": f"{row['signal']} ({row['carrier']})"
            if row["carrier"] != "robots.txt"
            else row["signal"],
        }
        for row in _top(rows)
        if row["share"] is not None
    ]


def _strata(rows: Rows) -> list[Mapping[str, Any]]:
    """GPTBot's share by stratum, the largest values of each."""
    found: list[Mapping[str, Any]] = []
    chosen = [row for row in last_wave(rows) if row["agent"] == "GPTBot"]
    for stratum in dict.fromkeys(row["stratum"] for row in chosen):
        found += [row for row in chosen if row["stratum"] == stratum][:8]
    return found


def _definitions(rows: Rows) -> list[Mapping[str, Any]]:
    chosen = [row for row in last_wave(rows) if row["agent"] in ("GPTBot", "any of 13 or *")]
    chosen.sort(key=lambda row: row["definition"])
    return [{**row, "short": row["definition"][3:]} for row in chosen]


def _options(rows: Rows) -> list[Mapping[str, Any]]:
    waves = {row["rule_of_time"] for row in rows} - {"latest", "ever"}
    latest = max(waves, default=None)
    return [
        {**row, "short": row["option"].partition(":")[0].partition(",")[0]}
        for row in rows
        if row["rule_of_time"] == latest and row["agent"] == "GPTBot"
    ]


def _curve(rows: Rows) -> list[Mapping[str, Any]]:
    return list(rows)


def _steps(rows: Rows) -> list[Mapping[str, Any]]:
    return [row for row in rows if row["panel"] == "balanced" and row["agent"] in _FOCUS[:2]]


_KNOWN = "Of {known} sites in {wave} whose robots.txt was read or is known to be absent; of {missing} more nothing is known, and they are not counted as allowing."

SECTIONS: tuple[Section, ...] = (
    Section(
        "agents",
        "Which AI agents are denied everything, and is it by name?",
        "m2_agents",
        _agents,
        plots.named_and_inherited,
        (
            "agent",
            "full_named",
            "full_inherited",
            "known",
            "share",
            "low",
            "high",
            "lowest",
            "highest",
        ),
        _KNOWN + " Lines are 95 % intervals (Wilson).",
    ),
    Section(
        "over-time",
        "How did that change over time?",
        "m2_agents",
        _focus,
        plots.over_time,
        ("wave", "agent", "full_sites", "known", "missing", "share", "low", "high"),
        "Each wave of the sites known in it; bands are 95 % intervals (Wilson).",
    ),
    Section(
        "first-denial",
        "By when had sites denied an agent everything?",
        "m7_curve",
        _curve,
        plots.over_time,
        ("wave", "agent", "share", "low", "high"),
        "Sites known in at least one wave; waves tell only between which two a site first denied "
        "(Turnbull's estimate); bands are 95 % intervals, bootstrapped by registrable domain.",
    ),
    Section(
        "transitions",
        "How many sites blocked, and how many took it back?",
        "m7_transitions",
        _steps,
        None,
        ("agent", "from_wave", "wave", "sites", "blocked", "unblocked", "mcnemar_p"),
        "Sites known in every wave (balanced panel). An error page in place of a robots.txt is no "
        "unblocking: such a site is missing from the panel.",
    ),
    Section(
        "signals",
        "Which signals are used at all?",
        "m5_signals",
        _signals,
        lambda rows: plots.bars_with_interval(rows, "label"),
        (
            "label",
            "sites",
            "of_sites",
            "share",
            "low",
            "high",
            "saying_no",
            "saying_yes",
            "only_inferred",
        ),
        "Each of the sites at which its place was read: robots.txt files, pages, or all sites.",
    ),
    Section(
        "conflicts",
        "Where do signals contradict one another?",
        "m5_conflicts",
        _top,
        lambda rows: plots.bars_with_interval(rows, "kind"),
        ("kind", "sites", "of_sites", "share", "low", "high"),
        "Of the sites at which both families speak; read leaf:says-no>says-yes.",
    ),
    Section(
        "strata",
        "Where is it common: by suffix, category, country, rank?",
        "strata",
        _strata,
        lambda rows: plots.points_with_interval(rows, "value", "stratum"),
        ("stratum", "value", "full_sites", "known", "missing", "share", "low", "high"),
        "Sites that deny GPTBot everything, of those known in each stratum of five or more.",
    ),
    Section(
        "near-misses",
        "Which reservations are misspelled?",
        "near_misses",
        _top,
        None,
        ("signal", "effect", "sites", "of_sites", "share", "low", "high", "example"),
        "Of the sites whose robots.txt was read.",
    ),
    Section(
        "definitions",
        "How much does the definition of “blocked” matter?",
        "m9_definitions",
        _definitions,
        lambda rows: plots.bars_with_interval(rows, "short"),
        ("definition", "sites", "of_sites", "share", "low", "high"),
        "GPTBot under published definitions, of all sites of which a body was read, as these "
        "publications count; the last one asks for any of 13 agents.",
    ),
    Section(
        "policy-options",
        "What would each policy option leave usable?",
        "m6_policy_options",
        _options,
        plots.usable,
        ("option", "measure", "total", "blocked", "missing", "usable", "usable_if_denied"),
        "Asked as GPTBot for ai-train. The bar holds if every site of which nothing is known denies; "
        "the line reaches to what holds if they all allow. Options are those of the UK consultation "
        "of 2024/25; options 0 and 2 give signals about use no effect, so that crawl rules remain.",
    ),
    Section(
        "tokens",
        "How much of known corpora is that, in tokens?",
        "m4_tokens",
        _top,
        None,
        ("agent", "corpus", "known_domains", "known_tokens", "share", "low", "high"),
        "Head and rest of each corpus weighted; intervals bootstrapped over domains.",
    ),
    Section(
        "fingerprints",
        "Where do files come from?",
        "m8_fingerprints",
        _top,
        None,
        ("mark", "sites", "of_sites", "share", "low", "high"),
        "Of the sites whose robots.txt was read.",
    ),
    Section(
        "captures",
        "What is missing: how did asking for robots.txt end?",
        "m1_capture",
        _curve,
        plots.captures,
        ("wave", "capture", "sites", "of_sites", "share"),
        "Of all sites of a wave.",
    ),
)
