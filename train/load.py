"""Models for use after training: the base of a run, and the run's tuned model, each with the run's tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from data.errors import StoreError
from data.runs import Run
from train.models import (
    Attention,
    Dtype,
    ModelConfig,
    Shape,
    open_directory,
    open_tokenizer,
    prepare,
    quiet,
    weights_digest,
)
from train.tasks import Task

ADAPTER = "adapter"  # folder of a run whose method trains an adapter
WHOLE = "model"  # folder of a run whose method trains every weight
BASE = "base.json"  # in a run's folder: name, path and digest of what it started from


def load_base(source: ModelConfig | Run) -> tuple[Any, Any]:
    """(model, tokenizer) before tuning, in eval mode: of a configuration, or of what a run started from.

    The tiny model can only be loaded by its run.
    """
    if isinstance(source, Run):
        path = _base_path(source)
        model = _open(source, path)
        return model.eval(), open_tokenizer(_weights_folder(source), task=task_of(source))
    path = prepare(source).path
    model = open_directory(path, dtype=source.dtype, attention=source.attention)
    return model.eval(), open_tokenizer(path, source.chat_template)


def load_tuned(run: Run) -> tuple[Any, Any]:
    """(model, tokenizer) of a finished run, in eval mode.

    For an adapter the model is a PeftModel: `with model.disable_adapter():` answers as the base. Weights that
    differ from the run's digest are refused.
    """
    if run.status != "done":
        raise StoreError(
            f"{run.run_id} is {run.status}{' or was interrupted' if run.status == 'running' else ''}, so there is no "
            "tuned model to load",
            "finish it: python -m train resume=true (with the same settings); `latest` is the last run that ended",
        )
    folder = _weights_folder(run)
    if run.weights_digest and weights_digest(folder) != run.weights_digest:
        raise StoreError(f"the weights in {folder} are not those that {run.run_id} wrote", "train again")
    tokenizer = open_tokenizer(folder, task=task_of(run))
    if folder.name == WHOLE:
        return _open(run, folder).eval(), tokenizer
    from peft import PeftModel

    model = _open(run, _base_path(run))
    with quiet():
        return PeftModel.from_pretrained(model, str(folder)).eval(), tokenizer


def task_of(run: Run) -> Task:
    """What the run learnt."""
    return Task(run.config.get("task", {}).get("name", "sft"))


def labels_of(run: Run) -> list[str]:
    """The labels that a classifier's run can answer, by their number; empty for other tasks."""
    return list(run.metrics.get("labels") or [])


def has_adapter(run: Run) -> bool:
    """Whether the run trained an adapter, so that base and tuned share one model in memory."""
    return _weights_folder(run).name == ADAPTER


def _weights_folder(run: Run) -> Path:
    for name in (ADAPTER, WHOLE):
        folder = Path(run.path) / name
        if folder.is_dir():
            return folder
    raise StoreError(
        f"{run.run_id} has no weights under {run.path}", "was the folder moved? train again to make it"
    )


def _base_path(run: Run) -> Path:
    """Folder of the run's base model, made again where the cache was emptied; other weights are refused."""
    noted = json.loads((Path(run.path) / BASE).read_text(encoding="utf-8"))
    path = Path(noted["path"])
    if not path.is_dir():
        remade = prepare(ModelConfig(**run.config["model"]))
        if remade.digest != run.base_digest:
            raise StoreError(
                f"the base model of {run.run_id} is gone from {path}, and {run.model} gives other weights now",
                "train again: python -m train",
            )
        path = remade.path
    return path


def _open(run: Run, path: Path) -> Any:
    """The run's base, or the model it left: a classifier's new head is the one that its training began with.

    A base that was trained on in four bits is read whole where there is no GPU.
    """
    import torch

    four_bits = run.method == "qlora" and torch.cuda.is_available()
    shape = Shape(task_of(run), labels_of(run), run.seed, four_bits=four_bits)
    return open_directory(path, dtype=_dtype(run), attention=_attention(run), shape=shape)


def _dtype(run: Run) -> Dtype:
    return Dtype(run.config.get("model", {}).get("dtype", "auto"))


def _attention(run: Run) -> Attention:
    return Attention(run.config.get("model", {}).get("attention", "sdpa"))
