"""How many tokens a batch holds on a GPU, and whether activations are recomputed: what the memory forecast allows.

With packing=tokens and batch_tokens=auto a step sees batch_size x accumulation x task.max_length tokens, as it would
without a forecast. Here these are divided into as few batches as memory can hold: fewer and larger ones keep a GPU
busier, and learn the same but for which rows meet in a batch.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from train.config import TrainConfig
from train.speed import AUTO, Packing

# Batches that are tried, tokens: smaller ones leave a GPU waiting, larger ones gain nothing more.
SIZES = tuple(1 << power for power in range(17, 11, -1))
MARGIN = 0.95  # share of the free memory that a batch may take: what a forecast does not see has to fit too


def decided(
    config: TrainConfig, fits: Callable[[TrainConfig, int], bool], largest: int, longest: int
) -> TrainConfig:
    """`config` with the batches of tokens and the recomputing of activations that it leaves open, for a GPU.

    `fits` says whether a batch of so many tokens fits into memory; `largest` is the largest batch as it is configured,
    `longest` the longest row, both in tokens. Where nothing fits the smallest is taken: the forecast refuses it then.
    """
    asked = config.gradient_checkpointing
    open_ = left_open(config)
    sizes = [size for size in SIZES if size >= longest] or [longest] if open_ else [largest]
    for saving in (False, True) if asked is None else (asked,):
        chosen = replace(config, gradient_checkpointing=saving)
        room = next((size for size in sizes if fits(chosen, size)), None)
        if room is not None:
            break
    if not open_:
        return chosen
    step = config.batch_size * config.accumulation * config.task.max_length
    parts = math.ceil(step / (room or sizes[-1]))
    size = max(math.ceil(step / parts), longest)
    return replace(chosen, accumulation=parts, speed=replace(config.speed, batch_tokens=size))


def left_open(config: TrainConfig) -> bool:
    """Whether the tokens of a batch are for the forecast to say."""
    return config.speed.packing is Packing.tokens and config.speed.batch_tokens == AUTO


def as_before(config: TrainConfig, folder: Path) -> TrainConfig | None:
    """`config` as it was decided when the run in `folder` began; None where no run is gone on with."""
    if config.resume not in ("true", "false"):
        folder = Path(config.resume).resolve().parent.parent
    noted = folder / "config.json"
    if config.resume == "false" or not noted.is_file():
        return None
    was = json.loads(noted.read_text(encoding="utf-8"))
    if config.gradient_checkpointing is None:
        config = replace(config, gradient_checkpointing=bool(was.get("gradient_checkpointing")))
    size = was.get("speed", {}).get("batch_tokens")
    if left_open(config) and isinstance(size, int):
        speed = replace(config.speed, batch_tokens=size)
        config = replace(config, accumulation=was["accumulation"], speed=speed)
    return config
