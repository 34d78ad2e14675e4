"""Several processes: the same training as one, and one writer."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from data.errors import ConfigError
from data.store import Store
from train import processes
from train.config import TrainConfig
from train.load import load_tuned
from train.suitable import check_config
from train.tune_config import Search, TuneConfig

ROOT = Path(__file__).parents[2]
CONFIGS = sorted((ROOT / "conf" / "accelerate").glob("*.yaml"))


def test_one_process_is_the_first_and_waits_for_nobody() -> None:
    assert processes.count() == 1
    assert processes.is_first()
    assert processes.from_first(lambda: 5) == processes.first_then_others(lambda: 5) == 5
    assert processes.any_asked(True)
    assert not processes.any_asked(False)
    assert not processes.console().quiet


def test_only_the_first_of_several_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("RANK", "1")
    assert processes.count() == 2
    assert processes.console().quiet


@pytest.mark.parametrize("many", [{"folds": 5}, {"tune": TuneConfig(name=Search.bayes)}])
def test_many_trainings_are_not_made_by_many_processes(monkeypatch: pytest.MonkeyPatch, many: Any) -> None:
    config = TrainConfig(report_to=["none"], **many)
    check_config(config)
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ConfigError, match=r"is many trainings, and 2 processes(.|\n)*without accelerate"):
        check_config(config)


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.stem)
def test_launch_configurations_are_read_by_accelerate(file: Path) -> None:
    from accelerate.commands.config.config_args import load_config_from_file

    config = load_config_from_file(str(file))
    assert config.num_processes >= 2
    assert str(file.relative_to(ROOT)) in file.read_text()


def on_two_cpus(name: str, folder: Path) -> Path:
    """The launch configuration of this name for two CPU processes, in float32; nothing else of it is changed."""
    settings = yaml.safe_load((ROOT / "conf" / "accelerate" / f"{name}.yaml").read_text())
    settings |= {"num_processes": 2, "use_cpu": True, "mixed_precision": "no"}
    (folder / "launch.yaml").write_text(yaml.safe_dump(settings))
    return folder / "launch.yaml"


# FSDP2 shares the weights among the processes, DDP gives each all of them.
@pytest.mark.slow
@pytest.mark.parametrize(("launched", "method"), [("ddp", "lora"), ("fsdp2", "lora"), ("fsdp2", "full")])
def test_two_processes_learn_what_one_learns(
    plant: Callable[..., TrainConfig],
    conversations: Callable[[int], Any],
    tmp_path: Path,
    launched: str,
    method: str,
) -> None:
    # 24 training rows: an epoch is whole steps. Where it is not, its last step is filled with rows of its beginning.
    config = plant(conversations(40))
    rate = 3e-3 if method == "full" else 1e-2
    shared = [
        f"store.path={config.store.path}", "model=tiny", "steps=12", "eval_steps=4", f"method={method}",
        f"learning_rate={rate}", "method.dropout=0", "threads=1", "early_stopping_patience=0", "report_to=[none]",
        "batch_size=4",
    ]  # fmt: skip
    launch = [str(Path(sys.executable).with_name("accelerate")), "launch"]
    launch += ["--config_file", str(on_two_cpus(launched, tmp_path))]
    said = [
        subprocess.run(
            [*start, "-m", "train", *shared, *own],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=600,
            check=False,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        for start, own in (
            (launch, [f"out={tmp_path / 'two'}"]),
            ([sys.executable], [f"out={tmp_path / 'one'}", "accumulation=2"]),
        )
    ]
    assert [run.returncode for run in said] == [0, 0], said[0].stderr[-2000:] + said[1].stderr[-2000:]
    assert said[0].stderr.count("What it will take") == said[0].stdout.count("Trained run-") == 1
    with Store.open(config.store.path, read_only=True) as store:
        two, one = store.runs()
    assert two.status == one.status == "done"
    assert (two.hardware["processes"], one.hardware.get("processes")) == (2, None)
    assert two.run_id != one.run_id
    # The validation loss is a mean over batches, and each process has batches of its own.
    for name, rounding in (("train_loss", 1e-3), ("validation_loss", 1e-2), ("validation_loss_before", 1e-2)):
        assert two.metrics[name] == pytest.approx(one.metrics[name], abs=rounding), name
    assert two.metrics["validation_loss"] < two.metrics["validation_loss_before"] - 0.5
    assert two.metrics["rows_digest"] == one.metrics["rows_digest"]
    # What was put together from the processes' shares is the model: it answers like the one of a single process.
    held = [load_tuned(run)[0].state_dict() for run in (two, one)]
    assert held[0].keys() == held[1].keys()
    for name, weight in held[0].items():
        assert weight.shape == held[1][name].shape
        assert torch.allclose(weight, held[1][name], atol=2e-2), name
