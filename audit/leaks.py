"""The share of rows in which a search finds something that should not be there: one fact for all, one a type."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from audit import statistics
from audit.context import Context
from audit.shares import at_most, demand, upper_if_none
from data.facts import Fact
from data.report.wording import counted, number, percent


def leak_facts(
    context: Context, name: str, found: Sequence[Counter[str]], *, what: str, signature: str, **detail: Any
) -> list[Fact]:
    """The facts of the check `name` from the findings by type in each of the rows that were searched.

    `what` was looked for, in words: "e-mail addresses ...". The bound (Clopper & Pearson's) speaks of nothing else.
    """
    policy = context.policy
    n, hits = len(found), sum(1 for counts in found if counts)
    low, high = statistics.clopper_pearson(hits, n, policy.level) if n else (0.0, 1.0)
    high = upper_if_none(hits, n, high, policy.level) if n else high
    outcome, needed = at_most(hits, n, (low, high), policy.max_pii_leak, policy)
    common: dict[str, Any] = {
        "n": n,
        "level": policy.level,
        "method": "Clopper-Pearson" + (", one-sided" if hits == 0 else ""),
        "signature": f"{signature}|seed:{context.config.seed}|rows:{n}/{context.version.rows}",
        "evidence": context.rerun(name),
    }
    says = (
        f"Of {what} nothing was found in {counted(n, 'row')}: with {100 * policy.level:g} % confidence, at most "
        f"{percent(high)} of such rows hold any."
        if hits == 0
        else f"{number(hits)} of {counted(n, 'row')} {'holds' if hits == 1 else 'hold'} {what}."
    )
    main = context.fact(
        name,
        hits / n if n else None,
        "fraction",
        low=low,
        high=high,
        outcome=outcome,
        n_needed=needed,
        threshold=demand(policy.max_pii_leak),
        detail={"says": says, **detail},
        **common,
    )
    rows_by_type = Counter(kind for counts in found for kind in counts)
    by_type = [
        context.fact(
            name,
            rows / n,
            "fraction",
            slice=f"type={kind}",
            low=(bounds := statistics.clopper_pearson(rows, n, policy.level)).low,
            high=bounds.high,
            detail={"rows": rows},
            **common,
        )
        for kind, rows in sorted(rows_by_type.items(), key=lambda item: (-item[1], item[0]))
    ]
    return [main, *by_type]
