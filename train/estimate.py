"""How much memory and disk a training will take, before any of it is taken."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from train.methods import ATTENTION, MethodConfig
from train.model_folder import is_whole
from train.tasks import Task

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
    """What a training takes: counts of weights and layers, and bytes by purpose.

    matrices   weights that every token is multiplied with: all but the table of the input's embeddings
    frozen     layers below the first adapter, through which nothing is propagated back
    """

    parameters: int
    trainable: int
    memory: dict[str, float]
    disk: float
    layers: int = 1
    frozen: int = 0
    matrices: int = 0

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
    task: Task = Task.sft,
    head_share: float = 1.0,
) -> Need:
    """Estimate from the shapes of the weights in `folder`; no weight is read.

    `batch_tokens`: tokens of the largest batch, padding included; `head_share`: fraction of them for which the output
    head is computed. Within about a third of what is measured.
    """
    shapes = weight_shapes(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    parameters = sum(_size(shape) for shape in shapes.values())
    layers = _of(config, 12, "num_hidden_layers", "num_layers", "n_layer")
    first = max(layers - (method.last_layers or layers), 0) if method.adapts else 0
    hidden = _of(config, 768, "hidden_size", "d_model", "n_embd")
    intermediate = _of(config, 4 * hidden, "intermediate_size", "d_ff")
    vocabulary = _of(config, 0, "vocab_size")
    if method.name == "full":
        trainable = parameters
    elif method.name == "prompt":
        trainable = method.tokens * hidden
    else:
        trainable = _adapter_size(shapes, method, first, str(config.get("model_type")))
    per_layer = (
        2 * hidden if gradient_checkpointing else _PER_HIDDEN * hidden + _PER_INTERMEDIATE * intermediate
    )
    heads = 0.0 if task is Task.classify else head_share
    compressed = 0.56 if method.name == "qlora" else bytes_per_weight  # NF4 with its scales
    memory = {
        "libraries": _LIBRARIES,
        "weights": float(parameters * compressed),
        # float32 gradient and AdamW's two moments; an adapter's own weights come on top of the base's
        "optimiser": float(trainable * (12 if method.name == "full" else 16)),
        # logits and their gradient, on a CPU all at once
        "logits": float(2 * batch_tokens * heads * vocabulary * bytes_per_weight),
        "activations": float(batch_tokens * (layers - first) * per_layer * bytes_per_weight),
    }
    if config.get("is_encoder_decoder"):
        layers, memory["activations"] = 2 * layers, 2 * memory["activations"]
    saved = trainable * 4
    tied = "lm_head.weight" not in shapes and task is not Task.classify
    return Need(
        parameters=parameters,
        trainable=trainable,
        memory=memory,
        disk=float(saved * (1 + 3 * _CHECKPOINTS)),
        layers=layers,
        frozen=first,
        matrices=parameters - (0 if tied else vocabulary * hidden),
    )


def _of(config: dict[str, Any], otherwise: int, *names: str) -> int:
    return next((int(config[name]) for name in names if config.get(name) is not None), otherwise)


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
    """Name -> shape of every weight of the model in `folder`: by the headers of its safetensors, else by config.json.

    The latter where they are not there, not all there, or of another format: a forecast needs no weight.
    """
    if not is_whole(folder):
        return _shapes_by_config(folder, (folder / "config.json").stat().st_mtime_ns)
    from safetensors import safe_open

    shapes: dict[str, tuple[int, ...]] = {}
    for file in sorted(folder.glob("*.safetensors")):
        with safe_open(file, framework="numpy") as weights:
            for name in weights.keys():  # noqa: SIM118 (not a dict)
                shapes[name] = tuple(weights.get_slice(name).get_shape())
    return shapes


@lru_cache(maxsize=4)  # a forecast asks for every change that it considers
def _shapes_by_config(folder: Path, written: int) -> dict[str, tuple[int, ...]]:
    """The shapes that the model would have: it is built without memory for its weights."""
    import torch
    import transformers

    config: Any = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    kind: Any = getattr(transformers, (config.architectures or ["AutoModel"])[0], transformers.AutoModel)
    build = kind.from_config if kind is transformers.AutoModel else kind._from_config
    with torch.device("meta"):
        model: Any = build(config)
    return {name: tuple(weight.shape) for name, weight in model.named_parameters()}


def _adapter_size(shapes: dict[str, tuple[int, ...]], method: MethodConfig, first: int, family: str) -> int:
    """Weights of low-rank adapters on the linear layers that get one, from block `first` on.

    r x (inputs + outputs) a layer, and for dora one magnitude an output.
    """
    everything = method.target_modules == ["all-linear"]
    named = ATTENTION.get(family, ()) if method.target_modules == ["attention"] else method.target_modules
    total = 0
    for name, shape in shapes.items():
        layer = name.removesuffix(".weight").rpartition(".")[2]
        linear = everything and not re.search(r"embed|shared|lm_head|wte|wpe|LayerNorm|relative", name)
        block = re.search(r"\.(\d+)\.", name)
        below = block is not None and int(block.group(1)) < first
        if (linear or layer in named) and len(shape) == 2 and not below:
            total += method.r * (shape[0] + shape[1]) + (shape[0] if method.name == "dora" else 0)
    return total


def _size(shape: tuple[int, ...]) -> int:
    total = 1
    for side in shape:
        total *= side
    return total
