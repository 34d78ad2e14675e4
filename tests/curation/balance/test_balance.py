"""Caps hold, are stable, choose without preference, and say plainly when they cannot be met."""

from __future__ import annotations

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.balance import BalanceConfig, judge, measure
from curation.balance.caps import exact
from curation.config import CurationConfig
from curation.pipeline import run_stage
from curation.split.place import position
from curation.stages import STAGES
from data.errors import ConfigError
from data.load import Loader
from data.load.config import SourceConfig
from data.records import FrameRecords
from data.store import Store


def on(**keys: Any) -> BalanceConfig:
    return BalanceConfig(enabled=True, **keys)


def records(rows: list[tuple[str, str | None, bool]]) -> FrameRecords:
    """From (record_id, task, whether it is synthetic)."""
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    return FrameRecords.of(
        *(
            {"record_id": r, "messages": said, "task": t, "origin": "Model" if s else "person"}
            for r, t, s in rows
        )
    )


def many(counts: dict[str | None, int], synthetic: int = 0) -> list[tuple[str, str | None, bool]]:
    """So many rows of each task; each `synthetic`th row is synthetic."""
    values = [value for value, count in counts.items() for _ in range(count)]
    return [(f"r{n:05d}", value, bool(synthetic) and n % synthetic == 0) for n, value in enumerate(values)]


def kept(rows: list[tuple[str, str | None, bool]], config: BalanceConfig) -> set[str]:
    found = judge(records(rows), config)
    assert set(found["action"]) <= {"drop"}
    return {row[0] for row in rows} - set(found["record_id"])


def counts(rows: list[tuple[str, str | None, bool]], ids: set[str]) -> Counter[str | None]:
    return Counter(value for record_id, value, _ in rows if record_id in ids)


SYNTHETIC = {"synthetic_column": "origin", "synthetic_values": ["model"]}
some_rows = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c", None]), st.booleans()), min_size=1, max_size=60
).map(lambda drawn: [(f"r{n:03d}", value, mark) for n, (value, mark) in enumerate(drawn)])
with_values = some_rows.filter(lambda rows: any(value for _, value, _ in rows))


def test_a_cap_by_rows_says_what_it_kept() -> None:
    rows = many({"mail": 1400, "ad": 300, None: 50})
    found = judge(records(rows), on(column="task", max_rows=900))
    assert found.height == 500
    assert set(found.select("action", "reason", "detail").rows()) == {
        ("drop", "balance_cap", "task=mail: 900 of 1,400 kept")
    }
    assert counts(rows, kept(rows, on(column="task", max_rows=900))) == {"mail": 900, "ad": 300, None: 50}


def test_missing_values_stay_unless_they_are_capped() -> None:
    rows = many({"a": 10, None: 40})
    assert counts(rows, kept(rows, on(column="task", max_rows=5))) == {"a": 5, None: 40}
    assert counts(rows, kept(rows, on(column="task", max_rows=5, cap_missing=True))) == {"a": 5, None: 5}
    found = judge(records(rows), on(column="task", max_rows=20, cap_missing=True))
    assert set(found["detail"]) == {"task=(missing): 20 of 40 kept"}


def test_fractions_count_what_is_left() -> None:
    rows = many({"a": 900, "b": 50, "c": 50})
    assert counts(rows, kept(rows, on(column="task", max_fraction=0.5))) == {"a": 100, "b": 50, "c": 50}


def test_the_synthetic_share_is_capped() -> None:
    rows = many({"a": 600}, synthetic=2)
    config = on(column="task", max_synthetic_fraction=0.25, **SYNTHETIC)
    found = judge(records(rows), config)
    assert set(found.select("reason", "detail").rows()) == {
        ("balance_synthetic", "synthetic: 100 of 300 kept")
    }
    assert all(int(record_id[1:]) % 2 == 0 for record_id in found["record_id"])
    none = on(column="task", max_synthetic_fraction=0, **SYNTHETIC)
    assert judge(records(rows), none).height == 300


