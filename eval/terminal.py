"""The closing screen: 80 columns, the numbers, what they say, and where the rest is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from rich.console import Console
from rich.table import Table

from data.report.wording import number
from eval.compare import Comparison, Conclusion
from eval.result import Result
from eval.scores import Scored, in_order
from eval.words import p_words, signed, slice_words, title_of

WIDTH = 80
SAYS = {
    Conclusion.better: "[green]better[/]",
    Conclusion.worse: "[red]worse[/]",
    Conclusion.unclear: "unclear",
    Conclusion.too_few: "too few",
}
HEADINGS = {"copy_nearest": "copied", "prediction": "score"}


def show(result: Result, paths: Mapping[str, Path], console: Console | None = None) -> None:
    """Print the closing screen."""
    out = console or Console(width=WIDTH, highlight=False)
    for scored in result.slices:
        out.print(class_scores(result, scored) if scored.classes else _table(result, scored))
        for pair, comparisons in scored.comparisons.items():
            out.print(slice_words(scored, pair))
            open_ones = [
                c
                for c in comparisons.values()
                if c.more_items is not None and pair == scored.pair and c.conclusion is not Conclusion.too_few
            ]
            if open_ones:
                out.print("  " + "; ".join(f"{title_of(c.metric)}: {c.words()}" for c in open_ones))
        cut = scored.cut.get("tuned", 0)
        if cut > len(scored.slice.items) / 20:
            out.print(
                f"  {cut:,} answers of the tuned model were cut at {result.config.generation.max_new_tokens} tokens."
            )
        if scored.seen:
            out.print(f"  {len(scored.seen):,} of these prompts were also asked in training.")
        out.print()
    if result.suite is not None and result.suite.by_role:
        out.print(_suite_table(result))
    out.print(f"evaluation      {result.evaluation.evaluation_id}")
    for kind, path in paths.items():
        out.print(f"{kind:<16}{path}", soft_wrap=True)


def _table(result: Result, scored: Scored) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), title_justify="left", width=WIDTH)
    table.title = f"{scored.slice.name}: {len(scored.slice.items):,} items, {scored.slice.origin}"
    table.add_column("metric")
    for role in scored.roles:
        table.add_column(HEADINGS.get(role, role), justify="right")
    pair = scored.pair
    if pair:
        table.add_column("difference", justify="right")
        table.add_column("interval", justify="center")
        table.add_column("p", justify="right")
        table.add_column(f"{HEADINGS.get(pair[1], pair[1])} is")
    else:
        table.add_column("interval", justify="center")
    for metric in in_order(result.config.metrics, scored.tallies[scored.roles[-1 if not pair else 0]]):
        cells = [title_of(metric)]
        for role in scored.roles:
            tally = scored.tallies[role].get(metric)
            cells.append("-" if tally is None else number(tally.value))
        if pair:
            cells += _compared(scored.comparisons[pair][metric])
        else:
            span = scored.intervals[scored.roles[-1]][metric]
            cells.append(f"{number(span.low)} .. {number(span.high)}")
        table.add_row(*cells)
    return table


def class_scores(result: Result, scored: Scored) -> Table:
    """A line a model with its scores, and how far the tuned one is from it on macro F1."""
    table = Table(box=None, padding=(0, 1, 0, 0), title_justify="left", width=WIDTH)
    table.title = f"{scored.slice.name}: {len(scored.slice.items):,} items, {scored.slice.origin}"
    metrics = in_order(result.config.metrics, scored.tallies["tuned"])
    for name in (
        "",
        *(title_of(metric).replace("Macro p", "P").replace("Macro r", "R") for metric in metrics),
    ):
        table.add_column(name, justify="right" if name else "left")
    table.add_column("tuned: F1 gain", justify="right")
    table.add_column("is")
    for role in scored.roles:
        found = scored.comparisons.get((role, "tuned"), {}).get("macro_f1")
        gain = "" if found is None else f"{signed(found.low)} .. {signed(found.high)}"
        scores = [number(scored.tallies[role][metric].value) for metric in metrics]
        table.add_row(role, *scores, gain, SAYS[found.conclusion] if found else "")
    return table


def _suite_table(result: Result) -> Table:
    suite = result.suite
    assert suite is not None
    table = Table(box=None, padding=(0, 1, 0, 0), title_justify="left", width=WIDTH)
    table.title = f"suite {suite.name}"
    roles = list(suite.by_role)
    for name in ("task", *roles, "difference", "interval", "p", "tuned is"):
        table.add_column(name, justify="left" if name in ("task", "tuned is") else "right")
    for position, score in enumerate(suite.by_role[roles[0]]):
        found = suite.comparisons.get((score.task, score.metric))
        table.add_row(
            f"{score.task}/{score.metric}",
            *(number(suite.by_role[role][position].value) for role in roles),
            *(_compared(found) if found else ["-"] * 4),
        )
    return table


def _compared(found: Comparison) -> list[str]:
    interval = f"{signed(found.low)} .. {signed(found.high)}"
    # With a handful of items neither interval nor p can be believed.
    p = "-" if found.conclusion is Conclusion.too_few else p_words(found.p_adjusted)
    return [signed(found.difference), interval, p, SAYS[found.conclusion]]
