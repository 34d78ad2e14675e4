"""A store that another command holds when a training begins or ends: waited for, and nothing is lost meanwhile."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from transformers import TrainerCallback

from data.errors import StoreError, StoreInUse
from data.store import Store
from train.config import TrainConfig
from train.ingredients import gather
from train.keeping import writing
from train.load import load_tuned
from train.run import _keep, learn, train

Make = Callable[..., TrainConfig]

# Opens the store, says so, and holds it until the file that it is told of is there, and a little longer.
HOLDER = """
import sys, time
from pathlib import Path
from data.store import Store
with Store.open(sys.argv[1]):
    print("open", flush=True)
    while not Path(sys.argv[2]).exists():
        time.sleep(0.05)
    time.sleep(float(sys.argv[3]))
"""


class Holding(TrainerCallback):
    """Another process takes the store in the first step."""

    def __init__(self, store: str, until: Path, longer: float) -> None:
        self.words = [sys.executable, "-c", HOLDER, store, str(until), str(longer)]
        self.process: Any = None

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.process is None:
            self.process = subprocess.Popen(self.words, stdout=subprocess.PIPE, text=True)
            with self.process.stdout as said:
                assert said.readline() == "open\n"


def folder_of(config: TrainConfig) -> Path:
    from train.run import base_of, identity

    rows = gather(config)
    return Path(config.out) / identity(config, rows, base_of(config, rows, Console(quiet=True)))


@pytest.fixture
def config(plant: Make, conversations: Any) -> TrainConfig:
    return plant(conversations(40))


def test_the_end_of_a_training_waits_for_its_store(
    config: TrainConfig, capsys: pytest.CaptureFixture[str]
) -> None:
    # Until run.json is there, which is written before the store is asked for.
    other = Holding(config.store.path, folder_of(config) / "run.json", 1.5)
    run = learn(config, gather(config), Console(stderr=True), watchers=[other])
    assert other.process.wait() == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"is in use by process {other.process.pid}" in said
    assert "waiting for it, up to 60 min. The run is done and lies in" in said
    with Store.open(config.store.path, read_only=True) as store:
        assert store.run("latest").status == "done"
        assert store.row_losses(run.run_id).height == 28


def test_the_start_of_a_training_waits_for_its_rows(
    config: TrainConfig, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = Holding(config.store.path, tmp_path, 1.5)  # a folder that is there: held for so many seconds
    other.on_step_end(None, None, None)
    with pytest.raises(StoreInUse, match="is in use by process"):
        gather(config, patience=0)
    capsys.readouterr()
    assert gather(config).train.height == 24
    assert other.process.wait() == 0
    said = " ".join(capsys.readouterr().err.split())
    assert f"is in use by process {other.process.pid}" in said
    assert said.count("waiting for it, up to 60 s") == 1


def test_a_store_that_stays_in_use_loses_nothing(
    config: TrainConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_keep, "__kwdefaults__", {"losses": None, "patience": 0.0})
    ended = Path(config.out).parent / "ended"
    other = Holding(config.store.path, ended, 0.0)
    with pytest.raises(StoreError, match="is in use by process") as caught:
        learn(config, gather(config), Console(stderr=True), watchers=[other])
    assert "the same command again puts it into the store" in str(caught.value)
    ended.touch()
    assert other.process.wait() == 0
    with Store.open(config.store.path, read_only=True) as store:
        assert store.run("latest").status == "running"
    assert train(config) == 0
    with Store.open(config.store.path, read_only=True) as store:
        run = store.run("latest")
        assert run.status == "done"
        assert store.row_losses(run.run_id).height == 28
        assert store.facts(run.run_id, "validation_loss").height == 2
    load_tuned(run)


def test_other_trouble_with_the_store_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "store.duckdb").write_text("no store at all" * 1000)
    with (
        pytest.raises(StoreError, match="is damaged or is not a DuckDB file"),
        writing(str(tmp_path / "store.duckdb"), Console(quiet=True), patience=3600),
    ):
        pass
