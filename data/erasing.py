"""What `python -m data purge`, `subject` and `forget` print."""

from __future__ import annotations

import json
from argparse import Namespace
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.certificate import not_done, outcome, write
from data.commands import spelt
from data.erasures import Erasure
from data.forget import BEGUN, earlier, forget
from data.person import read_values
from data.places import Kind
from data.purge import PurgePlan, planned, purge
from data.report.outcomes import word_of
from data.report.wording import counted
from data.scrubbed import STAGE
from data.store import Store
from data.subject import Trace, trace
from data.trouble import check_folder
from data.vault_named import opened_if_there

SHOWN = 8


def show_purge(options: Namespace) -> None:
    """List what a purge deletes, and with --yes do it, search files for what is left, and say what was found."""
    console = Console(highlight=False)
    with Store.open(options.store, read_only=not options.yes) as store:
        plan = planned(store, options.before)
        # Done before anything is shown: what reads the output may end first, and a closed pipe ends the command.
        erasure = purge(store, plan) if options.yes and plan.texts else None
        _list(console, plan)
        if not plan.texts:
            console.print("nothing to delete")
            return
        if erasure is None:
            said = spelt("nothing was deleted; to do it: python -m data purge", options.store)
            before = "" if options.before == STAGE else f" --before {options.before}"
            console.print(f"{said}{before} --yes", style="yellow", markup=False, soft_wrap=True)
            return
    report = erasure.report
    sought = report["search"]
    console.print(
        f"deleted: {counted(report['texts'], 'text')} ({erasure.erasure}); {options.store} was written anew"
    )
    if sought["seekable"] < sought["drawn"]:
        short = sought["drawn"] - sought["seekable"]
        console.print(f"[dim]too short, or wholly held by kept texts, to be looked for: {short:,} of them[/]")
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
        console.print(f"none in {counted(clean, 'other file')}: exports, reports, runs")
    still = [p for p in report["unsearched"] if p["kind"] == Kind.source.value]
    if still:
        console.print(
            f"[yellow]the raw data still holds them:[/] {escape(_names([p['path'] for p in still]))}"
        )
    console.print(
        "[dim]free blocks of the disk may still hold the old file; only an encrypted disk helps there[/]"
    )


def show_subject(options: Namespace) -> None:
    """Where a person's data is; counts and ids, never a value."""
    values = read_values(options.values)
    with opened_if_there(options) as vault, Store.open(options.store, read_only=True) as store:
        found = trace(store, values, vault)
    if options.json:
        print(json.dumps(found.as_json(), ensure_ascii=False, indent=1, default=str))  # noqa: T201
        return
    _show_trace(Console(highlight=False), found)


def show_forget(options: Namespace) -> None:
    """List what was found, and with --yes erase it, write the certificate, and say what could not be done."""
    console = Console(highlight=False)
    values = read_values(options.values)
    with opened_if_there(options) as vault:
        if not options.yes:
            with Store.open(options.store, read_only=True) as store:
                found = trace(store, values, vault)
                before = earlier(store, values)
            _show_trace(console, found)
            if found.found or any(e.status == BEGUN for e in before):
                said = spelt("nothing was erased; to do it: python -m data forget ... --yes", options.store)
                console.print(said, style="yellow", markup=False, soft_wrap=True)
            return
        check_folder(options.out, "name another folder: --out FOLDER")
        erasure = forget(Store.open(options.store), values, by=options.by, vault=vault)
        if erasure is None:
            with Store.open(options.store, read_only=True) as store:
                before, found = earlier(store, values), trace(store, values, vault)
    if erasure is None:
        if not before:
            console.print("nothing of this person was found that can be erased; nothing was erased")
            _show_trace(console, found)
            return
        erasure = before[-1]
        console.print(f"nothing more of this person was found; erased before as {erasure.erasure}")
    _show_erasure(console, erasure, write(erasure, Path(options.store), options.out))


