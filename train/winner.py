"""The winner of a search as an experiment file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from train.config import TrainConfig, what_matters


def write_winner(
    config: TrainConfig, params: dict[str, Any], path: Path, study_id: str, version: str
) -> Path:
    """Write the version and every setting that decides the weights, those of the winner too; returns the path.

    `python -m train experiment=PATH` trains with it.
    """
    from train.tune import changed

    settings = what_matters(changed(config, params))
    lines = [
        "# @package _global_",
        f"# The best of the trials of {study_id}: {', '.join(f'{key}={value}' for key, value in params.items())}.",
        *_lines({"version": version}, ""),
        *_lines({key: value for key, value in settings.items() if key not in ("tune", "folds")}, ""),
    ]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def _lines(values: dict[str, Any], indent: str) -> list[str]:
    """YAML of plain data: what is no dictionary is written as JSON, which YAML reads."""
    lines = []
    for key, value in values.items():
        if isinstance(value, dict) and value:
            lines += [f"{indent}{key}:", *_lines(value, indent + "  ")]
        else:
            lines.append(f"{indent}{key}: {json.dumps(value)}")
    return lines
