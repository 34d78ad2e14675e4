"""`python -m train export=RUN out=FOLDER`: the tuned model as a folder that other programs load, checked against it.

An adapter is merged into its base. The folder is then read again from the disk, and its logits on rows of the run's
version are compared with those of the run itself; where they differ by more than rounding, nothing is left behind.
"""

# transformers is typed in part only.
# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from conf.app import restored
from data.commands import spelt
from data.errors import UserError
from data.runs import Run
from train.config import TrainConfig
from train.encoding import encode_rows
from train.keeping import reading
from train.load import load_tuned
from train.models import Shape, appearing, open_directory, quiet, weights_digest
from train.rows import rows_of
from train.tasks import Task

NOTE = "export.json"  # in the folder: run, digest and what the check found
GGUF = "model-f16.gguf"
_ROWS, _TOKENS = 8, 256  # that are compared, and of each row at most
# Largest difference of a logit, as a share of the largest logit: rounding of a merge in each number format.
TOLERANCE = {"float32": 1e-3, "bfloat16": 5e-2, "float16": 2e-2}


@dataclass(frozen=True, slots=True)
class Parity:
    """How close two models are on the same rows.

    difference   largest absolute difference of a logit; `largest` is the largest absolute logit
    agreement    fraction of positions at which both think the same token (or label) most likely
    """

    difference: float
    largest: float
    agreement: float
    rows: int

    @property
    def share(self) -> float:
        """`difference` as a share of the largest logit."""
        return self.difference / max(self.largest, 1e-12)


def export(config: TrainConfig) -> int:
    """Write the run `config.export` to `config.out`. Raises UserError where something else than its model comes out."""
    with reading(config.store.path, Console(stderr=True)) as store:
        run = store.run(str(config.export))
        learnt = restored(TrainConfig, run.config)
        rows = rows_of(store.read(run.version), "validation", _ROWS)
        rows = rows if rows.height else rows_of(store.read(run.version), "train", _ROWS)
    default = config.out == TrainConfig().out
    folder = Path("runs/export") / run.run_id if default else Path(config.out).expanduser()
    if folder.exists() and not (config.force and (folder / NOTE).is_file()):
        raise UserError(
            f"{folder} exists already",
            "another place: out=FOLDER; or force=true, to replace an earlier export",
        )
    console = Console()
    with appearing(folder if not folder.exists() else folder.with_name(f"{folder.name}.new")) as work:
        note = write(run, learnt, rows, work)
    if folder.with_name(f"{folder.name}.new").is_dir():
        shutil.rmtree(folder)
        folder.with_name(f"{folder.name}.new").rename(folder)
    console.print(_table(run, folder, note, config.store.path, learnt.task.name))
    return 0


def write(run: Run, learnt: TrainConfig, rows: Any, folder: Path) -> dict[str, Any]:
    """Write the whole model of `run` into `folder` and check it; returns what stands in its NOTE."""
    if run.method == "prompt":
        raise UserError(
            f"{run.run_id} is a learnt prompt, which cannot be merged into weights",
            f"load it as it is, by PEFT, from {run.path}/adapter",
        )
    model, tokenizer = load_tuned(run)
    labels = list(run.metrics.get("labels") or [])
    sample = encode_rows(learnt, rows, tokenizer, labels).dataset
    dtype = str(next(model.parameters()).dtype).removeprefix("torch.")
    wanted = logits_of(model, sample)
    with quiet():
        whole = model.merge_and_unload() if hasattr(model, "merge_and_unload") else model
        _name_ends(whole, tokenizer)
        whole.save_pretrained(str(folder))
        tokenizer.save_pretrained(str(folder))
    card = Path(run.path) / "README.md"
    if card.is_file():
        shutil.copy(card, folder / "README.md")
        for picture in Path(run.path).glob("loss.png"):
            shutil.copy(picture, folder / picture.name)
    again = open_directory(folder, dtype=learnt.model.dtype, shape=Shape(learnt.task.name, labels))
    parity = compared(wanted, logits_of(again.eval(), sample))
    check(parity, dtype, "the exported weights")
    note: dict[str, Any] = {
        "run": run.run_id,
        "version": run.version,
        "weights_sha256": weights_digest(folder),
        "dtype": dtype,
        "parity": asdict(parity),
    }
    note["gguf"] = _as_gguf(again, tokenizer, sample, wanted, folder)
    (folder / NOTE).write_text(json.dumps(note, indent=1), encoding="utf-8")
    for file in folder.iterdir():
        file.chmod(0o644)  # some are written for their owner only, and a server runs as somebody else
    return note


