"""How weights are trained: an adapter (LoRA) or every weight."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data.errors import ConfigError, closest

METHODS = ("lora", "full")


@dataclass(kw_only=True, slots=True)
class MethodConfig:
    """What is trained.

    name            `lora` (low-rank adapters on a frozen base; Hu et al. 2021) or `full` (every weight)
    r               rank of the adapters, 1 to 512; more rank, more capacity
    alpha           scale: the adapter's output is multiplied by alpha / r; above 0
    dropout         fraction of the adapter's inputs dropped while training, 0 to below 1
    target_modules  names of the linear layers that get an adapter, or [all-linear]

    last_layers     only this many layers, counted from the output, get adapters; null: all. Fewer layers need less
                    memory and time, because nothing is kept or propagated back below them

    All but the name concern lora only.
    """

    name: str = "lora"
    r: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    target_modules: list[str] = field(default_factory=lambda: ["all-linear"])
    last_layers: int | None = None

    def __post_init__(self) -> None:
        if self.name not in METHODS:
            raise ConfigError(f"method.name={self.name}: no such method", closest(self.name, METHODS))
        if not 1 <= self.r <= 512:
            raise ConfigError(f"method.r={self.r} is not a rank from 1 to 512", "usual: method.r=8 to 64")
        if self.alpha <= 0:
            raise ConfigError(f"method.alpha={self.alpha} is not above 0", "usual: twice method.r")
        if not 0 <= self.dropout < 1:
            raise ConfigError(f"method.dropout={self.dropout} is not a fraction from 0 to below 1")
        if self.last_layers is not None and self.last_layers < 1:
            raise ConfigError(f"method.last_layers={self.last_layers} is below 1", "null adapts all layers")
        if not self.target_modules:
            raise ConfigError("method.target_modules=[] trains nothing", "allowed: names, or [all-linear]")


def adapter_config(config: MethodConfig, model: Any) -> Any:
    """The PEFT configuration for `model`; None for full training. Raises ConfigError for unknown layers."""
    if config.name == "full":
        return None
    from peft import LoraConfig

    alpha: Any = config.alpha  # PEFT declares a whole number and takes any

    linear = linear_layers(model)
    targets = linear if config.target_modules == ["all-linear"] else config.target_modules
    for name in targets:
        if name not in linear:
            raise ConfigError(
                f"method.target_modules: the model has no linear layer '{name}'",
                closest(name, [*linear, "all-linear"]),
            )
    layers = int(model.config.num_hidden_layers)
    chosen = None if config.last_layers is None else list(range(max(layers - config.last_layers, 0), layers))
    return LoraConfig(
        r=config.r,
        lora_alpha=alpha,
        lora_dropout=config.dropout,
        target_modules=targets,
        layers_to_transform=chosen,
        bias="none",
        task_type="CAUSAL_LM",
    )


def linear_layers(model: Any) -> list[str]:
    """Last parts of the names of the linear layers, the output head left out."""
    from torch import nn

    head = model.get_output_embeddings()
    layers = ((name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear))
    return sorted({name.rpartition(".")[2] for name, part in layers if part is not head})
