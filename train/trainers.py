"""The trainer of each task: what transformers and TRL have, with the settings that differ between tasks."""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from train.config import Task, TrainConfig
from train.methods import adapter_config


def make_trainer(
    config: TrainConfig,
    model: Any,
    tokenizer: Any,
    train: Any,
    validation: Any,
    arguments: Mapping[str, Any],
    callbacks: Sequence[Any],
) -> Any:
    """A trainer for `config.task`, with the adapter of `config.method` on `model`.

    `train` and `validation` (or None) are datasets of token ids and labels; `arguments` is what all tasks share, in
    the names of transformers.TrainingArguments.
    """
    adapter = adapter_config(config.method, model, config.task.name)
    shared = {
        "train_dataset": train,
        "eval_dataset": validation,
        "processing_class": tokenizer,
        "callbacks": list(callbacks),
    }
    if config.task.name is Task.sft:
        return _sft(config, model, arguments, adapter, shared)
    if adapter is not None:
        from peft import get_peft_model

        model = get_peft_model(model, adapter)
    if config.task.name is Task.classify:
        from train.classify import trainer

        return trainer(model, tokenizer, arguments, shared)
    from train.seq2seq import trainer as seq2seq_trainer

    return seq2seq_trainer(model, tokenizer, arguments, shared)


def _sft(
    config: TrainConfig, model: Any, arguments: Mapping[str, Any], adapter: Any, shared: Mapping[str, Any]
) -> Any:
    from trl.trainer.sft_config import SFTConfig

    from train.speed import pace
    from train.trainer import CountingTrainer

    own = pace(config, model, arguments["max_steps"])
    settings = SFTConfig(
        **{**arguments, "bf16": arguments["bf16"] and not own.bf16},  # a packed training casts by itself
        max_length=config.task.max_length,
        dataset_kwargs={"skip_prepare_dataset": True},  # tokenised and cut by train.rows, labels included
    )
    return CountingTrainer(pace=own, model=model, args=settings, peft_config=adapter, **shared)
