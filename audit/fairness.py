"""Who is in the data, and whether groups differ in their labels or in the length of their answers."""

from __future__ import annotations

from typing import Any

import polars as pl

from audit import statistics
from audit.context import Context
from audit.gaps import Counts, Gap, compare, worst_gap
from audit.groups import group_rows, group_sql, quoted
from data.facts import Fact, Outcome
from data.report.wording import number, percent

NO_GROUPS = (
    "No column divides the rows into groups: name some with groups=[...], or source.groups=[...] in curation."
)


def representation(context: Context) -> list[Fact]:
    """FAI-001: each group's share of the rows, against the reference population, or against the least share.

    Intervals are simultaneous within a column: Wilson's at level 1 - (1 - level) / groups (Goodman 1965).
    """
    if not context.groups:
        return [context.not_run("FAI-001", NO_GROUPS)]
    facts = [fact for column in context.groups for fact in _shares(context, column)]
    flagged = [f for f in facts if f.outcome in (Outcome.FAIL.value, Outcome.WARN.value)]
    unsure = [f for f in facts if f.outcome == Outcome.INSUFFICIENT.value]
    smallest = min(flagged or unsure or facts, key=lambda f: (_ratio(f), f.slice))
    outcome = _overall(facts)
    return [
        context.fact(
            "FAI-001",
            smallest.value,
            "fraction",
            n=smallest.n,
            low=smallest.low,
            high=smallest.high,
            level=smallest.level,
            method=smallest.method,
            outcome=outcome,
            n_needed=smallest.n_needed if outcome == Outcome.INSUFFICIENT.value else None,
            threshold=smallest.threshold,
            evidence=smallest.evidence,
            detail={
                "says": _representation_words(flagged, unsure, context),
                "shown": smallest.slice,
                "reference": bool(context.config.reference),
                "columns": context.groups,
            },
        ),
        *facts,
    ]


def _ratio(fact: Fact) -> float:
    return (fact.value or 0.0) / (fact.detail["reference"] or 1.0)


def _overall(facts: list[Fact]) -> str:
    """The worst; without a reference nothing can pass, and shares that are not small are only stated."""
    for outcome in (Outcome.FAIL, Outcome.WARN, Outcome.INSUFFICIENT, Outcome.INFO):
        if any(fact.outcome == outcome.value for fact in facts):
            return outcome.value
    return Outcome.PASS.value


def _shares(context: Context, column: str) -> list[Fact]:
    policy = context.policy
    reference = context.config.reference.get(column, {})
    counts = dict(group_rows(context.store, context.version, column, policy.max_groups).iter_rows())
    names = list(dict.fromkeys([*counts, *reference]))
    total = int(
        context.number(
            f"SELECT count({group_sql(column)}) AS value FROM members m JOIN records r USING (record_id) "
            f"WHERE m.version = {context.id_sql}"
        )
    )
    level = 1 - (1 - policy.level) / max(len(names), 1)
    facts = []
    for name in names:
        found = counts.get(name, 0)
        low, high = statistics.wilson(found, total, level)
        expected = reference.get(name)
        least = policy.min_share if expected is None else expected * policy.min_reference_ratio
        facts.append(
            context.fact(
                "FAI-001",
                found / total if total else None,
                "fraction",
                slice=f"{column}={name}",
                n=total,
                low=low,
                high=high,
                level=level,
                method="Wilson, simultaneous within the column",
                outcome=_share_outcome(low, high, least, expected, total, policy.min_rows),
                threshold=f"at least {percent(least)} of the rows"
                + (
                    ""
                    if expected is None
                    else f" ({policy.min_reference_ratio:g} of its share in the reference)"
                ),
                n_needed=policy.min_rows if total < policy.min_rows else None,
                evidence=f"SELECT count(*) FILTER ({group_sql(column)} = {quoted(name)})::DOUBLE / "
                f"count({group_sql(column)}) AS value FROM members m JOIN records r USING (record_id) "
                f"WHERE m.version = {context.id_sql}",
                detail={
                    "column": column,
                    "group": name,
                    "rows": found,
                    "reference": expected,
                    "least": least,
                },
            )
        )
    return facts


def _share_outcome(
    low: float, high: float, least: float, expected: float | None, n: int, min_rows: int
) -> str:
    if n < min_rows:
        return Outcome.INSUFFICIENT.value
    if expected is None:
        return (Outcome.WARN if high < least else Outcome.INFO).value
    return (Outcome.PASS if low >= least else Outcome.FAIL if high < least else Outcome.WARN).value


