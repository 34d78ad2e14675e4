"""What a training will take, before any of it is spent: memory, time, cost and energy, each with a range.

    seconds = steps x tokens x (layers x layer + head) + steps x weights x optimiser + validations        (train.probe)

times the geometric mean of the factors by which earlier runs on this machine took longer than that. A range is the
middle value divided and multiplied by a spread: 2 for time and 1.35 for memory where nothing was measured yet, and then
the 80 % prediction interval of the next factor, from the scatter of the earlier ones and a prior that counts as two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.runs import Run
from train import processes
from train.config import TrainConfig
from train.environment import hardware
from train.estimate import Need, available_memory, need
from train.models import BaseModel, torch_dtype
from train.rows import Tokenised
from train.workload import Workload, workload

UNKNOWN = {"seconds": 2.0, "memory": 1.35}  # spread without history
_PRIOR, _PRIOR_RUNS = (
    {"seconds": 0.25, "memory": 0.08},
    2,
)  # standard deviation of the logarithm of the factors
_QUANTILE = 1.28  # of the normal distribution, for 80 %
_RUNS = 10  # of the history, newest first
# Of a forecast from whose time is learnt: most of what a shorter run takes is its start, which no longer one repeats.
_LEAST_SECONDS = 2.0
_STEP_OVERHEAD = 0.015  # seconds that the trainer itself takes for a step, measured with a model of no size
# Watts of a machine while it trains, where `watts` does not say: of a CPU a base and what each busy core adds, of a
# GPU a share of its limit and the host around it.
_CPU_WATTS, _GPU_SHARE, _HOST_WATTS = ((10.0, 4.0), (40.0, 15.0)), (0.5, 1.0), (60.0, 300.0)
_GPU_LIMIT = 400.0  # watts, where the driver does not say


@dataclass(frozen=True, slots=True)
class Range:
    """A value and what it may come to."""

    value: float
    low: float
    high: float

    def times(self, factor: float) -> Range:
        """All three scaled."""
        return Range(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True, slots=True)
class Forecast:
    """What a training will take.

    raw       seconds and memory (bytes) before the correction by earlier runs
    learnt    quantity -> earlier runs that corrected it
    energy    kWh; cost is in the unit of `price_per_hour`, None without a price
    flops     floating-point operations of a token, forward and backward, of the weights alone
    ceiling   floating-point operations a second of a large matrix product here
    """

    work: Workload
    need: Need
    memory: Range
    available: float
    seconds: Range
    energy: Range
    cost: Range | None
    raw: dict[str, float]
    learnt: dict[str, int]
    flops: float
    ceiling: float

    def as_data(self) -> dict[str, Any]:
        """What is kept with the run, to be compared with what came."""
        return {
            "seconds": [self.seconds.value, self.seconds.low, self.seconds.high],
            "memory": [self.memory.value, self.memory.low, self.memory.high],
            "kwh": [self.energy.value, self.energy.low, self.energy.high],
            "raw": self.raw,
            "learnt_from": self.learnt,
            "ceiling": self.ceiling,
        }


def forecast(
    config: TrainConfig, base: BaseModel, learnt: Tokenised, held_out: Tokenised, history: Sequence[Run] = ()
) -> Forecast:
    """Forecast the training of `config`; measures for about two seconds and loads no weights."""
    import torch

    from train.probe import ceiling, probe

    on_gpu = torch.cuda.is_available()
    work = workload(config, learnt, held_out, processes.count())
    wanted = needed(config, base, work.batch_tokens)
    speed = probe(base.path, config, work.length)
    a_token = speed.per_token(wanted.layers, wanted.frozen)
    validated = work.validations * work.validation_tokens * a_token * speed.forward
    a_step = work.tokens_a_step * a_token + wanted.trainable * speed.weight + _STEP_OVERHEAD
    raw = {"seconds": work.steps * a_step + validated, "memory": wanted.memory_total}
    alike = comparable(config, history)
    corrected = {name: _corrected(raw[name], name, alike) for name in raw}
    seconds = corrected["seconds"][0]
    return Forecast(
        work=work,
        need=wanted,
        memory=corrected["memory"][0],
        available=available_memory() / (1 if on_gpu else processes.count()),
        seconds=seconds,
        energy=_energy(config, seconds),
        cost=seconds.times(config.price_per_hour / 3600) if config.price_per_hour else None,
        raw=raw,
        learnt={name: found[1] for name, found in corrected.items()},
        flops=flops_a_token(wanted),
        ceiling=ceiling(),
    )


def needed(config: TrainConfig, base: BaseModel, batch_tokens: int) -> Need:
    """Memory and disk of `config` with batches of `batch_tokens` tokens."""
    return need(
        Path(base.path),
        config.method,
        batch_tokens=batch_tokens,
        bytes_per_weight=4 if config.method.name == "full" else torch_dtype(config.model.dtype).itemsize,
        gradient_checkpointing=bool(config.gradient_checkpointing),
        task=config.task.name,
    )


def memory_of(config: TrainConfig, base: BaseModel, batch_tokens: int, history: Sequence[Run] = ()) -> Range:
    """The memory of a forecast of `config`, in bytes, were its largest batch of `batch_tokens` tokens."""
    total = needed(config, base, batch_tokens).memory_total
    return _corrected(total, "memory", comparable(config, history))[0]


def flops_a_token(wanted: Need) -> float:
    """2 operations a weight forward, 2 for the gradient of its input, and 2 for its own where it is trained.

    Attention is left out, as is the second forward pass of gradient checkpointing: what is counted is work that the
    result needs (Chowdhery et al. 2022, PaLM, appendix B).
    """
    return 4.0 * wanted.matrices + 2.0 * min(wanted.trainable, wanted.matrices)


def comparable(config: TrainConfig, history: Sequence[Run]) -> list[Run]:
    """Earlier runs on this machine that kept a forecast: of the same model and method where there are any."""
    here = machine(hardware())
    known = [run for run in history if run.metrics.get("forecast") and machine(run.hardware) == here]
    model = config.model.path or config.model.name
    same = [run for run in known if (run.model, run.method) == (model, config.method.name)]
    return (same or known)[-_RUNS:]


def machine(found: dict[str, Any]) -> tuple[Any, ...]:
    """What makes two machines take the same time."""
    return tuple(found.get(key) for key in ("processor", "cores", "threads", "gpu", "processes"))


def _corrected(raw: float, name: str, history: Sequence[Run]) -> tuple[Range, int]:
    """`raw` times the geometric mean of what earlier runs took of theirs, and how many there were."""
    ratios = [
        math.log(run.metrics["forecast"]["actual"][name] / run.metrics["forecast"]["raw"][name])
        for run in history
        if run.metrics["forecast"].get("actual", {}).get(name)
        and (name != "seconds" or run.metrics["forecast"]["raw"][name] >= _LEAST_SECONDS)
    ]
    if not ratios:
        return Range(raw, raw / UNKNOWN[name], raw * UNKNOWN[name]), 0
    mean = sum(ratios) / len(ratios)
    middle = raw * math.exp(mean)
    scatter = sum((ratio - mean) ** 2 for ratio in ratios) + _PRIOR_RUNS * _PRIOR[name] ** 2
    deviation = math.sqrt(scatter / (len(ratios) - 1 + _PRIOR_RUNS) * (1 + 1 / len(ratios)))
    spread = math.exp(_QUANTILE * deviation)
    return Range(middle, middle / spread, middle * spread), len(ratios)


def _energy(config: TrainConfig, seconds: Range) -> Range:
    if config.watts is not None:
        return seconds.times(config.watts / 3.6e6)
    low, high = watts()
    return Range(
        seconds.value * (low + high) / 2 / 3.6e6, seconds.low * low / 3.6e6, seconds.high * high / 3.6e6
    )


def watts() -> tuple[float, float]:
    """A range of what this machine draws while it trains: by the number of busy cores, or the limit of its GPU."""
    import torch

    if not torch.cuda.is_available():
        threads = torch.get_num_threads()
        return _CPU_WATTS[0][0] + _CPU_WATTS[0][1] * threads, _CPU_WATTS[1][0] + _CPU_WATTS[1][1] * threads
    limit = _power_limit() * torch.cuda.device_count()
    return limit * _GPU_SHARE[0] + _HOST_WATTS[0], limit * _GPU_SHARE[1] + _HOST_WATTS[1]


def _power_limit() -> float:
    import subprocess

    try:
        said = subprocess.run(
            ["nvidia-smi", "--query-gpu=power.limit", "--format=csv,noheader,nounits"],
            capture_output=True, text=True, check=True, timeout=10,
        )  # fmt: skip
        return float(said.stdout.split()[0])
    except (OSError, subprocess.SubprocessError, ValueError, IndexError):
        return _GPU_LIMIT
