"""Endings that are not the end: SIGTERM, a full disk, and going on with the same or with other settings."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from transformers import TrainerCallback

from data.errors import UserError
from data.store import Store
from train.config import TrainConfig
from train.fit import last_checkpoint
from train.ingredients import gather
from train.methods import MethodConfig
from train.resume import differences
from train.run import learn, train
from train.stretches import NOTE

ROOT = Path(__file__).parents[2]
Make = Callable[..., TrainConfig]


class At(TrainerCallback):
    """Does something at the beginning of a step."""

    def __init__(self, step: int, what: Callable[[], None]) -> None:
        self.step, self.what = step, what

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if state.global_step == self.step:
            self.what()


def watched(config: TrainConfig, *watchers: Any) -> Any:
    return learn(config, gather(config), Console(stderr=True), watchers=watchers)


def folder_of(config: TrainConfig) -> Path:
    (folder,) = Path(config.out).glob("run-*")
    return folder


def test_sigterm_writes_a_checkpoint_and_the_training_goes_on_from_it(
    settings: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path / "ended", seed=5, early_stopping_patience=0)
    with pytest.raises(SystemExit) as ended:
        watched(config, At(5, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert ended.value.code == 143
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL
    last = last_checkpoint(folder_of(config))
    assert last is not None
    assert (
        last.name == "checkpoint-6"
    )  # the step in which it came, and no step of the schedule of checkpoints
    said = capsys.readouterr().err
    assert "Ended by SIGTERM after step 6, with a checkpoint" in said
    assert "resume=true" in said
    resumed = watched(replace(config, resume="true"))
    assert "Going on from checkpoint-6" in capsys.readouterr().err
    whole = watched(replace(config, out=str(tmp_path / "whole")))
    assert resumed.weights_digest == whole.weights_digest
    assert resumed.metrics["validation_loss"] == whole.metrics["validation_loss"]


def test_going_on_with_other_settings_says_so(
    settings: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = settings(tmp_path / "out", seed=6)
    with pytest.raises(KeyboardInterrupt):
        watched(config, At(5, lambda: (_ for _ in ()).throw(KeyboardInterrupt)))
    other = replace(config, learning_rate=5e-3, method=replace(config.method, r=4), resume="true")
    with pytest.raises(UserError, match="no interrupted run has these settings") as caught:
        train(other)
    words = str(caught.value)
    assert "was interrupted after step 4" in words
    assert "method.r=8 (now 4)" in words
    assert "learning_rate=0.01 (now 0.005)" in words
    assert len(list(Path(config.out).iterdir())) == 1
    # Where nothing was interrupted it says that it begins.
    assert train(replace(other, out=str(tmp_path / "fresh"), steps=2, eval_steps=2)) == 0
    assert "No checkpoint yet" in capsys.readouterr().err


def test_settings_that_differ_are_named_as_they_are_typed() -> None:
    before = {"steps": 5, "method": {"r": 8, "target_modules": ["q", "v"]}, "gone": 1}
    now = {"steps": 5, "method": {"r": 4, "target_modules": ["q", "v"]}, "new": None}
    assert list(differences(before, now)) == [("method.r", 8, 4)]


def test_a_full_disk_is_a_plain_error_and_leaves_the_last_checkpoint_whole(
    settings: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """No file may grow beyond 400 kB from the ninth step on: the weights fit, and the optimiser's state does not."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    config = settings(
        tmp_path / "out", seed=7, method=MethodConfig(name="full"), learning_rate=1e-3, row_losses=0
    )
    try:
        with pytest.raises(UserError, match="the disk is full") as caught:
            watched(config, At(9, lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, hard))))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    last = last_checkpoint(folder_of(config))
    assert last is not None
    assert last.name == "checkpoint-8"
    assert f"the last good checkpoint is {last}" in str(caught.value)
    assert "resume=true" in str(caught.value)
    assert {path.name for path in last.parent.glob("*checkpoint-*")} <= {"checkpoint-4", "checkpoint-8"}
    assert watched(replace(config, resume="true")).status == "done"
    assert "Going on from checkpoint-8" in capsys.readouterr().err


