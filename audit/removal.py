"""Removal parity: did a stage take away more of one group than of all others?"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from audit.context import Context
from audit.gaps import Counts, Four, Gap, compare, gap_facts, without_mirror, worst_gap
from audit.groups import NO_GROUPS, group_rows, group_sql, quoted
from data.facts import Fact, Outcome
from data.report.wording import DIFFERENCE, counted, number, percent, quantity

# It caps what a group, or any other value, may make up: that one of them loses more is what it was asked for.
ON_PURPOSE = "balance"


class Step(NamedTuple):
    """A stage that removed rows, its version and that version's parent. `less` are the (parent, version) of the stage
    whose removals do not count."""

    stage: str
    parent: str
    version: str
    less: tuple[str, str] | None = None


def removal_parity(context: Context) -> list[Fact]:
    """FAI-010: for each stage and group, the share removed less the share removed of all other rows.

    All stages and groups form one family for Holm's correction, with all stages together as one more "stage". What
    `balance` removed is compared too, but by itself, and is at most a warning: its caps were set by a person.
    """
    if not context.groups:
        return [context.not_run("FAI-010", NO_GROUPS)]
    steps = _steps(context)
    if not steps:
        return [context.not_run("FAI-010", "No stage removed a row, so none removed more of one group.")]
    family: list[Counts] = []
    evidence: dict[str, str] = {}
    for column in context.groups:
        values = group_rows(context.store, context.lineage[0], column, context.policy.max_groups)[
            "value"
        ].to_list()
        for step in steps:
            for group, counts in without_mirror(_counts(context, column, values, step)).items():
                family.append(Counts(step.stage, f"{column}={group}", *counts))
                evidence[family[-1].what] = _sql(column, group, values, step)
    most = context.policy.max_removal_gap
    gaps = [_on_purpose(gap) for gap in compare(family, most, context.policy)]
    if not gaps:
        return [context.not_run("FAI-010", "No removed or kept row belongs to a group.")]
    return gap_facts(context, "FAI-010", gaps, evidence, most, _words(gaps, context))


def _steps(context: Context) -> list[Step]:
    """Every stage that removed something, and where there are several all of them but `balance` together."""
    steps = [
        Step(version.stage, parent.version, version.version)
        for parent, version in zip(context.lineage[:-1], context.lineage[1:], strict=True)
        if version.dropped
    ]
    balanced = next((step for step in steps if step.stage == ON_PURPOSE), None)
    whole = ("all stages", context.lineage[0].version, context.version.version)
    if balanced is None and len(steps) > 1:
        steps.append(Step(*whole))
    elif balanced is not None and len(steps) > 2:
        _, first, last = whole
        less = balanced.parent, balanced.version
        steps.append(Step(f"all stages but {ON_PURPOSE}", first, last, less))
    return steps


def _on_purpose(gap: Gap) -> Gap:
    if gap.counts.about == ON_PURPOSE and gap.outcome == Outcome.FAIL.value:
        return replace(gap, outcome=Outcome.WARN.value)
    return gap


def _rows_sql(column: str, values: list[str], step: Step) -> str:
    names = ", ".join(quoted(value) for value in values)
    but = ""
    if step.less is not None:
        of, left = map(quoted, step.less)
        but = (
            f" AND p.record_id NOT IN (SELECT record_id FROM members WHERE version = {of}\n"
            f"        EXCEPT SELECT record_id FROM members WHERE version = {left})"
        )
    return (
        f"(SELECT * FROM (SELECT {group_sql(column)} AS g, (m.record_id IS NULL{but})::INT AS x\n"
        f"    FROM members p JOIN records r USING (record_id)\n"
        f"    LEFT JOIN members m ON m.version = {quoted(step.version)} AND m.record_id = p.record_id\n"
        f"    WHERE p.version = {quoted(step.parent)}) WHERE g IN ({names}))"
    )


def _sql(column: str, group: str, values: list[str], step: Step) -> str:
    return (
        f"SELECT avg(x) FILTER (g = {quoted(group)}) - avg(x) FILTER (g <> {quoted(group)}) AS value\n"
        f"FROM {_rows_sql(column, values, step)}"
    )


def _counts(context: Context, column: str, values: list[str], step: Step) -> dict[str, Four]:
    if not values:
        return {}
    rows = context.store.query(
        f"SELECT g, sum(x)::BIGINT AS found, count(*) AS n FROM {_rows_sql(column, values, step)} "
        "GROUP BY g ORDER BY g"
    )
    found, n = int(rows["found"].sum()), int(rows["n"].sum())
    return {group: (own, size, found - own, n - size) for group, own, size in rows.iter_rows()}


def _words(gaps: list[Gap], context: Context) -> str:
    bad = [gap for gap in gaps if gap.outcome in (Outcome.FAIL.value, Outcome.WARN.value)]
    if bad:
        counts = worst_gap(bad).counts
        removed = (
            f"{counts.about} removed {percent(counts.found / counts.n)} of {counts.group} and "
            f"{percent(counts.other_found / counts.other_n)} of all others."
        )
        if all(gap.counts.about == ON_PURPOSE for gap in bad):
            return (
                f"Only the stage {ON_PURPOSE} removed more of one group, as its caps are set to do: {removed}"
            )
        return (
            f"{number(len(bad))} of {counted(len(gaps), 'comparison')} {'differs' if len(bad) == 1 else 'differ'} by "
            f"more than is allowed. The largest: {removed}"
        )
    unsure = sum(gap.outcome == Outcome.INSUFFICIENT.value for gap in gaps)
    if unsure:
        return (
            f"No stage is shown to remove more of one group; for {unsure} of {len(gaps)} comparisons there are too few "
            "rows to rule it out."
        )
    most = quantity(context.policy.max_removal_gap, DIFFERENCE)
    if len(gaps) == 1:
        return f"In the one comparison the shares removed differ by at most {most}."
    return f"In all {len(gaps)} comparisons the shares removed differ by at most {most}."
