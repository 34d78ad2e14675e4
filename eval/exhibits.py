"""The tables and charts of an evaluation report, one function each."""

from __future__ import annotations

from collections.abc import Mapping

from data.report import (
    Cell,
    Chart,
    Details,
    Table,
    charts,
)
from data.report.blocks import Align
from data.report.wording import number
from eval.compare import Comparison
from eval.metrics import METRICS
from eval.result import Result
from eval.samples import ranking
from eval.scores import Scored
from eval.words import ROLE_WORDS, badge, p_words, signed, title_of


def score_table(result: Result, scored: Scored) -> Table:
    """Metrics down, roles across, each with its interval."""
    rows: list[list[Cell]] = []
    for metric in result.config.metrics:
        if not any(metric in scored.tallies[role] for role in scored.roles):
            continue
        cells = [Cell(METRICS[metric].title, note=METRICS[metric].reads)]
        for role in scored.roles:
            tally = scored.tallies[role].get(metric)
            span = scored.intervals[role].get(metric)
            if tally is None or span is None:
                cells.append(Cell(None, note="not measured"))
            else:
                cells.append(Cell(number(tally.value), note=f"{number(span.low)} to {number(span.high)}"))
        rows.append(cells)
    level = f"{result.config.bootstrap.level:.0%}".replace("%", " %")
    return Table(
        ["Metric", *(heading(role) for role in scored.roles)],
        rows,
        caption=f"Scores with their {level} intervals over {len(scored.slice.items):,} items. "
        + (
            "Lower is better for perplexity; higher for all others."
            if "perplexity" in scored.tallies[scored.roles[0]]
            else ""
        ),
        align=_aligned(len(scored.roles)),
    )


def difference_table(pair: tuple[str, str], comparisons: Mapping[str, Comparison]) -> Table:
    """One pair of roles: metrics down, the difference with its interval, p and the conclusion."""
    first, second = (ROLE_WORDS[role] for role in pair)
    rows = [
        [
            Cell(title_of(metric)),
            *difference_cells(found),
            conclusion_cell(found),
        ]
        for metric, found in comparisons.items()
    ]
    return Table(
        ["Metric", "Difference", "p", "p adjusted", "Conclusion"],
        rows,
        caption=f"{second[0].upper() + second[1:]} minus {first}, on the same items. "
        "p is adjusted by Holm for the number of metrics.",
        align=["left", "right", "right", "right", "left"],
    )


def difference_cells(found: Comparison) -> list[Cell]:
    """The difference with its interval drawn around zero, p, and p adjusted."""
    reach = 1.08 * max(abs(found.low), abs(found.high), abs(found.difference)) or 1.0

    def place(value: float) -> float:
        return 0.5 + value / reach / 2

    span = (place(found.low), place(found.difference), place(found.high), 0.5)
    return [
        Cell(signed(found.difference), note=f"{signed(found.low)} to {signed(found.high)}", span=span),
        Cell(p_words(found.p), note=found.method),
        Cell(p_words(found.p_adjusted)),
    ]


def conclusion_cell(found: Comparison) -> Cell:
    """The badge, and how many more items an open conclusion needs."""
    needs = "" if found.more_items is None else found.words().partition("(")[2].rstrip(")")
    return Cell("", outcome=badge(found.conclusion), note=needs)


def bars(result: Result, scored: Scored) -> Chart:
    """Every metric with a highest value, as a share of it, a bar a role."""
    rows = [
        {
            "name": METRICS[metric].title,
            "series": heading(role),
            "value": scored.tallies[role][metric].value / top,
            "low": scored.intervals[role][metric].low / top,
            "high": scored.intervals[role][metric].high / top,
        }
        for metric in result.config.metrics
        if (top := METRICS[metric].top) is not None
        for role in scored.roles
        if metric in scored.tallies[role]
    ]
    words = ", ".join(ROLE_WORDS[role] for role in scored.roles)
    return Chart(
        lambda: charts.compare(rows, title="share of the metric's highest value", share=True),
        caption=f"Slice {scored.slice.name}: {words}. Lines are intervals of the score of each alone.",
        alt=f"Bars of each metric on the slice {scored.slice.name} for {words}; the table above has the numbers.",
        rows=rows,
    )


