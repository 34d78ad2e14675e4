"""One attempt at a training whose model is loaded: fit it, and measure what it took and what each row lost."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from data.runs import Run
from train import peak
from train.config import TrainConfig
from train.disk import explaining_a_full_disk
from train.fit import Fitted, fit
from train.forecast_shown import came_of
from train.generated import Generated
from train.ingredients import Ingredients
from train.look import Looked
from train.processes import is_first, share_weights
from train.row_loss import before_and_after, row_losses, rows_to_measure
from train.signals import EXIT_CODE, ending_on_sigterm
from train.tasks import Task
from train.watch import Gauge


@dataclass(frozen=True, slots=True)
class Trained:
    """What an attempt left. `losses`: a frame of `train.row_loss.before_and_after`, or None."""

    fitted: Fitted
    looked: Looked
    losses: Any


def attempt(
    config: TrainConfig,
    run: Run,
    rows: Ingredients,
    looked: Looked,
    model: Any,
    folder: Path,
    console: Console,
    checkpoint: Path | None,
    *,
    by_row: bool,
    watchers: Sequence[Any] = (),
) -> Trained:
    """Fit `model`; notes in `run.metrics` what came of the forecast. `by_row`: whether losses of rows are measured.

    Exits with 143 after a SIGTERM, with a checkpoint. Raises UserError for a full disk.
    """
    tokenizer, parts = looked.tokenizer, {"train": looked.learnt, "validation": looked.held_out}
    by_row = by_row and is_first() and not share_weights()
    measured = rows_to_measure(config, looked.forecast.work.steps) if by_row else 0
    before = row_losses(model, tokenizer, parts, measured, "Losses before") if measured else None
    own: list[Any] = []
    if config.generate_rows and config.task.name is not Task.classify:
        own.append(Generated(rows.validation.head(config.generate_rows), tokenizer, config.max_new_tokens))
    peak.start()
    began = time.perf_counter()
    gauge = Gauge(looked.forecast.flops, looked.forecast.ceiling)
    with ending_on_sigterm(console) as ending, explaining_a_full_disk(folder):
        fitted = fit(
            config, model, tokenizer, looked.learnt, looked.held_out, folder, console, checkpoint,
            [*watchers, *own, ending], gauge,
        )  # fmt: skip
    if ending.step is not None:
        console.print(
            f"Ended by SIGTERM after step {ending.step}, with a checkpoint. The same command with resume=true goes on.",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        raise SystemExit(EXIT_CODE)
    if checkpoint is None:
        took = time.perf_counter() - began - sum(answering.seconds for answering in own)
        run.metrics["forecast"] = came_of(looked.forecast, fitted.steps, took, peak.peak())
    losses = None
    if before is not None:
        after = row_losses(fitted.model, tokenizer, parts, measured, "Losses after")
        losses = before_and_after(before, after)
        run.metrics["row_losses"] = dict(losses.group_by("split").len().sort("split").iter_rows())
    return Trained(fitted, looked, losses)
