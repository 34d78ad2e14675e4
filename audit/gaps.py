"""A group against all others: differences of rates, judged without crying wolf."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from audit import statistics
from audit.config import PolicyConfig
from audit.context import Context
from data.facts import Fact, Outcome
from data.report.wording import DIFFERENCE, counted, quantity

Four = tuple[int, int, int, int]


class Counts(NamedTuple):
    """Rows with a property and all rows, of a group and of all rows outside it.

    about   the property: `label=spam`, or the stage that removed
    group   `audience=older`
    """

    about: str
    group: str
    found: int
    n: int
    other_found: int
    other_n: int

    @property
    def what(self) -> str:
        """The slice of the comparison's fact."""
        return f"{self.about} | {self.group}"

    @property
    def numbers(self) -> Four:
        """found, n, other_found, other_n."""
        return self.found, self.n, self.other_found, self.other_n


def without_mirror(by_group: dict[str, Four]) -> dict[str, Four]:
    """Of two groups only the smaller: the other's comparison is the same one with its sign turned."""
    if len(by_group) != 2:
        return by_group
    smaller = min(by_group, key=lambda group: (by_group[group][1], group))
    return {smaller: by_group[smaller]}


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
    p_values = [statistics.fisher(*family[i].numbers) for i in tested]
    adjusted = statistics.holm(p_values)
    judged = dict(zip(tested, zip(p_values, adjusted, strict=True), strict=True))
    return [
        _judged(row, *judged[i], most, policy) if i in judged else Gap(row, n_needed=policy.min_group)
        for i, row in enumerate(family)
    ]


def _judged(row: Counts, p: float, p_adjusted: float, most: float, policy: PolicyConfig) -> Gap:
    value = row.found / row.n - row.other_found / row.other_n
    low, high = statistics.newcombe(*row.numbers, policy.level)
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
        needed = statistics.rows_to_decide(*row.numbers, most)
    return Gap(row, value, low, high, p, p_adjusted, outcome.value, needed)


def worst_gap(gaps: list[Gap]) -> Gap:
    """The gap with the worst outcome, then the largest difference; ties go by name."""
    order = [o.value for o in (Outcome.FAIL, Outcome.WARN, Outcome.INSUFFICIENT, Outcome.PASS)]
    return min(gaps, key=lambda gap: (order.index(gap.outcome), -abs(gap.value or 0), gap.counts.what))


def gap_facts(
    context: Context, name: str, gaps: list[Gap], evidence: dict[str, str], most: float, says: str
) -> list[Fact]:
    """One fact for the worst gap, standing for the check, and one for each."""
    rule = (
        f"differs from all others by at most {quantity(most, DIFFERENCE)} (Holm over "
        f"{counted(len(gaps), 'comparison')}, at least {counted(context.policy.min_group, 'row')} a group)"
    )

    def fact(gap: Gap, slice_: str, detail: dict[str, Any]) -> Fact:
        counts = gap.counts
        return context.fact(
            name,
            gap.value,
            DIFFERENCE,
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
                "about": counts.about,
                "group": counts.group,
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
