"""Splits leak nothing, are placed by a hash, and stay where they were when data is added."""

from __future__ import annotations

import random
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.split import judge, measure
from curation.split.config import SplitConfig
from data.errors import ConfigError
from data.records import FrameRecords

WORDS = [f"word{n}" for n in range(400)]


def row(number: int, text: str | None = None, **about: Any) -> dict[str, Any]:
    said = text or " ".join(random.Random(number).choices(WORDS, k=40))
    messages = [{"role": "user", "content": f"prompt {number}"}, {"role": "assistant", "content": said}]
    return {"record_id": f"r{number:04d}", "messages": messages, "ingest_number": 1, **about}


def splits(
    rows: list[dict[str, Any]], config: SplitConfig, earlier: pl.DataFrame | None = None
) -> dict[str, str]:
    plain = FrameRecords.of(*rows)
    records = FrameRecords(plain.frame().collect().join(_extra(rows), on="record_id"), earlier=earlier)
    assigned = judge(records, config).filter(pl.col("action") == "assign")
    return dict(assigned.select("record_id", "value").iter_rows())


def _extra(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame({"record_id": [r["record_id"] for r in rows], "team": [r.get("team") for r in rows]})


def test_fractions_are_met_about() -> None:
    placed = splits([row(n) for n in range(1000)], SplitConfig(validation=0.1, test=0.2))
    counts = pl.Series(list(placed.values())).value_counts()
    share = dict(counts.iter_rows())
    # Binomial with n = 1000: five standard deviations are below 0.065.
    assert abs(share["test"] / 1000 - 0.2) < 0.065
    assert abs(share["validation"] / 1000 - 0.1) < 0.05


def test_near_duplicates_stay_together() -> None:
    rows = [row(n) for n in range(60)]
    twins = []
    for n in range(60):
        words = rows[n]["messages"][1]["content"].split()
        words[20] = "changed"
        twins.append(row(100 + n, " ".join(words)))
    placed = splits(rows + twins, SplitConfig(threshold=0.5))
    assert len(set(placed.values())) == 3
    assert all(placed[f"r{n:04d}"] == placed[f"r{100 + n:04d}"] for n in range(60))


def test_groups_stay_together_and_missing_values_tie_nothing() -> None:
    rows = [row(n, team=f"t{n % 40}" if n < 200 else None) for n in range(300)]
    placed = splits(rows, SplitConfig(group_by=["team"], test=0.3))
    for team in range(40):
        assert len({placed[f"r{n:04d}"] for n in range(200) if n % 40 == team}) == 1
    assert len({placed[f"r{n:04d}"] for n in range(200, 300)}) == 3


@settings(max_examples=15, deadline=None)
@given(st.integers(20, 60), st.integers(1, 40), st.integers(0, 10**6))
def test_adding_records_moves_none(old: int, new: int, seed: int) -> None:
    config = SplitConfig(seed=seed, test=0.3, validation=0.2)
    first = splits([row(n) for n in range(old)], config)
    earlier = pl.DataFrame({"record_id": list(first), "value": list(first.values())})
    later = splits(
        [row(n) for n in range(old)] + [row(n, ingest_number=2) for n in range(old, old + new)],
        config,
        earlier,
    )
    assert {key: later[key] for key in first} == first


def test_a_new_record_that_bridges_two_splits_is_dropped() -> None:
    # Half of each: near both of the placed records, which are not near one another.
    left, right = " ".join(WORDS[:60]), " ".join(WORDS[40:100])
    bridge = " ".join(WORDS[:100])
    earlier = pl.DataFrame({"record_id": ["r0001", "r0002"], "value": ["train", "test"]})
    records = FrameRecords(
        FrameRecords.of(row(1, left), row(2, right), row(3, bridge, ingest_number=2)).frame().collect(),
        earlier=earlier,
    )
    found = judge(records, SplitConfig(threshold=0.5))
    assert found.filter(pl.col("action") == "drop").select("record_id", "reason", "detail").rows() == [
        ("r0003", "split_bridge", "between test and train")
    ]
    assert found.filter(pl.col("action") == "assign")["record_id"].to_list() == ["r0001", "r0002"]


def test_shuffled_records_give_the_same_verdicts() -> None:
    rows = [row(n, team=f"t{n % 7}") for n in range(80)]
    expected = splits(rows, SplitConfig(group_by=["team"]))
    random.Random(3).shuffle(rows)
    assert splits(rows, SplitConfig(group_by=["team"])) == expected


def test_bad_settings_are_named() -> None:
    with pytest.raises(ConfigError, match="leave nothing to train on"):
        SplitConfig(test=0.6, validation=0.5)
    with pytest.raises(ConfigError, match=r"split\.threshold=2"):
        SplitConfig(threshold=2)
    with pytest.raises(ConfigError, match="no record has that column"):
        judge(FrameRecords.of(row(1)), SplitConfig(group_by=["nope"]))


def test_the_certificate_counts_pairs_across_splits() -> None:
    same = " ".join(WORDS[:40])
    rows = [row(1, same), row(2, same), row(3)]
    frame = FrameRecords.of(*rows).frame().collect()
    config = SplitConfig()
    together = FrameRecords(frame.with_columns(split=pl.Series(["train", "train", "test"])))
    apart = FrameRecords(frame.with_columns(split=pl.Series(["train", "test", "test"])))
    (good,), (bad,) = measure(together, together, config), measure(apart, apart, config)
    assert (good.value, good.outcome) == (0, "PASS")
    assert (bad.value, bad.outcome) == (1, "FAIL")
