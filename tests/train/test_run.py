"""The whole command on a tiny model: what it leaves, that it repeats exactly, and that it survives being killed."""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from conf.app import StoreConfig
from data.errors import ConfigError, StoreError, UserError
from data.store import Store
from train.config import TrainConfig
from train.load import load_tuned
from train.methods import MethodConfig
from train.models import weights_digest
from train.run import train
from train.speed import Packing, SpeedConfig
from train.watch import Watch

ROOT = Path(__file__).parents[2]


def latest(config: TrainConfig) -> Any:
    """The run that began last, whether it ended or not."""
    with Store.open(config.store.path, read_only=True) as store:
        return store.runs()[-1]


def trained_by(config: TrainConfig) -> Any:
    assert train(config) == 0
    return latest(config)


def test_it_learns_and_says_from_where_to_where(trained: Any) -> None:
    m = trained.run.metrics
    assert trained.run.status == "done"
    assert m["validation_loss"] < m["validation_loss_before"] - 1
    assert m["validation_loss_before"] == pytest.approx(math.log(m["parameters"] and 500), rel=0.3)
    assert trained.run.rows == {"train": 36, "validation": 12}
    assert m["left_out"] == {}
    assert 0.1 < m["supervised_fraction"] < 0.9
    assert m["tokens_per_second"] > 0


def test_it_leaves_what_it_promises(trained: Any) -> None:
    folder = Path(trained.run.path)
    names = {path.name for path in folder.iterdir()}
    assert {"adapter", "README.md", "loss.svg", "loss.png", "config.json", "run.json", "base.json"} <= names
    assert "checkpoints" not in names
    assert list((folder / "tensorboard").glob("events.out.tfevents.*"))
    assert weights_digest(folder / "adapter") == trained.run.weights_digest
    assert {"tokenizer.json", "adapter_config.json"} <= {path.name for path in (folder / "adapter").iterdir()}
    assert json.loads((folder / "config.json").read_text())["steps"] == 30
    card = (folder / "README.md").read_text()
    for words in (trained.run.version, "CC0-1.0 (36)", "| validation loss", "OPEN", trained.run.base_digest):
        assert words in card
    assert (folder / "loss.svg").read_text().startswith("<svg")


def test_the_run_says_what_it_was_made_of(trained: Any) -> None:
    assert {"torch", "transformers", "trl", "peft", "python"} <= set(trained.run.packages)
    assert trained.run.hardware["threads"] == 1
    assert trained.run.config["method"]["r"] == 8


def test_losses_are_facts(trained: Any) -> None:
    with Store.open(trained.config.store.path, read_only=True) as store:
        facts = store.facts(trained.run.run_id, "validation_loss")
    values = dict(facts.select("slice", "value").iter_rows())
    assert values["role=tuned"] == trained.run.metrics["validation_loss"]
    assert values["role=base"] == trained.run.metrics["validation_loss_before"]
    assert facts["n"].to_list() == [12, 12]


def test_the_same_again_is_not_trained_again(trained: Any, capsys: pytest.CaptureFixture[str]) -> None:
    before = (Path(trained.run.path) / "run.json").stat().st_mtime_ns
    assert train(trained.config) == 0
    assert "is done already" in capsys.readouterr().err
    assert (Path(trained.run.path) / "run.json").stat().st_mtime_ns == before


def test_the_seed_decides_the_weights(tmp_path: Path, settings: Callable[..., TrainConfig]) -> None:
    first = trained_by(settings(tmp_path / "a"))
    again = trained_by(settings(tmp_path / "b"))
    other = trained_by(settings(tmp_path / "c", seed=1))
    assert first.run_id == again.run_id != other.run_id
    assert first.weights_digest == again.weights_digest != other.weights_digest


