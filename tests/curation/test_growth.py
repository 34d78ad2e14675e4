"""Rows added to a source: only they are read, and the version is the one that reading everything would make."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from conf.app import compose
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from data.load import Loader
from data.store import Store

Row = dict[str, str]


def row(number: int) -> Row:
    return {"prompt": f"What is {number} and one?", "completion": f"It is {number + 1}."}


OLD = [row(n) for n in range(150)] + [row(7), row(7)]
NEW = [row(n) for n in range(200, 210)] + [row(7), row(3), row(201)]


def write(path: Path, rows: list[Row], mode: str = "w") -> None:
    with path.open(mode, encoding="utf-8") as file:
        file.write("".join(json.dumps(r) + "\n" for r in rows))


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    lines: list[int] = []
    frames: Callable[..., Any] = Loader._frames

    def spy(self: Loader, name: str, batch: list[Any], mapping: Any) -> Any:
        lines.extend(line for line, _ in batch)
        return frames(self, name, batch, mapping)

    monkeypatch.setattr(Loader, "_frames", spy)
    return lines


def ingest(store: Store, path: Path, *overrides: str) -> str:
    given = [
        f"source.path={path}",
        "stages=[]",
        "source.max_reject_fraction=0.1",
        f"out={path.parent}",
        *overrides,
    ]
    return run_pipeline(store, compose("curation", CurationConfig, given))[-1].version


def whole(tmp_path: Path, path: Path) -> tuple[str, str]:
    with Store.open(tmp_path / "fresh.duckdb") as store:
        version = ingest(store, path)
        return version, store.version(version).digest


def test_a_file_that_grows_is_read_from_where_it_ended(tmp_path: Path, parsed: list[int]) -> None:
    path = tmp_path / "raw.jsonl"
    write(path, OLD)
    path.write_text(path.read_text() + "{broken\n")
    with Store.open(tmp_path / "store.duckdb") as store:
        ingest(store, path)
        write(path, NEW, "a")
        parsed.clear()
        version = ingest(store, path)
        assert parsed == list(range(154, 167))
        grown = version, store.version(version).digest
        assert store.rejects(version).select("line", "reason").rows() == [(153, "broken_json")]
        assert store.files(version).select("rows", "rejected").rows() == [(165, 1)]
        assert "153" in (tmp_path / f"rejects-{version}.jsonl").read_text()
        line = store.query("SELECT max(line) AS last FROM records")["last"].item()
        assert line == 166
    assert whole(tmp_path, path) == grown


def test_a_new_file_beside_the_old_is_all_that_is_read(tmp_path: Path, parsed: list[int]) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    write(folder / "a.jsonl", OLD)
    with Store.open(tmp_path / "store.duckdb") as store:
        ingest(store, folder)
        write(folder / "b.jsonl", NEW)
        parsed.clear()
        version = ingest(store, folder)
        assert parsed == list(range(1, 14))
        grown = version, store.version(version).digest
        assert store.files(version)["rows"].to_list() == [152, 13]
    assert whole(tmp_path, folder) == grown


@pytest.mark.parametrize("change", ["first line", "a file before", "other mapping", "short"])
def test_what_is_not_a_continuation_is_read_anew(tmp_path: Path, parsed: list[int], change: str) -> None:
    folder = tmp_path / "raw"
    folder.mkdir()
    old = OLD[:50] if change == "short" else OLD
    write(folder / "b.jsonl", old)
    overrides = []
    with Store.open(tmp_path / "store.duckdb") as store:
        ingest(store, folder)
        if change == "first line":
            write(folder / "b.jsonl", [row(999), *OLD[1:], *NEW])
        elif change == "a file before":
            write(folder / "a.jsonl", NEW)
        elif change == "other mapping":
            write(folder / "b.jsonl", NEW, "a")
            overrides = ["source.licence=MIT"]
        else:
            write(folder / "b.jsonl", NEW, "a")
        parsed.clear()
        ingest(store, folder, *overrides)
        assert len(parsed) == len(old) + len(NEW)
