"""A share of bad rows that may be at most so large: its interval, and what that says."""

from __future__ import annotations

from audit import statistics
from audit.config import PolicyConfig
from data.facts import Outcome
from data.report.wording import percent


def upper_if_none(found: int, n: int, high: float, level: float) -> float:
    """`high`, or where nothing was found the one-sided bound 1 - (1 - level)^(1/n)."""
    return high if found else statistics.upper_bound(0, n, level)


def at_most(
    found: int, n: int, bounds: tuple[float, float], most: float, policy: PolicyConfig
) -> tuple[str, int | None]:
    """(outcome, rows needed) for `found` bad rows of `n`. The bound decides, never the point.

    PASS: the upper bound is at most `most`. FAIL: the lower bound is above it. INSUFFICIENT: fewer than `min_rows`,
    or nothing found in too few rows to bound the share. WARN: some found, and the interval holds `most`.
    """
    low, high = bounds
    if n >= policy.min_rows:
        if high <= most:
            return Outcome.PASS.value, None
        if low > most:
            return Outcome.FAIL.value, None
        if found:
            return Outcome.WARN.value, None
    enough = statistics.rows_for_zero_found(most, policy.level) if 0 < most < 1 else policy.min_rows
    return Outcome.INSUFFICIENT.value, max(enough, policy.min_rows)


def demand(most: float) -> str:
    """The threshold in words."""
    return f"at most {percent(most)} of the rows"
