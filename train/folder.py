"""A run's folder: what is written when it starts, when the weights are there, and how a finished one is known."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.runs import Run
from train.load import ADAPTER, BASE, WHOLE
from train.models import BaseModel, appearing, weights_digest
from train.rows import Tokenised

if TYPE_CHECKING:
    from train.fit import Fitted


def write_start(run: Run, base: BaseModel, learnt: Tokenised, held_out: Tokenised, folder: Path) -> None:
    """Make the folder: what it starts from, its settings, and which records it leaves out and why."""
    folder.mkdir(parents=True, exist_ok=True)
    origin = {**asdict(base), "path": str(base.path), "system": learnt.system, "labels": learnt.labels}
    dump(folder / BASE, origin)
    dump(folder / "config.json", run.config)
    left_out = [
        {"record_id": record_id, "split": split, "reason": reason}
        for split, part in (("train", learnt), ("validation", held_out))
        for record_id, reason in part.left_out
    ]
    dump(folder / "left_out.json", left_out)


def write_weights(run: Run, fitted: Fitted, tokenizer: Any, folder: Path) -> None:
    """Save weights and tokenizer in one rename, and note the losses."""
    target = folder / (WHOLE if run.method == "full" else ADAPTER)
    shutil.rmtree(target, ignore_errors=True)
    with appearing(target) as work:
        fitted.model.save_pretrained(str(work), state_dict=fitted.state)
        tokenizer.save_pretrained(str(work))
        (work / "README.md").unlink(missing_ok=True)  # PEFT's empty form; the card is the run's README.md
    run.weights_digest = weights_digest(target)
    losses = [entry["loss"] for entry in fitted.history if "loss" in entry]
    tail = losses[-max(len(losses) // 10, 1) :]
    validation = {entry["step"]: entry["eval_loss"] for entry in fitted.history if "eval_loss" in entry}
    run.metrics |= {
        "train_loss_before": losses[0],
        "train_loss": sum(tail) / len(tail),
        "validation_loss_before": validation.get(0),
        "validation_loss": min(validation.values(), default=None),
        "best_step": fitted.best_step,
        "steps": fitted.steps,
        "stopped_early": fitted.stopped_early,
        "trainable": fitted.trainable,
        "parameters": fitted.parameters,
    }


def finished(folder: Path) -> Run | None:
    """The run in `folder` where it is done and its weights are as they were written."""
    note = folder / "run.json"
    if not note.is_file():
        return None
    run = Run(**json.loads(note.read_text(encoding="utf-8")))
    weights = folder / (WHOLE if run.method == "full" else ADAPTER)
    return run if weights.is_dir() and weights_digest(weights) == run.weights_digest else None


def dump(path: Path, value: Any) -> None:
    """Write `value` as readable JSON."""
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False), encoding="utf-8")
