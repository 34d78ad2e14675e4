"""Where a training begins: at a checkpoint of the same settings, or anew; never anew without saying so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from data.errors import ConfigError, UserError
from train.config import TrainConfig, what_matters
from train.ingredients import Ingredients

ROWS = "rows.json"  # in a run's folder: version, counts and digest of the rows


def begin(config: TrainConfig, folder: Path, rows: Ingredients, console: Console) -> Path | None:
    """The checkpoint to go on from, or None after clearing what an earlier attempt left in `folder`."""
    from train.fit import last_checkpoint

    last = last_checkpoint(folder)
    if config.resume == "true":
        if last is None:
            _refuse_other_settings(config, folder, rows)
        words = f"Going on from {last.name}." if last else "No checkpoint yet: starting from the beginning."
        console.print(words, highlight=False)
        return last
    if config.resume != "false":
        chosen = Path(config.resume).resolve()
        if not (chosen / "trainer_state.json").is_file():
            raise ConfigError(
                f"resume={config.resume} is no complete checkpoint: it holds no trainer_state.json",
                "allowed: true (the last checkpoint of the same settings), false, a checkpoint's folder",
            )
        return chosen
    if last is not None:
        console.print(
            f"note: starting again; resume=true would have gone on from {last.name}.", highlight=False
        )
    shutil.rmtree(folder, ignore_errors=True)
    return None


def _refuse_other_settings(config: TrainConfig, folder: Path, rows: Ingredients) -> None:
    """Raise UserError where runs of this task beside this one were interrupted: what is asked for is none of them."""
    hints = []
    failed = {run.run_id for run in rows.history if run.status == "failed"}
    for other, step, settings, noted in _interrupted(folder.parent):
        if other in failed or settings.get("task", {}).get("name") != config.task.name:
            continue
        different = [
            f"{key}={_typed(was)} (now {_typed(now)})"
            for key, was, now in differences(settings, what_matters(config))
        ]
        if noted.get("version") not in (None, rows.version):
            different.append(f"version={noted['version']} (now {rows.version})")
        words = ", ".join(different[:6]) + (" ..." if len(different) > 6 else "")
        hints.append(f"{other} was interrupted after step {step}; it had {words or 'another base model'}")
    if hints:
        raise UserError(
            "resume=true: no interrupted run has these settings",
            *hints[:4],
            "give its settings and resume=true to go on with it; or leave resume=true out to start anew",
        )


def _interrupted(out: Path) -> Iterator[tuple[str, int, dict[str, Any], dict[str, Any]]]:
    """(id, last checkpoint's step, settings, rows) of each run under `out` that did not end, newest first."""
    from train.fit import last_checkpoint

    folders = [path for path in out.glob("run-*") if (path / "config.json").is_file()]
    for folder in sorted(folders, key=lambda path: path.stat().st_mtime, reverse=True):
        last = None if (folder / "run.json").is_file() else last_checkpoint(folder)
        if last is not None:
            rows = json.loads((folder / ROWS).read_text()) if (folder / ROWS).is_file() else {}
            settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            yield folder.name, int(last.name.rpartition("-")[2]), settings, rows


def differences(
    before: Mapping[str, Any], now: Mapping[str, Any], prefix: str = ""
) -> Iterator[tuple[str, Any, Any]]:
    """(key as it is typed, value before, value now) of each setting in `now` that `before` had otherwise."""
    for key, value in now.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            yield from differences(old, value, f"{prefix}{key}.")
        elif old != value:
            yield f"{prefix}{key}", old, value


def _typed(value: Any) -> str:
    """A value as the command line takes it."""
    return json.dumps(value, separators=(",", ":")).replace('"', "")
