"""Stratified splits and folds of real records, in memory and in a store."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from curation.split import folds, judge
from curation.split.config import SplitConfig
from data.errors import ConfigError, StoreError
from data.records import FrameRecords
from data.store import Store
from data.verdicts import Verdicts

WORDS = [f"word{n}" for n in range(400)]
LABELS = ["card", "card", "card", "loan", "fee"]


def row(number: int, text: str | None = None, **about: Any) -> dict[str, Any]:
    said = text or " ".join(random.Random(number).choices(WORDS, k=40))
    messages = [{"role": "user", "content": f"prompt {number}"}, {"role": "assistant", "content": said}]
    label = LABELS[number % len(LABELS)]
    return {"record_id": f"r{number:04d}", "messages": messages, "ingest_number": 1, "label": label, **about}


def told(verdicts: Verdicts, reason: str) -> dict[str, str | None]:
    return dict(verdicts.filter(pl.col("reason") == reason).select("record_id", "value").iter_rows())


def test_each_label_gets_the_fractions_and_each_fold_its_share() -> None:
    rows = [row(n) for n in range(500)]
    found = judge(FrameRecords.of(*rows), SplitConfig(stratify_by="label", folds=4, test=0.2))
    splits, fold = told(found, "split_assigned"), told(found, "split_fold")
    for label, size in (("card", 300), ("loan", 100), ("fee", 100)):
        members = [r["record_id"] for r in rows if r["label"] == label]
        assert sum(splits[m] == "test" for m in members) == pytest.approx(0.2 * size, abs=1.5)
        assert sum(splits[m] == "validation" for m in members) == pytest.approx(0.1 * size, abs=1.5)
        sizes = [sum(fold.get(m) == str(k) for m in members) for k in range(4)]
        assert max(sizes) - min(sizes) <= 1
    assert set(fold) == {key for key, split in splits.items() if split != "test"}


def test_near_duplicates_share_a_fold_whatever_their_labels() -> None:
    rows = [row(n) for n in range(60)]
    twins = [row(100 + n, rows[n]["messages"][1]["content"] + " more", label="other") for n in range(60)]
    config = SplitConfig(stratify_by="label", folds=5, threshold=0.5)
    found = judge(FrameRecords.of(*rows, *twins), config)
    for reason in ("split_assigned", "split_fold"):
        value = told(found, reason)
        assert len(set(value.values())) > 2
        assert all(value.get(f"r{n:04d}") == value.get(f"r{100 + n:04d}") for n in range(60))


def test_folds_alone_leave_the_splits_as_they_are() -> None:
    records = FrameRecords.of(*(row(n) for n in range(100)))
    plain, folded = judge(records, SplitConfig()), judge(records, SplitConfig(folds=5))
    assert told(folded, "split_assigned") == told(plain, "split_assigned")
    sizes = pl.Series(list(told(folded, "split_fold").values())).value_counts()["count"]
    assert len(sizes) == 5
    assert max(sizes) - min(sizes) <= 1


def test_asking_for_folds_later_keeps_the_splits_given_before() -> None:
    class Remembers(FrameRecords):
        def earlier(self, stage: str, config: dict[str, Any], reason: str = "") -> pl.DataFrame:
            known = {"record_id": ["r0001", "r0002"], "value": ["test", "validation"]}
            kinds = {"record_id": pl.String, "value": pl.String}
            return pl.DataFrame(known if config["folds"] == 0 else [], schema=kinds)

    records = Remembers(FrameRecords.of(*(row(n) for n in range(30))).frame().collect())
    for config in (SplitConfig(folds=2, test=0.01, validation=0), SplitConfig(folds=2, stratify_by="label")):
        splits = told(judge(records, config), "split_assigned")
        assert (splits["r0001"], splits["r0002"]) == ("test", "validation")


def test_where_folds_are_remembered_an_older_record_can_go_and_none_moves() -> None:
    config = SplitConfig(folds=4, stratify_by="label")
    rows = [row(n) for n in range(80)]
    before = told(judge(FrameRecords.of(*rows), config), "split_fold")

    class Remembers(FrameRecords):
        def earlier(self, stage: str, config: dict[str, Any], reason: str = "") -> pl.DataFrame:
            if not reason:
                return super().earlier(stage, config)
            assert (stage, reason, config["folds"]) == ("split", "split_fold", 4)
            return pl.DataFrame({"record_id": list(before), "value": list(before.values())})

    fewer = FrameRecords.of(*rows[3:], *(row(n, ingest_number=2) for n in range(100, 120))).frame().collect()
    splits = judge(FrameRecords.of(*rows), config).filter(pl.col("reason") == "split_assigned")
    earlier = splits.select("record_id", "value")
    after = told(judge(Remembers(fewer, earlier=earlier), config), "split_fold")
    gone = {r["record_id"] for r in rows[:3]}
    assert {key: after.get(key) for key in before if key not in gone} == {
        key: value for key, value in before.items() if key not in gone
    }
    assert len(after) > len(before)


@pytest.mark.parametrize("seed", range(4))
def test_a_record_that_ties_old_groups_together_moves_none(seed: int) -> None:
    # New texts that are near two old ones each, which are not near one another.
    config = SplitConfig(stratify_by="label", folds=3, seed=seed, test=0.2, threshold=0.4)
    old = [row(n) for n in range(60)]
    joints = []
    for n in range(0, 40, 2):
        text = " ".join(old[k]["messages"][1]["content"] for k in (n, n + 1))
        joints.append(row(100 + n, text, ingest_number=2))
    first = judge(FrameRecords.of(*old), config)
    later = judge(FrameRecords.of(*old, *joints, *(row(n, ingest_number=2) for n in range(200, 230))), config)
    for reason in ("split_assigned", "split_fold"):
        before, after = told(first, reason), told(later, reason)
        assert {key: after.get(key) for key in before} == before
        assert len(after) > len(before)
    split, fold = told(later, "split_assigned"), told(later, "split_fold")
    dropped, alone = told(later, "split_bridge"), told(later, "split_fold_bridge")
    assert dropped
    assert alone
    for joint in joints:
        name = joint["record_id"]
        sides = [f"r{int(name[1:]) - 100 + k:04d}" for k in (0, 1)]
        assert (name in dropped) == (len({split[side] for side in sides}) == 2)
        # A joint of two splits is gone; of two folds it stays, without a fold.
        assert (name in alone) == (name in split and len({fold.get(side) for side in sides}) == 2)


def test_bad_settings_are_named() -> None:
    for value in (-1, 1):
        with pytest.raises(
            ConfigError, match=rf"split\.folds={value} (.|\n)*allowed: 0 \(none\), or 2 and more"
        ):
            SplitConfig(folds=value)
    few = FrameRecords.of(*(row(n) for n in range(6)))
    with pytest.raises(ConfigError, match=r"split\.folds=7: .* have \d groups(.|\n)*0 \(none\), or 2 to \d"):
        judge(few, SplitConfig(folds=7))
    with pytest.raises(ConfigError, match=r"no record has that column(.|\n)*did you mean 'label'"):
        judge(few, SplitConfig(stratify_by="lable"))
    assert SplitConfig(stratify_by="").stratify_by is None


def test_nothing_to_split_is_no_error() -> None:
    nothing = FrameRecords(FrameRecords.of(row(1)).frame().collect().clear())
    assert judge(nothing, SplitConfig(stratify_by="label", folds=5)).is_empty()


def curate(store: Store, path: Path, numbers: range, *overrides: str) -> str:
    lines = []
    for n in numbers:
        words = random.Random(n).choices(WORDS, k=30)
        lines.append(
            {"text": f"Number {n}: " + " ".join(words) + ".", "label": LABELS[n % 5], "task": f"t{n % 2}"}
        )
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    config = [f"source.path={path}", "stages=[split]", "split.test=0.2", *overrides]
    return run_pipeline(store, compose("curation", CurationConfig, config))[-1].version


def test_in_a_store_added_rows_move_nothing_and_folds_are_read_back(tmp_path: Path) -> None:
    asked = ("split.stratify_by=task", "split.folds=3")
    with Store.open(tmp_path / "store.duckdb") as store:
        unfolded = curate(store, tmp_path / "raw.jsonl", range(90), asked[0])
        with pytest.raises(StoreError, match=r"has no folds(.|\n)*split\.folds=5"):
            folds(store, unfolded)
        first = curate(store, tmp_path / "raw.jsonl", range(90), *asked)
        later = curate(store, tmp_path / "raw.jsonl", range(150), *asked)

        def splits(version: str) -> dict[str, str]:
            return dict(store.read(version).frame("record_id", "split").collect().iter_rows())

        early, late = splits(first), splits(later)
        assert splits(unfolded) == early
        assert {key: late[key] for key in early} == early
        before, after = (dict(folds(store, version).iter_rows()) for version in (first, later))
        assert {key: after[key] for key in before} == before
        assert set(before) == {key for key, split in early.items() if split != "test"}
        assert set(after) == {key for key, split in late.items() if split != "test"}
        assert set(after.values()) == {0, 1, 2}


def test_in_a_store_folds_stay_where_an_older_record_goes(tmp_path: Path) -> None:
    with Store.open(tmp_path / "store.duckdb") as store:
        first = curate(store, tmp_path / "raw.jsonl", range(90), "split.folds=3")
        later = curate(store, tmp_path / "raw.jsonl", range(4, 120), "split.folds=3")
        before, after = (dict(folds(store, version).iter_rows()) for version in (first, later))
        left = before.keys() & after.keys()
        assert len(left) > 40
        assert {key: after[key] for key in left} == {key: before[key] for key in left}
