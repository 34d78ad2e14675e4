"""Whether labels, scores or the lengths of answers differ by group."""

from __future__ import annotations

import polars as pl

from audit.context import Context
from audit.gaps import Counts, Four, Gap, compare, gap_facts, without_mirror, worst_gap
from audit.groups import NO_GROUPS, group_rows, group_sql, quoted
from data.facts import Fact, Outcome
from data.report.wording import DIFFERENCE, counted, number, percent, quantity


def imbalance(context: Context) -> list[Fact]:
    """FAI-002: does a label, a high score or a long answer occur more often in one group than in all others?

    fairlearn's MetricFrame counts by group; Newcombe's interval and Holm's correction judge (see `gaps.compare`).
    """
    if not context.groups:
        return [context.not_run("FAI-002", NO_GROUPS)]
    frame, properties = _properties(context)
    family: list[Counts] = []
    evidence: dict[str, str] = {}
    for column in (name for name in context.groups if name != context.config.label):
        rows = frame.filter(pl.col(column).is_in(_values(context, column)))
        for label, (flag, flag_sql) in properties.items():
            for group, counts in without_mirror(_disaggregated(rows, column, flag)).items():
                family.append(Counts(label, f"{column}={group}", *counts))
                evidence[family[-1].what] = _gap_sql(context, column, group, flag_sql)
    gaps = compare(family, context.policy.max_gap, context.policy)
    if not gaps:
        return [context.not_run("FAI-002", "No group has a row with a label or an answer.")]
    return gap_facts(
        context, "FAI-002", gaps, evidence, context.policy.max_gap, _imbalance_words(gaps, context)
    )


def _values(context: Context, column: str) -> list[str]:
    return group_rows(context.store, context.version, column, context.policy.max_groups)["value"].to_list()


def _properties(context: Context) -> tuple[pl.DataFrame, dict[str, tuple[str, str]]]:
    """A frame with the group columns and a 0/1 column a property, and property -> (its column, its SQL)."""
    columns = [*context.groups]
    label = context.config.label
    frame = context.frame("record_id", "answer", *dict.fromkeys([*columns, label]))
    filled = frame.filter(pl.col(label).is_not_null() & (pl.col(label) != ""))
    if filled.is_empty():
        return _above_median(
            context, frame, pl.col("answer").str.len_chars(), "answer longer than the median", _LENGTH_SQL
        )
    numbers = filled[label].cast(pl.Float64, strict=False)
    if numbers.null_count() == 0 and numbers.n_unique() > context.policy.max_classes:
        sql = f"try_cast({group_sql(label)} AS DOUBLE)"
        return _above_median(
            context, filled, pl.col(label).cast(pl.Float64), f"{label} above the median", sql
        )
    # Of two classes one says it all.
    common = filled[label].value_counts().sort(["count", label], descending=[True, False])
    properties = {}
    for number_, name in enumerate(
        common[label].tail(1) if common.height == 2 else common[label].head(context.policy.max_classes)
    ):
        flag = f"property {number_}"
        filled = filled.with_columns((pl.col(label) == name).cast(pl.Int64).alias(flag))
        properties[f"{label}={name}"] = (flag, f"({group_sql(label)} = {quoted(name)})::INT")
    return filled, properties


# Characters of all answer turns of a record, as data.records defines `answer`.
_LENGTH_SQL = (
    "length(array_to_string([x.content for x in t.messages if x.role IN ('assistant', 'tool_call')], "
    "chr(10)))"
)


def _above_median(
    context: Context, frame: pl.DataFrame, expression: pl.Expr, name: str, sql: str
) -> tuple[pl.DataFrame, dict[str, tuple[str, str]]]:
    """One property: above the median of the whole version (a fixed number, so that groups stay independent)."""
    valued = frame.with_columns(measured=expression)
    median = float(str(valued["measured"].median()))
    flagged = valued.with_columns((pl.col("measured") > median).cast(pl.Int64).alias("property 0"))
    return flagged, {f"{name} ({number(median)})": ("property 0", f"({sql} > {median})::INT")}


def _disaggregated(rows: pl.DataFrame, column: str, flag: str) -> dict[str, Four]:
    """group -> found, n, found elsewhere, n elsewhere; by fairlearn's MetricFrame."""
    from fairlearn.metrics import MetricFrame, count

    if rows.is_empty():
        return {}
    found = rows[flag].to_numpy()
    frame = MetricFrame(
        metrics={"n": count, "found": lambda truth, predicted: int(predicted.sum())},
        y_true=found,
        y_pred=found,
        sensitive_features=rows[column].to_numpy(),
    )
    total, all_found = int(frame.overall["n"]), int(frame.overall["found"])
    return {
        _text(group): (int(row["found"]), int(row["n"]), all_found - int(row["found"]), total - int(row["n"]))
        for group, row in frame.by_group.sort_index().iterrows()
    }


def _text(group: object) -> str:
    return str(group)


def _gap_sql(context: Context, column: str, group: str, flag: str) -> str:
    texts = " JOIN texts t USING (text_hash)" if "t.messages" in flag else ""
    values = ", ".join(quoted(value) for value in _values(context, column))
    return (
        f"SELECT avg(x) FILTER (g = {quoted(group)}) - avg(x) FILTER (g <> {quoted(group)}) AS value\n"
        f"FROM (SELECT {group_sql(column)} AS g, {flag} AS x FROM members m JOIN records r USING (record_id){texts}\n"
        f"    WHERE m.version = {context.id_sql}) WHERE x IS NOT NULL AND g IN ({values})"
    )


def _imbalance_words(gaps: list[Gap], context: Context) -> str:
    bad = [gap for gap in gaps if gap.outcome in (Outcome.FAIL.value, Outcome.WARN.value)]
    if bad:
        worst = worst_gap(bad)
        direction = "more" if (worst.value or 0) > 0 else "less"
        return (
            f"{number(len(bad))} of {counted(len(gaps), 'comparison')} {'differs' if len(bad) == 1 else 'differ'} by "
            "more than is allowed. "
            f"The largest: '{worst.counts.about}' is {direction} frequent in {worst.counts.group} than in "
            f"all other rows ({percent(worst.counts.found / worst.counts.n)} against "
            f"{percent(worst.counts.other_found / worst.counts.other_n)})."
        )
    unsure = sum(gap.outcome == Outcome.INSUFFICIENT.value for gap in gaps)
    if unsure:
        return (
            f"No group is shown to differ; for {unsure} of {len(gaps)} comparisons there are too few rows to rule "
            "it out."
        )
    most = quantity(context.policy.max_gap, DIFFERENCE)
    if len(gaps) == 1:
        return f"The one comparison of a group with all others stays within {most}."
    return f"All {len(gaps)} comparisons of a group with all others stay within {most}."
