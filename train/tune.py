"""`python -m train tune=random|bayes`: many trainings with other settings, each in a process of its own.

The study is an SQLite file beside the trials' folders: the same command goes on where it was. Trials are compared
on validation rows; the test split is never read.
"""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import fields, is_dataclass, replace
from pathlib import Path
from typing import IO, Any

from rich.console import Console

from data.errors import ConfigError, UserError, closest
from data.records import canonical_json, digest
from train.config import TrainConfig, as_data, what_matters
from train.folder import dump
from train.ingredients import gather
from train.keeping import AT_END, reading, writing
from train.search import ask, ended, open_study
from train.suitable import check_config
from train.tasks import Task
from train.tune_config import Range, TuneConfig, usual_space


def tune(config: TrainConfig) -> int:
    """Search, keep the facts, write report and winner, print the table."""
    from train.run import Stopped
    from train.signals import leaving_on_sigterm
    from train.tune_report import closing, tune_facts, tune_report
    from train.winner import write_settings, write_winner

    console = Console(stderr=True)
    space = config.tune.space or usual_space(config.method.name, config.task.name)
    version = _check(config, space)
    fixed = {key: value for key, value in what_matters(config).items() if key != "tune"}
    asked = [version, fixed, config.tune.name, config.tune.measure, config.tune.prune, sorted(space)]
    study_id = "tune-" + digest(
        canonical_json([*asked, [repr(space[key]) for key in sorted(space)]]), hex_digits=12
    )
    folder = Path(config.out).resolve() / study_id
    if config.force:
        shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    study, storage = open_study(folder, study_id, least=config.tune.measure == "loss")
    before = len(ended(study))
    if before:
        console.print(
            f"Going on with {study_id}: {before} of {config.tune.trials} trials are done.", highlight=False
        )
    try:
        with leaving_on_sigterm():
            _search(config, space, study_id, study, storage, folder, console)
    except (KeyboardInterrupt, SystemExit) as ending:
        console.print(
            f"Stopped: {len(ended(study))} of {config.tune.trials} trials are done. The same command goes on.",
            highlight=False,
        )
        if isinstance(ending, KeyboardInterrupt):
            raise Stopped from None
        raise
    facts = tune_facts(study_id, version, config, study)
    with writing(config.store.path, console, patience=AT_END) as store:
        store.add_facts(facts)
    winner = write_winner(config, study.best_trial.params, folder / "best.yaml", study_id, version)
    searched = replace(config.tune, space=space)
    settings = {**fixed, "tune": as_data(replace(config, tune=searched))["tune"]}
    asked_for = write_settings(settings, folder / "settings.yaml", f"The search {study_id}.", version)
    paths = tune_report(study_id, version, config, study, facts, winner, asked_for).write(folder, "tune")
    Console().print(closing(study_id, config, study, paths["html"], winner))
    return 0


def _search(
    config: TrainConfig,
    space: dict[str, Range],
    study_id: str,
    study: Any,
    storage: str,
    folder: Path,
    console: Console,
) -> None:
    """Run trials until there are enough. Raises UserError when three in a row failed."""
    failures = 0
    while len(ended(study)) < config.tune.trials:
        # A trial that was cut off is tried again under its number: numbers count trials that came to an end.
        number = len(ended(study))
        # The trial reads the store, and what it says goes to its file: what is waited for is said here.
        with reading(config.store.path, console, patience=AT_END):
            pass
        trial = ask(study, config.tune.name, space, config.seed)
        console.print(_said(number + 1, config.tune, trial.params), highlight=False, soft_wrap=True)
        result, why = _in_a_process(config, study_id, storage, trial, folder, number)
        failures = 0 if result else failures + 1
        _tell(study, trial, result, console, why)
        if failures == 3:
            raise UserError("three trials in a row failed", *why.splitlines()[:3], f"their output: {folder}")


def changed(config: TrainConfig, params: dict[str, Any]) -> TrainConfig:
    """`config` with dotted keys set; types and ranges are checked as on the command line."""
    from conf.app import restored

    data = as_data(config)
    for key, value in params.items():
        head, _, tail = key.partition(".")
        if tail:
            data[head][tail] = value
        else:
            data[head] = value
    try:
        return restored(TrainConfig, data)
    except ValueError as error:  # of OmegaConf: a value of another type
        words, *rest = str(error).splitlines()
        where = next((line.partition(":")[2].strip() for line in rest if "full_key" in line), "")
        raise ConfigError(f"tune.space: {where}: {words}", "its meaning: train/config.py") from None


