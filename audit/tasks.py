"""Whether each task has enough examples."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from audit.context import EXACT, Context
from audit.groups import group_sql, quoted
from data.facts import Fact, Outcome
from data.records import SPLITS
from data.report.wording import counted


def task_sizes(context: Context) -> list[Fact]:
    """QUA-005: rows of each task that a training would see, against the minimum; value = those of the smallest.

    A task of which every row lies in another split has none that a training would see. The detail has the rows by
    split. Where no row names a task, the version is one task.
    """
    counts = _counts(context)
    unnamed = int(counts.filter(pl.col("task").is_null())["all"].sum())
    named = counts.filter(pl.col("task").is_not_null())
    whole = named.is_empty()
    counts = counts.with_columns(task=pl.lit("all rows")) if whole else named
    facts = [_task_fact(context, row, whole=whole) for row in counts.head(200).to_dicts()]
    detail = {
        **facts[0].detail,
        "says": _task_words(context, counts),
        "tasks": counts.height,
        "column": None if whole else context.config.task,
        "least": context.policy.min_task_rows,
        "unnamed": 0 if whole else unnamed,
    }
    smallest = replace(facts[0], slice="all", detail=detail)
    return [smallest] if whole else [smallest, *facts]


def _counts(context: Context) -> pl.DataFrame:
    """task, rows (that a training would see), all, and a column for each split there is; the smallest first."""
    by_split = "".join(
        f", count(*) FILTER (m.split = {quoted(name)}) AS {name}" for name in SPLITS if name in context.splits
    )
    return context.store.query(
        f"""SELECT {group_sql(context.config.task)} AS task, count(*) FILTER ({context.training_sql}) AS rows,
        count(*) AS "all"{by_split} FROM members m JOIN records r USING (record_id)
        WHERE m.version = {context.id_sql} GROUP BY ALL ORDER BY rows, task NULLS LAST"""
    )


def _task_words(context: Context, counts: pl.DataFrame) -> str:
    least, rows = context.policy.min_task_rows, context.training_words
    few = counts.filter(pl.col("rows") < least)
    if counts.height == 1:
        return f"There are {counts['rows'][0]:,} {rows}" + (
            "." if few.is_empty() else f", fewer than {least:,}."
        )
    if few.is_empty():
        return f"Each of the {counts.height} tasks has at least {least:,} {rows}."
    names = ", ".join(f"{task} ({count:,})" for task, count in few.select("task", "rows").head(4).iter_rows())
    verb = "has" if few.height == 1 else "have"
    return f"{few.height} of {counts.height} tasks {verb} fewer than {least:,} {rows}: {names}."


def _task_fact(context: Context, row: dict[str, int | str], *, whole: bool) -> Fact:
    task, rows, least = str(row["task"]), int(row["rows"]), context.policy.min_task_rows
    chosen = "" if whole else f" AND {group_sql(context.config.task)} = {quoted(task)}"
    return context.fact(
        "QUA-005",
        float(rows),
        "rows",
        slice=f"task={task}",
        n=rows,
        method=EXACT,
        outcome=(Outcome.PASS if rows >= least else Outcome.WARN).value,
        n_needed=None if rows >= least else least,
        threshold=f"at least {counted(least, 'row')} for each task",
        evidence="SELECT count(*)::DOUBLE AS value FROM members m JOIN records r USING (record_id) "
        f"WHERE m.version = {context.id_sql} AND {context.training_sql}{chosen}",
        detail={
            "all": row["all"],
            "splits": {name: row[name] for name in SPLITS if name in context.splits},
        },
    )