def started(config: TrainConfig) -> subprocess.Popen[str]:
    """A long training as a command, in a process of its own."""
    command = [
        sys.executable, "-m", "train", f"store.path={config.store.path}", f"out={config.out}", "model=tiny",
        "steps=3000", "eval_steps=20", "threads=1", "early_stopping_patience=0", "report_to=[none]",
    ]  # fmt: skip
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_the_command_ends_with_143(settings: Make, tmp_path: Path) -> None:
    config = settings(tmp_path / "out")
    child = started(config)
    deadline = time.monotonic() + 300
    while not list(Path(config.out).glob("*/checkpoints/checkpoint-20/trainer_state.json")):
        assert child.poll() is None, "it ended before it was asked to"
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child.terminate()
    said = child.communicate(timeout=120)[1]
    assert child.returncode == 143
    assert "resume=true goes on" in said
    assert "Traceback" not in said
    with Store.open(config.store.path, read_only=True) as store:
        assert store.runs()[-1].status == "running"


def test_a_training_that_went_on_says_what_all_of_it_took(settings: Make, tmp_path: Path) -> None:
    def config(name: str) -> TrainConfig:
        return settings(tmp_path / name, seed=8, early_stopping_patience=0, row_losses=0)

    whole = watched(config("whole")).metrics
    for stop in (6, 10):  # after checkpoint-4 and checkpoint-8
        with pytest.raises(KeyboardInterrupt):
            again = replace(config("parts"), resume="true" if stop > 6 else "false")
            watched(again, At(stop, lambda: (_ for _ in ()).throw(KeyboardInterrupt)))
    noted = [json.loads(path.read_text()) for path in folder_of(config("parts")).rglob(NOTE)]
    assert sorted(note["stretches"] for note in noted) == [1, 2]
    parts = watched(replace(config("parts"), resume="true")).metrics
    assert (parts["steps"], parts["stretches"], whole["stretches"]) == (12, 3, 1)
    assert parts["tokens_trained"] == whole["tokens_trained"] > 0  # steps that were done twice count once
    second = max(noted, key=lambda note: float(note["stretches"]))
    assert parts["seconds"] > second["seconds"] > 0
    assert parts["step_seconds"] > second["step_seconds"] > 0
    assert parts["tokens_per_second"] == pytest.approx(
        parts["tokens_trained"] / parts["step_seconds"], rel=0.05
    )


def test_runs_that_failed_and_runs_of_other_tasks_are_not_offered_to_go_on_with(
    settings: Make, labels: Make, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"

    def broken() -> None:
        raise RuntimeError("a wire came loose")

    with pytest.raises(RuntimeError):
        watched(settings(out, seed=9), At(5, broken))
    with pytest.raises(KeyboardInterrupt):
        classify = labels(out, steps=8, eval_steps=4)
        watched(classify, At(5, lambda: (_ for _ in ()).throw(KeyboardInterrupt)))
    assert len(list(out.glob("run-*/checkpoints/checkpoint-4"))) == 2
    assert train(settings(out, seed=10, resume="true", steps=2, eval_steps=2)) == 0
    assert "No checkpoint yet" in capsys.readouterr().err


@pytest.mark.slow
def test_ctrl_c_says_one_thing(settings: Make, tmp_path: Path) -> None:
    config = settings(tmp_path / "out")
    child = started(config)
    while not list(Path(config.out).glob("*/checkpoints/checkpoint-20/trainer_state.json")):
        assert child.poll() is None
        time.sleep(0.05)
    child.send_signal(signal.SIGINT)
    _, said = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "Stopped. The same command with resume=true goes on from checkpoint-" in " ".join(said.split())
    assert "what was finished is kept" not in said
