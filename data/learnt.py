"""`python -m data hardest RUN` and `memorised RUN`: which rows a run never learnt, and which it knows by heart."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import polars as pl
from rich.console import Console
from rich.markup import escape

from data.commands import spelt
from data.errors import StoreError
from data.scrubbed import scrubbed
from data.store import Store

_SHOWN_CHARS = 160


def hardest(options: Namespace) -> None:
    """The training rows with the highest loss after the training."""
    with Store.open(options.store, read_only=True) as store:
        run, losses = _losses(store, options.run)
        training = losses.filter(split="train").sort("after", "record_id", descending=[True, False])
        worse = training.filter(pl.col("after") >= pl.col("before")).height
        console = Console()
        _say_sample(console, run, losses)
        console.print(
            f"{worse:,} of {training.height:,} have no lower loss than before"
            f"{': wrong, contradicting or unlike the rest' if worse else ''}",
            highlight=False, soft_wrap=True,
        )  # fmt: skip
        _show(store, console, run, training.head(options.rows))


def memorised(options: Namespace) -> None:
    """The training rows with the lowest loss, against the lowest of rows that were not trained on."""
    with Store.open(options.store, read_only=True) as store:
        run, losses = _losses(store, options.run)
        training = losses.filter(split="train").sort("after", "record_id")
        others = losses.filter(split="validation")
        console = Console()
        _say_sample(console, run, losses)
        if others.is_empty():
            said = "no validation rows to compare with: a low loss may as well be an easy row"
        else:
            least = float(others["after"].min())  # type: ignore[arg-type]
            meaning = "" if run.classifies else ": the model may repeat them word for word"
            below = training.filter(pl.col("after") < least).height
            said = (
                f"{below:,} of {training.height:,} have a loss below that of every one of {others.height:,} rows which "
                f"were not trained on ({least:.3f}){meaning if below else ''}"
            )
        console.print(said, highlight=False, soft_wrap=True)
        _show(store, console, run, training.head(options.rows))


def _losses(store: Store, name: str) -> tuple[Any, pl.DataFrame]:
    run = store.run(name)
    losses = store.row_losses(run.run_id)
    if losses.is_empty():
        raise StoreError(
            f"{run.run_id} kept no losses by row",
            "runs keep them unless row_losses=0; again: python -m train force=true (with the same settings)",
        )
    return run, losses


def _say_sample(console: Console, run: Any, losses: pl.DataFrame) -> None:
    console.print(f"[bold]{run.run_id}[/]  {run.method} on {escape(run.model)}", highlight=False)
    for (name,), own in losses.group_by("split", maintain_order=True):
        split = str(name)
        of = run.rows.get(split) or own.height
        before, after = own.select(pl.col("before", "after").mean()).row(0)
        console.print(
            f"{split}: {own.height:,} of {of:,} rows measured; mean loss {before:.3f} before, {after:.3f} after "
            f"({run.loss_unit})",
            highlight=False, soft_wrap=True,
        )  # fmt: skip


def _show(store: Store, console: Console, run: Any, rows: pl.DataFrame) -> None:
    clean = scrubbed(store.lineage(run.version))
    records = store.read(run.version, among=rows["record_id"].to_list()).frame(
        "record_id", "prompt", "answer", "label"
    )
    texts = {row["record_id"]: row for row in records.collect().to_dicts()}
    if not clean:
        console.print("[dim]texts are not shown: this version was not scrubbed of personal data[/]")
    for row in rows.to_dicts():
        length = "" if run.classifies else f"  {row['tokens']:,} tokens"
        console.print(
            f"[bold]{row['record_id']}[/]  {row['before']:.3f} -> {row['after']:.3f}{length}",
            highlight=False,
        )
        text = texts.get(row["record_id"], {}) if clean else {}
        for name in ("prompt", "answer", "label"):
            said = " ".join(str(text.get(name) or "").split())
            if said:
                cut = f"{said[:_SHOWN_CHARS]}{' ...' if len(said) > _SHOWN_CHARS else ''}"
                console.print(f"  [dim]{name}:[/] {escape(cut)}", highlight=False)
    console.print(
        spelt("the story of one: python -m data why RECORD", str(store.path)), style="dim", highlight=False
    )
