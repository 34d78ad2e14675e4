"""The arithmetic of caps against the iteration that defines it, and against every other choice."""

from __future__ import annotations

from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.balance.caps import cap, exact, synthetic_cap

counts_of = st.lists(st.integers(1, 60), min_size=1, max_size=6)
fractions = st.integers(1, 20).map(lambda n: n / 20)


def iterated(counts: list[int], free: int, fraction: Fraction) -> list[int]:
    """Each value cut to its fraction of what was left, until nothing changes."""
    while True:
        total = free + sum(counts)
        cut = [min(count, int(fraction * total)) for count in counts]
        if cut == counts:
            return counts
        counts = cut


@given(counts_of, st.integers(0, 40), st.integers(0, 50), fractions)
def test_the_cap_is_where_the_iteration_ends(
    counts: list[int], free: int, rows: int, fraction: float
) -> None:
    most = cap(counts, free=free, max_rows=rows, max_fraction=fraction)
    capped = [min(count, rows) if rows else count for count in counts]
    assert [min(count, most) for count in capped] == iterated(capped, free, exact(fraction))


@given(st.lists(st.integers(1, 6), min_size=1, max_size=4), st.integers(0, 6), fractions)
def test_no_other_choice_keeps_more_of_any_value(counts: list[int], free: int, fraction: float) -> None:
    most = cap(counts, free=free, max_fraction=fraction)
    for choice in product(*(range(count + 1) for count in counts)):
        if all(kept <= exact(fraction) * (free + sum(choice)) for kept in choice):
            assert all(kept <= min(count, most) for kept, count in zip(choice, counts, strict=True))


@given(counts_of, fractions)
def test_it_can_be_met_exactly_if_there_are_enough_values(counts: list[int], fraction: float) -> None:
    assert (cap(counts, max_fraction=fraction) > 0) == (len(counts) * exact(fraction) >= 1)


def test_fractions_are_exact() -> None:
    # In binary .29 * 100 is below 29.
    assert cap([29], free=71, max_fraction=0.29) == 29
    assert cap([100] * 10, max_fraction=0.1) == 100
    assert cap([1_000_000, 500_000, 200_000], max_fraction=0.4) == 400_000
    assert cap([900, 50, 50], max_fraction=0.5) == 100
    assert cap([900], free=100, max_fraction=0.9) == 900
    assert synthetic_cap(700, 0.3) == 300
    assert synthetic_cap(90, 0.1) == 10


def test_several_values_over_the_cap_share_it() -> None:
    assert [min(n, cap([500, 400, 100, 50], max_fraction=0.3)) for n in (500, 400, 100, 50)] == [
        112, 112, 100, 50,
    ]  # fmt: skip


@given(st.integers(0, 500), fractions)
def test_the_synthetic_cap_is_met_and_one_more_is_too_many(real: int, fraction: float) -> None:
    most = synthetic_cap(real, fraction)
    if most is None:
        assert fraction == 1
        return
    assert most <= exact(fraction) * (most + real)
    assert most + 1 > exact(fraction) * (most + 1 + real)


@pytest.mark.parametrize("rows", [1, 7, 10**9])
def test_a_cap_by_rows_needs_no_fraction(rows: int) -> None:
    assert cap([5, 10, 20], max_rows=rows) == min(20, rows)
