"""The experiments: what they compose to, and (slow, on the public data) what comes out."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import compose, config_folder
from curation.__main__ import run as curate
from curation.config import CurationConfig
from data.store import Store
from train.config import TrainConfig
from train.tasks import Task

NAMES = sorted(path.stem for path in config_folder("train").glob("experiment/*.yaml"))


@pytest.mark.parametrize("name", NAMES)
def test_each_has_its_data_and_names_it(name: str) -> None:
    data = compose("curation", CurationConfig, [f"experiment={name}"])
    training = compose("train", TrainConfig, [f"experiment={name}"])
    assert name == "demo" or data.tag == training.version == name
    assert "pii" in data.stages


def test_the_leads_case_is_what_was_asked_for() -> None:
    training = compose("train", TrainConfig, ["experiment=lead_qualification"])
    assert (training.task.name, training.model.name, training.method.name) == (
        Task.classify,
        "minilm",
        "full",
    )
    assert (training.epochs, training.learning_rate) == (10, 2e-5)
    data = compose("curation", CurationConfig, ["experiment=lead_qualification"])
    assert "duration" not in data.source.fields.text
    assert data.source.fields.label == "y"


@pytest.fixture(scope="module")
def leads(shared_data: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The version of the leads, in a store of its own."""
    folder = tmp_path_factory.mktemp("leads")
    choices = [
        "experiment=lead_qualification", f"source.path={shared_data / 'crm_bank_marketing' / 'bank-full.csv'}",
        f"store.path={folder / 'warehouse.duckdb'}", f"out={folder}",
    ]  # fmt: skip
    assert not curate(compose("curation", CurationConfig, choices))
    return str(folder / "warehouse.duckdb")


@pytest.mark.shared_data
def test_two_thousand_leads_without_what_is_known_only_after_the_call(leads: str) -> None:
    with Store.open(leads, read_only=True) as store:
        rows = store.read(store.resolve("lead_qualification")).frame("split", "label", "text").collect()
    counts = dict(rows.group_by("split").len().iter_rows())
    assert counts["train"] == pytest.approx(1600, abs=8) and counts["test"] == pytest.approx(400, abs=8)
    assert set(counts) == {"train", "test"}
    assert rows.group_by("split", "label").len()["len"].sort().to_list()[-1] == pytest.approx(800, abs=8)
    assert not rows.filter(pl.col("text").str.contains("duration|seconds"))["text"].len()


@pytest.mark.slow
@pytest.mark.shared_data
def test_the_leads_case_beats_the_untuned_model(leads: str, tmp_path: Path) -> None:
    """Ten epochs of MiniLM: half an hour on one quiet core."""
    from eval.config import EvalConfig
    from eval.run import evaluate
    from train.run import train

    choices = ["experiment=lead_qualification", f"store.path={leads}", f"out={tmp_path}", "report_to=[none]"]
    choices += [f"threads={os.cpu_count() or 1}"]
    assert train(compose("train", TrainConfig, choices)) == 0
    result = evaluate(compose("eval", EvalConfig, [f"store.path={leads}"]))
    scored: Any = result.main
    for pair in (("base", "tuned"), ("majority", "tuned")):
        assert scored.comparisons[pair]["macro_f1"].low > 0
        assert scored.comparisons[pair]["accuracy"].low > 0
    assert ("linear", "tuned") in scored.comparisons
