"""A small real store: raw file, ingest, and hand-written verdicts, so that every truth is known."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from data.load import Loader
from data.load.config import SourceConfig
from data.store import Store
from data.verdicts import verdicts

WORDS = [
    "amber",
    "birch",
    "cedar",
    "delta",
    "ember",
    "frost",
    "grove",
    "harbour",
    "island",
    "jasmine",
    "kettle",
    "lantern",
    "meadow",
    "nettle",
    "orchard",
    "pebble",
    "quarry",
    "river",
    "saddle",
    "thistle",
    "umber",
    "valley",
    "willow",
    "yarrow",
    "zephyr",
    "copper",
    "drift",
    "engine",
    "flute",
    "garnet",
]
PII = {
    "engine": "patterns",
    "entities": ["EMAIL_ADDRESS", "IBAN_CODE"],
    "operator": "placeholder",
    "threshold": 0.4,
}

Rows = list[dict[str, Any]]


def sentence(number: int, length: int = 14) -> str:
    """Distinct words for each number: no two sentences are near-duplicates."""
    state = number * 2_654_435_761 + 12_345
    words = []
    for _ in range(length):
        state = (state * 6_364_136_223_846_793_005 + 1_442_695_040_888_963_407) % 2**64
        words.append(WORDS[(state >> 33) % len(WORDS)])
    return f"{' '.join(words)} {number}"


def rows_of(count: int = 400) -> Rows:
    """`count` rows: younger and older readers 3 to 1, two tasks, a licence everywhere but in every tenth row."""
    return [
        {
            "prompt": f"Write about {sentence(i, 8)}",
            "completion": sentence(10_000 + i),
            "audience": "older" if i % 4 == 0 else "younger",
            "task": "mail" if i % 5 else "poem",
            "licence": "CC0-1.0" if i % 10 else "",
        }
        for i in range(count)
    ]


class Workshop:
    """Makes versions in a store under a temporary folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.path = folder / "warehouse.duckdb"
        self.store = Store.open(self.path)

    def ingest(self, rows: Rows, *, broken: int = 0, groups: tuple[str, ...] = ("audience",)) -> str:
        """The ingest version of `rows` and as many broken lines."""
        file = self.folder / "raw.jsonl"
        lines = [json.dumps(row) for row in rows] + ["{broken"] * broken
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
        loader = Loader(SourceConfig(path=[str(file)], groups=list(groups), max_reject_fraction=1.0))
        return self.store.ingest("v-000000000000", {"groups": list(groups)}, "test", loader, loader.files)

    def stage(self, name: str, judged: Rows, config: dict[str, Any] | None = None) -> str:
        """The version that these verdicts make of the latest one."""
        reasons = {str(row["reason"]): "test" for row in judged}
        return self.store.apply(
            "latest",
            stage=name,
            config=config or {},
            code="test",
            verdicts=verdicts(judged),
            reasons=reasons,
        )

    def drop(
        self, name: str, which: Callable[[dict[str, Any]], bool], config: dict[str, Any] | None = None
    ) -> str:
        """The version without the records for which `which` holds; they are dicts of audience, task, line."""
        chosen = [row["record_id"] for row in self.rows() if which(row)]
        return self.stage(
            name, [{"record_id": r, "action": "drop", "reason": f"{name}_test"} for r in chosen], config
        )

    def split(self, of: Callable[[dict[str, Any]], str]) -> str:
        """The version with a split for every record."""
        return self.stage(
            "split",
            [
                {"record_id": r["record_id"], "action": "assign", "reason": "split_test", "value": of(r)}
                for r in self.rows()
            ],
        )

    def rows(self) -> Rows:
        """record_id, line, audience and task of every record of the latest version."""
        frame: pl.DataFrame = (
            self.store.read("latest").frame("record_id", "line", "audience", "task", "messages").collect()
        )
        return frame.sort("line").to_dicts()


@pytest.fixture
def workshop(tmp_path: Path) -> Iterator[Workshop]:
    """An empty workshop."""
    made = Workshop(tmp_path)
    yield made
    made.store.close()


@pytest.fixture
def sentences() -> Callable[..., str]:
    """See `sentence`."""
    return sentence


@pytest.fixture
def many_rows() -> Callable[[int], Rows]:
    """See `rows_of`."""
    return rows_of
