"""Group comparisons: quiet where all groups are equal, loud where one differs, honest where rows are few."""

from __future__ import annotations

import numpy as np
import pytest

from audit.config import PolicyConfig
from audit.gaps import Counts, compare, without_mirror, worst_gap

SIZES = (2000, 1200, 800, 500, 300, 200, 120, 80, 40, 15, 6, 3)
RATE = 0.5


def null_family(rng: np.random.Generator) -> list[Counts]:
    """Twelve groups with one and the same true rate, as `compare` wants them."""
    found = rng.binomial(SIZES, RATE)
    return [
        Counts("p", f"group {i}", int(k), n, int(found.sum()) - int(k), sum(SIZES) - n)
        for i, (k, n) in enumerate(zip(found, SIZES, strict=True))
    ]


def false_alarms(runs: int) -> tuple[float, float]:
    """The share of nulls in which any group is flagged, and in which the plain largest gap exceeds .2."""
    rng = np.random.default_rng(20_26)
    policy = PolicyConfig()
    flagged = naive = 0
    for _ in range(runs):
        family = null_family(rng)
        # A demanded gap of zero is the hardest case: only the test stands between chance and an alarm.
        flagged += any(gap.outcome in ("FAIL", "WARN") for gap in compare(family, 0.0, policy))
        rates = [row.found / row.n for row in family]
        naive += max(rates) - min(rates) > 0.2
    return flagged / runs, naive / runs


def test_equal_groups_are_not_flagged_small_simulation() -> None:
    flagged, naive = false_alarms(150)
    assert flagged <= 0.08
    assert naive > 0.85


@pytest.mark.slow
def test_equal_groups_are_not_flagged() -> None:
    flagged, naive = false_alarms(2_000)
    assert flagged <= 0.05
    assert naive > 0.9


def test_a_real_gap_is_found_with_its_direction() -> None:
    gaps = compare(
        [Counts("p", "a", 150, 300, 200, 1000), Counts("p", "b", 62, 300, 200, 1000)], 0.1, PolicyConfig()
    )
    assert [gap.outcome for gap in gaps] == ["FAIL", "PASS"]
    assert gaps[0].value == pytest.approx(0.3)
    assert gaps[0].low is not None
    assert gaps[0].low > 0.1
    assert worst_gap(gaps) is gaps[0]


def test_a_gap_whose_interval_reaches_the_border_is_a_warning() -> None:
    (gap,) = compare([Counts("p", "a", 105, 300, 200, 1000)], 0.1, PolicyConfig())
    assert gap.outcome == "WARN"
    assert gap.low is not None
    assert gap.low < 0.1 < (gap.value or 0)


def test_small_groups_are_never_green_and_say_how_many_rows_they_need() -> None:
    tiny, few = compare(
        [Counts("p", "tiny", 3, 3, 20, 1000), Counts("p", "few", 10, 40, 200, 1000)], 0.1, PolicyConfig()
    )
    assert (tiny.outcome, tiny.value, tiny.n_needed) == ("INSUFFICIENT", None, 30)
    assert few.outcome == "INSUFFICIENT"
    assert few.n_needed is not None
    assert few.n_needed > 40


def test_many_small_effects_together_pay_for_being_many() -> None:
    one = [Counts("p", "a", 60, 200, 200, 1000)]
    alone = compare(one, 0.05, PolicyConfig())[0]
    crowd = compare(
        one + [Counts("p", f"x{i}", 40, 200, 200, 1000) for i in range(60)], 0.05, PolicyConfig()
    )[0]
    assert alone.outcome == "WARN"
    assert crowd.outcome == "INSUFFICIENT"
    assert (crowd.p_adjusted or 0) > (alone.p_adjusted or 1)


def test_of_two_groups_only_the_smaller_is_compared() -> None:
    assert without_mirror({"a": (1, 9, 2, 3), "b": (2, 3, 1, 9)}) == {"b": (2, 3, 1, 9)}
    three = dict.fromkeys("abc", (1, 2, 3, 4))
    assert without_mirror(three) == three
