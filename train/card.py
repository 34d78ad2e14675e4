"""What a person finds in a run's folder: the loss curve and the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from data.report.charts import line, save
from data.runs import Run
from data.versions import Version

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
    return line(rows, x_title="step", y_title="loss, nats per token", marks=marks)


def write_card(run: Run, provenance: Provenance, base: Mapping[str, Any], folder: Path) -> Path:
    """Write README.md, the model card (the hub's format: YAML header, then prose); returns its path."""
    parts = [
        _header(run, base),
        f"# {run.run_id}\n\n{_what(run, base)}",
        f"## Intended use\n\n* Intended use: {OPEN}\n* Out of scope: {OPEN}\n* Known risks and limits: {OPEN}\n"
        f"* Owner and contact: {OPEN}",
        f"## Training data\n\n{_data(run, provenance)}",
        f"## Results\n\n{_results(run)}\n\n![Training and validation loss by step](loss.png)",
        f"## How it was trained\n\n{_how(run)}",
        f"## Use\n\n```\npython -m train chat={run.run_id}\n```",
    ]
    path = folder / "README.md"
    path.write_text("\n\n".join(parts) + "\n", encoding="utf-8")
    return path


def _header(run: Run, base: Mapping[str, Any]) -> str:
    lines = ["---", f"base_model: {base['name']}", f"tags: [sft, {run.method}, tuneproof]"]
    if run.method == "lora":
        lines.append("library_name: peft")
    if base.get("licence"):
        lines.append(f"license: {str(base['licence']).lower()}  # of the base model")
    return "\n".join([*lines, "---"])


def _what(run: Run, base: Mapping[str, Any]) -> str:
    kind = "A LoRA adapter for" if run.method == "lora" else "All weights, fine-tuned from"
    return (
        f"{kind} **{base['name']}** ({base.get('source') or 'no source noted'}), made by supervised fine-tuning "
        f"on version `{run.version}`.\n\n"
        f"* Weights of the base: SHA-256 `{run.base_digest}`\n* Weights here: SHA-256 `{run.weights_digest}`\n"
        f"* Licence of the base: {base.get('licence') or 'not stated'}\n* Licence of this model: {OPEN}"
    )


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
                "validation loss, nats per token",
                _number(m["validation_loss_before"]),
                _number(m["validation_loss"]),
            )
        )
    rows.append(("training loss, nats per token", _number(m["train_loss_before"]), _number(m["train_loss"])))
    return _table(("measure", "before", "after"), rows) + (
        f"\n\nBest step {m['best_step']:,} of {m['steps']:,}{' (stopped early)' if m['stopped_early'] else ''}. "
        "The validation loss is a mean over batches of the rows named above; the training loss is that of the first "
        "step and the mean of the last tenth. Answers of base and tuned model side by side: `python -m eval`."
    )


def _how(run: Run) -> str:
    c, hard = run.config, run.hardware
    settings = [
        ("method", run.method),
        ("seed", run.seed),
        ("records a step", c["batch_size"] * c["accumulation"]),
        ("learning rate", f"{c['learning_rate']:g} ({c['schedule']}, {c['warmup_steps']} warm-up steps)"),
        ("weight decay", f"{c['weight_decay']:g}"),
        ("trained weights", f"{run.metrics['trainable']:,} of {run.metrics['parameters']:,}"),
        ("seconds", f"{run.metrics['seconds']:,.0f}"),
        ("hardware", ", ".join(f"{key.replace('_', ' ')} {value}" for key, value in hard.items())),
        ("packages", ", ".join(f"{name} {number}" for name, number in run.packages.items())),
    ]
    if run.method == "lora":
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
