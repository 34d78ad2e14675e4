"""What `python -m data vault` and `reveal` print."""

from __future__ import annotations

import os
from argparse import Namespace
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from data.commands import spelt
from data.errors import UserError
from data.key import VARIABLE, Key, default_key_file, load_key, new_key_file
from data.vault import Vault
from data.vault_named import opened, vault_path


def show_vault(options: Namespace) -> None:
    """Make a vault, count what it holds, or list its access log."""
    {"init": _init, "show": _show, "log": _log}[options.what](options)


def show_reveal(options: Namespace) -> None:
    """The originals behind a token or in a record."""
    with opened(options) as vault:
        found = vault.reveal(options.token, because=options.because)
    table = _table("type", "in the text", "original", "records")
    for one in found:
        table.add_row(one.entity, escape(one.token), escape(one.original), f"{one.records:,}")
    console = Console()
    console.print(table)
    console.print(
        f"[dim]written down in the access log, because: {escape(options.because)}[/]", highlight=False
    )


def _init(options: Namespace) -> None:
    console = Console(highlight=False)
    path = vault_path(options)
    if path.exists():
        raise UserError(f"{path} exists already", "name another file: --vault FILE")
    key, said = _key(options)
    with Vault.create(path, key):
        pass
    for line in (
        said,
        f"vault: {path}",
        "Keep a copy of the key and of the vault, each in a place of its own: without the key nobody can open the "
        "vault, and pseudonyms come out otherwise.",
        spelt(
            f"next: python -m curation source.path=FILE pii.operator=pseudonym pii.vault={path}",
            options.store,
        ),
    ):
        console.print(line, markup=False, soft_wrap=True)


def _key(options: Namespace) -> tuple[Key, str]:
    """The key that is there, or a new one; and what was done about it."""
    try:
        key = load_key(
            options.key_file, else_do="name a file where there is none, and a key is made: --key-file FILE"
        )
    except UserError:
        path = Path(options.key_file).expanduser() if options.key_file else default_key_file()
        if path.exists() or (not options.key_file and os.environ.get(VARIABLE)):
            raise  # there is a key, and something is wrong with it
        return new_key_file(path), f"a new key: {path}"
    return key, f"the key {key.fingerprint} is used"


def _show(options: Namespace) -> None:
    with opened(options) as vault:
        counts, accesses, path = vault.counts(), vault.access(), vault.path
    console = Console(highlight=False)
    console.print(f"vault: {path}", markup=False, soft_wrap=True)
    table = _table("type", "originals")
    for entity, count in counts.items():
        table.add_row(entity, f"{count:,}")
    console.print(table if counts else "it holds nothing yet")
    console.print(f"access entries: {len(accesses):,}")


def _log(options: Namespace) -> None:
    with opened(options) as vault:
        accesses = vault.access()
    table = _table("when (UTC)", "who", "did", "to what", "because", "places")
    for one in accesses:
        when = one.at.replace("T", " ").removesuffix("+00:00")
        table.add_row(
            when, escape(one.who), one.action, escape(one.what), escape(one.because), f"{one.places:,}"
        )
    Console(highlight=False).print(table if accesses else "nobody looked yet")


def _table(*columns: str) -> Table:
    table = Table(show_edge=False, pad_edge=False, header_style="bold", box=None, padding=(0, 1, 0, 0))
    for column in columns:
        right = column in ("records", "originals", "places")
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    return table
