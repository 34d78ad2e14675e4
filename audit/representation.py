"""Who is in the data: the share of each group, against a reference population where one is given."""

from __future__ import annotations

from audit import statistics
from audit.context import Context
from audit.groups import NO_GROUPS, group_rows, group_sql, quoted
from data.facts import Fact, Outcome
from data.report.wording import percent


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
    def told(fact: Fact) -> str:
        expected = fact.detail["reference"]
        against = "" if expected is None else f" against {percent(expected)} in the reference"
        return f"{fact.detail['column']}={fact.detail['group']} ({percent(fact.value)} of the rows{against})"

    if flagged:
        surely = [
            fact for fact in flagged if fact.outcome == Outcome.FAIL.value or not context.config.reference
        ]
        names = ", ".join(told(fact) for fact in sorted(surely or flagged, key=_ratio)[:3])
        more = f" and {len(surely or flagged) - 3} more" if len(surely or flagged) > 3 else ""
        return f"{'Under-represented' if surely else 'Perhaps under-represented'}: {names}{more}."
    if unsure:
        return "Too few rows to say how the groups are represented."
    if context.config.reference:
        return "Every group has at least the demanded part of its share in the reference population."
    return (
        f"No group is surely below {percent(context.policy.min_share)} of the rows. No reference population was "
        "given, so this says nothing about whether the shares are right."
    )
