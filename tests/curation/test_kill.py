"""Ten deaths in the middle of writing: nothing is lost, and the version in the end is the one of a run undisturbed."""

from __future__ import annotations

import json
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from data.store import Store

ROOT = Path(__file__).resolve().parents[2]
WORDS = [chr(97 + n % 26) * (2 + n % 5) for n in range(60)]
FOLDS = "split.folds=3"
OVERRIDES = ["pii.engine=patterns", "quality.languages=[]"]

# Runs the command, and dies by SIGKILL at the n-th step of writing (n = 0: never; the steps are counted).
DEADLY = """
import os, runpy, signal, sys
from data.store import Store

deadly, steps = int(os.environ["DIE_AT"]), 0

def step(method):
    def run(*given, **named):
        global steps
        steps += 1
        if steps == deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return method(*given, **named)
    return run

for name in ("_check", "_insert", "_add_texts", "_add_reasons", "_add_version", "_add_records", "_digest",
             "_extend", "_add_changed"):
    setattr(Store, name, step(getattr(Store, name)))
code = 0
try:
    runpy.run_module("curation", run_name="__main__", alter_sys=True)
except SystemExit as end:
    code = end.code or 0
print("steps", steps, file=sys.stderr)
sys.exit(code)
"""


def source(path: Path) -> Path:
    draw = random.Random(5)
    rows = []
    for n in range(1200):
        words = draw.choices(WORDS, k=40)
        rows.append({"prompt": f"Tell {n}.", "completion": " ".join(words) + "."})
        if n % 10 == 0:
            rows.append({"prompt": f"Tell {n}.", "completion": " ".join([*words[:-1], "end."])})
        if n % 17 == 0:
            rows.append({"prompt": f"Write to ann{n}@example.com", "completion": " ".join(words[::-1])})
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def run(raw: Path, store: Path, die_at: int, *more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "DIE_AT": str(die_at), "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", DEADLY, f"source.path={raw}", f"store.path={store}", *OVERRIDES, *more],
        cwd=raw.parent, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def content(path: Path) -> dict[str, Any]:
    """All that must be equal: versions with their digests, members, verdicts, texts and facts, but no times."""
    with Store.open(path, read_only=True) as store:
        tables = {
            "versions": "version, parent, stage, rows, dropped, edited, assigned, tagged, digest",
            "members": "*",
            "verdicts": "*",
            "texts": "*",
            "facts": "* EXCLUDE (created)",
            "sketches": "*",
        }
        return {
            name: sorted(map(repr, store.query(f"SELECT {columns} FROM {name}").rows()))
            for name, columns in tables.items()
        }


def dies_and_finishes(raw: Path, path: Path, die_at: int, expected: dict[str, Any], *more: str) -> None:
    """The run dies, what is there is whole, and the same command again leaves what was expected."""
    assert run(raw, path, die_at, *more).returncode == -9, die_at
    with Store.open(path) as store:
        for version in store.versions():
            assert store.read(version.version).frame("record_id").collect().height == version.rows
            assert store.membership_digest(version.version) == version.digest
    finished = run(raw, path, 0, *more)
    assert finished.returncode == 0, finished.stderr
    assert content(path) == expected, die_at


@pytest.mark.slow
def test_ten_deaths_while_writing_change_nothing(tmp_path: Path) -> None:
    raw = source(tmp_path / "raw.jsonl")
    undisturbed = run(raw, tmp_path / "undisturbed.duckdb", 0, FOLDS)
    assert undisturbed.returncode == 0, undisturbed.stderr
    steps = int(undisturbed.stderr.rpartition("steps ")[2])
    assert steps > 20
    expected = content(tmp_path / "undisturbed.duckdb")
    for number, die_at in enumerate(random.Random(7).sample(range(1, steps + 1), 10)):
        dies_and_finishes(raw, tmp_path / f"{number}.duckdb", die_at, expected, FOLDS)


@pytest.mark.slow
def test_deaths_while_rows_are_added_change_nothing(tmp_path: Path) -> None:
    raw = source(tmp_path / "raw.jsonl")
    lines = raw.read_text(encoding="utf-8").splitlines(keepends=True)
    raw.write_text("".join(lines[:-60]), encoding="utf-8")
    before = tmp_path / "before.duckdb"
    assert run(raw, before, 0).returncode == 0
    raw.write_text("".join(lines), encoding="utf-8")
    undisturbed = tmp_path / "undisturbed.duckdb"
    shutil.copy(before, undisturbed)
    steps = int(run(raw, undisturbed, 0).stderr.rpartition("steps ")[2])
    expected = content(undisturbed)
    for number, die_at in enumerate(random.Random(3).sample(range(1, steps + 1), 6)):
        path = tmp_path / f"{number}.duckdb"
        shutil.copy(before, path)
        dies_and_finishes(raw, path, die_at, expected)
