"""Intervals and corrections against published numbers and laws."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audit import statistics


def test_wilson_and_clopper_pearson_against_published_values() -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I: 81 of 263.
    assert statistics.wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert statistics.clopper_pearson(81, 263) == pytest.approx((0.2527, 0.3676), abs=1e-4)
    assert statistics.wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=1e-4)


@pytest.mark.parametrize(
    ("counts", "bounds"),
    [
        # Newcombe 1998, "Interval estimation for the difference between independent proportions", table II, method 10.
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ],
)
def test_newcombe_against_published_values(
    counts: tuple[int, int, int, int], bounds: tuple[float, float]
) -> None:
    assert statistics.newcombe(*counts) == pytest.approx(bounds, abs=1e-4)


def test_nothing_seen_bounds_nothing() -> None:
    assert statistics.wilson(0, 0) == (0, 1)
    assert statistics.newcombe(0, 0, 1, 2) == (-1, 1)


def test_zero_found_bounds_the_rate_by_the_number_of_rows() -> None:
    assert statistics.rows_for_zero_found(0.01) == 299
    assert statistics.rows_for_zero_found(0.001) == 2995
    assert statistics.upper_bound(0, 299) <= 0.01 < statistics.upper_bound(0, 298)


def test_holm_by_hand() -> None:
    assert statistics.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.holm([]) == []


@given(st.lists(st.floats(0, 1), max_size=12))
def test_holm_never_lowers_and_keeps_the_order(p_values: list[float]) -> None:
    adjusted = statistics.holm(p_values)
    assert all(a >= p for a, p in zip(adjusted, p_values, strict=True))
    ranked = [a for _, a in sorted(zip(p_values, adjusted, strict=True))]
    assert ranked == sorted(ranked)


def test_cluster_bootstrap_equals_resampling_the_clusters_themselves() -> None:
    found, sizes = [0] * 40 + [1] * 8 + [4] * 2, [1] * 40 + [2] * 8 + [5] * 2
    low, high = statistics.cluster_bootstrap(found, sizes, seed=3, draws=4_000)
    drawn = np.random.default_rng(9).integers(0, 50, size=(4_000, 50))
    shares = np.asarray(found)[drawn].sum(axis=1) / np.asarray(sizes)[drawn].sum(axis=1)
    assert (low, high) == pytest.approx(tuple(np.quantile(shares, [0.025, 0.975])), abs=0.012)
    assert statistics.cluster_bootstrap(found, sizes, seed=3, draws=4_000) == (low, high)


def test_cluster_bootstrap_is_wider_than_counting_rows_as_independent() -> None:
    found, sizes = [0] * 50 + [10] * 5, [1] * 50 + [10] * 5
    low, high = statistics.cluster_bootstrap(found, sizes, seed=0)
    row_low, row_high = statistics.wilson(50, 100)
    assert high - low > 1.5 * (row_high - row_low)


def test_rows_to_decide_says_how_many_would_do() -> None:
    needed = statistics.rows_to_decide(10, 100, 105, 1000, 0.05)
    assert needed is not None
    factor = needed / 100
    low, high = statistics.newcombe(*(round(v * factor) for v in (10, 100, 105, 1000)))
    assert low >= -0.05
    assert high <= 0.05
    assert statistics.rows_to_decide(150, 1000, 100, 1000, 0.05) is None  # exactly on the border


@given(
    st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
    st.sampled_from([0.8, 0.95, 0.99]),
)
def test_closed_forms_equal_scipy(counts: tuple[int, int], level: float) -> None:
    from scipy.stats import binomtest

    test = binomtest(*counts)
    for own, method in ((statistics.wilson, "wilson"), (statistics.clopper_pearson, "exact")):
        theirs = test.proportion_ci(level, method)
        assert own(*counts, level) == pytest.approx((theirs.low, theirs.high), abs=1e-9)
    upper = binomtest(*counts, alternative="less").proportion_ci(level, "exact").high
    assert statistics.upper_bound(*counts, level) == pytest.approx(upper, abs=1e-9)
