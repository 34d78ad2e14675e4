"""What a person finds in a run's folder: the loss curve and the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.report.charts import line, save
from data.runs import Run
from data.versions import Version
from train.findings import findings_of
from train.methods import LOW_RANK

OPEN = "OPEN: to be filled in by the owner of this model."


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the card says of the data.

    lineage    versions from the ingest to the one trained on
    removed    (stage, reason, records) of every record that was dropped on the way
    licences   licence -> training records; None where the file states none
    """

    lineage: Sequence[Version]
    removed: Sequence[tuple[str, str, int]]
    licences: Mapping[str | None, int]


def draw_curve(history: Sequence[Mapping[str, Any]], best_step: int, folder: Path) -> Path:
    """Write loss.svg (and loss.png) with both losses by step; returns the SVG's path."""
    chart = curve(curve_rows(history), best_step)
    save(chart, folder / "loss.png")
    save(chart, folder / "loss.svg")
    return folder / "loss.svg"


def curve_rows(history: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The losses of a trainer's log as rows x (step), y, series."""
    return [
        {"x": entry["step"], "y": entry[key], "series": name}
        for key, name in (("loss", "training"), ("eval_loss", "validation"))
        for entry in history
        if key in entry
    ]


def curve(rows: Sequence[Mapping[str, Any]], best_step: int) -> Any:
    """The chart of `curve_rows`, with a mark at the best step where there is a validation loss."""
    validated = any(row["series"] == "validation" for row in rows)
    marks = {"best": float(best_step)} if validated else None
    return line(rows, x_title="step", y_title="loss, nats", marks=marks)


def write_card(run: Run, provenance: Provenance, base: Mapping[str, Any], folder: Path) -> Path:
    """Write README.md, the model card (the hub's format: YAML header, then prose); returns its path."""
    from huggingface_hub import ModelCard

    parts = [
        f"---\n{_header(run, base).to_yaml()}\n---",
        f"# {run.run_id}\n\n{_what(run, base)}",
        f"## Intended use\n\n* Intended use: {OPEN}\n* Out of scope: {OPEN}\n* Known risks and limits: {OPEN}\n"
        f"* Owner and contact: {OPEN}",
        f"## Training data\n\n{_data(run, provenance)}",
        f"## Checked before the training\n\n{_checks(run)}",
        f"## Results\n\n{_results(run)}\n\n![Training and validation loss by step](loss.png)",
        f"## How it was trained\n\n{_how(run)}",
        f"## Use\n\n```\npython -m train chat={run.run_id}\n```",
    ]
    path = folder / "README.md"
    ModelCard("\n\n".join(parts) + "\n", ignore_metadata_errors=False).save(path)
    return path


def _header(run: Run, base: Mapping[str, Any]) -> Any:
    from huggingface_hub import ModelCardData

    licence = base.get("licence")
    task = run.config.get("task", {}).get("name", "sft")
    pipelines = {
        "sft": "text-generation",
        "classify": "text-classification",
        "seq2seq": "text2text-generation",
    }
    return ModelCardData(
        base_model=base["source"] if base["name"] == "hub" else base["name"],
        # Of the base model; what holds for the tuned one is for its owner to say.
        license=str(licence).lower() if licence else None,
        library_name="transformers" if run.method == "full" else "peft",
        pipeline_tag=pipelines[task],
        tags=["tuneproof", task, run.method],
    )


_KINDS = {
    "full": "All weights, fine-tuned from", "lora": "A LoRA adapter for", "dora": "A DoRA adapter for",
    "rslora": "A rank-stabilised LoRA adapter for", "qlora": "A LoRA adapter, trained on four bits, for",
    "prompt": "A learnt prompt for",
}  # fmt: skip
_TASKS = {
    "sft": "supervised fine-tuning",
    "classify": "fine-tuning as a classifier",
    "seq2seq": "fine-tuning",
}


def _what(run: Run, base: Mapping[str, Any]) -> str:
    task = run.config.get("task", {}).get("name", "sft")
    return (
        f"{_KINDS[run.method]} **{base['name']}** ({base.get('source') or 'no source noted'}), made by {_TASKS[task]} "
        f"on version `{run.version}`.\n\n"
        f"* Weights of the base: SHA-256 `{run.base_digest}`\n* Weights here: SHA-256 `{run.weights_digest}`\n"
        f"* Training records: digest `{run.metrics.get('rows_digest', 'not kept')}`, their ids in `rows.parquet`\n"
        f"* Licence of the base: {base.get('licence') or 'not stated'}\n* Licence of this model: {OPEN}"
    )


def _checks(run: Run) -> str:
    """What was looked at before the first step; what was allowed although it says stop is named as such."""
    said = {"FAIL": "stop", "ACCEPTED": "stop, allowed by name", "NOT_RUN": "not looked at"}
    rows = [
        (
            found.check.replace("_", " "),
            said.get(found.outcome.value, found.outcome.value.lower()),
            found.words,
        )
        for found in findings_of(run.metrics)
    ]
    return _table(("check", "outcome", "found"), rows) if rows else "None was kept."


def _data(run: Run, provenance: Provenance) -> str:
    rows = ", ".join(f"{split} {count:,}" for split, count in run.rows.items())
    steps = _table(
        ("version", "stage", "records", "removed", "edited"),
        [(f"`{v.version}`", v.stage, v.rows, v.dropped, v.edited) for v in provenance.lineage],
    )
    removed = _table(("stage", "reason", "records removed"), provenance.removed) if provenance.removed else ""
    licences = ", ".join(f"{name or 'not stated'} ({count:,})" for name, count in provenance.licences.items())
    left_out = run.metrics.get("left_out") or {}
    dropped = ", ".join(f"{reason} {count:,}" for reason, count in left_out.items()) or "none"
    return "\n\n".join(
        part
        for part in (
            f"Records used: {rows}. Left out by the trainer: {dropped}. "
            f"Cut at {run.config['task']['max_length']:,} tokens: {run.metrics.get('rows_cut', 0):,}.",
            steps,
            removed,
            f"Licences of the training records: {licences or 'none'}.",
            "The story of any record: `python -m data why RECORD`.",
        )
        if part
    )


def _results(run: Run) -> str:
    m = run.metrics
    rows: list[tuple[Any, ...]] = []
    if m.get("validation_loss") is not None:
        rows.append(
            (
                f"validation loss, {run.loss_unit}",
                _number(m["validation_loss_before"]),
                _number(m["validation_loss"]),
            )
        )
    rows.append(
        (f"training loss, {run.loss_unit}", _number(m["train_loss_before"]), _number(m["train_loss"]))
    )
    return _table(("measure", "before", "after"), rows) + (
        f"\n\nBest step {m['best_step']:,} of {m['steps']:,}{' (stopped early)' if m['stopped_early'] else ''}. "
        "The validation loss is a mean over batches of the rows named above; the training loss is that of the first "
        f"step and the mean of the last tenth. Every number is a stored fact: `python -m data facts {run.run_id}`. "
        "Answers of base and tuned model side by side: `python -m eval`."
    )


def _how(run: Run) -> str:
    c, hard = run.config, run.hardware
    speed = c.get("speed", {})
    by_tokens = speed.get("packing") == "tokens"
    size = speed.get("batch_tokens")
    each = c["batch_size"] * (c["task"]["max_length"] if by_tokens else 1)
    what, each = ("tokens" if by_tokens else "records"), size if by_tokens and isinstance(size, int) else each
    settings = [
        ("method", run.method),
        ("seed", run.seed),
        (f"{what} a step", each * c["accumulation"]),
        ("learning rate", f"{c['learning_rate']:g} ({c['schedule']}, {c['warmup_steps']} warm-up steps)"),
        ("weight decay", f"{c['weight_decay']:g}"),
        ("trained weights", f"{run.metrics['trainable']:,} of {run.metrics['parameters']:,}"),
        ("seconds", f"{run.metrics['seconds']:,.0f}"),
        ("hardware", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in hard.items())),
        ("packages", ", ".join(f"{name} {number}" for name, number in run.packages.items())),
    ]
    if run.method in LOW_RANK:
        m = c["method"]
        lora = f"rank {m['r']}, alpha {m['alpha']:g}, dropout {m['dropout']:g}, on {', '.join(m['target_modules'])}"
        settings.insert(1, ("adapter", lora))
    return _table(("setting", "value"), settings) + "\n\nEvery setting: `config.json`."


def _table(head: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += [
        "| " + " | ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in row) + " |" for row in rows
    ]
    return "\n".join(lines)


def _number(value: float | None) -> str:
    return "not measured" if value is None else f"{value:.4f}"
