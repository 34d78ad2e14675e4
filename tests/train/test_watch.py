"""The progress line, and the trackers that get the same numbers."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from train.config import TRACKERS, TrainConfig
from train.environment import check_trackers
from train.watch import Gauge, Watch

ROOT = Path(__file__).parents[2]


def watched(gauge: Gauge | None = None) -> str:
    out = io.StringIO()
    watch = Watch(Console(file=out, width=80), gauge)
    arguments = SimpleNamespace(learning_rate=0.1)
    state = SimpleNamespace(global_step=5, max_steps=10)
    watch.on_train_begin(arguments, state, None)
    watch.tokens = lambda: 1000
    watch.step_seconds, watch.steps, watch._began = 2.0, 5, watch._began - 10
    watch.on_log(arguments, state, None, {"loss": 1.234, "grad_norm": 0.5, "learning_rate": 0.01})
    assert not out.getvalue()
    watch.on_log(arguments, state, None, {"eval_loss": 1.5, "eval_f1": 0.75, "eval_runtime": 3.0})
    return out.getvalue()


def test_a_line_says_losses_speed_and_what_is_left() -> None:
    said = watched(Gauge(flops=2e6, ceiling=1e10))
    assert said == (
        "step 5/10  loss 1.23  validation 1.5  gradient 0.5  rate 0.01  f1 0.75  500 tok/s 10% of the ceiling"
        "  10 s left\n"
    )
    assert "of the ceiling" not in watched()


@pytest.mark.slow
def test_mlflow_keeps_a_run_in_a_local_store_without_a_network(
    settings: Callable[..., TrainConfig], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a process of its own: MLflow keeps state, and warns of its own future."""
    config = settings(tmp_path / "out", seed=31)
    database = f"sqlite:///{tmp_path / 'mlflow.db'}"
    command = [
        sys.executable, "-m", "train", f"store.path={config.store.path}", f"out={config.out}", "model=tiny", "steps=4",
        "eval_steps=2", "threads=1", "report_to=[mlflow]", "row_losses=0", "seed=31",
    ]  # fmt: skip
    environment = {"MLFLOW_TRACKING_URI": database, "MLFLOW_EXPERIMENT_NAME": "tiny", "OMP_NUM_THREADS": "1"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    read = (
        "import json, mlflow\n"
        "runs = mlflow.search_runs(experiment_names=['tiny'], output_format='list')\n"
        "print(json.dumps([run.data.metrics for run in runs]))"
    )
    asked = subprocess.run(
        [sys.executable, "-c", read], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    (metrics,) = json.loads(asked.stdout.splitlines()[-1])
    (folder,) = Path(config.out).glob("run-*")
    history = json.loads((folder / "history.json").read_text())
    assert metrics["eval_loss"] == pytest.approx([e["eval_loss"] for e in history if "eval_loss" in e][-1])


@pytest.mark.parametrize("name", [name for name in TRACKERS if name not in ("none", "tensorboard", "mlflow")])
def test_a_tracker_that_is_not_installed_names_its_extra(name: str) -> None:
    from importlib.util import find_spec

    from data.errors import MissingPackage

    if find_spec(name) is not None:
        pytest.skip(f"{name} is installed here")
    with pytest.raises(MissingPackage, match=f"report_to={name}") as caught:
        check_trackers([name])
    extra = name.removesuffix("_ml")
    assert f"'.[{extra}]'" in str(caught.value)
    assert f"\n{extra} = [" in (ROOT / "pyproject.toml").read_text()


def test_tensorboard_has_the_losses(trained: Any) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(Path(trained.run.path) / "tensorboard"))
    events.Reload()
    assert {"train/loss", "eval/loss", "train/grad_norm", "train/learning_rate"} <= set(
        events.Tags()["scalars"]
    )
    last = events.Scalars("eval/loss")[-1]
    history = json.loads((Path(trained.run.path) / "history.json").read_text())
    assert last.value == pytest.approx([e["eval_loss"] for e in history if "eval_loss" in e][-1], abs=1e-5)
