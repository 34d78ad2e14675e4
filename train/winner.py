"""Settings as experiment files: those of the winner of a search, and those that a report was made with."""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from data.commands import spelt
from train.config import TrainConfig, what_matters


def write_winner(
    config: TrainConfig, params: dict[str, Any], path: Path, study_id: str, version: str
) -> Path:
    """Write the version and every setting that decides the weights, those of the winner too; returns the path.

    `python -m train experiment=PATH` trains with it.
    """
    from train.tune import changed

    settings = what_matters(changed(config, params))
    words = f"The best of the trials of {study_id}: {', '.join(f'{key}={value}' for key, value in params.items())}."
    return write_settings(
        {key: value for key, value in settings.items() if key != "folds"}, path, words, version
    )


def write_settings(settings: dict[str, Any], path: Path, words: str, version: str) -> Path:
    """Write `settings` on `version` as an experiment file, `words` at its head; returns the path."""
    lines = ["# @package _global_", f"# {words}", *_lines({"version": version, **settings}, "")]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def command_of(path: Path, store: str) -> str:
    """The command that trains with the experiment file `path`, as it is typed here."""
    where = path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
    return spelt(f"python -m train experiment={shlex.quote(str(where))}", store)


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    """YAML of plain data: what is no dictionary is written as JSON, which YAML reads."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value)}")
    return lines
