"""Removal parity: did a stage take away more of one group than of all others?"""

from __future__ import annotations

from audit.context import Context
from audit.gaps import Counts, Four, Gap, compare, gap_facts, without_mirror, worst_gap
from audit.groups import NO_GROUPS, group_rows, group_sql, quoted
from data.facts import Fact, Outcome
from data.report.wording import DIFFERENCE, percent, quantity


def removal_parity(context: Context) -> list[Fact]:
    """FAI-010: for each stage and group, the share removed less the share removed of all other rows.

    All stages and groups form one family for Holm's correction, with all stages together as one more "stage".
    """
    if not context.groups:
        return [context.not_run("FAI-010", NO_GROUPS)]
    steps = [
        (version.stage, parent.version, version.version)
        for parent, version in zip(context.lineage[:-1], context.lineage[1:], strict=True)
        if version.dropped
    ]
    if not steps:
        return [context.not_run("FAI-010", "No stage removed a row, so none removed more of one group.")]
    if len(steps) > 1:
        steps.append(("all stages", context.lineage[0].version, context.version.version))
    family: list[Counts] = []
    evidence: dict[str, str] = {}
    for column in context.groups:
        values = group_rows(context.store, context.lineage[0], column, context.policy.max_groups)[
            "value"
        ].to_list()
        for stage, parent, child in steps:
            for group, counts in without_mirror(_counts(context, column, values, parent, child)).items():
                family.append(Counts(stage, f"{column}={group}", *counts))
                evidence[family[-1].what] = _sql(column, group, values, parent, child)
    gaps = compare(family, context.policy.max_removal_gap, context.policy)
    if not gaps:
        return [context.not_run("FAI-010", "No removed or kept row belongs to a group.")]
    return gap_facts(
        context, "FAI-010", gaps, evidence, context.policy.max_removal_gap, _words(gaps, context)
    )


def _rows_sql(column: str, values: list[str], parent: str, child: str) -> str:
    names = ", ".join(quoted(value) for value in values)
    return (
        f"(SELECT * FROM (SELECT {group_sql(column)} AS g, (m.record_id IS NULL)::INT AS x\n"
        f"    FROM members p JOIN records r USING (record_id)\n"
        f"    LEFT JOIN members m ON m.version = {quoted(child)} AND m.record_id = p.record_id\n"
        f"    WHERE p.version = {quoted(parent)}) WHERE g IN ({names}))"
    )


def _sql(column: str, group: str, values: list[str], parent: str, child: str) -> str:
    return (
        f"SELECT avg(x) FILTER (g = {quoted(group)}) - avg(x) FILTER (g <> {quoted(group)}) AS value\n"
        f"FROM {_rows_sql(column, values, parent, child)}"
    )


def _counts(context: Context, column: str, values: list[str], parent: str, child: str) -> dict[str, Four]:
    if not values:
        return {}
    rows = context.store.query(
        f"SELECT g, sum(x)::BIGINT AS found, count(*) AS n FROM {_rows_sql(column, values, parent, child)} "
        "GROUP BY g ORDER BY g"
    )
    found, n = int(rows["found"].sum()), int(rows["n"].sum())
    return {group: (own, size, found - own, n - size) for group, own, size in rows.iter_rows()}


def _words(gaps: list[Gap], context: Context) -> str:
    bad = [gap for gap in gaps if gap.outcome in (Outcome.FAIL.value, Outcome.WARN.value)]
    if bad:
        counts = worst_gap(bad).counts
        return (
            f"{len(bad)} of {len(gaps)} comparisons differ by more than is allowed. "
            f"The largest: {counts.about} removed "
            f"{percent(counts.found / counts.n)} of {counts.group} and "
            f"{percent(counts.other_found / counts.other_n)} of all others."
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
