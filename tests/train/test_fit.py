"""Parts of the fitting that can be looked at alone."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from rich.console import Console

from data.errors import UserError
from train.config import TrainConfig
from train.fit import last_checkpoint, planned_steps
from train.watch import Watch


def test_steps_follow_from_epochs() -> None:
    assert planned_steps(TrainConfig(epochs=3, batch_size=8), rows=17) == 9
    assert planned_steps(TrainConfig(epochs=2, batch_size=8, accumulation=2), rows=17) == 4
    assert planned_steps(TrainConfig(epochs=0.1, batch_size=8), rows=8) == 1
    assert planned_steps(TrainConfig(steps=5), rows=1000) == 5


def test_a_half_written_checkpoint_is_passed_over(tmp_path: Path) -> None:
    for step, state in (
        (10, json.dumps({"global_step": 10})),
        (20, '{"global_st'),
        (9, json.dumps({"global_step": 9})),
    ):
        folder = tmp_path / "checkpoints" / f"checkpoint-{step}"
        folder.mkdir(parents=True)
        (folder / "trainer_state.json").write_text(state)
    (tmp_path / "checkpoints" / "checkpoint-30").mkdir()
    found = last_checkpoint(tmp_path)
    assert found is not None
    assert found.name == "checkpoint-10"
    assert last_checkpoint(tmp_path / "elsewhere") is None


@pytest.mark.parametrize("key", ["loss", "eval_loss"])
def test_a_loss_that_is_no_number_ends_the_training(key: str) -> None:
    watch = Watch(Console(file=io.StringIO()))
    arguments, state = SimpleNamespace(learning_rate=0.1), SimpleNamespace(global_step=7, max_steps=9)
    watch.on_log(arguments, state, None, logs={key: 1.5})
    with pytest.raises(UserError, match=r"loss is nan at step 7(.|\n)*learning_rate=0\.01"):
        watch.on_log(arguments, state, None, logs={key: math.nan})
