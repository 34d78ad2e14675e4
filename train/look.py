"""The look at a training before its first step: rows as tokens, the checks, two examples, and what it will take."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from rich.console import Console

from data.progress import progress
from train.config import TrainConfig
from train.encoding import encode_rows, labels_of, show_examples
from train.findings import Finding, accepted, stop, table_of
from train.forecast import Forecast, forecast
from train.forecast_shown import forecast_table, refuse
from train.ingredients import Ingredients
from train.models import BaseModel, open_tokenizer
from train.preflight import remarks
from train.preflight_rows import Seen, check_rows_of
from train.processes import from_first, is_first
from train.rows import Tokenised
from train.suitable import licence_remark
from train.tokens import key_of, through


@dataclass(frozen=True, slots=True)
class Looked:
    """What a training starts from."""

    tokenizer: Any
    labels: list[str]
    learnt: Tokenised
    held_out: Tokenised
    findings: list[Finding]
    forecast: Forecast


def look(config: TrainConfig, rows: Ingredients, base: BaseModel, console: Console) -> Looked:
    """Tokenise, check and forecast; raises UserError where a check says stop or memory cannot suffice.

    A part of something larger (`rows.part`) is checked as well, and said less of.
    """
    tokenizer = open_tokenizer(base.path, config.model.chat_template, task=config.task.name)
    labels = labels_of(config, rows.train)
    learnt, held_out = tokens_of(config, rows, base, tokenizer, labels, console)
    seen = Seen(rows.train, learnt, tokenizer, config.task.name, config.task.max_length, rows.slices)
    # Without a row there is nothing that could be allowed.
    findings = accepted([*check_rows_of(seen), *rows.findings], config.allow if len(learnt) else ())
    if not rows.part:
        console.print(table_of(findings))
    stop(findings, can_allow=len(learnt) > 0)
    expected = from_first(lambda: forecast(config, base, learnt, held_out, rows.history))
    if not rows.part:
        show_examples(config, console, learnt, tokenizer)
        said = [
            *remarks(held_out, config.allow_unscrubbed),
            licence_remark(config, base),
            rate_remark(config),
        ]
        for remark in said:
            if remark:
                console.print(f"note: {remark}", highlight=False, soft_wrap=True)
        console.print(forecast_table(expected))
    refuse(expected, config, base, learnt, held_out)
    return Looked(tokenizer, labels, learnt, held_out, findings, expected)


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


def rate_remark(config: TrainConfig) -> str:
    """A remark where adapters are to learn at a rate that is usual for all weights; empty where not."""
    if not config.method.adapts or config.learning_rate >= 5e-5:
        return ""
    return (
        f"learning_rate={config.learning_rate:g} is low for method={config.method.name}: adapters usually take "
        "2e-4 to 4e-3."
    )
