"""How fast a training goes without learning anything else: packing, tokens of a batch, compilation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from data.errors import ConfigError

if TYPE_CHECKING:
    from train.config import TrainConfig
    from train.trainer import Pace

_STEPS_WORTH_COMPILING = (
    200  # compiling takes ten seconds to half a minute and saves a seventh to a third of a step
)


AUTO = "auto"


class Packing(StrEnum):
    """How the rows of a batch are laid out.

    off: padded to the longest; rows: the same rows end to end, without padding; tokens: as many rows as fill
    `speed.batch_tokens`, so that a step holds a number of tokens instead of a number of rows; auto: rows where the
    task, the method and the model allow it, else off.
    """

    auto = "auto"
    off = "off"
    rows = "rows"
    tokens = "tokens"


@dataclass(kw_only=True, slots=True)
class SpeedConfig:
    """Settings that change how fast a training is.

    packing       see Packing
    batch_tokens  with packing=tokens: tokens of a batch, 64 or more, filled with rows drawn at random (best fit). auto:
                  a step sees batch_size x accumulation x task.max_length tokens, on a GPU in as few batches as the
                  forecast says memory can hold (train/budget)
    compile       compile the model's layers; null: on a GPU, with packing=tokens, for 200 steps and more
    """

    packing: Packing = Packing.auto
    batch_tokens: int | str = AUTO
    compile: bool | None = None

    def __post_init__(self) -> None:
        if self.batch_tokens == AUTO:
            return
        if isinstance(self.batch_tokens, str) or not 64 <= self.batch_tokens <= 10_000_000:
            raise ConfigError(
                f"speed.batch_tokens={self.batch_tokens} is neither auto nor within 64 to 10,000,000",
                "usual: auto; 8192 on a CPU, 32768 to 131072 on a GPU",
            )
        if self.packing is not Packing.tokens:
            raise ConfigError(
                f"speed.batch_tokens={self.batch_tokens} without speed.packing=tokens changes nothing",
                "add speed.packing=tokens, or leave it out: batch_size says how many rows a batch holds",
            )


def pace(config: TrainConfig, model: Any, steps: int) -> Pace:
    """What `config` asks for on this machine and for `model`. Raises ConfigError for packing that cannot be."""
    import torch

    from train.trainer import Pace

    speed = config.speed
    on_gpu = torch.cuda.is_available()
    why = cannot_pack(config, model)
    _refuse(config, why)
    if why is not None or speed.packing is Packing.off:
        return Pace()
    by_tokens = speed.packing is Packing.tokens
    long_enough = on_gpu and by_tokens and steps >= _STEPS_WORTH_COMPILING
    return Pace(
        packed=True,
        budget=budget(config) if by_tokens else None,
        compile=long_enough if speed.compile is None else speed.compile,
        bf16=on_gpu and torch.cuda.is_bf16_supported(),
    )


def budget(config: TrainConfig) -> int:
    """Tokens of a batch with packing=tokens."""
    asked = config.speed.batch_tokens
    return asked if isinstance(asked, int) else config.batch_size * config.task.max_length


def batches(config: TrainConfig, dataset: Any, processes: int = 1) -> int:
    """Batches that each of `processes` sees in one epoch over the tokenised rows of `dataset`."""
    if config.speed.packing is not Packing.tokens:
        return math.ceil(math.ceil(len(dataset) / processes) / config.batch_size)
    from train.packing import PackedBatches, row_lengths

    lengths = row_lengths(dataset)
    return len(PackedBatches(lengths, budget(config), seed=config.seed, processes=processes))


def check_packing(config: TrainConfig) -> None:
    """Raise ConfigError where packing is asked for and task, method or noise rule it out, whatever the model."""
    _refuse(config, _why_not(config))


def _refuse(config: TrainConfig, why: str | None) -> None:
    asked = config.speed.packing
    if why is not None and asked in (Packing.rows, Packing.tokens):
        raise ConfigError(f"speed.packing={asked.value}: {why}", "allowed here: auto, off")


def packs(config: TrainConfig) -> bool:
    """Whether `config` lays rows end to end where the model can; told before the model is loaded."""
    return config.speed.packing is not Packing.off and _why_not(config) is None


def cannot_pack(config: TrainConfig, model: Any) -> str | None:
    """Why rows of this training cannot be laid end to end; None where they can."""
    from train.attention import can_pack

    why = _why_not(config)
    if why is None and not can_pack(model):
        return f"the attention of {type(model).__name__} has more to it than packed rows can do"
    return why


def _why_not(config: TrainConfig) -> str | None:
    if config.task.name.value != "sft":
        return f"task={config.task.name.value} pads its rows"
    if config.method.name == "prompt":
        return "method=prompt puts learnt vectors before every row"
    if config.neftune_alpha:
        return "neftune_alpha draws its noise by the length of a row"
    return None
