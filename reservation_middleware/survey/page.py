"""The report of a survey: one HTML page, Markdown, CSV, SVG and PNG, all from the same queries."""

import base64
import csv
import io
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from reservation_middleware.model.plural import counted

from . import metrics, plots
from .metrics import Result, turnbull
from .sections import MOST, SECTIONS, Section, last_wave

#: Rows of a table that the page shows.
_SHOWN = 60
_PERCENT = frozenset(
    {"share", "low", "high", "lowest", "highest", "usable", "usable_if_denied", "share_named"}
)


class AnsweredSection(NamedTuple):
    """A section with its numbers.

    Attributes:
        section: which question.
        result: what the query found.
        rows: those that are shown.
        denominator: what shares are of, and what is missing.
        chart: the plot; None where there is none, or nothing to plot.
    """

    section: Section
    result: Result
    rows: Sequence[Mapping[str, Any]]
    denominator: str
    chart: Any


class SurveyReport(NamedTuple):
    """All that a report says.

    Attributes:
        headline: one sentence that answers who funded the study.
        more: sentences below it.
        answers: by section; those about which the survey says nothing are left out.
        silent: titles of those.
        methods: a paragraph to paste.
        summary: what ``survey.json`` holds.
    """

    headline: str
    more: tuple[str, ...]
    answers: tuple[AnsweredSection, ...]
    silent: tuple[str, ...]
    methods: str
    summary: Mapping[str, Any]


def report(folder: Path) -> SurveyReport:
    """Run the queries of a survey.

    Raises:
        InputError: the folder holds no finished survey.
    """
    connection = metrics.opened(folder)
    summary = msgspec.json.decode((folder / "survey.json").read_bytes())
    results: dict[str, Result] = {}
    for name in metrics.queries():
        if name not in ("views", "agents_all"):
            results[name] = metrics.run(connection, name)
    results["m7_curve"] = _curve(results["m7_intervals"], summary["waves"])
    is_panel = connection.execute(_IS_PANEL).fetchone()[0]
    connection.close()
    answers, silent = [], []
    for section in SECTIONS:
        result = results[section.metric]
        rows = section.choose(result.dicts())
        if not rows or (section.name in _OVER_TIME and len(summary["waves"]) < 2):
            silent.append(section.title)
            continue
        chart = section.plot(rows) if section.plot is not None else None
        answers.append(AnsweredSection(section, result, rows, _denominator(section, rows), chart))
    headline, more = _headline(results, summary, is_panel=is_panel)
    return SurveyReport(
        headline, more, tuple(answers), tuple(silent), _methods(results, summary), summary
    )


_OVER_TIME = frozenset({"over-time", "first-denial", "transitions"})


def _curve(intervals: Result, waves: Sequence[str]) -> Result:
    """Turnbull's estimate for each agent, as the rows of a metric."""
    samples: dict[str, dict[int, list[turnbull.Interval]]] = {}
    for agent, replicate, last_open, first_denied, sites in intervals.rows:
        of_agent = samples.setdefault(agent, {})
        of_agent.setdefault(replicate, []).append((last_open, first_denied, sites))
    rows = [
        (waves[point.wave - 1], agent, point.share, point.low, point.high)
        for agent, of_agent in samples.items()
        for point in turnbull.curve(of_agent, len(waves))
    ]
    columns = ("wave", "agent", "share", "low", "high")
    return intervals._replace(columns=columns, rows=rows)


def _denominator(section: Section, rows: Sequence[Mapping[str, Any]]) -> str:
    first = rows[0]
    known, missing = first.get("known", 0) or 0, first.get("missing", 0) or 0
    return section.denominator.format(
        known=f"{known:,}", missing=f"{missing:,}", wave=first.get("wave", "")
    )


#: Whether most sites of the last wave are those of the first one, so that the two may be compared.
_IS_PANEL = """
with ends as (select min(wave) as first_wave, max(wave) as last_wave from sites)
select count(*) filter (host in (select host from sites, ends where wave = first_wave))
    >= 0.5 * count(*)
from sites, ends where wave = last_wave
"""


def _headline(
    results: Mapping[str, Result], summary: Mapping[str, Any], *, is_panel: bool
) -> tuple[str, tuple[str, ...]]:
    """The answer in one sentence, and what has to be known with it."""
    any_agent = last_wave(results["m3_any_agent"].dicts())
    captured = last_wave(results["m1_capture"].dicts())
    sites = captured[0]["of_sites"] if captured else 0
    missing = sum(row["sites"] for row in captured if row["is_missing"])
    if not any_agent:
        return f"Of none of {counted(sites, 'site')} it is known what they allow.", ()
    row = any_agent[0]
    headline = (
        f"{_percent(row['share'])} of {counted(row['known'], 'site')} (95 % interval {_percent(row['low'])} to "
        f"{_percent(row['high'])}) deny everything to at least one agent that trains AI models"
    )
    headline += f", in {row['wave']}." if row["wave"] != "all" else "."
    unknown = (
        f"Of {missing:,} of {counted(sites, 'site')} ({_percent(missing / sites)}) nothing is known; they are "
        "not counted as allowing: error pages, refusals, no capture."
    )
    by_name = (
        f"{_percent(row['share_named'])} do so by the agent's name, the others with all robots."
    )
    more = [by_name, unknown]
    waves = summary["waves"]
    first = [old for old in results["m3_any_agent"].dicts() if old["wave"] == waves[0]]
    if len(waves) > 1 and first and is_panel:
        before = counted(first[0]["known"], "site")
        more.insert(1, f"In {waves[0]} it was {_percent(first[0]['share'])} of {before}.")
    by_option = [
        found
        for found in SECTIONS_BY_NAME["policy-options"].choose(results["m6_policy_options"].dicts())
        if found["measure"] == "sites"
    ]
    shown = {found["profile"]: found for found in by_option}
    if "opt-out" in shown and "licence-first" in shown:
        more.append(
            f"To GPTBot an opt-out rule leaves {_percent(shown['opt-out']['usable_if_denied'])} to "
            f"{_percent(shown['opt-out']['usable'])} of the sites usable, a rule that asks for a licence "
            f"in all cases {_percent(shown['licence-first']['usable'])}."
        )
    return headline, tuple(more)


