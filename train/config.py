"""The configuration of `python -m train`."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from conf.app import StoreConfig
from data.errors import ConfigError, closest
from train.methods import MethodConfig
from train.models import ModelConfig
from train.speed import SpeedConfig
from train.tasks import Task, TaskConfig, check_method
from train.tune_config import TuneConfig

__all__ = ["INCIDENTAL", "Schedule", "Task", "TaskConfig", "TrainConfig", "as_data", "what_matters"]

# What is looked at before a training (train/preflight); `allow=[...]` lets a training start although one says stop.
CHECKS = (
    "supervision", "end_of_turn", "truncation", "left_out", "round_trip", "leakage", "personal_data", "examples",
    "balance", "contradictions",
)  # fmt: skip
TRACKERS = ("tensorboard", "wandb", "mlflow", "comet_ml", "trackio", "none")


class Schedule(StrEnum):
    """How the learning rate falls after warm-up."""

    cosine = "cosine"
    linear = "linear"
    constant = "constant_with_warmup"


@dataclass(kw_only=True, slots=True)
class TrainConfig:
    """Everything about a training.

    store                    where versions are read and the run is kept
    version                  `latest`, a tag, a version id or its beginning
    model, method, task      see ModelConfig, MethodConfig, TaskConfig
    seed                     of weights, order and dropout: the same seed gives the same weights
    steps                    optimiser steps; null: as many as `epochs` make
    epochs                   passes over the training rows, where steps is null; above 0
    batch_size               records in memory at a time
    accumulation             batches whose gradients make one step: a step sees batch_size x accumulation records
    learning_rate            peak learning rate of AdamW; above 0
    schedule                 see Schedule
    warmup_steps             steps over which the learning rate rises from 0
    weight_decay             decoupled weight decay (L2) of AdamW, 0 to 1
    l1                       every step moves the trained matrices towards zero by learning rate x l1; 0: not
    dropout                  fraction dropped inside the base model while training, 0 to below 1; null: as the model
                             was made. (Of the adapter's inputs: method.dropout)
    label_smoothing          fraction of the target that is spread over all tokens (or labels), 0 to below 1
    neftune_alpha            noise on the input embeddings while training (Jain et al. 2023); 0: none; usual: 5
    clip                     gradients are scaled down to this norm; 0: never
    train_rows               rows used at most; null: all
    validation_rows          validation rows used at most; null: all
    eval_steps               steps between two validations (and checkpoints); null: ten times a training
    log_steps                steps between two points of the training loss
    folds                    train so many times, each time measured on a fold that was left out; 0: one training. The
                             version is to be split so: python -m curation ... split.folds=5
    tune                     see TuneConfig: search for settings, each trial a training of its own
    early_stopping_patience  validations in a row without a better loss that end the training; 0: never
    gradient_checkpointing   recompute activations to save memory, at about a third more time; null: on a GPU where
                             memory would not suffice without
    speed                    see SpeedConfig: packing, tokens of a batch, compilation
    threads                  CPU threads of torch; null: torch's own choice (OMP_NUM_THREADS, else all cores)
    token_cache              folder that keeps the rows as tokens for the next training; auto: `tokens` beside the
                             store; null: none. Tokens are texts: a purge or a person's request clears it
    token_cache_gib          size of that folder, GiB, above which what was not used for longest goes
    report_to                any of TRACKERS; tensorboard writes into the run's folder
    out                      folder in which runs make their folders
    resume                   false; true: go on from the last checkpoint of the same settings; or a checkpoint's path
    force                    train again although this very run is done
    keep_checkpoints         keep the checkpoints of a finished run
    allow                    checks before the training (CHECKS) that may not stop it; what they find is kept
    against                  evaluation suites (names of conf/eval/suite) or files of items that no training row may
                             hold; empty: those of the version's decontaminate stage, and every suite with files
    plan                     say what it would take (memory, time, cost, energy) and train nothing
    price_per_hour           of this machine, in any currency; null: no cost is forecast
    watts                    what the machine draws while training; null: a range by the kind of device
    row_losses               rows of each split whose loss is kept by row, before and after; 0: none; null: as many as
                             a tenth of the training's computing allows, up to 2,000
    generate_rows            validation rows whose answers are generated at each validation and compared with theirs
    export                   a run (`latest`, an id or its beginning): write its whole model to `out`, train nothing
    allow_unscrubbed         train on a version whose personal data was not masked
    allow_low_memory         start although the estimate says that memory will not suffice
    chat                     a run (`latest`, an id or its beginning): answer prompts instead of training
    max_new_tokens           longest answer in chat, tokens
    temperature              of chat's answers; 0 is greedy
    """

    store: StoreConfig = field(default_factory=StoreConfig)
    version: str = "latest"
    model: ModelConfig = field(default_factory=ModelConfig)
    method: MethodConfig = field(default_factory=MethodConfig)
    task: TaskConfig = field(default_factory=TaskConfig)
    seed: int = 0
    steps: int | None = None
    epochs: float = 3.0
    batch_size: int = 8
    accumulation: int = 1
    learning_rate: float = 2e-4
    schedule: Schedule = Schedule.cosine
    warmup_steps: int = 5
    weight_decay: float = 0.01
    l1: float = 0.0
    dropout: float | None = None
    label_smoothing: float = 0.0
    neftune_alpha: float = 0.0
    clip: float = 1.0
    train_rows: int | None = None
    validation_rows: int | None = 200
    eval_steps: int | None = None
    log_steps: int = 1
    folds: int = 0
    tune: TuneConfig = field(default_factory=TuneConfig)
    early_stopping_patience: int = 3
    gradient_checkpointing: bool | None = None
    speed: SpeedConfig = field(default_factory=SpeedConfig)
    threads: int | None = None
    token_cache: str | None = "auto"
    token_cache_gib: float = 10.0
    report_to: list[str] = field(default_factory=lambda: ["tensorboard"])
    out: str = "runs/train"
    resume: str = "false"
    force: bool = False
    keep_checkpoints: bool = False
    allow: list[str] = field(default_factory=list)
    against: list[str] = field(default_factory=list)
    plan: bool = False
    price_per_hour: float | None = None
    watts: float | None = None
    row_losses: int | None = None
    generate_rows: int = 0
    export: str | None = None
    allow_unscrubbed: bool = False
    allow_low_memory: bool = False
    chat: str | None = None
    max_new_tokens: int = 128
    temperature: float = 0.0

    def __post_init__(self) -> None:
        for name in ("batch_size", "accumulation", "log_steps", "max_new_tokens"):
            _within(name, getattr(self, name), 1, 1_000_000)
        for name in ("steps", "train_rows", "validation_rows", "eval_steps", "threads"):
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), 1, 1_000_000_000)
        for name in (
            "warmup_steps", "early_stopping_patience", "clip", "temperature", "l1", "neftune_alpha", "token_cache_gib",
        ):  # fmt: skip
            _within(name, getattr(self, name), 0, 1_000_000)
        _within("seed", self.seed, 0, 2**32 - 1)
        _within("weight_decay", self.weight_decay, 0, 1)
        if not 0 < self.learning_rate < 10:
            raise ConfigError(
                f"learning_rate={self.learning_rate} is not between 0 and 10",
                "usual: 1e-5 (full) to 5e-4 (lora)",
            )
        for name in ("price_per_hour", "watts", "row_losses", "generate_rows"):
            if getattr(self, name) is not None:
                _within(name, getattr(self, name), 0, 1_000_000)
        _among("allow", "check", self.allow, CHECKS)
        _among("report_to", "tracker", self.report_to, TRACKERS)
        self._check_method()
        if self.epochs <= 0:
            raise ConfigError(f"epochs={self.epochs} is not above 0")
        if self.resume.lower() in ("true", "false"):
            self.resume = self.resume.lower()
        elif not Path(self.resume).is_dir():
            raise ConfigError(
                f"resume={self.resume}: no such checkpoint folder", "allowed: true, false, a folder"
            )

    def _check_method(self) -> None:
        """What is trained and what keeps it from overfitting, together."""
        if self.folds < 0 or self.folds == 1:
            raise ConfigError(f"folds={self.folds} divides nothing", "allowed: 0 (none), or 2 and more")
        if self.folds and self.tune.name != "off":
            raise ConfigError(
                f"folds={self.folds} and tune={self.tune.name} do not go together", "one after the other"
            )
        check_method(self.task.name, self.method.name)
        for name in ("dropout", "label_smoothing"):
            if not 0 <= (getattr(self, name) or 0) < 1:
                raise ConfigError(f"{name}={getattr(self, name)} is not a fraction from 0 to below 1")
        if self.method.name == "prompt" and self.label_smoothing:
            raise ConfigError(
                "label_smoothing does not go with method=prompt: its outputs are longer than its labels",
                "label_smoothing=0, or method=lora",
            )


# Keys that change where or how conveniently a run is made, but not what it learns: they are no part of a run's id.
INCIDENTAL = (
    "store", "version", "out", "resume", "force", "keep_checkpoints", "report_to", "log_steps", "chat",
    "max_new_tokens", "temperature", "allow_unscrubbed", "allow_low_memory", "allow", "against", "plan",
    "price_per_hour", "watts", "row_losses", "generate_rows", "export", "tune",
    "token_cache", "token_cache_gib",
)  # fmt: skip


def what_matters(config: TrainConfig) -> dict[str, Any]:
    """The part of the configuration that decides the weights, as plain data."""
    return {key: value for key, value in as_data(config).items() if key not in INCIDENTAL}


def as_data(config: TrainConfig) -> dict[str, Any]:
    """The whole configuration as plain data (enums by their value)."""
    return {key: _plain(value) for key, value in asdict(config).items()}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    return value.value if isinstance(value, StrEnum) else value


def _among(key: str, kind: str, names: list[str], known: Sequence[str]) -> None:
    for name in names:
        if name not in known:
            raise ConfigError(f"{key}={name}: no such {kind}", closest(name, known))


def _within(key: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{key}={value} is outside {low:,} to {high:,}")
