"""A few seconds of measuring before a training: how fast this machine multiplies, and how long one layer takes.

The time of a step is put together from a model of one and of two layers with the shapes, the number format and the
adapters of the real one, but random weights and a small vocabulary:

    step = layers x (two layers - one layer) + (one layer - (two layers - one layer)) x vocabulary / small vocabulary

so that even a model too large for the machine can be forecast.
"""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from train.config import TrainConfig
from train.methods import adapter_config
from train.models import quiet, torch_dtype
from train.tasks import Task

_VOCABULARY = 8_192  # of the probe's model
_TOKENS = {"cpu": 192, "cuda": 8_192}  # of the probe's batch
_REPEATS = 3
_CEILING_SIDE = {"cpu": 1_024, "cuda": 8_192}


@dataclass(frozen=True, slots=True)
class Speed:
    """What the probe measured, in seconds: per token of a layer, per token of all that is no layer, per trained weight.

    forward   share of a layer's time that the forward pass takes, 0 to 1
    """

    layer: float
    rest: float
    weight: float
    forward: float

    def per_token(self, layers: int, frozen: int = 0) -> float:
        """Seconds of forward and backward pass for a token; below the first adapter (`frozen` layers) only forward."""
        return (layers - frozen) * self.layer + frozen * self.layer * self.forward + self.rest


@cache
def ceiling(device: str = "") -> float:
    """Floating-point operations a second of one large matrix product, in the number format that is trained in."""
    import torch

    where = device or ("cuda" if torch.cuda.is_available() else "cpu")
    side = _CEILING_SIDE[where]
    dtype = torch.bfloat16 if where == "cuda" else torch.float32
    left, right = (torch.ones(side, side, device=where, dtype=dtype) for _ in range(2))
    # The best of many: a machine that does other work too is at times free.
    taken = [_timed(lambda: left @ right, where)]
    while len(taken) < 5 or (sum(taken) < 0.4 and len(taken) < 100):
        taken.append(_timed(lambda: left @ right, where))
    return float(2 * side**3 / min(taken))


def probe(folder: Path, config: TrainConfig, length: int) -> Speed:
    """Measure on rows of `length` tokens; takes about two seconds on a CPU."""
    import torch

    where = "cuda" if torch.cuda.is_available() else "cpu"
    rows = max(_TOKENS[where] // max(length, 1), 1)
    columns = min(length, _TOKENS[where])
    # The random weights of the probe must not move the generator that the training draws from.
    with torch.random.fork_rng(), quiet():
        one, two = (_Step(folder, config, layers, rows, columns, where) for layers in (1, 2))
        first, second = one.seconds(), two.seconds()
        forward = two.seconds(backward=False)
        weight = two.optimiser_seconds()
    tokens = rows * columns
    layer = max(second - first, 0.05 * second) / tokens
    rest = max(first / tokens - layer, 0.0) * one.vocabulary_share
    return Speed(layer, rest, weight, min(max(forward / second, 0.1), 0.9))


class _Step:
    """One forward and backward pass of a model with few layers."""

    def __init__(
        self, folder: Path, config: TrainConfig, layers: int, rows: int, columns: int, where: str
    ) -> None:
        import torch
        import transformers
        from transformers import AutoConfig

        shape = AutoConfig.from_pretrained(str(folder), local_files_only=True)
        vocabulary = shape.vocab_size
        shape.vocab_size = min(vocabulary, _VOCABULARY)
        self.vocabulary_share = vocabulary / shape.vocab_size
        for name in ("pad_token_id", "bos_token_id", "eos_token_id"):
            setattr(shape, name, 0)
        for name in ("num_hidden_layers", "num_layers", "num_decoder_layers"):
            if getattr(shape, name, None) is not None:
                setattr(shape, name, layers)
        if getattr(shape, "layer_types", None):
            shape.layer_types = shape.layer_types[:layers]
        kind = {Task.sft: "CausalLM", Task.classify: "SequenceClassification", Task.seq2seq: "Seq2SeqLM"}
        model: Any = getattr(transformers, f"AutoModelFor{kind[config.task.name]}").from_config(
            shape, attn_implementation=config.model.attention.value
        )
        full = config.method.name == "full"
        model = model.to(where if full else torch_dtype(config.model.dtype)).to(where)
        adapter = adapter_config(replace(config.method, last_layers=None, start=""), model, config.task.name)
        if adapter is not None:
            from peft import get_peft_model

            model = get_peft_model(model, adapter)
        if config.gradient_checkpointing:
            model.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})
        self.model = model.train()
        ids = torch.randint(1, shape.vocab_size, (rows, columns), device=where)
        labels = (
            torch.zeros(rows, dtype=torch.long, device=where) if config.task.name is Task.classify else ids
        )
        self.batch = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "labels": labels}
        self.where, self.half = where, where == "cuda"

    def run(self, *, backward: bool) -> None:
        import torch

        with torch.autocast("cuda", dtype=torch.bfloat16, enabled=self.half):
            loss = self.model(**self.batch).loss
        if backward:
            loss.backward()

    def seconds(self, *, backward: bool = True) -> float:
        """The fastest of a few passes, after one that is not counted."""
        self.run(backward=backward)
        return min(_timed(lambda: self.run(backward=backward), self.where) for _ in range(_REPEATS))

    def optimiser_seconds(self) -> float:
        """Seconds of an AdamW step for one trained weight."""
        import torch

        trained = [weight for weight in self.model.parameters() if weight.requires_grad]
        optimiser = torch.optim.AdamW(trained, lr=1e-9)
        optimiser.step()
        seconds: float = min(_timed(optimiser.step, self.where) for _ in range(2))
        weights: int = sum(weight.numel() for weight in trained)
        return seconds / max(weights, 1)


def _timed(work: Callable[[], Any], where: str) -> float:
    """Seconds that `work` takes on a machine that does nothing else.

    On a CPU they are counted in processor time, which two seconds of somebody else's work do not change; how much of
    the machine a training gets is what earlier runs tell.
    """
    import torch

    if where != "cuda":
        began = time.process_time()
        work()
        return (time.process_time() - began) / torch.get_num_threads()
    torch.cuda.synchronize()
    began = time.perf_counter()
    work()
    torch.cuda.synchronize()
    return time.perf_counter() - began
