"""What `python -m data purge`, `subject` and `forget` print."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.commands import spelt
from data.places import Kind
from data.purge import PurgePlan, planned, purge
from data.scrubbed import STAGE
from data.store import Store


def show_purge(options: Namespace) -> None:
    """List what a purge deletes, and with --yes do it, search files for what is left, and say what was found."""
    console = Console(highlight=False)
    with Store.open(options.store, read_only=not options.yes) as store:
        plan = planned(store, options.before)
        _list(console, plan)
        if not plan.texts:
            console.print("nothing to delete")
            return
        if not options.yes:
            said = spelt("nothing was deleted; to do it: python -m data purge", options.store)
            before = "" if options.before == STAGE else f" --before {options.before}"
            console.print(f"{said}{before} --yes", style="yellow", markup=False, soft_wrap=True)
            return
        erasure = purge(store, plan)
    report = erasure.report
    sought = report["search"]
    console.print(f"deleted: {report['texts']:,} texts ({erasure.erasure}); {options.store} was written anew")
    if sought["seekable"] < sought["drawn"]:
        short = sought["drawn"] - sought["seekable"]
        console.print(
            f"[dim]{short:,} of them are too short, or wholly held by kept texts, to be looked for[/]"
        )
    console.print(
        f"searched for stretches of {sought['seekable']:,} of them, 16 bytes each, that no kept text holds:"
    )
    found = _grid("left", "right")
    found.add_row("texts seen in the store before", f"{report['store_before']:,}")
    found.add_row("texts seen in the store now", f"{report['store_after']:,}")
    for seen in report["elsewhere"]:
        if seen["found"] or seen["note"]:
            found.add_row(escape(f"{seen['kind']} {seen['path']}"), seen["note"] or f"{seen['found']:,}")
    console.print(found)
    clean = sum(not seen["found"] and not seen["note"] for seen in report["elsewhere"])
    if clean:
        console.print(f"none in {clean:,} other files: exports, reports, runs")
    still = [p for p in report["unsearched"] if p["kind"] == Kind.source.value]
    if still:
        console.print(
            f"[yellow]the raw data still holds them:[/] {escape(_names([p['path'] for p in still]))}"
        )
    console.print(
        "[dim]free blocks of the disk may still hold the old file; only an encrypted disk helps there[/]"
    )


def _list(console: Console, plan: PurgePlan) -> None:
    table = _grid("left", "left", "right", "left")
    going = {v.version for v in plan.versions}
    for version in sorted([*plan.versions, *plan.kept], key=lambda v: v.created):
        what = "[red]texts go[/]" if version.version in going else "kept"
        table.add_row(version.version, version.stage, f"{version.rows:,}", what)
    console.print(table)
    console.print(
        f"{plan.texts:,} texts of {plan.records:,} records go, {plan.characters:,} characters; "
        f"{plan.stay:,} texts stay. Membership, reasons and counts of all versions stay."
    )


def _names(paths: list[str], most: int = 3) -> str:
    shown = ", ".join(str(Path(path).name) for path in paths[:most])
    return shown + (f" and {len(paths) - most} more" if len(paths) > most else "")


def _grid(*justify: Any) -> Table:
    table = Table(show_header=False, show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    for how in justify:
        table.add_column(justify=how, overflow="fold")
    return table