@settings(max_examples=150, deadline=None)
@given(with_values, st.integers(0, 20), st.integers(8, 20), st.integers(0, 20), st.booleans())
def test_all_caps_hold_together_and_what_holds_is_left_alone(
    rows: list[tuple[str, str | None, bool]], most: int, fraction: int, share: int, cap_missing: bool
) -> None:
    config = on(
        column="task", max_rows=most + 1, max_fraction=fraction / 20, cap_missing=cap_missing,
        max_synthetic_fraction=share / 20, **SYNTHETIC,
    )  # fmt: skip
    try:
        ids = kept(rows, config)
    except ConfigError as error:
        assert "cannot be met" in error.problem
        return
    assert ids
    left = counts(rows, ids)
    capped = [n for value, n in left.items() if cap_missing or value is not None]
    assert all(n <= most + 1 and n <= exact(fraction / 20) * len(ids) for n in capped)
    synthetic = sum(mark for record_id, _, mark in rows if record_id in ids)
    assert synthetic <= exact(share / 20) * len(ids)
    again = [row for row in rows if row[0] in ids]
    if any(value for _, value, _ in again):
        assert kept(again, config) == ids


@settings(max_examples=100, deadline=None)
@given(with_values, st.integers(1, 20), st.integers(1, 20), st.integers(0, 99))
def test_a_smaller_cap_keeps_a_part_of_what_a_larger_one_keeps(
    rows: list[tuple[str, str | None, bool]], one: int, other: int, seed: int
) -> None:
    low, high = sorted((one, other))

    def ids(**keys: Any) -> set[str]:
        return kept(rows, on(column="task", seed=seed, **keys))

    assert ids(max_rows=low) <= ids(max_rows=high)
    try:
        assert ids(max_fraction=low / 20, max_rows=100) <= ids(max_fraction=high / 20, max_rows=100)
    except ConfigError as error:
        assert "cannot be met" in error.problem
    if all(mark for _, _, mark in rows):
        return
    fixed = {"max_rows": 7, **SYNTHETIC}
    try:
        assert ids(max_synthetic_fraction=low / 40, **fixed) <= ids(max_synthetic_fraction=high / 40, **fixed)
    except ConfigError as error:
        assert "every record is synthetic" in error.problem


@settings(max_examples=60, deadline=None)
@given(with_values, st.lists(st.sampled_from(["a", "b", "c"]), max_size=10), st.integers(1, 12))
def test_a_new_row_pushes_out_at_most_one_and_brings_none_back(
    rows: list[tuple[str, str | None, bool]], new: list[str], most: int
) -> None:
    config = on(column="task", max_rows=most)
    before = kept(rows, config)
    after = kept(rows + [(f"n{n:03d}", value, False) for n, value in enumerate(new)], config)
    old = {row[0] for row in rows}
    assert after & old <= before
    assert len(before - after) <= len(new)


def test_no_preference_and_another_seed_makes_another_choice() -> None:
    rows = many({"a": 4000}, synthetic=2)
    first, second = (kept(rows, on(column="task", max_rows=2000, seed=seed)) for seed in (1, 2))
    # Two independent halves of 4,000 share 1,000 +- 16 (one standard deviation), and so do a half and the even ones.
    assert abs(len(first & second) - 1000) < 100
    assert abs(sum(int(record_id[1:]) % 2 == 0 for record_id in first) - 1000) < 100


@pytest.mark.parametrize("cap", [{"max_rows": 1000}, {**SYNTHETIC, "max_synthetic_fraction": 0.2}])
def test_what_stays_is_split_as_all_records_would_be(cap: dict[str, Any]) -> None:
    rows = many({"a": 4000}, synthetic=2)
    stay = kept(rows, on(column="task", **cap))
    assert len(stay) in (1000, 2500)
    test = sum(position(record_id, seed=1) < 0.1 for record_id in stay)
    # A tenth of those that stay, within four standard deviations.
    assert abs(test - len(stay) / 10) < 4 * (0.09 * len(stay)) ** 0.5


def test_shuffled_records_give_the_same_verdicts() -> None:
    rows = many({"a": 60, "b": 20, None: 20}, synthetic=3)
    config = on(column="task", max_fraction=0.4, max_synthetic_fraction=0.2, **SYNTHETIC)
    expected = judge(records(rows), config)
    assert not expected.is_empty()
    random.Random(2).shuffle(rows)
    assert judge(records(rows), config).equals(expected)


