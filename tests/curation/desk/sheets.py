"""A curated store and commands of the desk on it, for the tests of sheets."""

from __future__ import annotations

import csv
import io
import json
import random
import shutil
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from conf.app import compose
from curation.config import CurationConfig
from curation.desk.config import DeskCommand
from curation.pipeline import run_pipeline
from data.store import Store

WORDS = [f"word{n}" for n in range(300)]


def row(number: int, **about: Any) -> dict[str, Any]:
    words = random.Random(number).choices(WORDS, k=30)
    return {"prompt": f"Tell me about {words[0]} {number}.", "completion": " ".join(words) + ".", **about}


def curated_folder(folder: Path) -> Path:
    """A folder with a store: 40 records, one of them with an address that the patterns find."""
    rows = [row(n, audience=("younger", "older")[n % 2], sure=n / 40) for n in range(40)]
    rows[0]["completion"] += " Write to jane@example.com now."
    source(folder, rows)
    curate(folder)
    return folder


def copied(curated: Path, folder: Path) -> Path:
    """A copy of the folder's raw data and store."""
    for name in ("raw.jsonl", "s.duckdb"):
        shutil.copy(curated / name, folder / name)
    return folder


def source(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")


def curate(folder: Path, *overrides: str) -> str:
    fast = ["pii=patterns", "split.test=0.2", f"source.path={folder / 'raw.jsonl'}"]
    with Store.open(folder / "s.duckdb") as store:
        return run_pipeline(store, compose("curation", CurationConfig, [*fast, *overrides]))[-1].version


@cache
def composed(overrides: tuple[str, ...]) -> DeskCommand:
    return compose("desk", DeskCommand, ["select=sample", "rows=12", *overrides])


def desk(folder: Path, *overrides: str) -> DeskCommand:
    """The command as it is composed; composing takes most of such a test's time, so places are set afterwards."""
    places = dict(one.split("=", 1) for one in overrides if one.startswith("desk.file="))
    command = deepcopy(composed(tuple(one for one in overrides if not one.startswith("desk.file="))))
    command.store.path = str(folder / "s.duckdb")
    command.desk.file = places.get("desk.file", str(folder / "sheet.csv"))
    return command


def read(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text(encoding="utf-8-sig"), newline="")))


def fill(source: Path, target: Path, person: str, answers: dict[str, dict[str, str]], **format: Any) -> None:
    """A copy of the sheet in which `person` has answered some items."""
    rows = read(source)
    with target.open("w", encoding="utf-8-sig", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]), **format)
        writer.writeheader()
        for one in rows:
            if one["item"] in answers:
                one |= {"annotator": person, **answers[one["item"]]}
            writer.writerow(one)


def items(path: Path) -> list[str]:
    return [one["item"] for one in read(path)]
