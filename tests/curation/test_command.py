"""`python -m curation` as a user meets it: what stays behind, and what its last line says."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent


def curation(
    folder: Path, *overrides: str, program: tuple[str, ...] = ("-m", "curation")
) -> tuple[int, str, str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("TUNEPROOF_STORE", None)
    ran = subprocess.run(
        [sys.executable, *program, *overrides],
        cwd=folder, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return ran.returncode, ran.stdout, ran.stderr


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    rows = [
        {"prompt": f"Tell me about number {n}.", "response": f"It is {n} and no other."} for n in range(9)
    ]
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return tmp_path


@pytest.mark.parametrize("source", ["absent.jsonl", "empty.jsonl"])
def test_a_failure_leaves_no_store(tmp_path: Path, source: str) -> None:
    (tmp_path / "empty.jsonl").write_text("")
    code, _, text = curation(tmp_path, f"source.path={source}", "store.path=new.duckdb")
    assert (code, text[:7]) == (2, "error: ")
    assert not (tmp_path / "new.duckdb").exists()


def test_a_failure_leaves_a_store_that_was_there(tmp_path: Path) -> None:
    from data.store import Store

    Store.open(tmp_path / "old.duckdb").close()
    assert curation(tmp_path, "source.path=absent.jsonl", "store.path=old.duckdb")[0] == 2
    assert (tmp_path / "old.duckdb").exists()


def test_the_last_line_names_the_store_and_how_it_was_started(raw: Path) -> None:
    light = ("source.path=raw.jsonl", "pii=patterns", "stages=[exact,pii]")
    code, out, text = curation(raw, *light, "store.path=st/x.duckdb")
    assert code == 0, text
    assert out.splitlines()[-1] == (
        "next: python -m data --store st/x.duckdb show latest   python -m audit store.path=st/x.duckdb   "
        "python -m train store.path=st/x.duckdb"
    )
    script = (str(Path(sys.executable).parent / "tuneproof"), "curation")
    _, out, _ = curation(raw, *light, program=script)
    assert out.splitlines()[-1] == "next: tuneproof data show latest   tuneproof audit   tuneproof train"


def test_training_is_not_recommended_for_unscrubbed_data(raw: Path) -> None:
    _, out, _ = curation(raw, "source.path=raw.jsonl", "pii=off", "stages=[exact]")
    last = out.splitlines()[-1]
    assert "python -m train" not in last
    assert "pii=presidio" in last
    assert "training refuses data without the pii stage" in last


def test_a_bad_tag_is_refused_before_the_work(raw: Path) -> None:
    code, _, text = curation(raw, "source.path=raw.jsonl", "tag='a b/../c'")
    assert code == 2
    assert "'a b/../c' cannot be a tag" in text
    assert not (raw / "runs").exists()


def test_ctrl_c_while_reading_leaves_no_store(tmp_path: Path) -> None:
    # Enough rows that the signal comes while they are read, in threads that hold the store too.
    with (tmp_path / "raw.jsonl").open("w") as file:
        for n in range(200_000):
            file.write(json.dumps({"prompt": f"Tell me about number {n}.", "response": f"It is {n}."}) + "\n")
    process = subprocess.Popen(
        [sys.executable, "-m", "curation", "source.path=raw.jsonl", "store.path=new.duckdb", "pii=off"],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    while not (tmp_path / "new.duckdb").exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    _, text = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in text
    assert text.endswith("stopped; what was finished is kept\n")
    assert [path.name for path in tmp_path.glob("new*")] == []
