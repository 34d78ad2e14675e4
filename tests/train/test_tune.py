"""A search over settings: trials in processes of their own, goes on where it was, its winner can be trained with."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from omegaconf import OmegaConf

from data.errors import ConfigError, UserError
from data.store import Store
from train.config import TrainConfig
from train.search import ask, ended, importances, number_of, open_study
from train.tune import changed, tune
from train.tune_config import Range, Search, TuneConfig, usual_space

ROOT = Path(__file__).parents[2]
SPACE = {"learning_rate": Range(low=1e-4, high=1e-2, log=True), "batch_size": Range(choices=[4, 8])}


@pytest.fixture(scope="module")
def searched(tmp_path_factory: pytest.TempPathFactory, labels: Callable[..., TrainConfig]) -> Any:
    """Two trials of a random search."""
    settings = TuneConfig(name=Search.random, trials=2, space=SPACE)
    config = labels(tmp_path_factory.mktemp("tune"), steps=8, eval_steps=4, tune=settings)
    assert tune(config) == 0
    (folder,) = Path(config.out).glob("tune-*")
    return config, folder


def test_trials_are_kept_and_the_best_is_a_fact(searched: Any) -> None:
    config, folder = searched
    trials = [json.loads((folder / f"trial-{n}.json").read_text()) for n in (0, 1)]
    assert trials[0]["params"] != trials[1]["params"]
    with Store.open(config.store.path, read_only=True) as store:
        facts = store.facts(folder.name)
        runs = [run.path for run in store.runs()]
    best = min(trials, key=lambda trial: trial["value"])
    found = facts.filter(name="tune_best")
    assert found["value"].item() == pytest.approx(best["value"])
    assert json.loads(found["detail"].item())["params"] == best["params"]
    assert not any(
        "tune-" in path for path in runs
    )  # a trial is no run of its own: `latest` stays what it was
    assert not list(folder.glob("trials/run-*"))
    assert "Parallel coordinates" in (folder / "tune.html").read_text()


@pytest.mark.slow
def test_it_goes_on_where_it_was(searched: Any, capsys: pytest.CaptureFixture[str]) -> None:
    config, folder = searched
    before = (folder / "trial-0.json").stat().st_mtime_ns
    assert tune(replace(config, tune=replace(config.tune, trials=3))) == 0
    assert "2 of 3 trials are done" in capsys.readouterr().err
    assert (folder / "trial-0.json").stat().st_mtime_ns == before
    assert (folder / "trial-2.json").is_file()


@pytest.mark.slow
def test_the_winner_is_an_experiment_that_trains_with_its_settings(searched: Any, tmp_path: Path) -> None:
    config, folder = searched
    run = subprocess.run(
        [sys.executable, "-m", "train", f"experiment={folder / 'best.yaml'}", f"store.path={config.store.path}",
         f"out={tmp_path}", "report_to=[none]"],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    (done,) = tmp_path.glob("run-*/run.json")
    settings = json.loads(done.read_text())["config"]
    trials = [json.loads(path.read_text()) for path in folder.glob("trial-*.json")]
    best = min(trials, key=lambda trial: trial["value"])["params"]
    assert settings["learning_rate"] == pytest.approx(best["learning_rate"])
    assert (settings["batch_size"], settings["steps"], settings["task"]["name"]) == (
        best["batch_size"],
        8,
        "classify",
    )


def test_the_winner_names_the_version_that_it_was_found_on(searched: Any) -> None:
    from conf.app import compose
    from conf.experiments import named_by_file

    config, folder = searched
    with Store.open(config.store.path, read_only=True) as store:
        version = store.resolve("latest")
    with named_by_file([f"experiment={folder / 'best.yaml'}"]) as words:
        found = OmegaConf.load(words[0].removeprefix("--config-dir=") + "/experiment/from_file.yaml")
    assert found.version == version
    assert compose("train", TrainConfig, [f"version={found.version}"]).version == version


@pytest.mark.slow
def test_the_page_says_how_to_search_so_again(searched: Any) -> None:
    config, folder = searched
    (command,) = json.loads((folder / "tune.json").read_text())["reproduce"]
    assert f"experiment={folder / 'settings.yaml'}" in command
    words = [*command.split()[1:], f"out={config.out}", "report_to=[none]", "tune.trials=2"]
    again = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ
    )
    assert again.returncode == 0, again.stderr
    done = len(list(folder.glob("trial-*.json")))
    assert f"Going on with {folder.name}: {done} of 2 trials are done" in " ".join(again.stderr.split())


@pytest.mark.slow
def test_a_search_that_was_killed_in_a_trial_tries_it_again_under_its_number(
    labels: Callable[..., TrainConfig], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = labels(
        tmp_path,
        steps=40,
        eval_steps=4,
        tune=TuneConfig(name=Search.random, trials=2, space=SPACE),
        batch_size=4,
    )
    space = "tune.space={learning_rate: {low: 1e-4, high: 1e-2, log: true}, batch_size: {choices: [4, 8]}}"
    command = [
        sys.executable, "-m", "train", f"store.path={config.store.path}", f"out={config.out}", "task=classify",
        "model=tiny_bert", "task.max_length=64", "steps=40", "eval_steps=4", "learning_rate=3e-3", "threads=1",
        "report_to=[none]", "row_losses=0", "early_stopping_patience=0", "batch_size=4", "warmup_steps=5",
        "tune=random", "tune.trials=2", space,
    ]  # fmt: skip
    child = subprocess.Popen(
        command, cwd=ROOT, start_new_session=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    while not list(tmp_path.glob("tune-*/trials/run-*/checkpoints/checkpoint-4")):
        assert child.poll() is None
        time.sleep(0.05)
    os.killpg(child.pid, signal.SIGKILL)
    child.wait()
    assert tune(config) == 0
    (folder,) = tmp_path.glob("tune-*")  # it went on with the same study
    said = capsys.readouterr()
    assert said.err.count("trial 1 of 2:") == said.err.count("trial 2 of 2:") == 1
    assert sorted(path.name for path in folder.glob("trial-*")) == [
        "trial-0.json", "trial-0.log", "trial-1.json", "trial-1.log",
    ]  # fmt: skip
    study, _ = open_study(folder, folder.name, least=True)
    assert [trial.number for trial in ended(study)] == [1, 2]  # optuna's own count the one that was cut off
    assert f"(trial {number_of(study, study.best_trial)})" in said.out
    assert number_of(study, study.best_trial) in (1, 2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -signal.SIGKILL)]
)
def test_a_trial_ends_with_its_search_however_that_ends(
    labels: Callable[..., TrainConfig], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    command = [
        sys.executable, "-m", "train", f"store.path={labels(tmp_path).store.path}", f"out={tmp_path}", "task=classify",
        "model=tiny_bert", "task.max_length=64", "steps=3000", "eval_steps=20", "threads=1", "report_to=[none]",
        "early_stopping_patience=0", "tune=random", "tune.trials=2",
    ]  # fmt: skip
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 300
    while not list(tmp_path.glob("tune-*/trials/run-*/checkpoints/checkpoint-20/trainer_state.json")):
        assert child.poll() is None, child.communicate()[1]
        assert time.monotonic() < deadline
        time.sleep(0.05)
    trials = [
        int(pid) for pid in (Path("/proc") / f"{child.pid}/task/{child.pid}/children").read_text().split()
    ]
    assert len(trials) == 1
    if number is signal.SIGINT:
        os.killpg(child.pid, number)  # as a terminal does: the trial gets it too
    else:
        child.send_signal(number)
    # Standard error ends when nobody has it open any more.
    said = " ".join(child.communicate(timeout=60)[1].split())
    assert child.returncode == code
    assert "Traceback" not in said
    assert number is signal.SIGKILL or "Stopped: 0 of 2 trials are done. The same command goes on." in said
    while (Path("/proc") / str(trials[0])).exists():
        assert time.monotonic() < deadline, "the trial went on without its search"
        time.sleep(0.05)


def draws(folder: Path, search: Search, stops: int) -> list[Any]:
    """The settings of six trials of a made-up problem, with the search begun anew after `stops` of them."""
    folder.mkdir()
    found = []
    for part in (range(stops), range(stops, 6)):
        study, _ = open_study(folder, "s", least=True)
        for _ in part:
            trial = ask(study, search, SPACE, 0)
            study.tell(trial, (trial.params["learning_rate"] - 1e-3) ** 2)
            found.append(trial.params)
    assert len(ended(study)) == 6
    assert set(importances(study)) == set(SPACE)
    return found


@pytest.mark.parametrize("search", [Search.random, Search.bayes])
def test_the_draws_are_the_same_however_often_it_was_stopped(tmp_path: Path, search: Search) -> None:
    whole = draws(tmp_path / "a", search, 0)
    assert whole == draws(tmp_path / "b", search, 4)
    assert len({params["learning_rate"] for params in whole}) == 6


def test_a_trial_that_was_cut_off_is_tried_again_first(tmp_path: Path) -> None:
    study, _ = open_study(tmp_path, "s", least=True)
    cut = ask(study, Search.random, SPACE, 0)
    again, _ = open_study(tmp_path, "s", least=True)
    assert ask(again, Search.random, SPACE, 0).params == cut.params
    assert ended(again) == []


def test_a_hopeless_trial_is_given_up() -> None:
    from types import SimpleNamespace

    import optuna

    from train.search import pruner
    from train.trial import Report

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(pruner=pruner())
    for _ in range(4):
        trial = study.ask()
        trial.report(1.0, 50)
        study.tell(trial, 1.0)
    report = Report(study.ask(), "loss", prune=True)
    control = SimpleNamespace(should_training_stop=False)
    report.on_evaluate(None, SimpleNamespace(global_step=0, max_steps=8), control, metrics={"eval_loss": 9.0})
    report.on_evaluate(None, SimpleNamespace(global_step=4, max_steps=8), control, metrics={"eval_loss": 0.9})
    assert not control.should_training_stop
    report = Report(study.ask(), "loss", prune=True)
    report.on_evaluate(None, SimpleNamespace(global_step=4, max_steps=8), control, metrics={"eval_loss": 9.0})
    assert control.should_training_stop and report.pruned


def test_mistakes_in_the_space(labels: Callable[..., TrainConfig], tmp_path: Path) -> None:
    def config(**space: Range) -> TrainConfig:
        return labels(tmp_path, tune=TuneConfig(name=Search.random, space=space))

    with pytest.raises(ConfigError, match=r"no such key 'learning_rat'(.|\n)*did you mean 'learning_rate'"):
        tune(config(learning_rat=Range(low=1, high=2)))
    with pytest.raises(ConfigError, match=r"no such key 'method\.rank'"):
        tune(config(**{"method.rank": Range(choices=[1])}))
    with pytest.raises(ConfigError, match="a range from 2 to 1 holds nothing"):
        Range(low=2, high=1)
    with pytest.raises(ConfigError, match="has no logarithm"):
        Range(low=0, high=1, log=True)
    with pytest.raises(ConfigError, match=r"learning_rate has no 'lo'(.|\n)*did you mean 'low'"):
        TuneConfig(space={"learning_rate": {"lo": 1e-5, "high": 1e-3}})
    with pytest.raises(ConfigError, match=r"learning_rate: Value 'high' of type 'str'"):
        tune(config(learning_rate=Range(choices=["high", "low"])))
    with pytest.raises(ConfigError, match=r"batch_size: Value '8\.5' of type 'float'"):
        tune(config(batch_size=Range(choices=[8.5])))
    with pytest.raises(ConfigError, match="learning_rate has neither a range nor choices: 3"):
        TuneConfig(space={"learning_rate": 3})
    with pytest.raises(ConfigError, match="learning_rate has high=much, which is no number"):
        TuneConfig(space={"learning_rate": {"low": 1e-5, "high": "much"}})
    with pytest.raises(ConfigError, match=r"tune\.measure=f1: no such measure"):
        TuneConfig(measure="f1")
    with pytest.raises(ConfigError, match="is measured of a classifier only"):
        from train.tasks import TaskConfig

        tune(replace(config(), task=TaskConfig(), tune=TuneConfig(name=Search.random, measure="accuracy")))
    with pytest.raises(ConfigError, match=r"method\.r=0 is not a rank"):
        changed(TrainConfig(), {"method.r": 0})


def test_rows_to_compare_on_are_needed(
    plant: Callable[..., TrainConfig], conversations: Callable[[int], list[dict[str, Any]]]
) -> None:
    rows = [row for row in conversations(40) if row["split"] == "train"]
    with pytest.raises(UserError, match=r"has no validation rows(.|\n)*split\.validation"):
        tune(plant(rows, tune=TuneConfig(name=Search.random)))


def test_the_space_as_it_is_typed() -> None:
    from conf.app import compose

    words = "tune.space={learning_rate: {low: 1e-5, high: 1e-3, log: true}, method.r: [8, 16]}"
    space = compose("train", TrainConfig, ["tune=bayes", words]).tune.space
    assert space == {
        "learning_rate": Range(low=1e-5, high=1e-3, log=True),
        "method.r": Range(choices=[8, 16]),
    }


def test_what_is_usually_searched() -> None:
    assert set(usual_space("full", "sft")) == {"learning_rate", "weight_decay"}
    assert {"method.r", "method.dropout", "label_smoothing"} <= set(usual_space("dora", "classify"))
    for method in ("full", "lora", "prompt"):
        for key, values in usual_space(method, "sft").items():
            changed(TrainConfig(), {key: values.choices[0] if values.choices else values.low})


@pytest.mark.slow
def test_multirun_takes_the_new_keys(labels: Callable[..., TrainConfig], tmp_path: Path) -> None:
    store = labels(tmp_path).store.path
    run = subprocess.run(
        [sys.executable, "-m", "train", "--multirun", f"store.path={store}", f"out={tmp_path / 'out'}", "task=classify",
         "model=tiny_bert", "method=lora,dora", "l1=0,0.1", "steps=2", "eval_steps=2", "report_to=[none]",
         "row_losses=0", f"hydra.sweep.dir={tmp_path / 'sweep'}"],
        cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    found = [json.loads(path.read_text())["config"] for path in (tmp_path / "out").glob("run-*/run.json")]
    assert sorted((c["method"]["name"], c["l1"]) for c in found) == [
        ("dora", 0),
        ("dora", 0.1),
        ("lora", 0),
        ("lora", 0.1),
    ]
