"""The project's kinds of chart. Each takes plain rows and gives an altair chart; `save` writes one to a file.

Everything is drawn horizontally with names on the left, because names are long and rows are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from data.report.theme import BLUE, INK, MUTED, SERIES, VERMILION, save
from data.report.wording import number

__all__ = ["compare", "confusion", "dots", "histogram", "line", "parallel", "save", "waterfall"]

WIDTH = 620
STEP = 30
Rows = Sequence[Mapping[str, Any]]


def _altair() -> Any:
    import altair

    return altair


def _inline(rows: Iterable[Mapping[str, Any]]) -> Any:
    return _altair().InlineData(values=[dict(row) for row in rows])


def waterfall(stages: Rows, *, unit: str = "rows") -> Any:
    """Rows kept and removed by each stage.

    stages   dicts with `stage`, `rows_in`, `removed`, in the order they ran; kept = rows_in - removed
    """
    alt = _altair()
    rows = []
    for stage in stages:
        kept = stage["rows_in"] - stage["removed"]
        words = f"{number(kept)}" + (f"   −{number(stage['removed'])}" if stage["removed"] else "")
        rows.append({**stage, "kept": kept, "words": words})
    order = [row["stage"] for row in rows]
    base = alt.Chart(_inline(rows)).encode(y=alt.Y("stage:N", sort=order, title=None))
    scale = alt.Scale(domain=[0, max([row["rows_in"] for row in rows], default=1) * 1.18], nice=False)
    axis = alt.Axis(format=",d", tickCount=5, title=unit)
    kept_bars = base.mark_bar(color=BLUE, height=16).encode(x=alt.X("kept:Q", scale=scale, axis=axis))
    gone_bars = base.mark_bar(color=VERMILION, height=16).encode(x=alt.X("kept:Q"), x2="rows_in:Q")
    words = base.mark_text(align="left", dx=8).encode(x=alt.X("rows_in:Q"), text="words:N")
    return (kept_bars + gone_bars + words).properties(width=WIDTH, height=alt.Step(STEP))


def dots(
    rows: Rows,
    *,
    title: str,
    share: bool = True,
    reference: float | None = None,
    reference_field: str | None = None,
    domain: tuple[float, float] | None = None,
) -> Any:
    """A dot and its interval per name.

    rows             dicts with `name`, `value`, `low`, `high` (low and high may be None) and optional `n`
    reference        a vertical line (a threshold, zero, the overall rate)
    reference_field  a key of the rows with each name's own reference value, drawn as a diamond
    share            the axis is a fraction, labelled in per cent
    A row with a true `flagged` is drawn in the colour of a warning.
    """
    alt = _altair()
    kept = [row for row in rows if row["value"] is not None]
    labelled = [
        {
            **row,
            "name": f"{row['name']}  (n = {row['n']:,})" if row.get("n") is not None else str(row["name"]),
        }
        for row in kept
    ]
    axis = alt.Axis(format=".1~%" if share else ",.4~r", tickCount=6, title=title)
    scale = alt.Scale(domain=list(domain), clamp=True) if domain else alt.Scale(zero=True, nice=True)
    order = [row["name"] for row in labelled]
    base = alt.Chart(_inline(labelled)).encode(y=alt.Y("name:N", sort=order, title=None))
    colour = alt.condition("datum.flagged === true", alt.value(VERMILION), alt.value(BLUE))
    whisker = base.mark_rule(strokeWidth=2).encode(
        x=alt.X("low:Q", axis=axis, scale=scale), x2="high:Q", color=colour
    )
    dot = base.mark_circle(size=80, opacity=1).encode(
        x=alt.X("value:Q", axis=axis, scale=scale), color=colour
    )
    layers = [whisker, dot]
    if reference_field is not None:
        layers.append(
            base.mark_point(shape="diamond", color=INK, size=90, filled=False, strokeWidth=2).encode(
                x=alt.X(f"{reference_field}:Q", scale=scale)
            )
        )
    if reference is not None:
        line_of = alt.Chart(_inline([{"at": reference}])).mark_rule(color=MUTED, strokeDash=[5, 4])
        layers.insert(0, line_of.encode(x=alt.X("at:Q", scale=scale)))
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(STEP - 2))


def compare(rows: Rows, *, title: str, share: bool = False, order: Sequence[str] | None = None) -> Any:
    """Grouped bars with intervals: several series for each name.

    rows    dicts with `name`, `series`, `value`, and optional `low`, `high`; series are told apart by colour
            and by their order, which is `order` or that of first appearance
    """
    alt = _altair()
    series = list(order or dict.fromkeys(str(row["series"]) for row in rows))
    names = list(dict.fromkeys(str(row["name"]) for row in rows))
    height = 15 * len(series) + 18
    colour = alt.Color(
        "series:N", sort=series, scale=alt.Scale(domain=series, range=SERIES[: len(series)]), title=None
    )
    axis = alt.Axis(format=".1~%" if share else ",.4~r", tickCount=6, title=title)
    base = alt.Chart(_inline(rows)).encode(
        y=alt.Y("name:N", sort=names, title=None, scale=alt.Scale(paddingInner=0.25, paddingOuter=0.1)),
        yOffset=alt.YOffset("series:N", sort=series),
    )
    bars = base.mark_bar().encode(x=alt.X("value:Q", axis=axis, scale=alt.Scale(zero=True)), color=colour)
    layers = [bars]
    if any(row.get("low") is not None for row in rows):
        layers.append(base.mark_rule(color=INK, strokeWidth=1.5).encode(x=alt.X("low:Q"), x2="high:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height=max(height * len(names), 60))


def histogram(
    values: Sequence[float], *, title: str, bins: int = 30, counted: str = "rows", mark: float | None = None
) -> Any:
    """Counts of `values` in equal bins (bars touch); `mark` draws a line, e.g. at the longest length used."""
    import numpy

    alt = _altair()
    counts, edges = numpy.histogram(numpy.asarray(values, dtype=float), bins=bins)
    rows = [
        {"low": float(low), "high": float(high), "count": int(count)}
        for low, high, count in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    bars = (
        alt.Chart(_inline(rows))
        .mark_bar(color=BLUE, stroke="white", strokeWidth=0.6)
        .encode(
            x=alt.X(
                "low:Q", title=title, axis=alt.Axis(format="~s", grid=False), scale=alt.Scale(nice=False)
            ),
            x2="high:Q",
            y=alt.Y("count:Q", title=counted, axis=alt.Axis(format="~s", tickCount=4)),
            y2=alt.datum(0),
        )
    )
    layers = [bars]
    if mark is not None:
        rule = alt.Chart(_inline([{"at": mark}])).mark_rule(color=VERMILION, strokeDash=[5, 4])
        layers.append(rule.encode(x="at:Q"))
    return alt.layer(*layers).properties(width=WIDTH, height=180)


def line(
    rows: Rows, *, x_title: str, y_title: str, marks: Mapping[str, float] | None = None, log: bool = False
) -> Any:
    """Curves, such as a training and a validation loss.

    rows    dicts with `x`, `y`, `series`; the first series is drawn plain, later ones dashed, with
            points where there are few
    marks   words -> x position of a vertical line ("best", "stopped early")
    """
    alt = _altair()
    series = list(dict.fromkeys(str(row["series"]) for row in rows))
    dashes = [[1, 0], [6, 3], [2, 2], [8, 3, 2, 3]]
    sparse = len(rows) <= 60 * max(len(series), 1)
    heights = [float(row["y"]) for row in rows]
    # One height alone gets no axis from Vega but a 0 in its place.
    level = bool(heights) and not log and min(heights) == max(heights)
    room = max(abs(heights[0]) / 10, 0.01) if level else 0.0
    whole = {"tickMinStep": 1} if all(float(row["x"]).is_integer() for row in rows) else {}
    within = {"domain": [heights[0] - room, heights[0] + room]} if level else {"zero": False}
    curves = (
        alt.Chart(_inline(rows))
        .mark_line(point={"size": 28} if sparse else False)
        .encode(
            x=alt.X(
                "x:Q",
                title=x_title,
                axis=alt.Axis(grid=False, format="~s", **whole),
                scale=alt.Scale(nice=False),
            ),
            y=alt.Y("y:Q", title=y_title, scale=alt.Scale(**within, type="log" if log else "linear")),
            color=alt.Color(
                "series:N", scale=alt.Scale(domain=series, range=SERIES[: len(series)]), title=None
            ),
            strokeDash=alt.StrokeDash(
                "series:N", scale=alt.Scale(domain=series, range=dashes[: len(series)]), title=None
            ),
        )
    )
    layers = [curves]
    if marks:
        base = alt.Chart(_inline({"at": at, "words": words} for words, at in marks.items()))
        layers.append(base.mark_rule(color=MUTED, strokeDash=[3, 3]).encode(x="at:Q"))
        layers.append(
            base.mark_text(align="left", dx=5, color=MUTED).encode(x="at:Q", y=alt.value(8), text="words:N")
        )
    return alt.layer(*layers).properties(width=WIDTH, height=260)


def confusion(rows: Rows, *, order: Sequence[str]) -> Any:
    """What was said of what is true, a square a pair of labels, in the order given.

    rows   dicts with `true`, `said`, `items`, and `share` of the true label's items (0 to 1), one for each pair
    """
    alt = _altair()
    few = len(order) <= 12
    step = min(90, 420 // max(len(order), 1)) if few else max(7, 620 // len(order))
    axis = alt.Axis(labelLimit=160, labelFontSize=12 if few else 7, labelAngle=-40 if few else -90)
    base = alt.Chart(_inline(rows)).encode(
        x=alt.X("said:N", sort=list(order), title="said", axis=axis),
        y=alt.Y(
            "true:N",
            sort=list(order),
            title="true",
            axis=alt.Axis(labelLimit=160, labelFontSize=12 if few else 7),
        ),
    )
    squares = base.mark_rect(stroke="white", strokeWidth=1 if few else 0.3).encode(
        color=alt.Color(
            "share:Q",
            scale=alt.Scale(domain=[0, 1], range=["#f4f6f8", BLUE]),
            legend=alt.Legend(title="share of the row", format=".0%"),
        )
    )
    layers = [squares]
    if few:
        ink = alt.condition("datum.share > 0.5", alt.value("white"), alt.value(INK))
        layers.append(base.mark_text(fontSize=13).encode(text=alt.Text("items:Q", format=",d"), color=ink))
    return alt.layer(*layers).properties(
        width=alt.Step(step), height=alt.Step(step if not few else min(step, 48))
    )


def parallel(
    rows: Rows, *, last: str, logarithmic: Iterable[str] = (), least_is_best: bool = True, best: int = 3
) -> Any:
    """Parallel coordinates: a line a row, through the value of each column, `last` on the right.

    rows           dicts with one value a column, and `pruned` (drawn dashed and pale)
    logarithmic    columns that are placed by their logarithm; others by value, and words in order of appearance
    least_is_best  whether a small value of `last` is good; the `best` rows are drawn dark
    """
    alt = _altair()
    columns = [*(name for name in (rows[0] if rows else ()) if name not in ("pruned", last)), last]
    places = {name: _places([row[name] for row in rows], name in set(logarithmic)) for name in columns}
    whole = [n for n, row in enumerate(rows) if not row["pruned"]]
    ranked = sorted(whole, key=lambda n: rows[n][last] if least_is_best else -rows[n][last])[:best]
    points = [
        {
            "line": n,
            "column": name,
            "at": places[name][0][n],
            "kind": "best" if n in ranked else "given up" if row["pruned"] else "other",
        }
        for n, row in enumerate(rows)
        for name in columns
    ]
    ticks = [
        {"column": name, "at": at, "words": words}
        for name in columns
        for words, at in places[name][1].items()
    ]
    kinds = ["best", "other", "given up"]
    x = alt.X("column:N", sort=columns, title=None, axis=alt.Axis(labelAngle=0, orient="top", grid=True))
    y = alt.Y("at:Q", axis=None, scale=alt.Scale(domain=[-0.04, 1.04]))
    colour = alt.Color("kind:N", scale=alt.Scale(domain=kinds, range=[VERMILION, BLUE, MUTED]), title=None)
    lines = []
    for kind, width, dash in (("given up", 1.0, [4, 3]), ("other", 1.4, [1, 0]), ("best", 2.6, [1, 0])):
        here = [point for point in points if point["kind"] == kind]
        if here:
            lines.append(
                alt.Chart(_inline(here))
                .mark_line(strokeWidth=width, strokeDash=dash, opacity=1.0 if kind == "best" else 0.55)
                .encode(x=x, y=y, color=colour, detail="line:N")
            )
    words = (
        alt.Chart(_inline(ticks))
        .mark_text(align="left", dx=5, fontSize=11, color=INK)
        .encode(x=x, y=y, text="words:N")
    )
    return alt.layer(*lines, words).properties(
        width=alt.Step(max(95, WIDTH // max(len(columns), 1))), height=300
    )


def _places(values: Sequence[Any], logarithmic: bool) -> tuple[list[float], dict[str, float]]:
    """Where each value lies between 0 and 1, and what is written beside which place."""
    import math

    few = list(dict.fromkeys(sorted(values, key=lambda value: (isinstance(value, str), value))))
    if any(isinstance(value, str) for value in values) or len(few) <= 4:
        at = {value: n / max(len(few) - 1, 1) for n, value in enumerate(few)}
        return [at[value] for value in values], {_short(value): place for value, place in at.items()}
    numbers = [math.log(value) if logarithmic else float(value) for value in values]
    low, high = min(numbers), max(numbers)
    middle = (low + high) / 2
    shown = {
        _short(math.exp(at) if logarithmic else at): (at - low) / (high - low) for at in (low, middle, high)
    }
    return [(value - low) / (high - low) for value in numbers], shown


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