SECTIONS_BY_NAME = {section.name: section for section in SECTIONS}


def _percent(value: Any) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def _methods(results: Mapping[str, Result], summary: Mapping[str, Any]) -> str:
    rows, waves = summary["rows"], summary["waves"]
    unreadable = sum(summary["unreadable"].values())
    window = summary["fetch_window"]
    when = f" fetched between {window[0][:10]} and {window[1][:10]}" if window[0] else ""
    captured = last_wave(results["m1_capture"].dicts())
    missing = sum(row["sites"] for row in captured if row["is_missing"])
    return (
        f"We read {counted(summary['captures'], 'capture')}{when} in {counted(len(waves), 'wave')} ({', '.join(waves[:12])}), which gave "
        f"{counted(rows['sites'], 'observation')} of sites and "
        f"{counted(rows['statements'], 'statement')}, with "
        f"reservation_middleware {summary['version']} (specification {summary['spec_version']}, "
        f"{summary['agent_list']}, Public Suffix List {summary['public_suffix_list']}, engine "
        f"{summary['engine']}); {counted(unreadable, 'record')} could not be read, counted by reason. "
        "robots.txt was read by RFC 9309; an agent is fully restricted where its group, or the group "
        "for everyone, denies every path. Where no robots.txt could be had (error pages, refusals, "
        f"no answer: {counted(missing, 'site')} of the last wave) access is unknown and never counted as "
        "allowed. Of several captures of a host the file that was read counts, https before http, "
        "then the latest. Shares have Wilson intervals; means, token shares and times of first denial "
        "have bootstrap intervals over registrable domains (200 samples). Every figure can be made "
        "again with the SQL query beside it. No statement about the law is made."
    )


def shown(value: Any, column: str) -> str:
    """A value as a table shows it."""
    if value is None:
        return "–"
    if column in _PERCENT:
        return _percent(value)
    if isinstance(value, float):
        return f"{value:,.3f}" if abs(value) < 10 else f"{value:,.0f}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)


def html(found: SurveyReport) -> str:
    """The report as one page: no script, no other file."""
    cards = [
        {
            "answer": answer,
            "table": _table(answer, _SHOWN),
            "texts": [_is_text(answer, column) for column in answer.section.columns],
            "more": max(0, len(answer.rows) - _SHOWN),
            "light": _data_uri(plots.svg(answer.chart, "light"))
            if answer.chart is not None
            else "",
            "dark": _data_uri(plots.svg(answer.chart, "dark")) if answer.chart is not None else "",
        }
        for answer in found.answers
    ]
    return str(_templates().get_template("page.html.jinja").render(report=found, cards=cards))


def markdown(found: SurveyReport) -> str:
    """The report as Markdown, its plots as files beside it."""
    lines = [f"# {found.headline}", "", *found.more, ""]
    for answer in found.answers:
        section = answer.section
        lines += [f"## {section.title}", ""]
        if answer.chart is not None:
            lines += [f"![{section.title}]({section.name}.svg)", ""]
        head, *body = _table(answer, MOST * 5)
        lines += [_row(head), _row(["---"] * len(head)), *map(_row, body), ""]
        lines += [answer.denominator, "", f"Query: `metrics/{answer.result.name}.sql`", ""]
    lines += ["## Methods", "", found.methods, ""]
    return "\n".join(lines)


def write(found: SurveyReport, folder: Path) -> list[Path]:
    """Write the report's files; returns them."""
    folder.mkdir(parents=True, exist_ok=True)
    files: dict[str, str | bytes] = {"report.html": html(found), "report.md": markdown(found)}
    for answer in found.answers:
        name = answer.section.name
        files[f"{name}.csv"] = _csv(answer.result)
        if answer.chart is not None:
            files[f"{name}.svg"] = plots.svg(answer.chart, "light")
            files[f"{name}.png"] = plots.png(answer.chart)
    for name, data in files.items():
        (folder / name).write_bytes(data.encode() if isinstance(data, str) else data)
    return [folder / name for name in files]


def _table(answer: AnsweredSection, most: int) -> list[list[str]]:
    columns = answer.section.columns
    rows = [[shown(row.get(column), column) for column in columns] for row in answer.rows[:most]]
    return [[column.replace("_", " ") for column in columns], *rows]


def _is_text(answer: AnsweredSection, column: str) -> bool:
    return any(isinstance(row.get(column), str) for row in answer.rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in cells) + " |"


def _csv(result: Result) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(result.columns)
    writer.writerows(result.rows)
    return text.getvalue()


def _data_uri(text: str) -> str:
    return "data:image/svg+xml;base64," + base64.b64encode(text.encode()).decode()


@cache
def _templates() -> Any:
    from jinja2 import Environment, PackageLoader, select_autoescape  # noqa: PLC0415 - slow

    return Environment(
        loader=PackageLoader("reservation_middleware.survey", "."),
        autoescape=select_autoescape(default=True, default_for_string=True),
        trim_blocks=True,
        lstrip_blocks=True,
    )
