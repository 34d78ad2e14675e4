"""A store with a version in three splits and a tiny model that was really trained on it, once for all tests."""

from __future__ import annotations

import os
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


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a store whose latest run is a LoRA on the tiny model; do not write into it."""
    from conf.app import compose
    from train.config import TrainConfig
    from train.run import train

    folder = tmp_path_factory.mktemp("trained")
    path = folder / "store.duckdb"
    with Store.open(path) as store:
        fill(store)
    before = os.environ.get("TUNEPROOF_CACHE")
    os.environ["TUNEPROOF_CACHE"] = str(folder / "models")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        train(
            compose(
                "train",
                TrainConfig,
                [
                    f"store.path={path}",
                    f"out={folder / 'runs'}",
                    "model=tiny",
                    "method.r=8",
                    "steps=60",
                    "batch_size=16",
                    "learning_rate=2e-2",
                    "warmup_steps=2",
                    "eval_steps=30",
                    "early_stopping_patience=0",
                    "report_to=[none]",
                    "allow_unscrubbed=true",
                    "threads=1",
                ],
            )
        )
    yield folder
    if before is None:
        del os.environ["TUNEPROOF_CACHE"]
    else:
        os.environ["TUNEPROOF_CACHE"] = before


@pytest.fixture
def tuned_store(trained: Path, tmp_path: Path) -> Path:
    """A copy of the store of `trained`, for a test to write into."""
    copy = tmp_path / "store.duckdb"
    copy.write_bytes((trained / "store.duckdb").read_bytes())
    return copy
