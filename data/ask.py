"""What each command of `python -m data` prints."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.commands import spelt
from data.erasing import show_forget, show_purge, show_subject
from data.errors import StoreError
from data.export import export
from data.learnt import hardest, memorised
from data.lineage import difference, story
from data.overview import overview
from data.report.wording import counted
from data.revealing import show_reveal, show_vault
from data.scrubbed import scrubbed
from data.status import status
from data.store import Store


def _open(options: Namespace, *, write: bool = False) -> Store:
    return Store.open(options.store, read_only=not write)


def _table(*columns: str, right: tuple[str, ...] = (), fold: tuple[str, ...] = ()) -> Table:
    """A table in which only the columns `fold` may be broken: an id that is broken cannot be copied."""
    table = Table(show_edge=False, pad_edge=False, header_style="bold", box=None, padding=(0, 1, 0, 0))
    for column in columns:
        table.add_column(
            column,
            justify="right" if column in right else "left",
            overflow="fold",
            no_wrap=column not in fold,
        )
    return table


def versions(options: Namespace) -> None:
    """One line a version, oldest first."""
    with _open(options) as store:
        tags = dict(
            store.query("SELECT version, string_agg(name, ', ') FROM tags GROUP BY version").iter_rows()
        )
        counts = ("rows", "dropped", "edited")
        table = _table("version", "stage", *counts, "made", "tag", right=counts, fold=("tag",))
        above = None
        for v in store.versions():
            # Most versions are made from the one above; where not, it says from which.
            stage = v.stage if v.parent in (None, above) else f"{v.stage}\nof {v.parent}"
            numbers = [f"{n:,}" for n in (v.rows, v.dropped, v.edited)]
            table.add_row(v.version, stage, *numbers, f"{v.created:%m-%d %H:%M}", tags.get(v.version, ""))
            above = v.version
        Console().print(table)


def show(options: Namespace) -> None:
    """One version: how it was made, reasons with counts, splits, and some records."""
    console = Console()
    with _open(options) as store:
        version = store.version(options.version)
        console.print(
            f"[bold]{version.version}[/]  {counted(version.rows, 'record')}  digest {version.digest[:16]}",
            highlight=False,
        )
        table = _table(
            "stage",
            "version",
            "rows",
            "dropped",
            "edited",
            "tagged",
            right=("rows", "dropped", "edited", "tagged"),
        )
        for step in store.lineage(version.version):
            table.add_row(
                step.stage,
                step.version,
                *(f"{n:,}" for n in (step.rows, step.dropped, step.edited, step.tagged)),
            )
        console.print(table)
        for title, sql in (
            (
                "reasons of this version",
                "SELECT reason, count(*) FROM verdicts WHERE version = ? GROUP BY ALL ORDER BY 2 DESC",
            ),
            (
                "splits",
                "SELECT coalesce(split, 'none'), count(*) FROM members WHERE version = ? GROUP BY ALL ORDER BY 1",
            ),
        ):
            rows = store.query(sql, [version.version]).rows()
            if rows:
                console.print(
                    f"{title}: " + ", ".join(f"{name} {count:,}" for name, count in rows), highlight=False
                )
        is_scrubbed = scrubbed(store.lineage(version.version))
        readable = store.read(version.version, readable=True)
        records = readable.frame("record_id", "split", "label", "messages").head(options.rows).collect()
        erased = readable.erased()
        if erased:
            console.print(f"[yellow]texts erased: {counted(erased, 'record')}: python -m data why RECORD[/]")
        if not is_scrubbed:
            console.print("[dim]texts are not shown: this version was not scrubbed of personal data[/]")
        for record in records.to_dicts():
            about = " ".join(str(record[key]) for key in ("split", "label") if record[key])
            console.print(f"[bold]{record['record_id']}[/] {escape(about)}", highlight=False)
            for message in record["messages"] if is_scrubbed else []:
                text = " ".join(message["content"].split())
                console.print(
                    f"  [dim]{message['role']}:[/] {escape(text[:200])}{' ...' if len(text) > 200 else ''}",
                    highlight=False,
                )


def why(options: Namespace) -> None:
    """The whole story of one record."""
    console = Console()
    with _open(options) as store:
        told = story(store, options.record)
        about = told.about
        console.print(
            f"[bold]{told.record_id}[/]  {about['kind']} from {escape(about['source'])}", highlight=False
        )
        for key in ("licence", "language", "label", "timestamp"):
            if about[key]:
                console.print(f"  {key}: {escape(about[key])}", highlight=False)
        table = _table("stage", "version", "what", "why", fold=("what", "why"))
        for event in told.events:
            style = {"removed": "red", "edited": "yellow"}.get(event.what.split()[0], "")
            table.add_row(event.stage, event.version, event.what, escape(event.why), style=style)
        console.print(table)
        holding = store.query(
            """SELECT m.version, m.split FROM members m JOIN versions v USING (version)
            WHERE m.record_id = ? ORDER BY v.used DESC LIMIT 1""",
            [told.record_id],
        ).rows()
        latest = store.resolve("latest")
        inside = store.query(
            "SELECT count(*) AS n FROM members WHERE version = ? AND record_id = ?", [latest, told.record_id]
        )["n"].item()
        where = f"in {latest} (latest)" if inside else f"not in {latest} (latest); last in {holding[0][0]}"
        console.print(
            where + (f", split {holding[0][1]}" if inside and holding[0][1] else ""), highlight=False
        )
        console.print("runs trained on it: " + (", ".join(told.runs) or "none"), highlight=False)


def diff(options: Namespace) -> None:
    """Counts and some records of what differs between two versions."""
    console = Console()
    with _open(options) as store:
        rows = difference(store, options.left, options.right)
        left, right = store.version(options.left), store.version(options.right)
    console.print(
        f"{left.version} ({counted(left.rows, 'record')}) -> {right.version} ({counted(right.rows, 'record')})",
        highlight=False,
    )
    if rows.is_empty():
        console.print("the same records with the same texts and splits")
        return
    counts = rows.group_by("change", "why").len().sort("len", descending=True)
    table = _table("change", "why", "records", right=("records",), fold=("why",))
    for change, reason, count in counts.iter_rows():
        table.add_row(change, reason or "", f"{count:,}")
    console.print(table)
    for row in rows.filter(rows["change"] != "moved").head(options.rows).to_dicts():
        console.print(f"  {row['record_id']}  {row['change']}  {row['why'] or ''}", highlight=False)


def _subject(store: Store, name: str) -> str:
    """The id of a version, run or evaluation from its beginning, a tag or `latest`."""
    if name.startswith("run-"):
        return store.run(name).run_id
    if name.startswith("eval-"):
        return store.evaluation(name).evaluation_id
    return store.resolve(name)


def facts(options: Namespace) -> None:
    """Stored facts, one line each."""
    with _open(options) as store:
        subject = options.subject
        if subject and not store.facts(subject).height:
            subject = _subject(store, subject)
        found = store.facts(subject, options.name)
    if found.is_empty():
        said = spelt("no facts yet; python -m audit and python -m eval make them", options.store)
        Console().print(said, highlight=False, markup=False, soft_wrap=True)
        return
    console = Console()
    for (subject,), own in found.group_by("subject", maintain_order=True):
        console.print(f"[bold]{subject}[/]", highlight=False)
        console.print(_fact_table(own.to_dicts(), console.width))


def _fact_table(rows: list[dict[str, Any]], width: int) -> Table:
    """The facts of one subject; where it is narrow a slice stands beneath its name, and intervals are folded."""
    table = _table(
        "fact", "value", "interval", "n", "outcome", right=("value", "n"), fold=("fact", "interval")
    )
    names = [f"{fact['name']}  {fact['slice']}" for fact in rows]
    others = 50  # columns beside the first, and room for an interval
    table.columns[0].width = max(
        *(len(fact["name"]) for fact in rows), min(max(map(len, names)), width - others), len("fact")
    )
    for name, fact in zip(names, rows, strict=True):
        value = "-" if fact["value"] is None else f"{fact['value']:.4g}"
        interval = "" if fact["low"] is None else f"[{fact['low']:.3g}, {fact['high']:.3g}]"
        n = "" if fact["n"] is None else f"{fact['n']:,}"
        table.add_row(escape(name), value, escape(interval), n, fact["outcome"])
    return table


def write_export(options: Namespace) -> None:
    """Write a version to a file."""
    with _open(options) as store:
        count = export(
            store,
            options.version,
            options.file,
            allow_unscrubbed=options.allow_unscrubbed,
            force=options.force,
        )
        version = store.resolve(options.version)
    # Before it is said: whoever reads the output may close it.
    _note(options, "export", version)
    Console().print(f"{counted(count, 'record')} -> {options.file}", highlight=False, soft_wrap=True)


def _note(options: Namespace, kind: str, version: str = "") -> None:
    """Let the store know of a file that holds its texts, so that a purge and a person's request find it."""
    try:
        with _open(options, write=True) as store:
            store.note_place(kind, options.file, version)
    except StoreError as error:
        said = f"the store was not told of this file, so that forget and purge will not look into it: {error.problem}"
        Console(stderr=True).print(said, style="yellow", highlight=False, soft_wrap=True, markup=False)


def set_tag(options: Namespace) -> None:
    """Name a version."""
    with _open(options, write=True) as store:
        store.tag(options.name, options.version)
        Console().print(f"{options.name} -> {store.resolve(options.name)}", highlight=False)


def backup(options: Namespace) -> None:
    """Copy the store."""
    with _open(options) as store:
        size = store.backup(options.file)
    _note(options, "backup")
    Console().print(f"{options.store} -> {options.file} ({size / 1e6:.1f} MB)", highlight=False)


COMMANDS: dict[str, Callable[[Namespace], None]] = {
    "status": status,
    "versions": versions,
    "show": show,
    "overview": overview,
    "why": why,
    "diff": diff,
    "facts": facts,
    "hardest": hardest,
    "memorised": memorised,
    "export": write_export,
    "tag": set_tag,
    "backup": backup,
    "vault": show_vault,
    "reveal": show_reveal,
    "purge": show_purge,
    "subject": show_subject,
    "forget": show_forget,
}