def test_killed_and_resumed_gives_the_weights_of_an_uninterrupted_training(
    tmp_path: Path, settings: Callable[..., TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path / "killed", steps=60, eval_steps=20, early_stopping_patience=0)
    command = [
        sys.executable, "-m", "train", f"store.path={config.store.path}", f"out={config.out}", "model=tiny",
        "method.r=8", "method.alpha=16", "method.dropout=0.1", "steps=60", "eval_steps=20", "learning_rate=1e-2",
        "threads=1", "early_stopping_patience=0", "report_to=[none]",
    ]  # fmt: skip
    child = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not list(Path(config.out).glob("*/checkpoints/checkpoint-20/trainer_state.json")):
        assert child.poll() is None, "it ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child.pid, signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    assert latest(config).status == "running"
    with pytest.raises(StoreError, match="is running"):
        load_tuned(latest(config))
    killed = latest(config)
    resumed = trained_by(replace(config, resume="true"))
    assert resumed.run_id == killed.run_id
    assert "Going on from checkpoint-" in capsys.readouterr().err
    whole = trained_by(settings(tmp_path / "whole", steps=60, eval_steps=20, early_stopping_patience=0))
    assert resumed.run_id == whole.run_id
    assert resumed.weights_digest == whole.weights_digest
    assert resumed.metrics["validation_loss"] == whole.metrics["validation_loss"]
    assert resumed.metrics["validation_loss_before"] == whole.metrics["validation_loss_before"]


def test_starting_again_forgets_the_checkpoints(
    tmp_path: Path, settings: Callable[..., TrainConfig], capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path, keep_checkpoints=True)
    first = trained_by(config)
    again = trained_by(replace(config, force=True))
    assert "starting again; resume=true would have gone on from checkpoint-12" in capsys.readouterr().err
    assert first.weights_digest == again.weights_digest


def test_full_training_writes_a_whole_model(tmp_path: Path, settings: Callable[..., TrainConfig]) -> None:
    run = trained_by(settings(tmp_path, method=MethodConfig(name="full"), learning_rate=3e-3))
    assert run.metrics["trainable"] == run.metrics["parameters"]
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"]
    assert weights_digest(Path(run.path) / "model") == run.weights_digest
    model, _ = load_tuned(run)
    assert type(model).__name__ == "LlamaForCausalLM"


def test_it_stops_early_and_keeps_the_best_weights(
    tmp_path: Path, settings: Callable[..., TrainConfig]
) -> None:
    run = trained_by(
        settings(tmp_path, steps=200, eval_steps=5, learning_rate=0.5, early_stopping_patience=2)
    )
    history = json.loads((Path(run.path) / "history.json").read_text())
    losses = {
        entry["step"]: entry["eval_loss"] for entry in history if "eval_loss" in entry and entry["step"]
    }
    best = min(losses, key=lambda step: losses[step])
    assert run.metrics["stopped_early"]
    assert run.metrics["steps"] == best + 10
    assert run.metrics["best_step"] == best


def test_a_store_without_a_version(tmp_path: Path, settings: Callable[..., TrainConfig]) -> None:
    with pytest.raises(StoreError):
        train(settings(tmp_path, store=StoreConfig(path=str(tmp_path / "none.duckdb"))))


def test_a_layer_that_does_not_exist_is_refused_before_a_run_begins(
    tmp_path: Path, settings: Callable[..., TrainConfig]
) -> None:
    config = settings(tmp_path, method=MethodConfig(target_modules=["nothing_like_it"]))
    with pytest.raises(ConfigError, match="no linear layer 'nothing_like_it'"):
        train(config)
    assert not list(tmp_path.iterdir())


def test_a_failure_is_noted_in_the_store(
    tmp_path: Path, settings: Callable[..., TrainConfig], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(self: Watch, *_: Any, **__: Any) -> None:
        raise RuntimeError("a wire came loose")

    config = settings(tmp_path, seed=123)
    monkeypatch.setattr(Watch, "on_step_end", broken)
    with pytest.raises(RuntimeError, match="a wire came loose"):
        train(config)
    assert latest(config).status == "failed"


def test_a_batch_too_large_for_the_machine_is_refused_before_training(
    tmp_path: Path, settings: Callable[..., TrainConfig]
) -> None:
    with pytest.raises(UserError, match="not enough memory"):
        train(settings(tmp_path, batch_size=1_000_000, speed=SpeedConfig(packing=Packing.off)))
    with pytest.raises(UserError, match="not enough memory"):
        train(settings(tmp_path, speed=SpeedConfig(packing=Packing.tokens, batch_tokens=10_000_000)))
    assert not list(tmp_path.iterdir())


def test_a_tracker_that_is_not_installed_is_named(
    tmp_path: Path, settings: Callable[..., TrainConfig]
) -> None:
    with pytest.raises(UserError, match="report_to=comet_ml: the package comet_ml is not installed"):
        train(settings(tmp_path, report_to=["comet_ml"]))


def test_a_resumed_training_stops_early_where_it_would_have(
    tmp_path: Path,
    settings: Callable[..., TrainConfig],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def config(folder: str) -> TrainConfig:
        return settings(
            tmp_path / folder, steps=200, eval_steps=5, learning_rate=0.5, early_stopping_patience=3
        )

    whole = trained_by(config("whole"))
    last_before_the_end = whole.metrics["steps"] - 2
    on_step_end = Watch.on_step_end

    def interrupted(self: Watch, args: Any, state: Any, control: Any, **rest: Any) -> None:
        on_step_end(self, args, state, control, **rest)
        if state.global_step == last_before_the_end:
            raise KeyboardInterrupt

    monkeypatch.setattr(Watch, "on_step_end", interrupted)
    with pytest.raises(KeyboardInterrupt):
        train(config("stopped"))
    assert "resume=true goes on" in capsys.readouterr().err
    monkeypatch.undo()
    resumed = trained_by(replace(config("stopped"), resume="true"))
    assert resumed.metrics["steps"] == whole.metrics["steps"]
    assert resumed.weights_digest == whole.weights_digest


def test_a_folder_that_is_no_checkpoint_is_not_resumed_from(
    tmp_path: Path, settings: Callable[..., TrainConfig]
) -> None:
    with pytest.raises(ConfigError, match="is no complete checkpoint"):
        train(settings(tmp_path / "out", resume=str(tmp_path)))


def test_two_small_batches_make_the_step_of_one_large(
    tmp_path: Path, settings: Callable[..., TrainConfig]
) -> None:
    method = MethodConfig(r=8, alpha=16, dropout=0)
    large = trained_by(settings(tmp_path / "a", method=method, batch_size=8, steps=6))
    small = trained_by(settings(tmp_path / "b", method=method, batch_size=4, accumulation=2, steps=6))
    assert large.weights_digest != small.weights_digest
    assert small.metrics["train_loss"] == pytest.approx(large.metrics["train_loss"], abs=1e-4)
    assert small.metrics["validation_loss"] == pytest.approx(large.metrics["validation_loss"], abs=5e-3)


def test_adapters_on_the_last_layers_only(tmp_path: Path, settings: Callable[..., TrainConfig]) -> None:
    run = trained_by(settings(tmp_path, method=MethodConfig(r=8, alpha=16, last_layers=1)))
    from safetensors import safe_open

    with safe_open(Path(run.path) / "adapter" / "adapter_model.safetensors", framework="numpy") as weights:
        names = list(weights.keys())
    assert names
    assert all(".layers.1." in name for name in names)
    assert run.metrics["validation_loss"] < run.metrics["validation_loss_before"]
