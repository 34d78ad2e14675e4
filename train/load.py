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
    open_directory,
    open_tokenizer,
    prepare,
    quiet,
    weights_digest,
)

ADAPTER = "adapter"  # folder of a run whose method trains an adapter
WHOLE = "model"  # folder of a run whose method trains every weight
BASE = "base.json"  # in a run's folder: name, path and digest of what it started from


def load_base(source: ModelConfig | Run) -> tuple[Any, Any]:
    """(model, tokenizer) before tuning, in eval mode: of a configuration, or of what a run started from.

    The tiny model can only be loaded by its run.
    """
    if isinstance(source, Run):
        path = _base_path(source)
        model = open_directory(path, dtype=_dtype(source), attention=_attention(source))
        return model.eval(), open_tokenizer(_weights_folder(source))
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
    tokenizer = open_tokenizer(folder)
    if folder.name == WHOLE:
        model = open_directory(folder, dtype=_dtype(run), attention=_attention(run))
        return model.eval(), tokenizer
    from peft import PeftModel

    model = open_directory(_base_path(run), dtype=_dtype(run), attention=_attention(run))
    with quiet():
        return PeftModel.from_pretrained(model, str(folder)).eval(), tokenizer


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


def _dtype(run: Run) -> Dtype:
    return Dtype(run.config.get("model", {}).get("dtype", "auto"))


def _attention(run: Run) -> Attention:
    return Attention(run.config.get("model", {}).get("attention", "sdpa"))
