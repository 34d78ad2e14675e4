"""Parts of the fitting that can be looked at alone."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from data.errors import UserError
from train.config import TrainConfig
from train.fit import last_checkpoint, planned_steps
from train.load import load_base
from train.models import quiet
from train.trainer import CountingTrainer
from train.watch import Watch


def test_steps_follow_from_epochs() -> None:
    assert planned_steps(TrainConfig(epochs=3, batch_size=8), batches=3) == 9
    assert planned_steps(TrainConfig(epochs=2, batch_size=8, accumulation=2), batches=3) == 4
    assert planned_steps(TrainConfig(epochs=0.1, batch_size=8), batches=1) == 1
    assert planned_steps(TrainConfig(steps=5), batches=125) == 5


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


def test_the_plain_head_gives_the_loss_of_trls_tiles(trained: Any, tmp_path: Path) -> None:
    """The loss that we train on, TRL's own, and one written out by hand agree on one batch."""
    import torch
    from datasets import Dataset
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    model, tokenizer = load_base(trained.run)
    rows = [
        {"input_ids": [5, 6, 7, 8, 9], "labels": [-100, -100, 7, 8, 9]},
        {"input_ids": [9, 8], "labels": [-100, 8]},
    ]
    with quiet():
        arguments = SFTConfig(
            output_dir=str(tmp_path),
            use_cpu=True,
            bf16=False,
            report_to=[],
            dataset_kwargs={"skip_prepare_dataset": True},
            disable_tqdm=True,
        )
        trainer = CountingTrainer(
            model=model, args=arguments, processing_class=tokenizer, train_dataset=Dataset.from_list(rows)
        )
        batch = trainer.data_collator(rows)
        model.eval()
        with torch.no_grad():
            ours = float(trainer.compute_loss(model, dict(batch)))
            tiles = float(SFTTrainer.compute_loss(trainer, model, dict(batch)))
            logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits
    by_hand = torch.nn.functional.cross_entropy(
        logits[:, :-1].flatten(0, 1), batch["labels"][:, 1:].flatten()
    )
    assert ours == pytest.approx(float(by_hand), abs=1e-5)
    assert tiles == pytest.approx(float(by_hand), abs=1e-5)
