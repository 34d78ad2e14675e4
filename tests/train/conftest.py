"""A store with sixty small conversations, and one tiny model trained on them, made once for all tests here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from conf.app import StoreConfig
from data.records import FrameRecords
from data.runs import Run
from data.store import Store
from data.verdicts import verdicts
from train.config import TrainConfig
from train.methods import MethodConfig
from train.models import ModelConfig
from train.tasks import Task, TaskConfig

COLOURS = ("red", "blue", "green", "tall", "small", "warm", "quiet", "quick")
THINGS = ("kettle", "lamp", "chair", "bag", "shoe", "clock")
SPLITS = ("train", "train", "train", "validation", "test")


def conversation(number: int) -> dict[str, Any]:
    thing, colour = THINGS[number % len(THINGS)], COLOURS[number * 5 % len(COLOURS)]
    return {
        "messages": [
            {"role": "system", "content": "You describe things."},
            {"role": "user", "content": f"Describe {thing} number {number}."},
            {"role": "assistant", "content": f"It is a {colour} {thing}, and we like it."},
        ],
        "split": SPLITS[number % len(SPLITS)],
        "licence": "CC0-1.0",
    }


def fill(path: Path, rows: list[dict[str, Any]], *, scrubbed: bool = True) -> str:
    """A store at `path` with these rows; returns the last version: ingest, pii where scrubbed, and split."""
    frame = FrameRecords.of(*rows).frame().collect()
    rejects = {"file": pl.String, "line": pl.Int64, "reason": pl.String, "detail": pl.String}
    assigned = [
        {"record_id": record_id, "action": "assign", "reason": "split_assigned", "value": split}
        for record_id, split in frame.select("record_id", "split").iter_rows()
        if split is not None
    ]
    with Store.open(path) as store:
        batches = [(frame.drop("split"), pl.DataFrame(schema=rejects))]
        version = store.ingest("v-" + "0" * 12, {}, "1", batches, list)
        if scrubbed:
            version = store.apply(version, stage="pii", config={}, code="1", verdicts=verdicts(), reasons={})
        if assigned:
            version = store.apply(
                version, stage="split", config={}, code="1", verdicts=verdicts(assigned),
                reasons={"split_assigned": "the split it belongs to"},
            )  # fmt: skip
    return version


@pytest.fixture(scope="session", autouse=True)
def model_cache(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Tiny models made by tests go to a folder of the test run, not to the user's cache."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("models")
        patch.setenv("TUNEPROOF_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def store_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "warehouse.duckdb"
    fill(path, [conversation(number) for number in range(60)])
    return path


@pytest.fixture(scope="session")
def settings(store_path: Path) -> Callable[..., TrainConfig]:
    """A quick configuration on the tiny model, with changes."""

    def make(out: Path, **changes: Any) -> TrainConfig:
        config = TrainConfig(
            store=StoreConfig(path=str(store_path)),
            model=ModelConfig(name="tiny"),
            method=MethodConfig(r=8, alpha=16.0, dropout=0.1),
            steps=12,
            eval_steps=4,
            learning_rate=1e-2,
            threads=1,
            report_to=["none"],
            out=str(out),
        )
        return replace(config, **changes)

    return make


@pytest.fixture
def plant(tmp_path: Path, settings: Callable[..., TrainConfig]) -> Callable[..., TrainConfig]:
    """A quick configuration on a store of its own with these rows, by default the first thirty conversations."""

    def make(rows: list[dict[str, Any]], **changes: Any) -> TrainConfig:
        path = tmp_path / "planted.duckdb"
        fill(path, rows)
        quick = {"steps": 2, "eval_steps": 2, "store": StoreConfig(path=str(path))}
        return settings(tmp_path / "out", **quick, **changes)

    return make


@pytest.fixture
def conversations() -> Callable[[int], list[dict[str, Any]]]:
    """The first so many conversations; three of five are training rows, one is for validation and one a test row."""
    return lambda count: [conversation(number) for number in range(count)]


@dataclass
class Trained:
    config: TrainConfig
    run: Run


@pytest.fixture(scope="session")
def trained(
    tmp_path_factory: pytest.TempPathFactory, settings: Callable[..., TrainConfig], store_path: Path
) -> Trained:
    """The tiny model after thirty steps of LoRA, by the command's own task."""
    from train.run import train

    config = settings(tmp_path_factory.mktemp("trained"), steps=30, eval_steps=10, report_to=["tensorboard"])
    assert train(config) == 0
    with Store.open(store_path, read_only=True) as store:
        return Trained(config, store.run("latest"))


@pytest.fixture(scope="session")
def tokenizer(trained: Trained) -> Any:
    from train.load import load_base

    return load_base(trained.run)[1]


KINDS = {
    "sale": ("offer", "price", "discount", "bargain"),
    "support": ("refund", "broken", "late", "missing"),
    "office": ("meeting", "lunch", "agenda", "call"),
}


@pytest.fixture(scope="session")
def labelled_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """240 short texts of three kinds, told apart by their words, split with three folds; every fourth has a twin."""
    import csv
    import random

    from conf.app import compose
    from curation.__main__ import run
    from curation.config import CurationConfig

    folder = tmp_path_factory.mktemp("labelled")
    drawn = random.Random(3)
    plain = (
        "the",
        "item",
        "we",
        "about",
        "please",
        "with",
        "today",
        "team",
        "again",
        "your",
        "house",
        "very",
    )
    with (folder / "rows.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["text", "label"])
        for number in range(192):
            label = drawn.choice(list(KINDS))
            words = [*drawn.sample(plain, 6), *drawn.sample(KINDS[label], 2), f"n{number}", f"m{number}"]
            drawn.shuffle(words)
            rows.writerow([" ".join(words), label])
            if number % 4 == 0:
                rows.writerow([" ".join([*words, "indeed"]), label])
    choices = [
        f"store.path={folder / 'warehouse.duckdb'}", f"source.path={folder / 'rows.csv'}", "pii=patterns",
        "quality=off", "dedup=off", "outliers=off", "split.folds=3", "split.validation=0.15", "split.test=0.2",
        f"out={folder}", "source.licence=MIT",
    ]  # fmt: skip
    assert not run(compose("curation", CurationConfig, choices))
    return folder / "warehouse.duckdb"


@pytest.fixture(scope="session")
def labels(labelled_store: Path) -> Callable[..., TrainConfig]:
    """A quick configuration of a tiny BERT on the labelled texts, with changes."""

    def make(out: Path, **changes: Any) -> TrainConfig:
        config = TrainConfig(
            store=StoreConfig(path=str(labelled_store)),
            model=ModelConfig(name="tiny_bert"),
            method=MethodConfig(name="full"),
            task=TaskConfig(name=Task.classify, max_length=64),
            steps=60,
            eval_steps=20,
            learning_rate=3e-3,
            threads=1,
            report_to=["none"],
            row_losses=0,
            early_stopping_patience=0,
            out=str(out),
        )
        return replace(config, **changes)

    return make


@pytest.fixture(scope="session")
def classifier(
    tmp_path_factory: pytest.TempPathFactory, labels: Callable[..., TrainConfig], labelled_store: Path
) -> Trained:
    """A tiny BERT that has learnt the labels, by the command's own task."""
    from train.run import train

    config = labels(tmp_path_factory.mktemp("classifier"), steps=150, eval_steps=50)
    assert train(config) == 0
    with Store.open(labelled_store, read_only=True) as store:
        return Trained(config, store.run("latest"))
