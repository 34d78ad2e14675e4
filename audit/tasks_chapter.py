"""Rows of each task against the minimum, as a chart and a table by split."""

from __future__ import annotations

from data.facts import Fact
from data.records import SPLITS
from data.report import Block, Cell, Chart, Table, charts
from data.report.wording import number

# The smallest tasks are shown; the JSON file has more.
CHARTED, LISTED = 16, 40


def task_blocks(facts: list[Fact]) -> list[Block]:
    """From the facts of QUA-005: the first stands for the check, the others for a task each, the smallest first."""
    whole, *tasks = facts
    return [_chart(whole, tasks), _table(whole, tasks)] if tasks else []


def _chart(whole: Fact, tasks: list[Fact]) -> Chart:
    least = whole.detail["least"]
    rows = [
        {
            "name": _name(task),
            "value": task.value,
            "low": None,
            "high": None,
            "n": task.n,
            "flagged": (task.n or 0) < least,
        }
        for task in tasks[:CHARTED]
    ]
    caption = (
        f"Rows that a training would see, by task{_shown(CHARTED, whole)}. Dashed: the {number(least)} rows that each "
        "task needs; left of it, in red, there are too few."
    )
    drawn = [{**row, "name": _short(str(row["name"]))} for row in rows]
    return Chart(
        lambda: charts.dots(drawn, title="rows", share=False, reference=float(least)), caption, caption, rows
    )


def _table(whole: Fact, tasks: list[Fact]) -> Table:
    least = whole.detail["least"]
    splits = [name for name in SPLITS if name in whole.detail["splits"]]
    unnamed = whole.detail["unnamed"]
    seen = "the train split" if "train" in splits else "all rows"
    caption = (
        f"Rows by task{_shown(LISTED, whole)}. A training sees {seen}, and there each task needs {number(least)}."
        + (f" Rows that name no task: {number(unnamed)}." if unnamed else "")
    )
    return Table(
        ["Task", "Outcome", *splits, "all rows", "still needed"],
        [
            [
                _name(task),
                Cell("", outcome=task.outcome),
                *(task.detail["splits"][name] for name in splits),
                task.detail["all"],
                max(least - (task.n or 0), 0) or None,
            ]
            for task in tasks[:LISTED]
        ],
        caption=caption,
    )


def _name(task: Fact) -> str:
    return task.slice.partition("=")[2]


def _short(name: str) -> str:
    """Long names lose their middle: the number of rows after them must not be cut off."""
    return name if len(name) <= 34 else f"{name[:20]}…{name[-12:]}"


def _shown(most: int, whole: Fact) -> str:
    tasks = whole.detail["tasks"]
    return f", the smallest {most} of {tasks:,}" if tasks > most else ", the smallest first"
