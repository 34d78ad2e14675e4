"""How much memory and disk a training will take, before any of it is taken."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from data.errors import UserError
from train.methods import MethodConfig

GIB = 1024**3
# Measured on a CPU: what torch, transformers, trl and datasets occupy before any weight is loaded.
_LIBRARIES = 0.9 * GIB
# Values that one layer keeps per token for the backward pass: about 12 of the hidden size (norms, residuals, queries,
# keys, values, attention output) and 5 of the intermediate size (gate, up, their product). With them SmolLM2-135M,
# LoRA, 8 x 162 tokens of float32 comes to 4.0 GiB; its measured peak was 3.8.
_PER_HIDDEN, _PER_INTERMEDIATE = 12, 5
_CHECKPOINTS = 3  # best and last, and the one being written


@dataclass(frozen=True, slots=True)
class Need:
    """What a training takes: counts of weights, and bytes by purpose."""

    parameters: int
    trainable: int
    memory: dict[str, float]
    disk: float

    @property
    def memory_total(self) -> float:
        """Bytes in all."""
        return sum(self.memory.values())


def need(
    folder: Path,
    method: MethodConfig,
    *,
    batch_tokens: int,
    bytes_per_weight: int,
    gradient_checkpointing: bool = False,
) -> Need:
    """Estimate from the shapes in `folder`'s safetensors; no weight is read.

    `batch_tokens`: tokens of the largest batch, padding included. Within about a third of what is measured.
    """
    shapes = weight_shapes(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    parameters = sum(_size(shape) for shape in shapes.values())
    layers = int(config.get("num_hidden_layers", 12))
    first = layers - (method.last_layers or layers) if method.adapts else 0
    trainable = parameters if method.name == "full" else _adapter_size(shapes, method, first)
    hidden = int(config.get("hidden_size", 768))
    intermediate = int(config.get("intermediate_size", 4 * hidden))
    per_layer = (
        2 * hidden if gradient_checkpointing else _PER_HIDDEN * hidden + _PER_INTERMEDIATE * intermediate
    )
    memory = {
        "libraries": _LIBRARIES,
        "weights": float(parameters * bytes_per_weight),
        # float32 gradient and AdamW's two moments; an adapter's own weights come on top of the base's
        "optimiser": float(trainable * (12 if method.name == "full" else 16)),
        # logits and their gradient, on a CPU all at once
        "logits": float(2 * batch_tokens * int(config.get("vocab_size", 0)) * bytes_per_weight),
        "activations": float(batch_tokens * (layers - first) * per_layer * bytes_per_weight),
    }
    saved = trainable * 4
    return Need(parameters, trainable, memory, float(saved * (1 + 3 * _CHECKPOINTS)))


def check_room(wanted: Need, available_memory: float, out: Path, *, allow_low_memory: bool) -> None:
    """Raise UserError where memory or disk cannot hold the training; the numbers are in the message."""
    if wanted.memory_total > available_memory and not allow_low_memory:
        parts = ", ".join(f"{name} {size / GIB:.1f}" for name, size in wanted.memory.items())
        raise UserError(
            f"not enough memory: about {wanted.memory_total / GIB:.1f} GiB are needed and "
            f"{available_memory / GIB:.1f} GiB are free",
            f"estimated in GiB: {parts}",
            "smaller batches: batch_size=1 accumulation=8; shorter rows: task.max_length=256",
            "or method=lora, gradient_checkpointing=true, a smaller model",
            "if you know better: allow_low_memory=true",
        )
    free = free_disk(out)
    if wanted.disk > free:
        raise UserError(
            f"not enough disk: checkpoints and weights take up to {wanted.disk / GIB:.1f} GiB, and "
            f"{free / GIB:.1f} GiB are free for out={out}",
            "another place: out=FOLDER; or method=lora, whose adapters are small",
        )


def available_memory() -> float:
    """Bytes that this process may still take: of the GPU where there is one, else of the machine or its cgroup."""
    import psutil
    import torch

    if torch.cuda.is_available():
        return float(torch.cuda.mem_get_info()[0])
    free = float(psutil.virtual_memory().available)
    limit, used = Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory.current")
    if limit.is_file() and used.is_file() and limit.read_text().strip().isdigit():
        free = min(free, float(limit.read_text()) - float(used.read_text()))
    return free


def free_disk(folder: Path) -> float:
    """Bytes free where `folder` is or will be."""
    existing = folder.resolve()
    while not existing.exists():
        existing = existing.parent
    return float(shutil.disk_usage(existing).free)


def weight_shapes(folder: Path) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every weight in the safetensors files of `folder`, from their headers."""
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            for name in weights.keys():  # noqa: SIM118 (not a dict)
                shapes[name] = tuple(weights.get_slice(name).get_shape())
    return shapes


def _adapter_size(shapes: dict[str, tuple[int, ...]], method: MethodConfig, first: int) -> int:
    """Weights of LoRA: r x (inputs + outputs) for each linear layer that gets an adapter, from block `first` on."""
    everything = method.target_modules == ["all-linear"]
    total = 0
    for name, shape in shapes.items():
        layer = name.removesuffix(".weight").rpartition(".")[2]
        linear = everything and layer not in ("embed_tokens", "lm_head", "wte", "wpe")
        block = re.search(r"\.(\d+)\.", name)
        below = block is not None and int(block.group(1)) < first
        if (linear or layer in method.target_modules) and len(shape) == 2 and not below:
            total += method.r * (shape[0] + shape[1])
    return total


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
