"""The forecast as a table, the refusal where memory or disk cannot hold the training, and what came of it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table

from data.errors import UserError
from train.config import TrainConfig
from train.estimate import GIB, free_disk
from train.forecast import Forecast, Range, needed
from train.models import BaseModel, Dtype, torch_dtype
from train.packing import row_lengths
from train.rows import Tokenised
from train.speed import Packing, budget

_LEAST_TOKENS = 256  # of a batch that is proposed


def forecast_table(expected: Forecast) -> Table:
    """One line a quantity with its range; fits 80 columns."""
    table = Table(
        title="What it will take", title_justify="left", box=None, pad_edge=False, header_style="bold"
    )
    table.add_column("quantity", no_wrap=True)
    table.add_column("about", justify="right", no_wrap=True)
    table.add_column("range", no_wrap=True)
    table.add_column("from", overflow="fold", style="dim")
    parts = ", ".join(f"{name} {size / GIB:.1f}" for name, size in expected.need.memory.items())
    table.add_row("memory", *_row(expected.memory, _gib), f"{expected.available / GIB:.1f} GiB free; {parts}")
    work = expected.work
    of = f"{work.steps:,} steps of {work.tokens_a_step:,.0f} tokens, {work.validations} validations; "
    table.add_row("time", *_row(expected.seconds, clock), of + _learnt(expected.learnt["seconds"]))
    if expected.cost is not None:
        table.add_row("cost", *_row(expected.cost, lambda value: f"{value:.2f}"), "price_per_hour x time")
    table.add_row("energy", *_row(expected.energy, energy), "watts x time")
    speed = work.tokens / max(expected.seconds.value, 1e-9)
    share = speed * expected.flops / expected.ceiling
    table.add_row(
        "speed",
        f"{speed:,.0f}",
        "tokens/s",
        f"{share:.0%} of this machine's {expected.ceiling / 1e9:,.0f} GFLOP/s",
    )
    return table


def _learnt(runs: int) -> str:
    return f"corrected by {runs} earlier run{'s' if runs != 1 else ''}" if runs else "no earlier run here"


def _row(value: Range, shown: Any) -> tuple[str, str]:
    return shown(value.value), f"{shown(value.low)} to {shown(value.high)}"


def _gib(value: float) -> str:
    return f"{value / GIB:.1f} GiB"


def energy(value: float) -> str:
    """Kilowatt hours as a person reads them: 0.3 Wh, 5.8 Wh, 0.029 kWh."""
    return f"{value:.2g} kWh" if value >= 0.01 else f"{value * 1000:.2g} Wh"


def clock(seconds: float) -> str:
    """Seconds as a person says them: 42 s, 3 min, 2.5 h."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def refuse(
    expected: Forecast, config: TrainConfig, base: BaseModel, learnt: Tokenised, held_out: Tokenised
) -> None:
    """Raise UserError where memory or disk cannot hold the training, with the smallest change that would fit."""
    if expected.memory.value > expected.available and not config.allow_low_memory:
        parts = ", ".join(f"{name} {size / GIB:.1f}" for name, size in expected.need.memory.items())
        factor = expected.memory.value / expected.need.memory_total
        change = smallest_change(config, base, learnt, held_out, expected.available / factor)
        way = (
            f"the smallest change that fits: {change}"
            if change
            else "no smaller batch, shorter row or adapter fits here: a smaller model, or a machine with more memory"
        )
        raise UserError(
            f"not enough memory: about {expected.memory.value / GIB:.1f} GiB are needed and "
            f"{expected.available / GIB:.1f} GiB are free",
            f"in GiB: {parts}",
            way,
            "if you know better: allow_low_memory=true",
        )
    free = free_disk(Path(config.out))
    if expected.need.disk > free:
        raise UserError(
            f"not enough disk: checkpoints and weights take up to {expected.need.disk / GIB:.1f} GiB, and "
            f"{free / GIB:.1f} GiB are free for out={config.out}",
            "another place: out=FOLDER; or method=lora, whose adapters are small",
        )


