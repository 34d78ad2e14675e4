"""The parts of a search that optuna does: the study in its file, the next trial, and what becomes of one cut off."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from train.tune_config import Range, Search


def pruner() -> Any:
    """Ends a trial that is worse than the median of at least four at the same point, after a tenth of the steps."""
    import optuna

    return optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=10)


def open_study(folder: Path, name: str, *, least: bool) -> tuple[Any, str]:
    """(study, storage): the study of this name in `folder`/study.db, made where it is not there yet.

    A trial that was cut off is closed as failed, and its settings are tried again first.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    storage = f"sqlite:///{folder / 'study.db'}"
    study = optuna.create_study(
        study_name=name,
        storage=storage,
        pruner=pruner(),
        direction="minimize" if least else "maximize",
        load_if_exists=True,
    )
    for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
        study.tell(trial.number, state=optuna.trial.TrialState.FAIL)
        study.enqueue_trial(trial.params)
    return study, storage


def ended(study: Any) -> list[Any]:
    """Trials that came to an end: complete or pruned."""
    import optuna

    state = optuna.trial.TrialState
    return list(study.get_trials(states=[state.COMPLETE, state.PRUNED]))


def number_of(study: Any, trial: Any) -> int:
    """Which of the trials that came to an end it is, from 1. Optuna's own numbers count those that were cut off too."""
    return 1 + [other.number for other in ended(study)].index(trial.number)


def ask(study: Any, search: Search, space: dict[str, Range], seed: int) -> Any:
    """The next trial: drawn from the seed and the trials before, however often the search was stopped."""
    import optuna

    turn = seed * 10_000 + len(ended(study))
    samplers = optuna.samplers
    study.sampler = (
        samplers.RandomSampler(seed=turn)
        if search is Search.random
        else samplers.TPESampler(seed=turn, n_startup_trials=6)
    )
    return study.ask({key: _distribution(values) for key, values in space.items()})


def _distribution(values: Range) -> Any:
    from optuna import distributions

    if values.choices:
        return distributions.CategoricalDistribution(values.choices)
    assert values.low is not None and values.high is not None
    if values.whole:
        return distributions.IntDistribution(int(values.low), int(values.high), log=values.log)
    return distributions.FloatDistribution(values.low, values.high, log=values.log)


def importances(study: Any) -> dict[str, float]:
    """Share of the spread of the results that each key explains (PED-ANOVA or fANOVA, optuna's own choice).

    Empty where fewer than four trials ended or all came out alike.
    """
    import optuna

    done = study.get_trials(states=[optuna.trial.TrialState.COMPLETE])
    if len(done) < 4 or len({trial.value for trial in done}) < 2:
        return {}
    return {key: float(value) for key, value in optuna.importance.get_param_importances(study).items()}
