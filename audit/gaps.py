"""A group against all others: differences of rates, judged without crying wolf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from audit import statistics
from audit.config import PolicyConfig
from data.facts import Outcome


class Counts(NamedTuple):
    """Rows with a property and all rows, of a group and of all rows outside it. `what` names property and group."""

    what: str
    found: int
    n: int
    other_found: int
    other_n: int


@dataclass(frozen=True, slots=True)
class Gap:
    """A judged comparison.

    value, low, high   found/n - other_found/other_n with Newcombe's interval; None where it was not compared
    p, p_adjusted      Fisher's exact p, and Holm's within the family; None where it was not compared
    n_needed           rows the group needs, for INSUFFICIENT; None where no number within reason would do
    """

    counts: Counts
    value: float | None = None
    low: float | None = None
    high: float | None = None
    p: float | None = None
    p_adjusted: float | None = None
    outcome: str = Outcome.INSUFFICIENT.value
    n_needed: int | None = None


def compare(family: list[Counts], most: float, policy: PolicyConfig) -> list[Gap]:
    """Every comparison of `family` judged against a difference of at most `most`.

    INSUFFICIENT without a test: fewer than `min_group` rows on either side.
    FAIL: Holm's p is below alpha, and the whole interval lies beyond +-most.
    WARN: Holm's p is below alpha, and the difference, but not its whole interval, lies beyond.
    PASS: the whole interval lies within +-most. That all must pass needs no correction (an intersection-union
    test, Berger 1982); that any may fail does: hence Holm over all that are tested.
    INSUFFICIENT otherwise, with the rows needed.
    """
    tested = [i for i, row in enumerate(family) if min(row.n, row.other_n) >= policy.min_group]
    p_values = [statistics.fisher(*family[i][1:]) for i in tested]
    adjusted = statistics.holm(p_values)
    judged = dict(zip(tested, zip(p_values, adjusted, strict=True), strict=True))
    return [
        _judged(row, *judged[i], most, policy) if i in judged else Gap(row, n_needed=policy.min_group)
        for i, row in enumerate(family)
    ]


def _judged(row: Counts, p: float, p_adjusted: float, most: float, policy: PolicyConfig) -> Gap:
    value = row.found / row.n - row.other_found / row.other_n
    low, high = statistics.newcombe(*row[1:], policy.level)
    needed = None
    significant = p_adjusted < policy.alpha
    if significant and (low > most or high < -most):
        outcome = Outcome.FAIL
    elif significant and abs(value) > most:
        outcome = Outcome.WARN
    elif -most <= low and high <= most:
        outcome = Outcome.PASS
    else:
        outcome = Outcome.INSUFFICIENT
        needed = statistics.rows_to_decide(*row[1:], most)
    return Gap(row, value, low, high, p, p_adjusted, outcome.value, needed)


def worst_gap(gaps: list[Gap]) -> Gap:
    """The gap with the worst outcome, then the largest difference; ties go by name."""
    order = [o.value for o in (Outcome.FAIL, Outcome.WARN, Outcome.INSUFFICIENT, Outcome.PASS)]
    return min(gaps, key=lambda gap: (order.index(gap.outcome), -abs(gap.value or 0), gap.counts.what))
