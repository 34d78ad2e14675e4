"""A curated store and a real server beside it, for the tests of push and pull."""

from __future__ import annotations

import json
import random
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

from conf.app import compose
from curation.config import CurationConfig
from curation.desk.client import Client
from curation.desk.config import DeskCommand
from curation.desk.server.reach import Reach
from curation.pipeline import run_pipeline
from data.store import Store

WORDS = [f"word{n}" for n in range(300)]
EMOJI = "🎉🎉🎉 Ring Jane Doe, or write to jane@example.com 🎈"


def row(number: int) -> dict[str, Any]:
    words = random.Random(number).choices(WORDS, k=30)
    return {"prompt": f"Tell me about {words[0]} {number}.", "completion": " ".join(words) + "."}


def curate(folder: Path, rows: list[dict[str, Any]]) -> None:
    (folder / "raw.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rows), encoding="utf-8")
    config = ["pii=patterns", "split.test=0.2", f"source.path={folder / 'raw.jsonl'}"]
    with Store.open(folder / "s.duckdb") as store:
        run_pipeline(store, compose("curation", CurationConfig, config))


def curated_folder(folder: Path) -> Path:
    """A folder with a store of 20 records; the first begins with signs of two UTF-16 units."""
    rows = [row(n) for n in range(20)]
    rows[0] |= {"completion": f"{EMOJI} {rows[0]['completion']}"}
    curate(folder, rows)
    return folder


@cache
def composed(overrides: tuple[str, ...]) -> DeskCommand:
    return compose("desk", DeskCommand, ["select=sample", "rows=12", *overrides])


class At:
    """A store's folder and a desk: commands on both, and people who answer."""

    def __init__(self, work: Path, desk: Any, name: str) -> None:
        self.work, self.desk, self.name = work, desk, name

    def command(self, *overrides: str) -> DeskCommand:
        command = deepcopy(composed(overrides))
        command.store.path, command.dataset = str(self.work / "s.duckdb"), self.name
        command.desk.home = str(self.desk.home)
        return command

    def client(self, user: str = "owner") -> Client:
        return Client(Reach(self.desk.url, self.desk.users[user]["api_key"]))

    def id(self, name: str = "") -> str:
        with self.client() as client:
            found = client.datasets(client.workspace("tuneproof"))
        return next(one["id"] for one in found if one["name"] == (name or self.name))

    def records(self, name: str = "") -> dict[str, dict[str, Any]]:
        with self.client() as client:
            return {one["external_id"]: one for one in client.records(self.id(name))}

    def answer(self, user: str, answers: dict[str, dict[str, Any]], status: str = "submitted") -> None:
        there = self.records()
        with self.client(user) as client:
            for item, values in answers.items():
                client.answer(there[item]["id"], values, status)

    def store(self) -> Store:
        return Store.open(self.work / "s.duckdb")
