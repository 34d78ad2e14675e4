"""What a finished run says: its facts for the store, and the table at the end of the command."""

from __future__ import annotations

from typing import Any

from rich.table import Table

from data.commands import spelt
from data.facts import Fact
from data.runs import Run
from train.findings import facts_of, findings_of


def outcome_facts(run: Run) -> list[Fact]:
    """The run's losses, times and shares as facts."""
    m = run.metrics
    signature = canonical_signature(run)

    def fact(name: str, value: float | None, unit: str, slice_: str, n: int | None, method: str) -> Fact:
        return Fact(
            subject=run.run_id,
            subject_kind="run",
            name=name,
            value=value,
            unit=unit,
            slice=slice_,
            n=n,
            method=method,
            signature=signature,
            evidence=f"runs/train: {run.run_id}/history.json",
        )

    rows, held_out = run.rows.get("train"), run.rows.get("validation")
    unit = run.loss_unit
    mean = "mean over batches of the mean over supervised tokens"
    if run.classifies:
        mean = "mean over batches of the mean over rows"
    return [
        fact("validation_loss", m["validation_loss_before"], unit, "role=base", held_out, mean),
        fact("validation_loss", m["validation_loss"], unit, "role=tuned", held_out, mean),
        fact("train_loss", m["train_loss_before"], unit, "step=first", rows, "first step"),
        fact("train_loss", m["train_loss"], unit, "step=last", rows, "mean of the last tenth of steps"),
        fact("train_seconds", m["seconds"], "seconds", "all", rows, "wall clock, checks and saving included"),
        fact("train_tokens_per_second", m["tokens_per_second"], "tokens per second", "all", rows,
             "tokens without padding over the time in steps, validation left out"),
        fact("supervised_fraction", m["supervised_fraction"], "fraction", "split=train", rows,
             "tokens that carry loss"),
        *[fact(f"{name}_over_forecast", times, "times", "all", rows, "what came over what was forecast")
          for name, times in (m.get("forecast") or {}).get("times", {}).items()],
        *facts_of(findings_of(m), run.run_id),
    ]  # fmt: skip


def canonical_signature(run: Run) -> str:
    """The settings that the losses depend on, in one line."""
    c: dict[str, Any] = run.config
    return (
        f"model={run.model}|method={run.method}|steps={run.metrics['steps']}|batch={c['batch_size']}"
        f"|accumulation={c['accumulation']}|lr={c['learning_rate']:g}|max_length={c['task']['max_length']}|seed={run.seed}"
    )


def closing_table(run: Run) -> Table:
    """Losses, times, sizes, where it is, and the next commands, on the run's store."""
    m, store = run.metrics, run.config["store"]["path"]
    table = Table(
        title=f"Trained {run.run_id}", title_justify="left", show_header=False, box=None, padding=(0, 2)
    )
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    if m["validation_loss"] is not None:
        table.add_row("validation loss", _change(m["validation_loss_before"], m["validation_loss"]))
    table.add_row("training loss", _change(m["train_loss_before"], m["train_loss"]))
    early = ", stopped early" if m["stopped_early"] else ""
    table.add_row("steps", f"{m['steps']:,} (best {m['best_step']:,}{early})")
    parts = f", in {m['stretches']} stretches" if m.get("stretches", 1) > 1 else ""
    table.add_row(
        "seconds", f"{m['seconds']:,.0f}, of which {m['step_seconds']:,.0f} in training steps{parts}"
    )
    table.add_row("speed", f"{m['tokens_per_second']:,.0f} tokens a second")
    for name, times in (m.get("forecast") or {}).get("times", {}).items():
        table.add_row(
            "time in training" if name == "seconds" else name,
            f"{_actual(m, name)}, {times:.2f} times the forecast",
        )
    table.add_row("rows", ", ".join(f"{split} {count:,}" for split, count in run.rows.items()))
    if m["left_out"]:
        table.add_row("left out", ", ".join(f"{reason} {count:,}" for reason, count in m["left_out"].items()))
    share = m["trainable"] / m["parameters"]
    table.add_row("trained weights", f"{m['trainable']:,} of {m['parameters']:,} ({share:.2%})")
    table.add_row("folder", run.path)
    table.add_row("next", spelt(f"python -m eval run={run.run_id}", store))
    if not run.classifies:
        table.add_row("", spelt(f"python -m train chat={run.run_id}", store))
    return table


def _actual(metrics: dict[str, Any], name: str) -> str:
    value = metrics["forecast"]["actual"][name]
    return f"{value / 1024**3:.2f} GiB" if name == "memory" else f"{value:,.1f} s"


def _change(before: float | None, after: float) -> str:
    return f"{after:.3f}" if before is None else f"{before:.3f} → {after:.3f}"