def _as_gguf(model: Any, tokenizer: Any, sample: Any, wanted: Sequence[Any], folder: Path) -> dict[str, Any]:
    from train.export_gguf import open_gguf, why_not, write_gguf

    why = why_not(model, tokenizer)
    if why is not None:
        return {"left_out": why}
    pre = write_gguf(model, tokenizer, folder / GGUF)
    parity = compared(wanted, logits_of(open_gguf(folder / GGUF), sample))
    check(parity, "float16", GGUF)
    return {"file": GGUF, "pre_tokenizer": pre, "parity": asdict(parity)}


def logits_of(model: Any, sample: Any) -> list[Any]:
    """The logits of each row of a tokenised dataset by itself, float32 arrays (positions, vocabulary) or (labels,)."""
    import torch

    found = []
    with torch.inference_mode():
        for row in sample:
            given = {"input_ids": torch.tensor([row["input_ids"][:_TOKENS]], device=model.device)}
            if model.config.is_encoder_decoder:
                given["labels"] = torch.tensor([row["labels"]], device=model.device)
            found.append(model(**given).logits[0].float().cpu().numpy())
    return found


def compared(left: Sequence[Any], right: Sequence[Any]) -> Parity:
    """How close two lists of `logits_of` are."""
    import numpy as np

    pairs = list(zip(left, right, strict=True))
    same = [np.argmax(a, axis=-1) == np.argmax(b, axis=-1) for a, b in pairs]
    return Parity(
        difference=max(float(np.abs(a - b).max()) for a, b in pairs),
        largest=max(float(np.abs(a).max()) for a, _ in pairs),
        agreement=float(np.concatenate([np.atleast_1d(part) for part in same]).mean()),
        rows=len(pairs),
    )


def check(parity: Parity, dtype: str, what: str) -> None:
    """Raise UserError where two models differ by more than the rounding of `dtype`."""
    if parity.share > TOLERANCE[dtype]:
        raise UserError(
            f"{what} do not answer as the run does: a logit differs by {parity.difference:.3g}, {parity.share:.2%} "
            f"of the largest ({parity.rows} rows; allowed for {dtype}: {TOLERANCE[dtype]:.1%})",
            "nothing was exported; the adapter itself is unharmed, and PEFT loads it",
        )


def _name_ends(model: Any, tokenizer: Any) -> None:
    """Servers stop at the tokens that the generation configuration names: the end of turn that was learnt is one."""
    config = getattr(model, "generation_config", None)
    if config is None or tokenizer.eos_token_id is None or model.config.is_encoder_decoder:
        return
    named = config.eos_token_id if isinstance(config.eos_token_id, list) else [config.eos_token_id]
    ends = sorted({int(token) for token in [*named, tokenizer.eos_token_id] if token is not None})
    config.eos_token_id = ends if len(ends) > 1 else ends[0]
    config.pad_token_id = tokenizer.pad_token_id


def _table(run: Run, folder: Path, note: dict[str, Any], store: str, learnt: Task) -> Table:
    table = Table(
        title=f"Exported {run.run_id}", title_justify="left", show_header=False, box=None, padding=(0, 2)
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("folder", str(folder))
    table.add_row("weights", f"safetensors, {note['dtype']}, SHA-256 {note['weights_sha256'][:16]}...")
    table.add_row("check", _said(note["parity"], "label" if run.classifies else "token"))
    gguf = note["gguf"]
    if "file" in gguf:
        table.add_row("GGUF", f"{gguf['file']}; {_said(gguf['parity'], 'token')}")
    else:
        table.add_row("GGUF", f"left out: {gguf['left_out']}")
    if run.classifies:
        table.add_row("load", f'transformers.pipeline("text-classification", "{folder}")')
    elif learnt is Task.seq2seq:
        table.add_row("load", f'transformers.AutoModelForSeq2SeqLM.from_pretrained("{folder}")')
    else:
        table.add_row("serve", f"transformers serve {folder}")
        table.add_row("", f"vllm serve {folder}")
    table.add_row("measure", spelt(f"python -m eval run={run.run_id}", store))
    return table


def _said(parity: dict[str, Any], what: str) -> str:
    where = "for" if what == "label" else "at"
    positions = "rows" if what == "label" else "positions"
    return (
        f"largest difference of a logit {parity['difference']:.2g} of {parity['largest']:.3g}, the same most likely "
        f"{what} {where} {parity['agreement']:.1%} of the {positions} ({parity['rows']} rows)"
    )
