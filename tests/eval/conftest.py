"""A store with a version in three splits and a tiny model that was really trained on it, once for all tests."""

from __future__ import annotations

import random
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data.load import LOADED_SCHEMA, REJECT_SCHEMA
from data.records import digest, text_hash
from data.store import Store
from data.verdicts import verdicts

PLACES = ("harbour", "market", "station", "park", "bridge", "museum")
FOODS = ("bread", "soup", "noodles", "cakes", "curry")


def conversation(number: int) -> list[dict[str, str]]:
    """An easy rule: the answer repeats the place and the food in a fixed frame."""
    place, food = PLACES[number % len(PLACES)], FOODS[number % len(FOODS)]
    return [
        {"role": "user", "content": f"Shop {number}: {food} at the {place}"},
        {"role": "assistant", "content": f"Come to the {place} for {food}!"},
    ]


def fill(store: Store, count: int = 96) -> str:
    """Ingest `count` conversations and assign the splits: two thirds train, the rest validation and test."""
    rows: list[dict[str, Any]] = []
    for number in range(count):
        messages = conversation(number)
        rows.append(
            {
                "record_id": digest(f"record {number}", hex_digits=16),
                "text_hash": text_hash(messages),
                "kind": "chat",
                "messages": messages,
                "source": "test",
                "metadata": "{}",
                "file": "test.jsonl",
                "line": number + 1,
            }
        )
    frame = pl.DataFrame(rows, schema=LOADED_SCHEMA)
    raw = store.ingest("v-raw", {}, "code", [(frame, pl.DataFrame(schema=REJECT_SCHEMA))], list)
    places = ["test" if n % 6 == 0 else "validation" if n % 6 == 1 else "train" for n in range(count)]
    # Numbers divisible by six always hit the same place: shuffle, so that every split has every place.
    random.Random(4).shuffle(places)
    assigned = [
        {"record_id": row["record_id"], "action": "assign", "reason": "split_assigned", "value": place}
        for row, place in zip(rows, places, strict=True)
    ]
    return store.apply(
        raw,
        stage="split",
        config={},
        code="code",
        verdicts=verdicts(assigned),
        reasons={"split_assigned": "placed by the test"},
    )


def train_tiny(store: Path, folder: Path, *overrides: str) -> None:
    """`python -m train` on the tiny model, its weights under `folder`."""
    from conf.app import compose
    from train.config import TrainConfig
    from train.run import train

    settings = [
        f"store.path={store}",
        f"out={folder / 'runs'}",
        "model=tiny",
        "batch_size=16",
        "warmup_steps=2",
        "eval_steps=30",
        "early_stopping_patience=0",
        "report_to=[none]",
        "allow_unscrubbed=true",
        "threads=1",
    ]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of trl and transformers, which have tests of their own
        train(compose("train", TrainConfig, [*settings, *overrides]))


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a store whose latest run is a LoRA on the tiny model; do not write into it."""
    folder = tmp_path_factory.mktemp("trained")
    patch = pytest.MonkeyPatch()
    patch.setenv("TUNEPROOF_CACHE", str(folder / "models"))
    with Store.open(folder / "store.duckdb") as store:
        fill(store)
    train_tiny(folder / "store.duckdb", folder, "method.r=8", "steps=60", "learning_rate=2e-2")
    yield folder
    patch.undo()