def smallest_change(
    config: TrainConfig, base: BaseModel, learnt: Tokenised, held_out: Tokenised, available: float
) -> str | None:
    """The overrides, as they are typed, of the first change that fits into `available` bytes; None if none does.

    Tried in the order of what they cost: smaller batches that make the same steps, recomputed activations (a third
    more time), both, shorter rows, adapters instead of all weights.
    """
    longest = max(learnt.longest, held_out.longest)
    for words, changed, length in _changes(config, learnt):
        row = min(longest, length or longest)
        by_tokens = changed.speed.packing is Packing.tokens
        wanted = needed(changed, base, max(budget(changed), row) if by_tokens else changed.batch_size * row)
        if wanted.memory_total <= available:
            return words
    return None


def _changes(config: TrainConfig, learnt: Tokenised) -> Iterator[tuple[str, TrainConfig, int | None]]:
    """(overrides, the configuration with them, tokens that rows are cut at), the least costly first."""
    lengths = np.sort(row_lengths(learnt.dataset))
    at = (0.9, 0.5)  # rows are cut at the power of two above these quantiles
    shorter = sorted({1 << int(lengths[int(len(lengths) * part)]).bit_length() for part in at}, reverse=True)
    savings = ["", *([] if config.gradient_checkpointing else ["gradient_checkpointing=true"])]
    methods = ["", *(["method=lora"] if config.method.name == "full" else [])]
    formats = ["", *(["model.dtype=bfloat16"] if torch_dtype(config.model.dtype).itemsize > 2 else [])]
    for half, method, length, saving in product(formats, methods, [None, *shorter], savings):
        if half and config.method.name == "full" and not method:
            continue  # all weights are trained in float32 whatever they are kept in
        for batches, changed in _batches(config):
            words = " ".join(
                filter(None, (half, method, batches, saving, f"task.max_length={length}" if length else ""))
            )
            if words:
                chosen = replace(config.method, name="lora") if method else config.method
                recompute = config.gradient_checkpointing or bool(saving)
                base = replace(config.model, dtype=Dtype.bfloat16) if half else config.model
                made = replace(changed, method=chosen, gradient_checkpointing=recompute, model=base)
                yield words, made, length


def _batches(config: TrainConfig) -> Iterator[tuple[str, TrainConfig]]:
    """Smaller and smaller batches, more of them a step, down to one row; first the batch as it is."""
    yield "", config
    if config.speed.packing is Packing.tokens:
        size, parts = budget(config), 2
        while size // parts >= _LEAST_TOKENS:
            smaller = replace(config.speed, batch_tokens=math.ceil(size / parts))
            words = f"speed.batch_tokens={smaller.batch_tokens} accumulation={config.accumulation * parts}"
            yield words, replace(config, accumulation=config.accumulation * parts, speed=smaller)
            parts *= 2
        return
    rows = config.batch_size * config.accumulation
    for size in range(config.batch_size - 1, 0, -1):
        if config.batch_size % size == 0 and (size == 1 or (config.batch_size // size).bit_count() == 1):
            words = f"batch_size={size} accumulation={rows // size}"
            yield words, replace(config, batch_size=size, accumulation=rows // size)


def came_of(expected: Forecast, steps: int, seconds: float, memory: float) -> dict[str, Any]:
    """The forecast with what came: actual values, and how many times the forecast they were.

    A training that was stopped early is compared with the forecast of as many steps.
    """
    part = steps / expected.work.steps
    actual = {"seconds": seconds / part, "memory": memory}
    middle = {"seconds": expected.seconds.value, "memory": expected.memory.value}
    return {
        **expected.as_data(),
        "actual": actual,
        "times": {name: actual[name] / middle[name] for name in actual if middle[name]},
    }
