"""What a curation shows at its end: the table of stages and reasons, and warnings that teach."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl
from rich.console import Console
from rich.table import Table

from curation.config import CurationConfig
from curation.decontaminate import hits_per_task
from curation.pii.config import Engine
from curation.steps import Step
from data.load import left_out
from data.store import Store

MIN_GROUP_FRACTION = 0.05
MAX_SOURCE_FRACTION = 0.8
MIN_TEST_ROWS = 50


def show(store: Store, steps: Sequence[Step], config: CurationConfig, console: Console) -> None:
    """The closing table, the splits, the warnings, and what to do next."""
    console.print(stage_table(store, steps))
    for line in evaluation_hits(store, steps):
        console.print(line, highlight=False)
    last = steps[-1].version
    counted = counts_of(store, last, config)
    splits = _counted(counted, "split").drop_nulls()
    if splits.height:
        counts = dict(splits.iter_rows())
        line = ", ".join(f"{name} {counts.get(name, 0):,}" for name in ("train", "validation", "test"))
        console.print(f"splits: {line}")
    for warning in advice(counted, config):
        console.print(f"[yellow]warning:[/] {warning}", highlight=False)
    console.print(f"version [bold]{last}[/] in {store.path}", highlight=False, soft_wrap=True)


def stage_table(store: Store, steps: Sequence[Step]) -> Table:
    """Rows in and out by stage, with every reason and its count; reused stages are marked."""
    table = Table(
        title="Curation", title_justify="left", show_edge=False, pad_edge=False, header_style="bold"
    )
    table.add_column("stage")
    table.add_column("in", justify="right")
    table.add_column("why", overflow="fold")
    table.add_column("rows", justify="right")
    table.add_column("out", justify="right")
    table.add_column("seconds", justify="right")
    for step in steps:
        version = store.version(step.version)
        time = "reused" if step.reused else f"{step.seconds:.1f}"
        if version.parent is None:
            rejected = store.rejects(step.version)
            table.add_row("ingest", f"{version.rows + rejected.height:,}", "", "", f"{version.rows:,}", time)
            _reason_rows(table, rejected.group_by(pl.lit("reject").alias("action"), "reason").len())
            continue
        before = f"{version.rows + version.dropped - version.restored:,}"
        table.add_row(
            step.stage, before, "", "", f"{version.rows:,}", time, style="bold" if version.dropped else ""
        )
        _reason_rows(table, store.reason_counts(step.version).filter(pl.col("action") != "assign"))
    return table


def evaluation_hits(store: Store, steps: Sequence[Step]) -> list[str]:
    """A line for each evaluation task of which items were found: records by the rule that found them."""
    found = [hits_per_task(store.verdicts(step.version)) for step in steps if step.stage == "decontaminate"]
    if not found:
        return []
    rules = pl.format("{} {}", pl.col("reason").str.strip_prefix("decontaminate_"), "records")
    tasks = pl.concat(found).group_by("task", maintain_order=True).agg(pl.col("records").sum(), rules=rules)
    if tasks.is_empty():
        return ["evaluation items: looked for, and found in no record"]
    return [
        f"evaluation items of {task}: in {count:,} records ({', '.join(by_rule)})"
        for task, count, by_rule in tasks.iter_rows()
    ]


_MARKS = {"drop": "-", "edit": "~", "tag": "·", "reject": "-", "restore": "+"}


def _reason_rows(table: Table, reasons: pl.DataFrame) -> None:
    counts = reasons.sort(["action", "len", "reason"], descending=[False, True, False])
    for action, reason, count in counts.iter_rows():
        table.add_row("", "", f"{_MARKS[action]} {reason}", f"{count:,}", "", "", style="dim")


def counts_of(store: Store, version: str, config: CurationConfig) -> pl.DataFrame:
    """How many records of `version` have each combination of what `advice` is given on (`counted`)."""
    columns = dict.fromkeys(("source", "licence", "split", "task", *config.source.groups))
    return store.read(version).counts(*columns)


def advice(frame: pl.DataFrame, config: CurationConfig) -> list[str]:
    """What a careful colleague would say of a version: too few, too skewed, unlicensed, too small a test split.

    `frame` is what `counts_of` says of it.
    """
    if frame.is_empty():
        return ["no record is left; look at the table above for the reason that took most"]
    found = _few_examples(frame, config.min_examples)
    for column in config.source.groups:
        found += _small_groups(frame, column)
    rows, sources = int(frame["counted"].sum()), _counted(frame, "source")
    top = sources.row(0)
    if sources.height > 1 and top[1] > MAX_SOURCE_FRACTION * rows:
        found.append(
            f"{top[1] / rows:.0%} of the records are from one source ({top[0]}): the model will sound like it"
        )
    ignored = [path.name for path in left_out(config.source)]
    if ignored:
        found.append(f"not data files by their names, not read: {', '.join(ignored[:8])}")
    if config.pii.enabled and config.pii.engine is Engine.patterns and "pii" in config.stages:
        found.append("pii=patterns looks for no names or places of persons: pii=presidio does")
    unlicensed = int(frame.filter(pl.col("licence").is_null())["counted"].sum())
    if unlicensed:
        found.append(
            f"{unlicensed:,} of {rows:,} records have no licence; where one holds for all: source.licence=MIT"
        )
    tests = int(frame.filter(pl.col("split") == "test")["counted"].sum())
    if frame["split"].null_count() < frame.height and tests < MIN_TEST_ROWS:
        found.append(
            f"the test split has {tests} records; below about {MIN_TEST_ROWS} no difference between models can be "
            "seen: split.test=0.2, or more data"
        )
    return found


def _counted(frame: pl.DataFrame, column: str) -> pl.DataFrame:
    """Each value of a column of `StoreRecords.counts` with its records, most first."""
    return (
        frame.group_by(column).agg(pl.col("counted").sum()).sort("counted", column, descending=[True, False])
    )


def _few_examples(frame: pl.DataFrame, minimum: int) -> list[str]:
    tasks, rows = _counted(frame, "task").drop_nulls(), int(frame["counted"].sum())
    if tasks.is_empty():
        if rows >= minimum:
            return []
        return [f"{rows} examples; at least {minimum} are advised for a task (min_examples={minimum})"]
    few = [f"{name} ({count})" for name, count in tasks.iter_rows() if count < minimum]
    return [f"fewer than {minimum} examples of a task: {', '.join(few[:8])}"] if few else []


def _small_groups(frame: pl.DataFrame, column: str) -> list[str]:
    counts = _counted(frame, column).drop_nulls()
    if counts.is_empty():
        return [f"source.groups: no record has the column {column}"]
    total = sum(counts["counted"])
    small = [f"{name} ({count})" for name, count in counts.iter_rows() if count < MIN_GROUP_FRACTION * total]
    return (
        [f"{column}: under {MIN_GROUP_FRACTION:.0%} of the records each: {', '.join(small[:8])}; collect more, or "
         "expect worse answers for them"]
        if small
        else []
    )  # fmt: skip
