"""Chat: prompts from a pipe, both answers, two columns where there is room."""

from __future__ import annotations

import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from data.errors import StoreError
from train.talk import side_by_side, talk

ROOT = Path(__file__).parents[2]


def shown(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    console.print(side_by_side("Describe the lamp.", "base words", "tuned words", width))
    return str(console.file.getvalue()).splitlines()  # type: ignore[attr-defined]


def test_two_columns_from_80_characters_on() -> None:
    assert any("base words" in line and "tuned words" in line for line in shown(80))
    assert all(len(line) <= 80 for line in shown(80))


def test_a_word_longer_than_the_column_is_shown_whole() -> None:
    console = Console(file=io.StringIO(), width=80)
    console.print(side_by_side("?", "x" * 100, "y", 80))
    assert str(console.file.getvalue()).count("x") == 100  # type: ignore[attr-defined]


def test_stacked_below() -> None:
    lines = shown(60)
    assert not any("base words" in line and "tuned words" in line for line in lines)
    assert any("base words" in line for line in lines)
    assert any("tuned words" in line for line in lines)


def test_prompts_from_a_pipe_are_answered_by_both(trained: Any) -> None:
    config = trained.config
    run = subprocess.run(
        [
            sys.executable, "-m", "train", f"store.path={config.store.path}", f"chat={trained.run.run_id[:8]}",
            "max_new_tokens=12", "threads=1",
        ],
        cwd=ROOT, input="Describe lamp number 1.\n\nDescribe bag number 2.\n", capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.count("base") == 2
    assert run.stdout.count("tuned") == 2
    assert "> Describe lamp number 1." in run.stdout
    assert "> Describe bag number 2." in run.stdout
    assert "System prompt, as in training: You describe things." in run.stderr
    assert "Warning" not in run.stderr


def test_an_unknown_run_is_named(trained: Any) -> None:
    with pytest.raises(StoreError, match="no run 'run-nope'"):
        talk(replace(trained.config, chat="run-nope"))
