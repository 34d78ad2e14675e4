"""The pipeline as a whole: reuse, new rows, shuffled rows, undo, interruption, dry run."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from conf.app import compose
from curation.border import show_border
from curation.config import CurationConfig
from curation.pipeline import run_pipeline
from curation.rethreshold import rethreshold
from curation.undo import undo
from data.errors import ConfigError, StoreError
from data.store import Store

ROOT = Path(__file__).parent.parent.parent
FAST = ["pii=patterns", "split.test=0.2"]
WORDS = [f"word{n}" for n in range(300)]


def row(number: int, **about: Any) -> dict[str, Any]:
    words = random.Random(number).choices(WORDS, k=30)
    return {"prompt": f"Tell me about {words[0]} {number}.", "completion": " ".join(words) + ".", **about}


def near(number: int) -> dict[str, Any]:
    """The same answer with one word put at its end."""
    twin = row(number)
    return {**twin, "completion": twin["completion"][:-1] + " indeed."}


def farther(number: int) -> dict[str, Any]:
    """The same answer with its last word but one changed: 24 of 28 word 5-grams are shared with it."""
    twin = row(number)
    words = twin["completion"].split(" ")
    words[-2] = "otherwise"
    return {**twin, "completion": " ".join(words)}


def write(path: Path, rows: list[dict[str, Any]]) -> str:
    path.write_text("".join(json.dumps(r) + "\n" for r in rows), encoding="utf-8")
    return f"source.path={path}"


def curate(store: Store, *overrides: str):
    return run_pipeline(store, compose("curation", CurationConfig, [*FAST, *overrides]))


@pytest.fixture
def store(tmp_path: Path):
    with Store.open(tmp_path / "store.duckdb") as opened:
        yield opened


def verdicts_by_reason(store: Store) -> dict[str, set[str]]:
    found = store.query("SELECT reason, coalesce(value, '') AS value, record_id FROM verdicts ORDER BY ALL")
    return {
        f"{reason} {value}": set(rows["record_id"])
        for (reason, value), rows in found.group_by("reason", "value")
    }


def test_unchanged_input_is_reused(store: Store, tmp_path: Path) -> None:
    source = write(tmp_path / "raw.jsonl", [*(row(n) for n in range(40)), row(1), near(2)])
    first, second = curate(store, source), curate(store, source)
    assert [s.version for s in first] == [s.version for s in second]
    assert not any(s.reused for s in first)
    assert all(s.reused for s in second)
    # Another threshold: only what comes after it is new.
    third = curate(store, source, "dedup.threshold=0.9")
    assert [s.reused for s in third] == [True, True, True, False, False, False, False]


def test_shuffled_input_gives_the_same_verdicts(tmp_path: Path) -> None:
    rows = [*(row(n) for n in range(60)), *(row(n) for n in range(5)), *(near(n) for n in range(10, 15))]
    told = []
    for name in ("one", "two"):
        random.Random(name).shuffle(rows)
        (tmp_path / name).mkdir()
        with Store.open(tmp_path / name / "store.duckdb") as store:
            curate(store, write(tmp_path / name / "raw.jsonl", rows))
            told.append((verdicts_by_reason(store), store.version("latest").digest))
    assert told[0] == told[1]
    assert told[0][0]["exact_bytes "]
    assert told[0][0]["dedup_near "]


def test_new_rows_cost_only_themselves_and_move_nothing(store: Store, tmp_path: Path) -> None:
    curate(store, write(tmp_path / "raw.jsonl", [row(n) for n in range(50)]))
    before = store.read("latest").frame("record_id", "split").collect()
    source = write(tmp_path / "raw.jsonl", [row(n) for n in range(60)])
    steps = curate(store, source)
    after = dict(store.read("latest").frame("record_id", "split").collect().iter_rows())
    assert len(after) == 60
    assert all(after[record] == split for record, split in before.iter_rows())
    quality = next(s for s in steps if s.stage == "quality")
    parent = store.version(quality.version).parent
    assert parent is not None
    config = store.version(quality.version)
    known, new = store.known(parent, stage="quality", config=config.config, code=config.code)
    assert len(new) == 0
    assert known.height == store.verdicts(quality.version).height


def test_an_undone_removal_is_in_the_version_and_in_the_story(store: Store, tmp_path: Path) -> None:
    curate(store, write(tmp_path / "raw.jsonl", [*(row(n) for n in range(40)), near(3)]))
    dedup = next(v for v in store.versions() if v.stage == "dedup")
    removed = store.verdicts(dedup.version).filter(pl.col("action") == "drop")["record_id"].item()
    steps = undo(store, removed[:10], "both are wanted")
    assert [s.stage for s in steps] == ["undo", "outliers", "pii", "split"]
    placed = store.read("latest").frame("record_id", "split").collect().filter(record_id=removed)
    assert placed["split"].item() in ("train", "validation", "test")
    said = store.verdicts(steps[0].version)
    assert said.select("action", "reason", "detail").row(0) == ("restore", "undo_restored", "both are wanted")
    # Its twin is in the same split: an undo leaks nothing.
    assert store.facts(steps[-1].version, "split_certificate")["value"].item() == 0
    with pytest.raises(StoreError, match="is in v-"):
        undo(store, removed, "")


def test_kill_9_leaves_no_half_version_and_the_same_command_finishes(tmp_path: Path) -> None:
    source = write(tmp_path / "raw.jsonl", [*(row(n) for n in range(3000)), *(near(n) for n in range(300))])
    with Store.open(tmp_path / "undisturbed.duckdb") as undisturbed:
        curate(undisturbed, source)
        expected = undisturbed.version("latest").digest
    path = tmp_path / "store.duckdb"
    command = [sys.executable, "-m", "curation", source, *FAST, f"store.path={path}"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    for delay in (1.2, 1.8, 2.4, 3.2):
        child = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        time.sleep(delay)
        child.send_signal(signal.SIGKILL)
        child.wait()
        if not path.exists():
            continue
        with Store.open(path) as store:
            for version in store.versions():
                assert len(store.read(version.version)) == version.rows
                assert store.membership_digest(version.version) == version.digest
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    with Store.open(path) as store:
        assert store.version("latest").digest == expected


def test_an_undo_outlives_the_same_command_and_another_threshold(store: Store, tmp_path: Path) -> None:
    source = write(tmp_path / "raw.jsonl", [*(row(n) for n in range(40)), near(3), near(4), near(5)])
    curate(store, source)
    dedup = next(v for v in store.versions() if v.stage == "dedup")
    removed = store.verdicts(dedup.version).filter(pl.col("action") == "drop")["record_id"].to_list()
    for record in removed[:2]:
        undo(store, record, "wanted")
    undone = store.version("latest")
    assert undone.rows == 42
    steps = curate(store, source)
    stages = "ingest exact quality dedup undo undo outliers pii split"
    assert [s.stage for s in steps] == stages.split()
    assert all(s.reused for s in steps)
    assert store.version("latest").digest == undone.digest
    grown = write(tmp_path / "raw.jsonl", [*(row(n) for n in range(40)), near(3), near(4), near(5), row(50)])
    curate(store, grown)
    assert store.version("latest").rows == 43
    curate(store, grown, "keep_undo=false")
    assert store.version("latest").rows == 41
    curate(store, grown)
    rethreshold(store, 0.995)  # every twin is kept by itself: nothing is left to take back
    assert store.version("latest").rows == 44


def test_latest_stays_where_it_was_when_a_step_fails(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    curate(store, write(tmp_path / "raw.jsonl", [row(n) for n in range(40)]))
    before = store.resolve("latest")
    source = write(tmp_path / "raw.jsonl", [row(n) for n in range(50)])

    def failing(*given: object) -> None:
        raise ConfigError("out of luck")

    monkeypatch.setattr("curation.split.extend", failing)
    with pytest.raises(ConfigError, match="out of luck"):
        curate(store, source)
    assert store.resolve("latest") == before


def test_a_dry_run_shows_samples_and_writes_nothing(tmp_path: Path) -> None:
    rows = [
        *(row(n) for n in range(20)),
        near(3),
        row(30, prompt="Ask jo@example.com about the plan for the year."),
    ]
    source = write(tmp_path / "raw.jsonl", rows)
    command = [sys.executable, "-m", "curation", source, *FAST, "dry_run=true", "store.path=runs/s.duckdb"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "120"}
    ran = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "dry run: nothing was written" in ran.stdout
    assert "dedup_near" in ran.stdout
    assert "<EMAIL_ADDRESS>" in ran.stdout
    assert "jo@example.com" not in ran.stdout
    assert sorted(p.name for p in tmp_path.iterdir()) == ["raw.jsonl"]


def test_a_tighter_threshold_from_stored_scores_equals_a_full_run(store: Store, tmp_path: Path) -> None:
    rows = [*(row(n) for n in range(60)), *(near(n) for n in range(20)), *(farther(n) for n in range(20, 40))]
    source = write(tmp_path / "raw.jsonl", rows)
    curate(store, source)
    assert len(verdicts_by_reason(store)["dedup_near "]) == 40
    steps = rethreshold(store, 0.9)
    assert [s.stage for s in steps] == ["dedup", "outliers", "pii", "split"]
    tightened = store.verdicts(steps[0].version)
    with Store.open(tmp_path / "full.duckdb") as full:
        dedup = next(s for s in curate(full, source, "dedup.threshold=0.9") if s.stage == "dedup")
        assert dedup.version == steps[0].version
        assert full.version(dedup.version).digest == store.version(dedup.version).digest
        assert full.verdicts(dedup.version).equals(tightened)
        assert tightened.filter(pl.col("action") == "drop").height == 20


def test_a_looser_threshold_goes_down_to_the_stored_border(store: Store, tmp_path: Path) -> None:
    rows = [*(row(n) for n in range(60)), *(farther(n) for n in range(20, 40))]
    curate(
        store,
        write(tmp_path / "raw.jsonl", rows),
        "dedup=exact_join",
        "dedup.threshold=0.95",
        "dedup.store_from=0.75",
    )
    assert store.version("latest").rows == 80
    rethreshold(store, 0.8)
    assert store.version("latest").rows == 60
    with pytest.raises(ConfigError, match=r"below dedup.store_from=0.75"):
        rethreshold(store, 0.6)


def test_the_border_shows_pairs_side_by_side(store: Store, tmp_path: Path) -> None:
    source = write(tmp_path / "raw.jsonl", [*(row(n) for n in range(20)), near(3)])
    curate(store, source)
    console = Console(record=True, width=100, file=io.StringIO())
    show_border(
        store,
        compose("curation", CurationConfig, [*FAST, "border=dedup", f"store.path={store.path}"]),
        console,
    )
    said = console.export_text()
    assert "threshold 0.8" in said
    assert "indeed.]" in said
    assert f"python -m curation store.path={store.path} undo=RECORD" in " ".join(said.split())
    with pytest.raises(ConfigError, match=r"rows=0: no pair would be shown"):
        compose("curation", CurationConfig, ["border=dedup", "rows=0"])
