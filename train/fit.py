"""The training itself: a trainer of the task (train/trainers.py) over rows that are tokenised already."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console

from data.errors import UserError
from train import processes
from train.config import Task, TrainConfig
from train.models import quiet
from train.preflight import check_first_batch
from train.rows import Tokenised
from train.speed import batches

if TYPE_CHECKING:
    from train.watch import Gauge


@dataclass(frozen=True, slots=True)
class Fitted:
    """What a training left.

    model       the best weights by validation loss (the last ones without validation)
    history     the trainer's log: dicts with `step` and `loss` or `eval_loss`
    best_step   the step of those weights
    stopped_early   whether patience ended it
    state       the weights by name where several processes hold them, put together from all of them; else None
    """

    model: Any
    history: list[dict[str, Any]]
    steps: int
    best_step: int
    stopped_early: bool
    step_seconds: float
    tokens_per_second: float
    trainable: int
    parameters: int
    state: dict[str, Any] | None = None


def fit(
    config: TrainConfig,
    model: Any,
    tokenizer: Any,
    train: Tokenised,
    validation: Tokenised | None,
    folder: Path,
    console: Console,
    checkpoint: Path | None = None,
    watchers: Sequence[Any] = (),
    gauge: Gauge | None = None,
) -> Fitted:
    """Train `model` on `train`, choosing by the loss on `validation`; checkpoints go to `folder`/checkpoints.

    The same configuration, data and machine give the same weights; so does a training that goes on from
    `checkpoint`. `watchers` are further callbacks, which get the trainer as `trainer`;
    `gauge` is what speed is held against. Raises UserError for a loss that is no number and
    for a batch without supervision.
    """
    import torch
    from transformers import EarlyStoppingCallback, PrinterCallback, set_seed

    from train.shrink import Shrink
    from train.trainers import make_trainer
    from train.watch import Watch

    validated = validation is not None and len(validation) > 0
    steps = planned_steps(config, batches(config, train.dataset, processes.count()))
    set_seed(config.seed)  # the adapter's first weights are drawn before the trainer sets it
    watch = Watch(console, gauge)
    callbacks: list[Any] = [watch, *watchers, *_trackers(config, folder)]
    if config.l1:
        callbacks.append(Shrink(config.l1))
    if validated and config.early_stopping_patience:
        callbacks.append(EarlyStoppingCallback(config.early_stopping_patience))
    with quiet():
        trainer: Any = make_trainer(
            config,
            model,
            tokenizer,
            train.dataset,
            validation.dataset if validation is not None and validated else None,
            _arguments(config, steps, validated, folder, resuming=checkpoint is not None),
            callbacks,
        )
        trainer.remove_callback(PrinterCallback)
        watch.tokens = lambda: processes.count() * trainer.tokens_seen
        for watcher in watchers:
            watcher.trainer = trainer
        if config.task.name is Task.sft:
            first = [train.dataset[n] for n in range(min(config.batch_size, len(train)))]
            check_first_batch(trainer.data_collator(first)["labels"])
        try:
            trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
        except (torch.OutOfMemoryError, MemoryError) as error:
            raise UserError(
                f"memory ran out with batch_size={config.batch_size}",
                "smaller batches give the same steps: batch_size=1 accumulation=8; or gradient_checkpointing=true",
            ) from error
        finally:
            watch.close()
    tuned: Any = trainer.model
    history = list(trainer.state.log_history)
    weights: list[Any] = list(tuned.parameters())
    return Fitted(
        model=tuned,
        history=history,
        steps=trainer.state.global_step,
        best_step=(trainer.state.best_global_step or trainer.state.global_step),
        stopped_early=trainer.state.global_step < steps,
        step_seconds=watch.step_seconds,
        # Each process counts its own tokens, and all have about as many.
        tokens_per_second=processes.count() * trainer.tokens_seen / max(watch.step_seconds, 1e-9),
        trainable=sum(p.numel() for p in weights if p.requires_grad),
        parameters=sum(p.numel() for p in weights),
        state=trainer.accelerator.get_state_dict(trainer.model_wrapped) if processes.count() > 1 else None,
    )


def planned_steps(config: TrainConfig, batches: int) -> int:
    """Optimiser steps of a training that is not stopped early; `batches` of one epoch (`train.speed.batches`)."""
    if config.steps is not None:
        return config.steps
    return max(math.ceil(config.epochs * math.ceil(batches / config.accumulation)), 1)


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint under `folder`; the trainer writes trainer_state.json last."""
    found: list[tuple[int, Path]] = []
    for state in folder.glob("checkpoints/checkpoint-*/trainer_state.json"):
        try:
            found.append((int(json.loads(state.read_text(encoding="utf-8"))["global_step"]), state.parent))
        except (ValueError, KeyError):  # cut off while it was written
            continue
    return max(found)[1] if found else None


def _arguments(
    config: TrainConfig, steps: int, validated: bool, folder: Path, *, resuming: bool
) -> dict[str, Any]:
    """The settings that the trainers of all tasks share, in transformers' names."""
    import torch

    on_gpu = torch.cuda.is_available()
    every = config.eval_steps or max(math.ceil(steps / 10), 1)
    return {
        "output_dir": str(folder / "checkpoints"),
        "per_device_train_batch_size": config.batch_size,
        "per_device_eval_batch_size": config.batch_size,
        "gradient_accumulation_steps": config.accumulation,
        "max_steps": steps,
        "learning_rate": config.learning_rate,
        "lr_scheduler_type": config.schedule.value,
        "warmup_steps": min(config.warmup_steps, steps - 1),
        "weight_decay": config.weight_decay,
        "max_grad_norm": config.clip,
        "optim": "adamw_torch",
        "seed": config.seed,
        "data_seed": config.seed,
        "logging_steps": config.log_steps,
        "logging_first_step": True,
        "logging_nan_inf_filter": False,
        "eval_strategy": "steps" if validated else "no",
        "eval_steps": every if validated else None,
        # The loss before the first step is the base model's: what the tuned one is compared with.
        "eval_on_start": validated and not resuming,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": 2,
        "load_best_model_at_end": validated,
        # Otherwise a resumed training would count the validations without a better loss from zero again.
        "restore_callback_states_from_checkpoint": True,
        "metric_for_best_model": "eval_loss" if validated else None,
        "greater_is_better": False if validated else None,
        "gradient_checkpointing": bool(config.gradient_checkpointing),
        "use_cpu": not on_gpu,
        "bf16": on_gpu and torch.cuda.is_bf16_supported(),
        "dataloader_pin_memory": on_gpu,
        "ddp_find_unused_parameters": False,  # whatever is trained is used in every step
        "disable_tqdm": True,
        "report_to": [name for name in config.report_to if name not in ("tensorboard", "none")],
        "run_name": folder.name,
        "label_smoothing_factor": config.label_smoothing,
        "neftune_noise_alpha": config.neftune_alpha or None,
    }


def _trackers(config: TrainConfig, folder: Path) -> list[Any]:
    """TensorBoard writing into the run's folder; the other trackers are transformers' own, by report_to."""
    if "tensorboard" not in config.report_to:
        return []
    from transformers.integrations.integration_utils import TensorBoardCallback

    callback = TensorBoardCallback()
    callback.logging_dir = str(folder / "tensorboard")
    return [callback]