def histogram(scored: Scored) -> Chart | None:
    """How much each item gained or lost; None where no metric ranks items, or they are too few."""
    ranked = ranking(scored)
    if ranked is None or len(scored.slice.items) < 8:
        return None
    metric, values = ranked
    title = METRICS[metric].title
    points = [float(value) / (METRICS[metric].top or 1.0) * 100 for value in values]
    what = f"{title} of an item, of 100" + (
        f": {scored.pair[1]} minus {scored.pair[0]}" if scored.pair else ""
    )
    bins = min(24, max(6, len(values) // 4))
    up, down = int((values > 1e-9).sum()), int((values < -1e-9).sum())
    caption = (
        f"{up:,} items gained, {down:,} lost, {len(values) - up - down:,} are unchanged."
        if scored.pair
        else f"How the {len(values):,} items spread."
    )
    return Chart(
        lambda: charts.histogram(
            points,
            title=what,
            bins=bins,
            counted="items",
            mark=0.0 if scored.pair else None,
        ),
        caption=caption,
        alt=f"Histogram of {what}. {caption}",
        rows=[
            {"item": item.id, metric: round(float(value), 4)}
            for item, value in zip(scored.slice.items, values, strict=True)
        ],
    )


def lengths(result: Result, scored: Scored) -> Details:
    """Facts about the answers that are no score."""
    names = (
        "answer_words",
        "answer_length_ratio",
        "empty_answers",
        "cut_answers",
        "prompts_seen_in_training",
    )
    rows: list[list[str]] = [
        [fact.name.replace("_", " "), fact.slice, number(fact.value), fact.unit]
        for fact in result.facts
        if fact.name in names and fact.slice.split(",")[0] == f"slice={scored.slice.name}"
    ]
    table = Table(["What", "Of", "Value", "Unit"], rows, align=["left", "left", "right", "left"])
    seen = "" if scored.seen is None else ", and prompts that training had seen"
    return Details(f"Length and emptiness of the answers{seen}", [table])


def suite_table(result: Result) -> Table:
    """A suite's metrics down, the roles and their difference across."""
    suite = result.suite
    assert suite is not None
    roles = list(suite.by_role)
    rows: list[list[Cell]] = []
    for number_of, score in enumerate(suite.by_role[roles[0]]):
        cells = [Cell(f"{score.task}: {score.metric}", note=f"{score.n:,} documents")]
        for role in roles:
            mine = suite.by_role[role][number_of]
            span = mine.interval(result.config.bootstrap)
            cells.append(
                Cell(
                    number(mine.value),
                    note="" if span is None else f"{number(span.low)} to {number(span.high)}",
                )
            )
        found = suite.comparisons.get((score.task, score.metric))
        if found is None:
            cells += [Cell(None), Cell(None), Cell(None), Cell("not compared: no mean over items")]
        else:
            cells += [*difference_cells(found), conclusion_cell(found)]
        rows.append(cells)
    return Table(
        ["Task", *(heading(role) for role in roles), "Difference", "p", "p adjusted", "Conclusion"],
        rows,
        caption="Intervals of a score come from the harness's standard error; differences are paired by document.",
        align=[*_aligned(len(roles) + 3), "left"],
    )


def heading(role: str) -> str:
    """What a role is called above a column."""
    return {"copy_nearest": "copied"}.get(role, role)


def _aligned(numbers: int) -> list[Align]:
    """Alignment of a name and `numbers` columns of numbers."""
    right: list[Align] = ["right"] * numbers
    return ["left", *right]