def _representation_words(flagged: list[Fact], unsure: list[Fact], context: Context) -> str:
    if flagged:
        names = ", ".join(
            f"{f.detail['group']} ({f.detail['column']}, {percent(f.value)})"
            for f in sorted(flagged, key=_ratio)[:3]
        )
        more = f" and {len(flagged) - 3} more" if len(flagged) > 3 else ""
        return f"Under-represented, or not shown to be represented well enough: {names}{more}."
    if unsure:
        return "Too few rows to say how the groups are represented."
    if context.config.reference:
        return "Every group has at least the demanded part of its share in the reference population."
    return (
        f"No group is surely below {percent(context.policy.min_share)} of the rows. No reference population was "
        "given, so this says nothing about whether the shares are right."
    )


def imbalance(context: Context) -> list[Fact]:
    """FAI-002: does a label, a high score or a long answer occur more often in one group than in all others?

    fairlearn's MetricFrame counts by group; Newcombe's interval and Holm's correction judge (see `gaps.compare`).
    """
    if not context.groups:
        return [context.not_run("FAI-002", NO_GROUPS)]
    frame, properties = _properties(context)
    family: list[Counts] = []
    evidence: dict[str, str] = {}
    for column in context.groups:
        rows = frame.filter(pl.col(column).is_in(_values(context, column)))
        for label, (flag, flag_sql) in properties.items():
            for group, counts in _disaggregated(rows, column, flag).items():
                what = f"{label} | {column}={group}"
                family.append(Counts(what, *counts))
                evidence[what] = _gap_sql(context, column, group, flag_sql)
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
    common = filled[label].value_counts().sort(["count", label], descending=[True, False])
    properties = {}
    for number_, name in enumerate(common[label].head(context.policy.max_classes)):
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
    median = valued["measured"].median()
    flagged = valued.with_columns((pl.col("measured") > median).cast(pl.Int64).alias("property 0"))
    return flagged, {f"{name} ({number(float(str(median)))})": ("property 0", f"({sql} > {median})::INT")}


def _disaggregated(rows: pl.DataFrame, column: str, flag: str) -> dict[str, tuple[int, int, int, int]]:
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


def gap_facts(
    context: Context, name: str, gaps: list[Gap], evidence: dict[str, str], most: float, says: str
) -> list[Fact]:
    """One fact for the worst gap, standing for the check, and one for each."""
    rule = (
        f"differs from all others by at most {percent(most)} (Holm over {len(gaps)} comparisons, "
        f"at least {context.policy.min_group} rows a group)"
    )

    def fact(gap: Gap, slice_: str, detail: dict[str, Any]) -> Fact:
        counts = gap.counts
        return context.fact(
            name,
            gap.value,
            "fraction",
            slice=slice_,
            n=counts.n,
            low=gap.low,
            high=gap.high,
            level=None if gap.value is None else context.policy.level,
            method="difference of shares, Newcombe; Fisher's p with Holm's correction",
            outcome=gap.outcome,
            n_needed=gap.n_needed,
            threshold=rule,
            evidence=evidence[counts.what],
            detail={
                "found": counts.found,
                "other_found": counts.other_found,
                "other_n": counts.other_n,
                "p": gap.p,
                "p_adjusted": gap.p_adjusted,
                **detail,
            },
        )

    worst = worst_gap(gaps)
    return [
        fact(worst, "all", {"says": says, "shown": worst.counts.what, "compared": len(gaps)}),
        *(fact(gap, gap.counts.what, {}) for gap in gaps),
    ]


def _imbalance_words(gaps: list[Gap], context: Context) -> str:
    bad = [gap for gap in gaps if gap.outcome in (Outcome.FAIL.value, Outcome.WARN.value)]
    if bad:
        worst = worst_gap(bad)
        property_, group = worst.counts.what.split(" | ")
        direction = "more" if (worst.value or 0) > 0 else "less"
        return (
            f"{len(bad)} of {len(gaps)} comparisons differ. The largest: '{property_}' is {direction} frequent in "
            f"{group} than in all other rows ({percent(worst.counts.found / worst.counts.n)} against "
            f"{percent(worst.counts.other_found / worst.counts.other_n)})."
        )
    unsure = sum(gap.outcome == Outcome.INSUFFICIENT.value for gap in gaps)
    if unsure:
        return (
            f"No group is shown to differ; for {unsure} of {len(gaps)} comparisons there are too few rows to rule "
            "it out."
        )
    return f"All {len(gaps)} comparisons of a group with all others stay within {percent(context.policy.max_gap)}."
