"""The plots of a survey's report: rows of a metric to a chart, a chart to SVG and PNG.

Each is drawn 360 pixels wide, so that it is read on a telephone as it is, and in two sets of
colours. Reference: https://altair-viz.github.io/
"""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import vl_convert as vlc

Rows = Sequence[Mapping[str, Any]]

#: Pixels of a plot without its labels, and of one row of it.
_WIDTH, _ROW = 180, 22
#: Okabe and Ito's colours, which people with any kind of sight tell apart.
_COLOURS = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#999999", "#f0e442"]
_INK = {"light": ("#1b1f24", "#d0d7de"), "dark": ("#e6edf3", "#3d444d")}
_PERCENT = alt.Axis(format="%", tickCount=3, title=None, labelOverlap="greedy")


def _data(rows: Rows) -> Any:
    return alt.Data(values=list(rows))  # type: ignore[no-untyped-call, unused-ignore]


def svg(chart: Any, mode: str) -> str:
    """A chart as SVG.

    Args:
        chart: an Altair chart.
        mode: ``light`` or ``dark``.
    """
    return vlc.vegalite_to_svg(_with_colours(chart, mode))


def png(chart: Any) -> bytes:
    """A chart as PNG on white, at twice its size."""
    spec = _with_colours(chart, "light")
    spec["background"] = "white"
    return vlc.vegalite_to_png(spec, scale=2)


def _with_colours(chart: Any, mode: str) -> dict[str, Any]:
    ink, line = _INK[mode]
    text = {"labelColor": ink, "titleColor": ink, "labelFontSize": 12, "titleFontSize": 12}
    spec: dict[str, Any] = chart.to_dict()
    spec["background"] = None
    # The reader's font may be wider than the one that labels were measured with.
    spec["padding"] = {"left": 28, "top": 5, "right": 14, "bottom": 5}
    spec["config"] = {
        "font": "system-ui, sans-serif",
        "view": {"stroke": None},
        "range": {"category": _COLOURS},
        "axis": {
            **text,
            "gridColor": line,
            "domainColor": line,
            "tickColor": line,
            "labelLimit": 210,
        },
        "legend": {**text, "orient": "top", "title": None, "columns": 2, "labelLimit": 170},
        "header": text,
        "rule": {"color": ink},
        "text": {"color": ink, "fontSize": 12},
    }
    return spec


def _height(rows: Rows, name: str) -> int:
    return max(2, len({row[name] for row in rows})) * _ROW


def bars_with_interval(rows: Rows, name: str) -> Any:
    """A share for each of some names, with its interval: ``share``, ``low``, ``high``.

    Args:
        rows: of the metric.
        name: the column of the names, in the order in which they are drawn.
    """
    base = alt.Chart(_data(rows)).encode(y=alt.Y(f"{name}:N", sort=None, title=None))
    bars = base.mark_bar(color=_COLOURS[0]).encode(x=alt.X("share:Q", axis=_PERCENT))
    reach = base.mark_rule(strokeWidth=2).encode(x="low:Q", x2="high:Q")
    longest = max(len(str(row[name])) for row in rows)
    width = _WIDTH if longest <= 22 else _WIDTH - 60
    return (bars + reach).properties(width=width, height=_height(rows, name))


def named_and_inherited(rows: Rows) -> Any:
    """How many sites deny an agent everything: by its name, and by the group for everyone."""
    parts = [
        {"agent": row["agent"], "how": how, "share": row[column] / row["known"]}
        for row in rows
        for how, column in (("by name", "full_named"), ("with everyone", "full_inherited"))
        if row["known"]
    ]
    bars = (
        alt.Chart(_data(parts))
        .mark_bar()
        .encode(
            y=alt.Y("agent:N", sort=None, title=None),
            x=alt.X("share:Q", axis=_PERCENT, stack=True),
            color=alt.Color("how:N", sort=["by name", "with everyone"]),
        )
    )
    reach = (
        alt.Chart(_data(rows))
        .mark_rule(strokeWidth=2)
        .encode(y=alt.Y("agent:N", sort=None), x="low:Q", x2="high:Q")
    )
    return (bars + reach).properties(width=_WIDTH, height=_height(rows, "agent"))


def over_time(rows: Rows) -> Any:
    """A share for each wave and agent, with its interval as a band."""
    base = alt.Chart(_data(rows)).encode(
        x=alt.X("wave:N", title=None, axis=alt.Axis(labelAngle=-60))
    )
    band = base.mark_area(opacity=0.12).encode(
        y=alt.Y("low:Q", axis=_PERCENT), y2="high:Q", color=alt.Color("agent:N", legend=None)
    )
    lines = base.mark_line(point=True).encode(y="share:Q", color="agent:N")
    return (band + lines).properties(width=280, height=230).resolve_scale(color="independent")


def points_with_interval(rows: Rows, name: str, panel: str) -> Any:
    """A share for each of some names in panels one below the other.

    Args:
        rows: of the metric.
        name: the column of the names.
        panel: the column of the panels.
    """
    base = alt.Chart().encode(y=alt.Y(f"{name}:N", sort=None, title=None))
    dots = base.mark_point(filled=True, size=60, color=_COLOURS[0]).encode(
        x=alt.X("share:Q", axis=_PERCENT)
    )
    reach = base.mark_rule().encode(x="low:Q", x2="high:Q")
    return (
        alt.layer(reach, dots, data=_data(rows))
        .properties(width=_WIDTH, height=alt.Step(_ROW))
        .facet(
            row=alt.Row(
                f"{panel}:N",
                title=None,
                header=alt.Header(labelOrient="top", labelAngle=0, labelAnchor="start"),
            )
        )
        .resolve_scale(y="independent")
    )


def captures(rows: Rows) -> Any:
    """How asking for robots.txt ended, by wave."""
    return (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            y=alt.Y("wave:N", title=None),
            x=alt.X("share:Q", axis=_PERCENT, stack=True),
            color=alt.Color("capture:N"),
        )
        .properties(width=250, height=_height(rows, "wave"))
    )


def usable(rows: Rows) -> Any:
    """What each policy option leaves usable: the bar at least, the line if all that is missing allows."""
    base = alt.Chart().encode(y=alt.Y("short:N", sort=None, title=None))
    bars = base.mark_bar(color=_COLOURS[2]).encode(
        x=alt.X("usable_if_denied:Q", axis=_PERCENT, scale=alt.Scale(domain=[0, 1]))
    )
    reach = base.mark_rule(strokeWidth=2).encode(x="usable_if_denied:Q", x2="usable:Q")
    return (
        alt.layer(bars, reach, data=_data(rows))
        .properties(width=_WIDTH, height=alt.Step(_ROW))
        .facet(
            row=alt.Row(
                "measure:N",
                title=None,
                header=alt.Header(labelOrient="top", labelAngle=0, labelAnchor="start"),
            )
        )
    )
