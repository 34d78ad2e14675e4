"""Settings that were given and do nothing here: said before a training, since whoever gave them expects something."""

from __future__ import annotations

from typing import Any

from train.config import TrainConfig
from train.methods import LOW_RANK, MethodConfig
from train.speed import SpeedConfig, packs
from train.tasks import Task, TaskConfig

_ADAPTERS = ("r", "alpha", "dropout", "target_modules", "last_layers")
_PROMPT = ("tokens", "start")


def unused(config: TrainConfig) -> list[str]:
    """One sentence for each reason, with the keys as they are typed; empty where every setting counts.

    A setting at its default is never named, for nobody may have given it.
    """
    method, plain = config.method, TrainConfig()
    idle: dict[str, list[tuple[str, Any, Any]]] = {}

    def note(why: str, key: str, value: Any, usual: Any) -> None:
        if value != usual:
            idle.setdefault(why, []).append((key, value, usual))

    kinds = {"full": (*_ADAPTERS, *_PROMPT), "prompt": _ADAPTERS}
    for name in kinds.get(method.name, _PROMPT if method.name in LOW_RANK else ()):
        what = {"full": "trains every weight", "prompt": "trains a prompt alone"}.get(
            method.name, "trains adapters"
        )
        usual = MethodConfig(name=method.name)
        note(f"method={method.name} {what}", f"method.{name}", getattr(method, name), getattr(usual, name))
    if config.task.name is not Task.seq2seq:
        task = config.task.name.value
        note(
            f"task={task} has no separate answers",
            "task.max_answer",
            config.task.max_answer,
            TaskConfig().max_answer,
        )
    if config.steps is not None:
        note(f"steps={config.steps} says when it ends", "epochs", config.epochs, plain.epochs)
    if not packs(config):
        note("rows are padded here", "speed.compile", config.speed.compile, SpeedConfig().compile)
    if config.task.name is Task.classify:
        note("a classifier writes nothing", "generate_rows", config.generate_rows, plain.generate_rows)
    if not config.generate_rows:
        why = "nothing is generated while it trains"
        note(why, "max_new_tokens", config.max_new_tokens, plain.max_new_tokens)
    note("it is for chat=RUN", "temperature", config.temperature, plain.temperature)
    return [
        f"Without effect: {', '.join(f'{key}={_typed(value)}' for key, value, _ in keys)} ({why})."
        for why, keys in idle.items()
    ]


def _typed(value: Any) -> str:
    return f"[{','.join(value)}]" if isinstance(value, list) else str(value)
