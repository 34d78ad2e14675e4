"""The look at a training before its first step: rows as tokens, the checks, two examples, and what it will take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from data.progress import progress
from train.budget import MARGIN, as_before, decided
from train.config import TrainConfig
from train.encoding import encode_rows, labels_of, show_examples
from train.estimate import available_memory
from train.findings import Finding, accepted, stop, table_of
from train.forecast import Forecast, forecast, memory_of
from train.forecast_shown import forecast_table, refuse
from train.ingredients import Ingredients
from train.models import BaseModel, open_tokenizer
from train.preflight import remarks
from train.preflight_rows import Seen, check_rows_of
from train.processes import count, from_first, is_first
from train.rows import Tokenised
from train.speed import Packing, budget
from train.suitable import licence_remark
from train.tokens import key_of, through
from train.unused import unused
from train.workload import workload


@dataclass(frozen=True, slots=True)
class Looked:
    """What a training starts from. `config`: with what was left to the forecast decided."""

    config: TrainConfig
    tokenizer: Any
    labels: list[str]
    learnt: Tokenised
    held_out: Tokenised
    findings: list[Finding]
    forecast: Forecast


def look(
    config: TrainConfig, rows: Ingredients, base: BaseModel, console: Console, folder: Path | None = None
) -> Looked:
    """Tokenise, check and forecast; raises UserError where a check says stop or memory cannot suffice.

    A part of something larger (`rows.part`) is checked as well, and said less of. `folder` is the run's.
    """
    asked = config
    tokenizer = open_tokenizer(base.path, config.model.chat_template, task=config.task.name)
    labels = labels_of(config, rows.train)
    learnt, held_out = tokens_of(config, rows, base, tokenizer, labels, console)
    seen = Seen(rows.train, learnt, tokenizer, config.task.name, config.task.max_length, rows.slices)
    # Without a row there is nothing that could be allowed.
    findings = accepted([*check_rows_of(seen), *rows.findings], config.allow if len(learnt) else ())
    if not rows.part:
        console.print(table_of(findings))
    stop(findings, can_allow=len(learnt) > 0)
    config = from_first(lambda: _decided(config, rows, base, learnt, held_out, folder))
    expected = from_first(lambda: forecast(config, base, learnt, held_out, rows.history))
    if not rows.part:
        show_examples(config, console, learnt, tokenizer)
        said = [
            *remarks(held_out, config.allow_unscrubbed),
            licence_remark(config, base),
            rate_remark(config),
            batch_remark(config),
            *unused(asked),
        ]
        for remark in said:
            if remark:
                console.print(f"note: {remark}", highlight=False, soft_wrap=True)
        console.print(forecast_table(expected))
    refuse(expected, config, base, learnt, held_out)
    return Looked(config, tokenizer, labels, learnt, held_out, findings, expected)


def tokens_of(
    config: TrainConfig,
    rows: Ingredients,
    base: BaseModel,
    tokenizer: Any,
    labels: list[str],
    console: Console,
) -> list[Tokenised]:
    """The training and the validation rows as tokens, from the cache where they are there."""
    frames = [rows.train, rows.validation]

    def made(frame: Any) -> Tokenised:
        with progress("Tokenising", total=frame.height) as advance:
            return encode_rows(config, frame, tokenizer, labels, advance)

    return through(
        config,
        lambda: [key_of(config, rows.membership, frame, tokenizer, base.path, labels) for frame in frames],
        [partial(made, frame) for frame in frames],
        lambda words: console.print(words, highlight=False, soft_wrap=True),
        writes=is_first(),
    )


def _decided(
    config: TrainConfig,
    rows: Ingredients,
    base: BaseModel,
    learnt: Tokenised,
    held_out: Tokenised,
    folder: Path | None,
) -> TrainConfig:
    """`config` with what it leaves to the forecast: as it was when the run began, else by the memory that is free."""
    import torch

    before = as_before(config, folder) if folder is not None else None
    if before is not None or not torch.cuda.is_available():
        return before or config

    def fits(changed: TrainConfig, tokens: int) -> bool:
        return memory_of(changed, base, tokens, rows.history).high <= MARGIN * available_memory()

    largest = workload(config, learnt, held_out, count()).batch_tokens
    return decided(config, fits, largest, max(learnt.longest, held_out.longest))


def batch_remark(config: TrainConfig) -> str:
    """A remark on the size of a batch where batches are tokens; empty where they are rows."""
    if config.speed.packing is not Packing.tokens:
        return ""
    batches = f"{config.accumulation} batches" if config.accumulation > 1 else "one batch"
    again = ", activations are computed twice" if config.gradient_checkpointing else ""
    return f"A step is {batches} of {budget(config):,} tokens{again}."


def rate_remark(config: TrainConfig) -> str:
    """A remark where adapters are to learn at a rate that is usual for all weights; empty where not."""
    if not config.method.adapts or config.learning_rate >= 5e-5:
        return ""
    return (
        f"learning_rate={config.learning_rate:g} is low for method={config.method.name}: adapters usually take "
        "2e-4 to 4e-3."
    )
