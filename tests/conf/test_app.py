"""The door: overrides are typed, mistakes are named in the command line's own words, exit codes are kept."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from conf.app import compose
from curation.config import CurationConfig
from data.errors import ConfigError

ROOT = Path(__file__).parent.parent.parent


def curation(tmp_path: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "TUNEPROOF_STORE": str(tmp_path / "store.duckdb"), "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-m", "curation", *overrides],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_overrides_reach_the_dataclass() -> None:
    config = compose(
        "curation", CurationConfig, ["dedup.threshold=0.7", "source.path=[a,b]", "split.group_by=[user]"]
    )
    assert config.dedup.threshold == 0.7
    assert config.source.path == ["a", "b"]
    assert config.split.group_by == ["user"]


def test_a_range_is_checked_with_the_spelling_of_the_command_line() -> None:
    with pytest.raises(ConfigError, match=r"dedup\.threshold"):
        compose("curation", CurationConfig, ["dedup.threshold=7"])
    with pytest.raises(ConfigError, match="no such key: nope"):
        compose("curation", CurationConfig, ["+nope=1"])


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("dedup.treshold=0.7", ["no such key in dedup: dedup.treshold", "did you mean 'threshold'"]),
        ("dedup.threshold=high", ["dedup.threshold: Value 'high'", "dedup.threshold takes a number"]),
        ("dedup=minhsh", ["dedup=minhsh: no such choice", "did you mean 'minhash'"]),
        ("dedup.keep=longest", ["dedup.keep: Invalid value 'longest'", "allowed: "]),
        ("stages=[exact,dedupe]", ["no such stage", "did you mean 'dedup'"]),
        ("sorce.path=x", ["no such key: sorce.path", "did you mean 'source'"]),
        ("source.path=[", ["cannot read an override"]),
        ("source.path=absent.jsonl", ["source.path=absent.jsonl: no such file"]),
        ("dry_run=perhaps", ["dry_run takes true or false"]),
        ("--source.path=x", ["no such option: --source.path=x", "write source.path=x without --"]),
        ("--dry-run", ["no such option: --dry-run", "write dry_run=VALUE without --"]),
        ("out=file/a", ["cannot write file/a: file is a file, not a folder", "out=FOLDER"]),
        (
            "store.path=file/a.duckdb",
            ["cannot write file/a.duckdb: file is a file, not a folder", "TUNEPROOF_STORE"],
        ),
    ],
)
def test_a_mistake_is_one_plain_block(tmp_path: Path, override: str, said: list[str]) -> None:
    (tmp_path / "file").write_text("")
    ran = curation(tmp_path, override)
    assert ran.returncode == 2
    assert "Traceback" not in ran.stderr
    assert ran.stderr.startswith("error: ")
    for part in said:
        assert part in ran.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def command(code: str, tmp_path: Path, *overrides: str) -> subprocess.CompletedProcess[str]:
    """A curation whose task is `code`, with `config` in reach."""
    program = (
        "from conf.app import main\nfrom curation.config import CurationConfig\n"
        f"def task(config):\n    {code}\n"
        "main('curation', CurationConfig, task)\n"
    )
    return subprocess.run(
        [sys.executable, "-c", program, *overrides],
        cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip


def test_a_file_that_cannot_be_written_is_plain_and_a_bug_is_not(tmp_path: Path) -> None:
    plain = command("open('absent/file', 'w')", tmp_path)
    assert plain.returncode == 2
    assert plain.stderr.startswith("error: cannot write absent/file: No such file or directory\n")
    bug = command("raise OSError('no file is named')", tmp_path)
    assert bug.returncode == 1
    assert "Traceback" in bug.stderr


def test_ctrl_c_ends_a_command_and_all_jobs_after_it(tmp_path: Path) -> None:
    ran = command("print(config.rows); raise KeyboardInterrupt", tmp_path, "--multirun", "rows=1,2")
    assert ran.returncode == 130
    assert ran.stderr == "\nstopped; what was finished is kept\n"
    assert ran.stdout == "\n== rows=1\n1\n"


SCRIPT = [str(Path(sys.executable).parent / "tuneproof"), "curation"]
COMMANDS = ["curation", "curation.desk", "audit", "train", "eval", "data"]


@pytest.mark.parametrize("program", [SCRIPT, *(["-m", name] for name in COMMANDS)], ids=" ".join)
def test_ctrl_c_while_importing_is_one_line(tmp_path: Path, program: list[str]) -> None:
    # Stand-ins for Hydra, whose import takes the first half second, and for what is imported before it.
    for name in ("hydra", "pathlib", "argparse"):
        (tmp_path / f"{name}.py").write_text("raise KeyboardInterrupt")
    ran = subprocess.run(
        [sys.executable, *program], cwd=ROOT, env={**os.environ, "PYTHONPATH": str(tmp_path)},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 130
    assert ran.stderr == "\nstopped; nothing was begun\n"


def test_jobs_of_a_multirun_are_told_apart(tmp_path: Path) -> None:
    ran = command("print('rows', config.rows)", tmp_path, "--multirun", "rows=1,2", "samples=5")
    assert ran.stdout == "\n== rows=1 samples=5\nrows 1\n\n== rows=2 samples=5\nrows 2\n"
    assert [path.name for path in tmp_path.iterdir()] == ["runs"]
    assert len(list(tmp_path.glob("runs/multirun/curation-*/multirun.yaml"))) == 1


def test_a_folder_for_jobs_that_cannot_be_is_plain(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("")
    ran = command("pass", tmp_path, "--multirun", "rows=1,2")
    assert ran.returncode == 2
    assert ran.stderr.startswith("error: cannot write runs")
    assert "hydra.sweep.dir=FOLDER" in ran.stderr


def test_help_names_groups_and_common_overrides(tmp_path: Path) -> None:
    ran = curation(tmp_path, "--help")
    assert ran.returncode == 0
    for part in (
        "source.path=FILE",
        "dry_run=true",
        "pii: best, off, patterns, patterns_only, presidio",
        "threshold: 0.8",
    ):
        assert part in ran.stdout


@pytest.mark.parametrize("name", ["curation", "desk", "audit", "train", "eval", "data", "data subject"])
def test_help_shows_the_program_that_was_typed(tmp_path: Path, name: str) -> None:
    script = str(Path(sys.executable).parent / "tuneproof")
    ran = subprocess.run(
        [script, *name.split(), "--help"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0
    assert f"tuneproof {name}" in ran.stdout and "python -m" not in ran.stdout


def test_the_console_script_is_not_shadowed(tmp_path: Path) -> None:
    (tmp_path / "curation.py").write_text("raise SystemExit('the wrong file')")
    script = Path(sys.executable).parent / "tuneproof"
    ran = subprocess.run(
        [script, "curation", "dedup=nope"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 2
    assert "dedup=nope: no such choice" in ran.stderr
    unknown = subprocess.run([script, "curate"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert unknown.returncode == 2
    assert "usage: tuneproof COMMAND" in unknown.stderr
