"""The stage: its consequences, its mistakes, what it reads, and how little it says of clean sets."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.outliers import OutliersConfig, judge, sketch_batch
from curation.pipeline import run_pipeline
from curation.stages import STAGES
from data.errors import ConfigError
from data.load import Loader
from data.load.config import SourceConfig
from data.records import FrameRecords
from data.store import Store


def rows(count: int) -> list[dict[str, Any]]:
    """The last but one is long, and the last two answer one prompt in two ways."""
    usual = [
        {"prompt": f"What is {n}?", "completion": f"It is {n}.", "age": 30 + n % 7} for n in range(count)
    ]
    return [*usual, {"prompt": "Tell me", "completion": "so it is " * 60, "age": 300},
            {"prompt": "tell  me", "completion": "No more.", "age": 31}]  # fmt: skip


def curate(store: Store, path: Path, given: list[dict[str, Any]], *overrides: str) -> str:
    path.write_text("".join(json.dumps(row) + "\n" for row in given), encoding="utf-8")
    settings = [f"source.path={path}", "stages=[outliers]", *overrides]
    return run_pipeline(store, compose("curation", CurationConfig, settings))[-1].version


def said(store: Store, version: str) -> list[tuple[str, str]]:
    return store.verdicts(version).select("action", "reason").sort("reason", "action").rows()


def test_by_default_it_only_notes(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.duckdb") as store:
        version = curate(store, tmp_path / "raw.jsonl", rows(60))
        assert store.version(version).rows == 62
        assert said(store, version) == [
            ("tag", "outliers_inconsistent"),
            ("tag", "outliers_inconsistent"),
            ("tag", "outliers_length"),
        ]


def test_groups_by_a_column_that_is_not_there_are_the_users_mistake(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.duckdb") as store:
        with pytest.raises(ConfigError, match=r"outliers\.by=\[aeg\]: no record has a value there") as caught:
            curate(store, tmp_path / "raw.jsonl", rows(60), "outliers.by=[aeg]")
        assert "did you mean 'age'?" in str(caught.value)
        curate(store, tmp_path / "raw.jsonl", rows(60), "outliers.by=[task,age]")


def test_a_record_is_dropped_once_and_families_can_be_off(tmp_path: Path) -> None:
    with Store.open(tmp_path / "s.duckdb") as store:
        version = curate(
            store, tmp_path / "raw.jsonl", rows(60), "outliers.columns=[age]", "outliers.families.length=tag",
            "outliers.families.numeric=drop", "outliers.families.inconsistent=drop",
        )  # fmt: skip
        assert store.version(version).rows == 60
        assert said(store, version) == [
            ("drop", "outliers_inconsistent"),
            ("tag", "outliers_inconsistent"),
            ("tag", "outliers_length"),
            ("drop", "outliers_numeric"),
        ]
        version = curate(store, tmp_path / "raw.jsonl", rows(60), "outliers.families.inconsistent=off")
        assert said(store, version) == [("tag", "outliers_length")]


def test_a_text_is_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []

    def counting(batch: pl.DataFrame, config: OutliersConfig) -> pl.Series:
        read.append(batch.height)
        return sketch_batch(batch, config)

    monkeypatch.setattr(STAGES["outliers"].sketches, "sketch_batch", counting)
    with Store.open(tmp_path / "s.duckdb") as store:
        curate(store, tmp_path / "raw.jsonl", rows(60))
        version = curate(store, tmp_path / "raw.jsonl", [*rows(60), *rows(65)[60:65]])
        curate(store, tmp_path / "raw.jsonl", [*rows(60), *rows(65)[60:65]], "outliers.max_z=3.5")
        assert sum(read) == 67
        # What is stored and what is read on the spot say the same.
        records = store.read(store.version(version).parent or "")
        assert judge(records, OutliersConfig()).equals(
            judge(FrameRecords(records.frame().collect()), OutliersConfig())
        )
        assert judge(records, OutliersConfig()).height == 3


def test_numbers_alone_read_no_texts(tmp_path: Path) -> None:
    off = [f"outliers.families.{family}=off" for family in ("length", "constant", "inconsistent")]
    with Store.open(tmp_path / "s.duckdb") as store:
        version = curate(store, tmp_path / "raw.jsonl", rows(60), "outliers.columns=[age]", *off)
        assert said(store, version) == [("tag", "outliers_numeric")]
        assert store.query("SELECT 1 FROM sketches").is_empty()


@pytest.mark.parametrize(
    ("override", "problem", "hint"),
    [
        ("+outliers.families.lenght=tag", "outliers.families.lenght: no such family of rules", "length"),
        ("outliers.families.length=edit", "outliers.families.length=edit is unknown", "drop, off, tag"),
        ("outliers.max_z=0", "outliers.max_z=0.0 is outside its range", "above 0"),
        ("outliers.min_spread=-1", "outliers.min_spread=-1.0 is outside its range", "0 or more"),
        ("outliers.max_answer_fraction=2", "outliers.max_answer_fraction=2.0 is outside its range", "0 to 1"),
        ("outliers.min_rows=2", "outliers.min_rows=2 is outside its range", "3 or more"),
        ("outliers.min_prompts=1", "outliers.min_prompts=1 is outside its range", "2 or more"),
        ("outliers.columns=[answer]", "outliers.columns=[answer]: a column in which every", "metadata"),
        ("outliers.by=[record_id]", "outliers.by=[record_id]: a column in which every", "label"),
    ],
)
def test_a_mistake_names_the_key_and_what_is_allowed(override: str, problem: str, hint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        compose("curation", CurationConfig, [override])
    assert caught.value.problem.startswith(problem)
    assert hint in " ".join(caught.value.hints)


def test_a_column_without_numbers_names_the_nearest(tmp_path: Path) -> None:
    with (
        Store.open(tmp_path / "s.duckdb") as store,
        pytest.raises(ConfigError, match=r"outliers\.columns=\[aeg\]: no record") as caught,
    ):
        curate(store, tmp_path / "raw.jsonl", rows(60), "outliers.columns=[aeg]")
    assert "age" in " ".join(caught.value.hints)


def test_nothing_of_a_record_is_told() -> None:
    secret = "Ann Lee"
    given = [
        {"messages": [{"role": "user", "content": f"q{n}"}, {"role": "assistant", "content": f"{secret} {n}"}],
         "task": secret, "age": "31" if n % 2 else "33"}
        for n in range(60)
    ]  # fmt: skip
    given[5] |= {"age": "5550100", "messages": [
        {"role": "user", "content": "q6"}, {"role": "assistant", "content": secret * 90},
    ]}  # fmt: skip
    found = judge(FrameRecords.of(*given), OutliersConfig(columns=["age"]))
    assert found["reason"].n_unique() == 3
    told = " ".join(found["detail"])
    assert secret not in told
    assert "5550100" not in told


def test_it_stands_after_dedup_and_is_on() -> None:
    names = list(STAGES)
    assert names.index("dedup") < names.index("outliers") < names.index("pii")
    assert STAGES["outliers"].is_on(CurationConfig().outliers)
    assert judge(FrameRecords.of(*[{"messages": []}] * 0), OutliersConfig()).is_empty()


@pytest.mark.shared_data
@pytest.mark.parametrize(
    ("pattern", "settings"),
    [
        ("sft_gpteacher/*/*.json", {}),
        ("support_banking77/banking_data/*.csv", {}),
        ("dup_sms_spam/sms.tsv", {"column_names": ["label", "text"], "quoting": False}),
    ],
)
def test_clean_sets_are_left_alone(shared_data: Path, pattern: str, settings: dict[str, Any]) -> None:
    frames = [frame for frame, _ in Loader(SourceConfig(path=str(shared_data / pattern), **settings))]
    records = FrameRecords(pl.concat(frames))
    found = judge(records, OutliersConfig())
    for reason in ("outliers_length", "outliers_constant"):
        assert found.filter(reason=reason).height <= 0.005 * len(records)
