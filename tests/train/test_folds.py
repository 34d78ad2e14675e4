"""Cross-validation: whole groups in one fold, nothing chosen on a fold, means with honest intervals."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from data.errors import ConfigError, StoreError
from data.store import Store
from train.config import TrainConfig
from train.folds import _parts, cross_validate
from train.folds_report import spread

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory, labels: Callable[..., TrainConfig]) -> Any:
    """Three folds of a tiny BERT."""
    config = labels(tmp_path_factory.mktemp("folds"), folds=3, steps=90, eval_steps=30)
    assert cross_validate(config) == 0
    (folder,) = Path(config.out).glob("folds-*")
    return config, folder


def test_every_row_is_measured_once_and_no_twin_is_trained_on(
    labels: Callable[..., TrainConfig], tmp_path: Path
) -> None:
    parts = _parts(labels(tmp_path, folds=3))
    with Store.open(labels(tmp_path).store.path, read_only=True) as store:
        splits = store.read(store.resolve("latest")).frame("record_id", "split").collect()
    held = pl.concat([part.validation for part in parts])["record_id"]
    assert held.n_unique() == len(held)
    assert set(held) <= set(splits.filter(pl.col("split") != "test")["record_id"])

    def stem(frame: pl.DataFrame) -> set[str]:
        texts = (messages[0]["content"] for messages in frame["messages"])
        return {" ".join(sorted(set(text.split()) - {"indeed"})) for text in texts}

    for part in parts:
        assert part.train.height > part.validation.height > 30
        assert not set(part.train["record_id"]) & set(part.validation["record_id"])
        assert not stem(part.train) & stem(part.validation)


def test_means_are_those_of_the_folds(validated: Any) -> None:
    config, folder = validated
    with Store.open(config.store.path, read_only=True) as store:
        facts = store.facts(folder.name)
    folds = [json.loads((folder / f"fold-{n}.json").read_text()) for n in (1, 2, 3)]
    for name in ("loss", "accuracy", "macro_f1"):
        whole = facts.filter((pl.col("name") == f"fold_{name}") & (pl.col("slice") == "folds=all,role=tuned"))
        values = [fold["after"][name] for fold in folds]
        assert whole["value"].item() == pytest.approx(np.mean(values))
        assert whole["low"].item() <= min(max(np.mean(values), 0), 1) <= whole["high"].item()
    roles = {name.rpartition("role=")[2] for name in facts["slice"]}
    assert {"base", "majority", "linear", "tuned"} <= roles
    # The last step is measured, and not the best one.
    for fold in folds:
        last = [entry for entry in fold["history"] if "eval_loss" in entry][-1]
        assert (fold["after"]["loss"], fold["steps"]) == (last["eval_loss"], 90)


def test_the_page_shows_every_fold_and_no_weights_are_left(validated: Any) -> None:
    _, folder = validated
    page = (folder / "folds.html").read_text()
    assert all(words in page for words in ("fold 1", "fold 2", "fold 3", "Macro F1", "linear model", "<svg"))
    assert not list(folder.glob("run-*"))


@pytest.mark.slow
def test_the_page_says_how_to_make_it_again(validated: Any) -> None:
    config, folder = validated
    (command,) = json.loads((folder / "folds.json").read_text())["reproduce"]
    assert f"store.path={config.store.path}" in command
    again = subprocess.run(
        [sys.executable, *command.split()[1:], f"out={config.out}", "report_to=[none]"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert again.returncode == 0, again.stderr
    assert again.stderr.count("done already") == 3  # the same settings and version, so the same folds


def test_what_is_done_is_not_trained_again(validated: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config, folder = validated
    before = (folder / "fold-1.json").stat().st_mtime_ns
    assert cross_validate(config) == 0
    assert (folder / "fold-1.json").stat().st_mtime_ns == before
    assert capsys.readouterr().err.count("done already") == 3


def test_another_number_of_folds_is_refused(labels: Callable[..., TrainConfig], tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folds=5, and version \S+ was split into 3(.|\n)*split\.folds=5"):
        cross_validate(labels(tmp_path, folds=5))


def test_a_version_without_folds(settings: Callable[..., TrainConfig], tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="has no folds"):
        cross_validate(settings(tmp_path, folds=3))


def test_the_interval_is_that_of_nadeau_and_bengio() -> None:
    values, share = [0.8, 0.7, 0.9, 0.75, 0.85], 0.25
    mean, low, high = spread(values, share)
    # t(0.975, 4) = 2.7764; s = 0.0790569; root of (1/5 + 1/4)
    assert mean == pytest.approx(0.8)
    assert high - mean == pytest.approx(2.776445 * 0.0790569 * 0.45**0.5, rel=1e-4)
    assert mean - low == pytest.approx(high - mean)


def test_one_fold_divides_nothing() -> None:
    with pytest.raises(ConfigError, match="folds=1 divides nothing"):
        TrainConfig(folds=1)


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_what_was_stopped_in_a_fold_goes_on_there_and_ends_as_if_it_had_not_been(
    validated: Any, tmp_path: Path, number: signal.Signals, code: int
) -> None:
    config, whole = validated
    command = [
        sys.executable, "-m", "train", f"store.path={config.store.path}", f"out={tmp_path}", "task=classify",
        "model=tiny_bert", "task.max_length=64", "folds=3", "steps=90", "eval_steps=30", "learning_rate=3e-3",
        "threads=1", "report_to=[none]", "row_losses=0", "early_stopping_patience=0", "batch_size=8", "warmup_steps=5",
    ]  # fmt: skip
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    deadline = time.monotonic() + 600
    # In the second fold, with a checkpoint: the first is done by then.
    while not list(tmp_path.glob("folds-*/fold-1.json")) or not list(
        tmp_path.glob("folds-*/run-*/checkpoints/checkpoint-30/trainer_state.json")
    ):
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.02)
    child.send_signal(number)
    said = " ".join(child.communicate(timeout=120)[1].split())
    assert child.returncode == code
    assert "Traceback" not in said and "resume=true goes on" in said
    (folder,) = tmp_path.glob("folds-*")
    assert [path.name for path in folder.glob("fold-*.json")] == ["fold-1.json"]
    again = subprocess.run([*command, "resume=true"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert again.returncode == 0, again.stderr
    assert re.search(
        r"Fold 1 of 3\s+done already(.|\n)*Fold 2 of 3(.|\n)*Going on from checkpoint-", again.stderr
    )
    for name in ("fold-1.json", "fold-2.json", "fold-3.json"):
        stopped, plain = (json.loads((place / name).read_text()) for place in (folder, whole))
        assert stopped["after"] == plain["after"]
        assert stopped["others"] == plain["others"]
    assert "fold 3" in (folder / "folds.html").read_text()
