"""Rows of each task by split against the minimum."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from audit.checks import run_checks, selected
from audit.config import AuditConfig, PolicyConfig
from audit.context import Context
from audit.tasks_chapter import CHARTED, LISTED, task_blocks
from data.facts import Fact
from data.report import Cell, Chart, Table
from data.report.charts import save
from data.report.theme import to_svg

MakeRows = Callable[[int], list[dict[str, Any]]]


def facts_of(workshop: Any, **settings: Any) -> list[Fact]:
    context = Context.of(workshop.store, AuditConfig(**settings))
    return run_checks(context, selected(["QUA-005"]))


def chart_and_table(facts: list[Fact]) -> tuple[Chart, Table]:
    chart, table = task_blocks(facts)
    assert isinstance(chart, Chart)
    assert isinstance(table, Table)
    return chart, table


def outcomes(table: Table) -> list[str | None]:
    return [cell.outcome for row in table.rows for cell in row[1:2] if isinstance(cell, Cell)]


def test_rows_by_split_with_the_minimum_drawn_in(workshop: Any, many_rows: MakeRows, tmp_path: Any) -> None:
    workshop.ingest(many_rows(800))
    workshop.split(
        lambda row: "train" if row["line"] <= 700 else "validation" if row["line"] <= 760 else "test"
    )
    chart, table = chart_and_table(facts_of(workshop))
    assert table.columns == ["Task", "Outcome", "train", "validation", "test", "all rows", "still needed"]
    assert [[row[0], *row[2:]] for row in table.rows] == [
        ["poem", 140, 12, 8, 160, 360],
        ["mail", 560, 48, 32, 640, None],
    ]
    assert outcomes(table) == ["WARN", "PASS"]
    assert [(row["name"], row["value"], row["flagged"]) for row in chart.rows] == [
        ("poem", 140, True),
        ("mail", 560, False),
    ]
    drawn = save(chart.chart(), tmp_path / "chart.svg").read_text()
    lower = facts_of(workshop, policy=PolicyConfig(min_task_rows=100))
    assert drawn.count("stroke-dasharray") == 1
    assert drawn != to_svg(chart_and_table(lower)[0].chart())
    assert outcomes(chart_and_table(lower)[1]) == ["PASS", "PASS"]


def test_a_task_without_a_training_row_is_named(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(100))
    workshop.split(lambda row: "test" if row["task"] == "poem" else "train")
    whole, poem, mail = facts_of(workshop)
    assert (poem.slice, poem.value, poem.outcome, poem.n_needed) == ("task=poem", 0, "WARN", 500)
    assert poem.detail == {"all": 20, "splits": {"train": 0, "test": 20}}
    assert (mail.value, mail.detail["all"]) == (80, 80)
    assert "poem (0)" in whole.detail["says"]
    assert workshop.store.query(poem.evidence)["value"].item() == 0


def test_rows_without_a_task_are_counted(workshop: Any, many_rows: MakeRows) -> None:
    rows = [{**row, "task": "" if i < 7 else row["task"]} for i, row in enumerate(many_rows(100))]
    workshop.ingest(rows)
    _, table = chart_and_table(facts_of(workshop))
    assert table.caption.endswith("Rows that name no task: 7.")
    assert sum(int(str(row[2])) for row in table.rows) == 93


def test_many_tasks_are_cut_and_say_so(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest([{**row, "task": f"task {i % 60:02}"} for i, row in enumerate(many_rows(120))])
    chart, table = chart_and_table(facts_of(workshop))
    assert (len(chart.rows), len(table.rows)) == (CHARTED, LISTED)
    assert f"the smallest {CHARTED} of 60" in chart.caption
    assert f"the smallest {LISTED} of 60" in table.caption


def test_a_long_name_keeps_its_number_of_rows(workshop: Any, many_rows: MakeRows) -> None:
    long = "summarise a very long letter of complaint into three short points"
    workshop.ingest([{**row, "task": f"{long} {i % 2}"} for i, row in enumerate(many_rows(40))])
    chart, table = chart_and_table(facts_of(workshop))
    drawn = to_svg(chart.chart())
    for number in (0, 1):
        assert f"summarise a very lon…ort points {number}  (n = 20)" in drawn.replace("\u00a0", " ")
        assert table.rows[number][0] == f"{long} {number}"


def test_a_version_without_tasks_has_no_table(workshop: Any, many_rows: MakeRows) -> None:
    workshop.ingest(many_rows(40))
    assert task_blocks(facts_of(workshop, task="no_such_column")) == []
