"""How weights are trained: every weight, adapters of several kinds on a frozen base, or a learnt prompt."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from data.errors import ConfigError, MissingPackage, UserError, closest
from train.tasks import Task

# Low-rank adapters and what each adds: DoRA learns magnitudes beside directions (Liu et al. 2024), rsLoRA divides by
# the root of the rank (Kalajdzievski 2023), QLoRA keeps the frozen base in four bits (Dettmers et al. 2023).
LOW_RANK = ("lora", "dora", "rslora", "qlora")
METHODS = (*LOW_RANK, "prompt", "full")

# The layers of attention by model type; every other type of model is adapted by the names of its own layers.
ATTENTION: dict[str, tuple[str, ...]] = {
    **dict.fromkeys(
        ("llama", "mistral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text", "smollm3", "phi3"),
        ("q_proj", "k_proj", "v_proj", "o_proj"),
    ),
    **dict.fromkeys(("bert", "roberta", "electra", "xlm-roberta"), ("query", "key", "value")),
    "distilbert": ("q_lin", "k_lin", "v_lin"),
    **dict.fromkeys(("t5", "mt5"), ("q", "k", "v", "o")),
}
_EVERYTHING, _ATTENTION = ["all-linear"], ["attention"]


@dataclass(kw_only=True, slots=True)
class MethodConfig:
    """What is trained.

    name            `lora` (low-rank adapters on a frozen base; Hu et al. 2021), `dora`, `rslora`, `qlora` (on a GPU),
                    `prompt` (a few learnt vectors before the text; Lester et al. 2021) or `full` (every weight)
    r               rank of the adapters, 1 to 512; more rank, more capacity
    alpha           scale: the adapter's output is multiplied by alpha / r, for rslora by alpha / sqrt(r); above 0
    dropout         fraction of the adapter's inputs dropped while training, 0 to below 1
    target_modules  names of the linear layers that get an adapter, [all-linear], or [attention]: the layers of
                    attention of the model's family
    last_layers     only this many layers, counted from the output, get adapters; null: all. Fewer layers need less
                    memory and time, because nothing is kept or propagated back below them
    tokens          learnt vectors before the text, 1 to 1,000
    start           text whose embeddings they begin as; empty: random ones

    `r` to `last_layers` concern the adapters, `tokens` and `start` prompt.
    """

    name: str = "lora"
    r: int = 16
    alpha: float = 32.0
    dropout: float = 0.05
    target_modules: list[str] = field(default_factory=lambda: list(_EVERYTHING))
    last_layers: int | None = None
    tokens: int = 20
    start: str = ""

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
            raise ConfigError(
                "method.target_modules=[] trains nothing", "allowed: names, [all-linear] or [attention]"
            )
        if not 1 <= self.tokens <= 1000:
            raise ConfigError(f"method.tokens={self.tokens} is outside 1 to 1,000", "usual: method.tokens=20")

    @property
    def adapts(self) -> bool:
        """Whether a run leaves an adapter beside its base, and not a whole model."""
        return self.name != "full"


def check_machine(config: MethodConfig) -> None:
    """Raise UserError where the method cannot run on this machine."""
    if config.name != "qlora":
        return
    import torch

    if not torch.cuda.is_available():
        raise UserError(
            "method=qlora keeps the base model in four bits, which is done on a GPU, and there is none here",
            "the same adapters on a base that is not compressed: method=lora",
        )
    from importlib.util import find_spec

    if find_spec("bitsandbytes") is None:
        raise MissingPackage(
            "method=qlora needs bitsandbytes, which is not installed",
            "pip install -c constraints.txt -e '.[qlora]'; or method=lora",
        )


def adapter_config(config: MethodConfig, model: Any, task: Task = Task.sft) -> Any:
    """The PEFT configuration for `model`; None for full training. Raises ConfigError for unknown layers."""
    if config.name == "full":
        return None
    kind = {Task.sft: "CAUSAL_LM", Task.classify: "SEQ_CLS", Task.seq2seq: "SEQ_2_SEQ_LM"}[task]
    if config.name == "prompt":
        return _prompt(config, model, kind)
    from peft import LoraConfig

    alpha: Any = config.alpha  # PEFT declares a whole number and takes any
    return LoraConfig(
        r=config.r,
        lora_alpha=alpha,
        lora_dropout=config.dropout,
        target_modules=_targets(config, model),
        layers_to_transform=_layers(config, model),
        use_dora=config.name == "dora",
        use_rslora=config.name == "rslora",
        bias="none",
        task_type=kind,
    )


def linear_layers(model: Any) -> list[str]:
    """Last parts of the names of the linear layers, heads left out: the output's, and a classifier's."""
    from torch import nn

    head = model.get_output_embeddings()
    layers = ((name, part) for name, part in model.named_modules() if isinstance(part, nn.Linear))
    found = {name.rpartition(".")[2] for name, part in layers if part is not head}
    return sorted(found - {"classifier", "score", "out_proj" if hasattr(model, "classifier") else ""})


def _targets(config: MethodConfig, model: Any) -> list[str]:
    linear = linear_layers(model)
    if config.target_modules == _EVERYTHING:
        return linear
    if config.target_modules == _ATTENTION:
        family = str(model.config.model_type)
        if family not in ATTENTION:
            raise ConfigError(
                f"method.target_modules=[attention]: the layers of attention of a {family} model are not listed",
                f"name them: method.target_modules=[{','.join(linear[:4])}], or [all-linear]",
            )
        return list(ATTENTION[family])
    for name in config.target_modules:
        if name not in linear:
            raise ConfigError(
                f"method.target_modules: the model has no linear layer '{name}'",
                closest(name, [*linear, "all-linear", "attention"]),
            )
    return config.target_modules


def _layers(config: MethodConfig, model: Any) -> list[int] | None:
    if config.last_layers is None:
        return None
    layers = int(model.config.num_hidden_layers)
    return list(range(max(layers - config.last_layers, 0), layers))


def _prompt(config: MethodConfig, model: Any, kind: str) -> Any:
    from peft import PromptTuningConfig, PromptTuningInit

    worded = bool(config.start)
    return PromptTuningConfig(
        task_type=kind,
        num_virtual_tokens=config.tokens,
        prompt_tuning_init=PromptTuningInit.TEXT if worded else PromptTuningInit.RANDOM,
        prompt_tuning_init_text=config.start or None,
        tokenizer_name_or_path=model.config._name_or_path if worded else None,
    )
