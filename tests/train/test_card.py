"""The model card is one that the hub reads, and says what the store says."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from huggingface_hub import ModelCard

from data.report.charts import line
from data.store import Store
from train.card import Provenance, curve, curve_rows, write_card
from train.forecast_shown import energy
from train.rows_kept import TABLE


@pytest.fixture(scope="module")
def card(trained: Any) -> ModelCard:
    return ModelCard.load(Path(trained.run.path) / "README.md")


def test_its_header_is_what_the_hub_takes(card: ModelCard) -> None:
    assert card.data.base_model == "tiny"
    assert card.data.library_name == "peft"
    assert card.data.pipeline_tag == "text-generation"
    assert card.data.tags == ["tuneproof", "sft", "lora"]


def test_its_numbers_are_the_facts_of_the_run(card: ModelCard, trained: Any) -> None:
    with Store.open(trained.config.store.path, read_only=True) as store:
        facts = store.facts(trained.run.run_id, "validation_loss")
        checks = store.facts(trained.run.run_id, "preflight")
    before, after = (facts.filter(slice=f"role={role}")["value"].item() for role in ("base", "tuned"))
    assert f"| validation loss, nats per token | {before:.4f} | {after:.4f} |" in card.text
    assert checks.height == 10
    for name, outcome in checks.select("slice", "outcome").iter_rows():
        assert outcome != "FAIL"
        assert f"| {name.removeprefix('check=').replace('_', ' ')} |" in card.text


def test_it_names_the_rows_and_their_digest(card: ModelCard, trained: Any) -> None:
    rows = pl.read_parquet(Path(trained.run.path) / TABLE)
    with Store.open(trained.config.store.path, read_only=True) as store:
        members = store.read(trained.run.version).frame("record_id", "split").filter(split="train").collect()
    assert set(rows.filter(split="train")["record_id"]) == set(members["record_id"])
    assert rows["tokens"].min() > 0
    assert f"digest `{trained.run.metrics['rows_digest']}`" in card.text


def test_what_was_allowed_is_named(trained: Any, tmp_path: Path) -> None:
    found = [dict(kept) for kept in trained.run.metrics["preflight"]]
    found[0]["outcome"] = "ACCEPTED"
    run = replace(trained.run, method="dora", metrics={**trained.run.metrics, "preflight": found})
    write_card(run, Provenance([], [], {"CC0-1.0": 36}), {"name": "tiny", "licence": "Apache-2.0"}, tmp_path)
    said = ModelCard.load(tmp_path / "README.md")
    assert "| supervision | stop, allowed by name |" in said.text
    assert "A DoRA adapter for **tiny**" in said.text
    assert said.data.license == "apache-2.0"


def test_the_page_of_the_run_shows_checks_examples_and_the_forecast(trained: Any) -> None:
    page = (Path(trained.run.path) / "report.html").read_text()
    for words in ("Before the training", "What is learnt", "times the forecast", "Row by row"):
        assert words in page
    marks = re.findall(r"<mark>(.*?)</mark>", page, flags=re.DOTALL)
    assert len(marks) == 2
    assert all(mark.startswith("It is a ") and mark.endswith("&lt;|im_end|&gt;") for mark in marks)


def test_the_axis_of_few_steps_has_whole_numbers() -> None:
    def least(points: list[dict[str, Any]]) -> Any:
        return (
            line(points, x_title="x", y_title="y")
            .to_dict()["layer"][0]["encoding"]["x"]["axis"]
            .get("tickMinStep")
        )

    rows = curve_rows([{"step": step, "loss": 2.0 - step / 10} for step in (1, 2, 3)])
    assert curve(rows, 3).to_dict()["layer"][0]["encoding"]["x"]["axis"]["tickMinStep"] == 1
    assert least([{"x": share / 4, "y": share, "series": "rows"} for share in range(5)]) is None


def test_energy_is_said_in_a_unit_that_can_be_read() -> None:
    assert [energy(kwh) for kwh in (2.3e-5, 0.0058, 0.0294, 12.34)] == [
        "0.023 Wh",
        "5.8 Wh",
        "0.029 kWh",
        "12 kWh",
    ]
