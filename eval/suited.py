"""What can be asked of a run depends on its task."""

from __future__ import annotations

from dataclasses import replace

from data.errors import ConfigError
from data.runs import Run
from eval.classes import CLASS_METRICS
from eval.config import DEFAULT_METRICS, EvalConfig
from train.load import task_of
from train.tasks import Task


def suited(config: EvalConfig, run: Run) -> EvalConfig:
    """`config` with the metrics that suit the run's task, where others were not asked for by name.

    Raises ConfigError for a suite or metric that the task cannot have.
    """
    task = task_of(run)
    if task is Task.sft:
        return config
    if config.suite.tasks:
        raise ConfigError(
            f"suite={config.suite.name} asks a decoder, and {run.run_id} is of task={task}",
            "leave it out: suite=none",
        )
    asked = config.metrics if config.metrics != list(DEFAULT_METRICS) else None
    if task is Task.classify:
        metrics = asked or list(CLASS_METRICS)
        strange = [name for name in metrics if name not in CLASS_METRICS]
    else:
        metrics = asked or [name for name in DEFAULT_METRICS if name != "perplexity"]
        strange = [name for name in metrics if name == "perplexity"]
    if strange:
        allowed = CLASS_METRICS if task is Task.classify else "all but perplexity"
        raise ConfigError(
            f"metrics: {', '.join(strange)} cannot be measured of task={task}",
            f"allowed: {allowed if isinstance(allowed, str) else ', '.join(allowed)}",
        )
    return replace(config, metrics=metrics)