def _check(config: TrainConfig, space: dict[str, Range]) -> str:
    """The version that is tuned on. Raises ConfigError for keys that do not exist, and without validation rows."""
    if config.tune.measure != "loss" and config.task.name is not Task.classify:
        raise ConfigError(
            f"tune.measure={config.tune.measure} is measured of a classifier only",
            "tune.measure=loss, or task=classify",
        )
    for key, values in space.items():
        head, _, tail = key.partition(".")
        owner = getattr(config, head, None) if tail else config
        names = [f.name for f in fields(owner)] if is_dataclass(owner) else []
        if (tail or head) not in names:
            raise ConfigError(
                f"tune.space: no such key '{key}'", closest(tail or head, names or ["learning_rate"])
            )
        for value in (*values.choices, *(end for end in (values.low, values.high) if end is not None)):
            changed(config, {key: int(value) if values.whole else value})
    check_config(config)
    rows = gather(config)
    if not rows.validation.height:
        raise UserError(
            f"{rows.version} has no validation rows, and trials are compared on them",
            "split so that there are: python -m curation ... split.validation=0.1",
        )
    return rows.version


def _said(number: int, settings: TuneConfig, params: dict[str, Any]) -> str:
    listed = "  ".join(
        f"{key}={value:.3g}" if isinstance(value, float) else f"{key}={value}"
        for key, value in params.items()
    )
    return f"trial {number} of {settings.trials}: {listed}"


def _in_a_process(
    config: TrainConfig, study_id: str, storage: str, trial: Any, folder: Path, number: int
) -> tuple[dict[str, Any] | None, str]:
    """(result, last words) of one trial; its output goes to a file beside its result."""
    single = changed(config, trial.params)
    single = replace(single, tune=TuneConfig(), out=str(folder / "trials"), report_to=["none"], force=True)
    result = folder / f"trial-{number}.json"
    order = {
        "config": as_data(single),
        "storage": storage,
        "study": study_id,
        "trial_id": trial._trial_id,
        "measure": config.tune.measure,
        "prune": config.tune.prune,
        "out": str(result),
    }
    log = folder / f"trial-{number}.log"
    with log.open("a", encoding="utf-8") as output:
        code = _waited_for(output, order)
    if code in (-signal.SIGINT, 128 + signal.SIGINT):
        raise KeyboardInterrupt
    if code < 0:
        return None, f"it was ended by {signal.Signals(-code).name}{' (memory?)' if code == -9 else ''}"
    if code or not result.is_file():
        lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
        return None, next((line for line in reversed(lines) if line.strip()), f"exit {code}")
    found: dict[str, Any] = json.loads(result.read_text(encoding="utf-8"))
    shutil.rmtree(found["folder"], ignore_errors=True)  # the winner is trained again, by its experiment file
    dump(result, {**found, "params": trial.params})
    return found, ""


def _waited_for(output: IO[str], order: dict[str, Any]) -> int:
    """The exit code of the trial that `order` describes; it ends with this process, however that ends."""
    command = [sys.executable, "-m", "train.trial"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, text=True, stdout=output, stderr=subprocess.STDOUT
    ) as child:
        try:
            assert child.stdin is not None
            with suppress(BrokenPipeError):  # it ended before it read: its exit code says so
                child.stdin.write(json.dumps(order) + "\n")
                child.stdin.flush()
            return child.wait()  # its standard input stays open until then
        except BaseException:
            child.kill()
            raise


def _tell(study: Any, trial: Any, result: dict[str, Any] | None, console: Console, why: str) -> None:
    import optuna

    state = optuna.trial.TrialState
    if result is None:
        study.tell(trial, state=state.FAIL)
        console.print(f"  failed: {why}", highlight=False, soft_wrap=True)
    elif result["pruned"]:
        study.tell(trial, state=state.PRUNED)
        console.print(
            f"  {result['value']:.4f} at step {result['step']}, given up at {result['steps']}",
            highlight=False,
        )
    else:
        study.tell(trial, result["value"])
        console.print(
            f"  {result['value']:.4f} at step {result['step']} of {result['steps']}", highlight=False
        )
