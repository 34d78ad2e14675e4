"""What the desk promises at 10,000 records, with many people at once, and killed: measured by its benchmark."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def figures(desk_environment: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, float]:
    out = tmp_path_factory.mktemp("many") / "desk.json"
    run = subprocess.run(
        [sys.executable, "tests/bench/bench_desk.py", "--records", "10000", "--out", str(out)],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout + run.stderr
    return json.loads(out.read_text())


@pytest.mark.slow
@pytest.mark.parametrize(
    ("figure", "most"),
    [
        ("queue_s", 0.5),
        ("queue_50_s", 0.5),
        ("queue_end_s", 0.5),
        ("search_s", 0.3),
        ("pull_s", 20),
        ("memory_mb", 700),
        ("together_lost", 0),
        ("kill_lost", 0),
    ],
)
def test_ten_thousand_records(figures: dict[str, float], figure: str, most: float) -> None:
    assert figures[figure] <= most


@pytest.mark.slow
def test_the_killed_server_had_acknowledged_answers_and_searches_again(figures: dict[str, float]) -> None:
    assert figures["kill_acknowledged"] >= 60
    assert figures["kill_words"] > 1_000
