"""Rows to tokens for each task, and the two examples of it that a person should have looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rich.console import Console

from train.config import TrainConfig
from train.preflight import show
from train.rows import Tokenised, tokenise
from train.tasks import Task


def encode_rows(
    config: TrainConfig,
    frame: Any,
    tokenizer: Any,
    labels: list[str],
    advance: Callable[[int], None] = lambda _: None,
) -> Tokenised:
    """`frame` (train.rows.COLUMNS) as the dataset that the task's trainer takes. `labels` is for classify."""
    match config.task.name:
        case Task.sft:
            return tokenise(frame, tokenizer, config.task.max_length, advance)
        case Task.classify:
            from train.classify_rows import tokenise_texts

            return tokenise_texts(frame, tokenizer, labels, config.task.max_length, advance)
        case Task.seq2seq:
            from train.seq2seq_rows import tokenise_pairs

            return tokenise_pairs(frame, tokenizer, config.task.max_length, config.task.max_answer, advance)


def labels_of(config: TrainConfig, frame: Any) -> list[str]:
    """The labels that the training rows carry, sorted: what a classifier can answer. Empty for other tasks."""
    if config.task.name is not Task.classify:
        return []
    from train.classify_rows import labels_in

    return labels_in(frame)


def show_examples(config: TrainConfig, console: Console, learnt: Tokenised, tokenizer: Any) -> None:
    """Print two examples of what is learnt."""
    if config.task.name is Task.sft:
        show(console, learnt, tokenizer, hide=config.allow_unscrubbed)
    else:
        from train.preflight import show_pairs

        show_pairs(console, learnt, tokenizer, hide=config.allow_unscrubbed)
