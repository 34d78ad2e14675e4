"""Who is in the data: the share of each group, against a reference population where one is given."""

from __future__ import annotations

from audit import statistics
from audit.context import Context
from audit.groups import NO_GROUPS, group_rows, group_sql, quoted
from data.facts import Fact, Outcome
from data.report.outcomes import severity
from data.report.wording import percent


def representation(context: Context) -> list[Fact]:
    """FAI-001: each group's share of the rows, against the reference population, or against the least share.

    Intervals are simultaneous within a column: Wilson's at level 1 - (1 - level) / groups (Goodman 1965).
    """
    if not context.groups:
        return [context.not_run("FAI-001", NO_GROUPS)]
    facts = [fact for column in context.groups for fact in _shares(context, column)]
    worst_first = sorted(facts, key=lambda f: (severity(f.outcome), _ratio(f), f.slice))
    smallest = worst_first[0]
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
            outcome=smallest.outcome,
            n_needed=smallest.n_needed,
            threshold=smallest.threshold,
            evidence=smallest.evidence,
            detail={
                "says": _words(worst_first, context),
                "shown": smallest.slice,
                "reference": bool(context.config.reference),
                "columns": context.groups,
            },
        ),
        *facts,
    ]


def _ratio(fact: Fact) -> float:
    return (fact.value or 0.0) / (fact.detail["reference"] or 1.0)


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


def _words(worst_first: list[Fact], context: Context) -> str:
    def told(fact: Fact) -> str:
        expected = fact.detail["reference"]
        against = "" if expected is None else f" against {percent(expected)} in the reference"
        return f"{fact.detail['column']}={fact.detail['group']} ({percent(fact.value)} of the rows{against})"

    outcome = worst_first[0].outcome
    if outcome in (Outcome.FAIL.value, Outcome.WARN.value):
        same = [fact for fact in worst_first if fact.outcome == outcome]
        unsure = outcome == Outcome.WARN.value and same[0].detail["reference"] is not None
        names = ", ".join(told(fact) for fact in same[:3]) + (
            f" and {len(same) - 3} more" if len(same) > 3 else ""
        )
        return f"{'Perhaps under-represented' if unsure else 'Under-represented'}: {names}."
    if outcome == Outcome.INSUFFICIENT.value:
        return "Too few rows to say how the groups are represented."
    if context.config.reference:
        return "Every group has at least the demanded part of its share in the reference population."
    return (
        f"No group is surely below {percent(context.policy.min_share)} of the rows. No reference population was "
        "given, so this says nothing about whether the shares are right."
    )