def test_what_cannot_be_met_is_said() -> None:
    with pytest.raises(ConfigError) as caught:
        judge(records(many({"a": 60, "b": 40})), on(column="task", max_fraction=0.4))
    assert caught.value.problem == "balance.max_fraction=0.4 cannot be met: task has 2 values"
    assert "balance.max_fraction=0.5 or more" in caught.value.hints[0]
    with pytest.raises(ConfigError, match=r"task has one value and 1 record without one"):
        judge(records(many({"a": 60, None: 1})), on(column="task", max_fraction=0.1))
    with pytest.raises(ConfigError, match=r"balance\.max_fraction=0\.334 or more"):
        judge(records(many({"a": 60, "b": 1, "c": 2})), on(column="task", max_fraction=0.3))
    with pytest.raises(ConfigError, match="every record is synthetic"):
        judge(records(many({"a": 9}, synthetic=1)), on(max_synthetic_fraction=0.3, **SYNTHETIC))
    with pytest.raises(ConfigError, match=r"balance\.column=taks: no record has that column"):
        judge(records(many({"a": 9})), on(column="taks", max_rows=5))
    with pytest.raises(ConfigError, match=r"balance\.synthetic_column=made_by: no record"):
        judge(records(many({"a": 9})), on(synthetic_column="made_by", max_synthetic_fraction=0.3))


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({}, "nothing is capped"),
        ({"max_rows": -1}, "balance.max_rows=-1"),
        ({"max_fraction": 0}, "balance.max_fraction=0"),
        ({"max_fraction": 40}, "balance.max_fraction=40"),
        ({"max_synthetic_fraction": 1.5}, "balance.max_synthetic_fraction=1.5"),
        ({"max_synthetic_fraction": 0.5}, "needs to know what is synthetic"),
        ({"max_rows": 5, "min_rows": 10}, "balance.max_rows=5 is below balance.min_rows=10"),
        ({"max_rows": 5, "column": "text"}, "balance.column=text has another value for each record"),
        ({"max_rows": 5, "column": ""}, "balance.column is empty"),
    ],
)
def test_bad_settings_are_named(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        on(**keys)
    assert message in caught.value.problem
    assert caught.value.hints


def test_off_says_nothing() -> None:
    rows = records(many({"a": 9}))
    assert judge(rows, BalanceConfig()).is_empty()
    assert measure(rows, rows, BalanceConfig()) == []
    assert judge(records([]), on(max_rows=1)).is_empty()


def test_personal_values_are_counted_but_not_named() -> None:
    rows = many({"marta.lopez@example.com": 9, "jo@example.org": 8, "desk": 7})
    config = on(column="task", max_rows=5, min_rows=1)
    found = judge(records(rows), config)
    assert set(found["detail"]) == {
        "task=<EMAIL_ADDRESS> 1: 5 of 9 kept", "task=<EMAIL_ADDRESS> 2: 5 of 8 kept", "task=desk: 5 of 7 kept",
    }  # fmt: skip
    after = records([row for row in rows if row[0] not in set(found["record_id"])])
    assert "@" not in repr(measure(records(rows), after, config))


def test_a_real_store_is_balanced_and_measured(tmp_path: Path) -> None:
    raw = tmp_path / "raw.jsonl"
    lines = [
        json.dumps(
            {"prompt": f"q{n}", "completion": f"a{n}", "task": "mail" if n % 4 else "ad", "made": n % 2 == 0}
        )
        for n in range(80)
    ]
    raw.write_text("\n".join(lines))
    config = on(column="task", max_rows=30, min_rows=25, synthetic_column="made", max_synthetic_fraction=0.25)
    with Store.open(tmp_path / "s.duckdb") as store:
        loader = Loader(SourceConfig(path=[str(raw)]))
        store.ingest("v-raw", {}, "code", loader, loader.files)
        step = run_stage(store, "v-raw", STAGES["balance"], config)
        facts = store.facts(step.version, "balance_rows")
        left = store.read(step.version).frame("task", "made").collect()
        share = store.facts(step.version, "balance_synthetic_fraction").row(0, named=True)
        said = set(store.verdicts(step.version)["reason"])
    rows = dict(left["task"].value_counts().iter_rows())
    assert said == {"balance_cap", "balance_synthetic"}
    assert rows["mail"] <= 30
    assert left.filter(pl.col("made") == "true").height <= 0.25 * left.height
    by_slice = {row["slice"]: row for row in facts.iter_rows(named=True)}
    assert by_slice["all"]["value"] == left.height
    assert {key: (row["n"], row["value"]) for key, row in by_slice.items() if key != "all"} == {
        "task=mail": (60, rows["mail"]),
        "task=ad": (20, rows["ad"]),
    }
    assert by_slice["task=ad"]["outcome"] == "WARN"
    assert (share["outcome"], share["value"]) == ("PASS", (left["made"] == "true").sum() / left.height)


def test_it_comes_before_the_split_and_is_off_by_default() -> None:
    names = list(STAGES)
    assert names.index("pii") < names.index("balance") < names.index("split")
    assert not STAGES["balance"].is_on(CurationConfig().balance)
    assert not STAGES["licence"].is_on(CurationConfig().licence)