def _show_erasure(console: Console, erasure: Erasure, paths: tuple[Path, Path]) -> None:
    report = erasure.report
    found = report["found"]
    console.print(
        f"erased: {counted(report['texts'], 'text')} of {counted(len(found['records']), 'record')} "
        f"({erasure.erasure}); the store was written anew"
    )
    table = _grid("left", "left")
    for entry in report["files"]:
        table.add_row(escape(f"{entry['kind']} {entry['path']}"), entry["done"])
    if report["vault"]:
        table.add_row(
            "vault",
            f"{counted(report['vault']['places'], 'place')}, {counted(report['vault']['originals'], 'original')}",
        )
    for entry in report["successors"]:
        table.add_row(
            f"version {entry['version']}", f"without them: {entry['successor']} {' '.join(entry['tags'])}"
        )
    for run in found["runs"]:
        table.add_row(
            f"model {run['run_id']}", f"trained on {run['records']:,} of them: train again, or accept"
        )
    search = report["search"]
    table.add_row(
        "texts seen in the store", f"before {search['store_before']:,}, now {search['store_after']:,}"
    )
    table.add_row("values seen in the store", f"now {search['values_in_store']:,}")
    console.print(table)
    console.print("[bold]could not be done[/]")
    for said in not_done(report):
        console.print(f"  {escape(spelt(said))}")
    word = word_of(outcome(report))
    console.print(f"{word.label}; certificate, to be signed: {paths[0]}  {paths[1]}", soft_wrap=True)


def _show_trace(console: Console, found: Trace) -> None:
    ways = Counter(way for how in found.records.values() for way in how)
    told = ", ".join(f"{count:,} by {way}" for way, count in sorted(ways.items()))
    console.print(f"[bold]{counted(len(found.records), 'record')}[/]" + (f" ({told})" if told else ""))
    if found.records:
        console.print("  " + _first(sorted(found.records)))
    if len(found.accounts) > 1:
        console.print(_by_value(found))
    table = _grid("left", "right", "left")
    for v in found.versions:
        table.add_row(
            f"version {v['version']}",
            f"{v['records']:,}",
            f"{v['stage']}; {v['with_text']:,} with their text",
        )
    for run in found.runs:
        table.add_row(f"run {run['run_id']}", f"{run['records']:,}", "trained on")
    for answer in found.answers:
        table.add_row(f"evaluation {answer['evaluation_id']}", f"{answer['answers']:,}", "answers")
    for name, count in found.notes.items():
        table.add_row(f"column {name}", f"{count:,}", "rows")
    for file in found.files:
        table.add_row(f"{file['kind']} {escape(file['path'])}", f"{file['records']:,}", _in_file(file))
    if found.vault is not None:
        table.add_row("vault", f"{found.vault:,}", "places where a pseudonym stands for it")
    console.print(table if table.row_count else "found nowhere else" if found.records else "found nowhere")
    if found.perhaps:
        console.print(
            f"[yellow]perhaps:[/] {counted(len(found.perhaps), 'record')} of which the vault has only a part of a "
            f"name; look, and ask by the id: {_first(found.perhaps)}"
        )
    if found.purged:
        said = (
            "without a vault, what was replaced in them cannot be searched"
            if found.vault is None
            else "what was replaced in them was looked for in the vault"
        )
        console.print(f"[dim]purged before: {counted(found.purged, 'text')}; {said}[/]")
    for path in found.lost:
        console.print(f"[yellow]not where the store knows it:[/] {escape(path)}")


def _first(ids: list[str]) -> str:
    return " ".join(ids[:SHOWN]) + (f" and {len(ids) - SHOWN:,} more: --json" if len(ids) > SHOWN else "")


def _in_file(file: dict[str, Any]) -> str:
    told = ("by id; " if file["records"] else "") + counted(file["mentions"], "mention")
    return told + (f"; [yellow]not read to its end: {file['unread']}[/]" if "unread" in file else "")


def _by_value(found: Trace) -> Table:
    """What each of several values found; the values have numbers, in the order in which they were given."""
    table = _grid("left", "right", "right")
    for number, own in enumerate(found.accounts, 1):
        table.add_row(
            f"  value {number}", counted(len(own.records), "record"), counted(own.places, "other place")
        )
    return table


def _list(console: Console, plan: PurgePlan) -> None:
    table = _grid("left", "left", "right", "left")
    going = {v.version for v in plan.versions}
    for version in sorted([*plan.versions, *plan.kept], key=lambda v: v.created):
        what = "kept" if version.version not in going else "[dim]no text left to delete[/]"
        if version.version in plan.losing:
            what = "[red]texts go[/]"
        table.add_row(version.version, version.stage, f"{version.rows:,}", what)
    console.print(table)
    console.print(
        f"to go: {counted(plan.texts, 'text')} of {counted(plan.records, 'record')}, "
        f"{counted(plan.characters, 'character')}; to stay: {counted(plan.stay, 'text')}. Membership, reasons and "
        "counts of all versions stay."
    )


def _names(paths: list[str], most: int = 3) -> str:
    shown = ", ".join(str(Path(path).name) for path in paths[:most])
    return shown + (f" and {len(paths) - most} more" if len(paths) > most else "")


def _grid(*justify: Any) -> Table:
    table = Table(show_header=False, show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
    for how in justify:
        table.add_column(justify=how, overflow="fold")
    return table
