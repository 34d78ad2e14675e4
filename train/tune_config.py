"""What is searched when hyper-parameters are tuned, and how."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Any

from data.errors import ConfigError, closest

MEASURES = ("loss", "accuracy", "macro_f1")
_EXAMPLE = "'tune.space={learning_rate: {low: 1e-5, high: 1e-3, log: true}, method.r: {choices: [8, 16]}}'"


class Search(StrEnum):
    """How trials are chosen. random: independent draws; bayes: where earlier trials were good (TPE)."""

    off = "off"
    random = "random"
    bayes = "bayes"


@dataclass(kw_only=True, slots=True)
class Range:
    """The values of one key: those listed in `choices`, or all from `low` to `high`.

    log    draw the logarithm evenly, as suits learning rates
    whole  whole numbers only
    """

    low: float | None = None
    high: float | None = None
    log: bool = False
    whole: bool = False
    choices: list[Any] = field(default_factory=list)

    @classmethod
    def of(cls, key: str, given: Any) -> Range:
        """What was given for `key`: a list of values, or a mapping of the fields above. Raises ConfigError for else."""
        if isinstance(given, Range):
            return given
        if isinstance(given, list) and given:
            return cls(choices=given)
        if not isinstance(given, dict) or not given:
            raise ConfigError(f"tune.space: {key} has neither a range nor choices: {given}", _EXAMPLE)
        for name in given:
            if name not in (known := [field.name for field in fields(cls)]):
                raise ConfigError(f"tune.space: {key} has no '{name}'", closest(str(name), known), _EXAMPLE)
        for name in ("low", "high"):
            if isinstance(given.get(name), str | bool | list | dict):
                raise ConfigError(f"tune.space: {key} has {name}={given[name]}, which is no number", _EXAMPLE)
        return cls(**given)

    def __post_init__(self) -> None:
        if self.choices:
            return
        if self.low is None or self.high is None or not self.low < self.high:
            raise ConfigError(f"tune.space: a range from {self.low} to {self.high} holds nothing", _EXAMPLE)
        if self.log and self.low <= 0:
            raise ConfigError(f"tune.space: low={self.low} has no logarithm", "low above 0, or log: false")


@dataclass(kw_only=True, slots=True)
class TuneConfig:
    """A search over settings.

    name     see Search
    trials   trainings in all, those of earlier calls included
    measure  of the validation rows: loss (least is best), or for classify accuracy or macro_f1
    prune    end a trial early that is worse than the median of the others at the same share of its steps
    space    key of the training -> Range, or the list of its choices; empty: learning rate, weight decay and what the
             method has to choose
    """

    name: Search = Search.off
    trials: int = 20
    measure: str = "loss"
    prune: bool = True
    space: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.space = {key: Range.of(key, given) for key, given in self.space.items()}
        if not 1 <= self.trials <= 10_000:
            raise ConfigError(f"tune.trials={self.trials} is outside 1 to 10,000")
        if self.measure not in MEASURES:
            raise ConfigError(
                f"tune.measure={self.measure}: no such measure", closest(self.measure, MEASURES)
            )


def usual_space(method: str, task: str) -> dict[str, Range]:
    """What is worth searching for a method: the learning rate first."""
    low, high = {"full": (5e-6, 2e-4), "prompt": (1e-3, 0.3)}.get(method, (5e-5, 5e-3))
    space = {
        "learning_rate": Range(low=low, high=high, log=True),
        "weight_decay": Range(choices=[0.0, 0.01, 0.1]),
    }
    if method not in ("full", "prompt"):
        space["method.r"] = Range(choices=[4, 8, 16, 32])
        space["method.dropout"] = Range(choices=[0.0, 0.05, 0.1])
    if task == "classify":
        space["label_smoothing"] = Range(choices=[0.0, 0.1])
    return space
