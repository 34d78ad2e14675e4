"""Laws of placing whole groups: shares near the fractions, no dependence on the order of rows, nothing moves later."""

from __future__ import annotations

from collections import Counter

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.split.place import fill, place

SPLITS = st.sampled_from([(0.8, 0.1, 0.1), (0.5, 0.2, 0.3), (0.65, 0.15, 0.2), (0.7, 0.3)]).map(
    lambda fractions: dict(zip(("train", "test", "validation"), fractions, strict=False))
)
FOLDS = st.sampled_from([2, 3, 5, 10]).map(lambda k: {str(n): 1 / k for n in range(k)})
NOTHING = pl.DataFrame(schema={"record_id": pl.String, "value": pl.String})


def tally(groups: list[dict[str, int]], fractions: dict[str, float]) -> tuple[Counter, Counter]:
    chosen = fill(list(enumerate(groups)), {}, fractions)
    counts: Counter = Counter()
    totals: Counter = Counter()
    for number, sizes in enumerate(groups):
        for stratum, size in sizes.items():
            for name in (stratum, "all"):
                counts[name, chosen[number]] += size
                totals[name] += size
    return counts, totals


PURE = st.lists(
    st.tuples(st.sampled_from("abcdefg"), st.integers(1, 8)).map(lambda g: {g[0]: g[1]}), min_size=1
)


@settings(deadline=None)
@given(PURE, st.one_of(SPLITS, FOLDS))
def test_no_place_is_more_than_a_group_over_or_two_under(groups: list, fractions: dict[str, float]) -> None:
    counts, totals = tally(groups, fractions)
    largest = max(max(sizes.values()) for sizes in groups)
    for stratum in set(totals) - {"all"}:
        for name, fraction in fractions.items():
            over = counts[stratum, name] - fraction * totals[stratum]
            assert -2 * largest < over < largest + 1e-6


@settings(deadline=None)
@given(PURE, st.one_of(SPLITS, FOLDS))
def test_all_records_together_are_near_the_fractions_too(groups: list, fractions: dict[str, float]) -> None:
    counts, totals = tally(groups, fractions)
    largest = max(max(sizes.values()) for sizes in groups)
    for name, fraction in fractions.items():
        assert abs(counts["all", name] - fraction * totals["all"]) <= 3 * largest


@settings(deadline=None)
@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=200), FOLDS)
def test_folds_of_single_records_are_equal_in_each_stratum(strata: list[str], fractions: dict) -> None:
    counts, totals = tally([{stratum: 1} for stratum in strata], fractions)
    for stratum in set(totals) - {"all"}:
        sizes = [counts[stratum, name] for name in fractions]
        assert max(sizes) - min(sizes) <= 1


def test_many_small_strata_do_not_leave_the_test_split_empty() -> None:
    counts, _ = tally(
        [{f"s{n % 100}": 1} for n in range(300)], {"train": 0.8, "test": 0.1, "validation": 0.1}
    )
    assert [counts["all", name] for name in ("train", "test", "validation")] == pytest.approx(
        [240, 30, 30], abs=2
    )


def test_groups_of_many_strata_are_shared_out_by_all_of_them() -> None:
    groups = [{"a": 1 + n % 3, "b": 3 - n % 3} for n in range(200)]
    counts, totals = tally(groups, {"train": 0.6, "test": 0.4})
    for stratum in "ab":
        assert abs(counts[stratum, "test"] / totals[stratum] - 0.4) < 0.02


def test_what_was_placed_counts() -> None:
    chosen = fill([(n, {"a": 1}) for n in range(10)], {("a", "train"): 10}, {"train": 0.5, "test": 0.5})
    assert set(chosen.values()) == {"test"}


# A record: its group, its stratum and the ingest that brought it.
RECORDS = st.lists(
    st.tuples(st.integers(0, 30), st.sampled_from(["a", "b", None]), st.integers(1, 3)),
    min_size=1,
    max_size=80,
)


def frame(records: list[tuple[int, str | None, int]]) -> pl.DataFrame:
    rows = [(f"r{number:03d}", *record) for number, record in enumerate(records)]
    kinds = {"record_id": pl.String, "group": pl.Int64, "stratum": pl.String, "ingest_number": pl.Int64}
    return pl.DataFrame(rows, schema=kinds, orient="row")


def until(everything: pl.DataFrame, last: int) -> list[pl.DataFrame]:
    numbers = sorted(n for n in everything["ingest_number"].unique() if n <= last)
    return [everything.filter(pl.col("ingest_number") <= n) for n in numbers]


def places(growth: list[pl.DataFrame], known: pl.DataFrame = NOTHING, seed: int = 1) -> dict[str, str]:
    placed = place(growth, known, {"train": 0.6, "test": 0.2, "validation": 0.2}, seed=seed, rare="train")
    return dict(placed.select("record_id", "place").iter_rows())


@settings(deadline=None, max_examples=60)
@given(RECORDS, st.integers(0, 5), st.randoms(use_true_random=False))
def test_groups_stay_whole_and_the_order_of_rows_says_nothing(records: list, seed: int, shuffler) -> None:
    everything = frame(records)
    placed = places(until(everything, 3), seed=seed)
    groups: dict[int, set] = {}
    for record_id, group in everything.select("record_id", "group").iter_rows():
        groups.setdefault(group, set()).add(placed[record_id])
    assert all(len(found) == 1 and None not in found for found in groups.values())
    order = list(range(everything.height))
    shuffler.shuffle(order)
    # Numbers of groups are arbitrary as well.
    shuffled = everything[order].with_columns(group=pl.lit(100) - pl.col("group"))
    assert places(until(shuffled, 3), seed=seed) == placed


@settings(deadline=None, max_examples=60)
@given(RECORDS)
def test_later_ingests_move_nothing_with_or_without_memory(records: list) -> None:
    everything = frame(records)
    for last in (1, 2):
        early = places(until(everything, last))
        assert {key: places(until(everything, 3))[key] for key in early} == early
        known = pl.DataFrame({"record_id": list(early), "value": list(early.values())}, schema=NOTHING.schema)
        assert {key: places(until(everything, 3), known)[key] for key in early} == early


def test_a_rare_stratum_is_trained_on() -> None:
    records = [(n, "common", 1) for n in range(40)] + [(40, "one", 1), (41, "two", 1), (42, "two", 1)]
    for seed in range(20):
        placed = places([frame(records)], seed=seed)
        assert [placed[f"r{n:03d}"] for n in (40, 41, 42)] == ["train"] * 3


def test_rare_strata_do_not_push_a_common_one_out_of_train() -> None:
    records = [(n, "common", 1) for n in range(50)] + [(n, f"rare{n}", 1) for n in range(50, 250)]
    placed = places([frame(records)])
    assert 9 <= sum(placed[f"r{n:03d}"] == "test" for n in range(50)) <= 11
