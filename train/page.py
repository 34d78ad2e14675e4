"""The page of a run: report.html and report.json in its folder, with what was checked, forecast, learnt and kept."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from data.commands import spelt
from data.facts import Outcome
from data.report.blocks import Block, Callout, Cell, Chart, Marked, Paragraph, Section, Table
from data.report.document import Report
from data.report.outcomes import worst
from data.runs import Run
from train.closing import outcome_facts
from train.estimate import GIB
from train.findings import Finding, findings_of
from train.forecast_shown import clock, energy
from train.preflight import stretches

if TYPE_CHECKING:
    from train.look import Looked


def write_page(
    run: Run, looked: Looked, history: Sequence[Mapping[str, Any]], losses: Any, folder: Path, *, hide: bool
) -> Path:
    """Write the page of a finished run; returns the HTML file. `hide`: no text of a record is shown."""
    findings = findings_of(run.metrics)
    report = Report(
        title=run.run_id,
        kicker="Training",
        subject={
            "Version": run.version, "Base model": run.model, "Method": run.method, "Folder": folder.name,
            "Weights": f"SHA-256 {run.weights_digest}",
        },
        outcome=worst(found.outcome.value for found in findings if found.outcome is not Outcome.NOT_RUN),
        outcome_note="of the checks before the training",
        summary=_summary(run),
        sections=[
            Section("learning", "Learning", blocks=_learning(run, history)),
            Section(
                "checks", "Before the training",
                "What was looked at before the first step. A check that says FAIL stops a training unless it is "
                "allowed by name, and then says ACCEPTED.",
                [_checks(findings)],
            ),
            Section("examples", "What is learnt", blocks=_examples(run, looked, hide=hide)),
            Section("forecast", "Forecast and what came", blocks=_forecast(run)),
            *([Section("rows", "Row by row", blocks=_rows(run, losses))] if losses is not None else []),
        ],
        not_examined=[found.words for found in findings if found.outcome is Outcome.NOT_RUN],
        reproduce=[
            spelt(f"python -m train version={run.version} force=true", run.config["store"]["path"])
            + "  # and the settings of config.json",
        ],
        facts=outcome_facts(run),
    )  # fmt: skip
    return report.write(folder, "report")["html"]


def _summary(run: Run) -> str:
    m = run.metrics
    before, after = m.get("validation_loss_before"), m.get("validation_loss")
    change = (
        f"The loss on {run.rows.get('validation', 0):,} rows that it did not see went from {before:.3f} to {after:.3f} "
        f"{run.loss_unit}."
        if before is not None and after is not None
        else f"The training loss went from {m['train_loss_before']:.3f} to {m['train_loss']:.3f} {run.loss_unit}."
    )
    return (
        f"{m['trainable']:,} of {m['parameters']:,} weights of {run.model} were trained ({run.method}) on "
        f"{run.rows['train']:,} rows in {m['steps']:,} steps. {change}"
    )


def _learning(run: Run, history: Sequence[Mapping[str, Any]]) -> list[Block]:
    from train.card import curve, curve_rows

    rows = curve_rows(history)
    best = run.metrics["best_step"]
    chart = Chart(
        lambda: curve(rows, best),
        caption="Loss by step; the weights that are kept are those of the best step.",
        alt="Curves of the training and the validation loss by step",
        rows=rows,
    )
    measured = sorted({key for entry in history for key in entry if _is_metric(key)})
    blocks: list[Block] = [chart]
    if measured:
        blocks.append(
            Table(
                ["step", *(key.removeprefix("eval_").replace("_", " ") for key in measured)],
                [
                    [entry["step"], *(entry.get(key) for key in measured)]
                    for entry in history
                    if any(key in entry for key in measured)
                ],
                caption="Measured on validation rows",
            )
        )
    return blocks


def _is_metric(key: str) -> bool:
    times = ("runtime", "per_second", "loss", "entropy", "num_tokens", "confusion")
    return key.startswith("eval_") and not any(word in key for word in times)


def _checks(findings: Sequence[Finding]) -> Table:
    return Table(
        ["Check", "Found", "Stops or warns at"],
        [
            [Cell(found.check.replace("_", " "), outcome=found.outcome.value), found.words, found.limit]
            for found in findings
        ],
    )


def _examples(run: Run, looked: Looked, *, hide: bool) -> list[Block]:
    if hide:
        return [
            Callout(
                "Texts are not shown: personal data was not masked (allow_unscrubbed=true).", outcome="WARN"
            )
        ]
    learnt = looked.learnt
    if learnt.answers:
        runs = [
            (example.record_id, [(looked.tokenizer.decode(example.input_ids, skip_special_tokens=True), False),
                                 (f"  {answer}", True)])
            for example, answer in zip(learnt.first, learnt.answers, strict=True)
        ]  # fmt: skip
        said = f"{len(learnt):,} texts and their answers; two of them, the answers marked."
    else:
        runs = [(example.record_id, stretches(example, looked.tokenizer)) for example in learnt.first]
        said = (
            f"{learnt.supervised:,} of {learnt.tokens:,} tokens carry loss; two examples, those tokens marked. "
            "The mark that ends a turn is learnt too, or the model would not stop."
        )
    return [Paragraph(said), *(Marked(marks, title=record_id) for record_id, marks in runs)]


def _forecast(run: Run) -> list[Block]:
    kept = run.metrics.get("forecast")
    if not kept:
        return [
            Paragraph("The training went on from a checkpoint: its parts are not compared with the forecast.")
        ]

    def gib(value: float) -> str:
        return f"{value / GIB:.2f} GiB"

    rows = [
        [name, shown(kept[key][0]), f"{shown(kept[key][1])} to {shown(kept[key][2])}",
         shown(kept["actual"][key]), f"{kept['times'][key]:.2f}", kept["learnt_from"][key]]
        for name, key, shown in (("time in training", "seconds", clock), ("peak of memory", "memory", gib))
    ]  # fmt: skip
    low, high = (energy(value) for value in kept["kwh"][1:])
    words = f"Energy was forecast between {low} and {high} and was not measured."
    columns = ["", "forecast", "range", "came", "times the forecast", "earlier runs behind it"]
    return [Table(columns, rows), Paragraph(words)]


def _rows(run: Run, losses: Any) -> list[Block]:
    training = losses.filter(split="train")
    points = [
        {"x": number / max(part.height - 1, 1), "y": value, "series": f"{split}, {when}"}
        for split in ("train", "validation")
        for when in ("before", "after")
        for part in [losses.filter(split=split)]
        for number, value in enumerate(part[when].sort().to_list())
        if number % max(part.height // 60, 1) == 0
    ]
    from data.report.charts import line

    chart = Chart(
        lambda: line(points, x_title="share of the rows", y_title="loss of a row, nats"),
        caption="Rows in the order of their loss. Training rows far below all validation rows are known by heart; "
        "those that stay high were never learnt.",
        alt="Sorted losses of training and validation rows before and after the training",
        rows=points,
    )
    words = f"{training.height:,} of {run.rows['train']:,} training rows were measured, with base and tuned model."
    return [
        Paragraph(
            f"{words} Which ones: `python -m data hardest {run.run_id}`, `python -m data memorised {run.run_id}`."
        ),
        chart,
    ]
